#!/usr/bin/env bash
# Each process has a user, namespaces and a root of its own, whether keywardend
# is started by root or by a user without privileges, and those with secrets have
# all their memory locked; with less than the configuration requires it does not
# start.
set -u
[ "$(id -u)" = 0 ] || { echo "not root: no users can be changed"; exit 77; }
unshare -m true 2>/dev/null || { echo "no privilege to make namespaces"; exit 77; }
# The users are there for this scenario alone, in a mount namespace of its own.
[ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare -m "$0" "$@"
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

KINDS=(audit hi2 hi2c hsm policy x2 xk xkc)
OWNER=61000 STRANGER=61099
cp /etc/passwd /etc/group "$WORK"
echo "keywarden:x:$OWNER:$OWNER::/:/bin/false" >>"$WORK/passwd"
for i in "${!KINDS[@]}"; do
	echo "keywarden-${KINDS[$i]}:x:$((OWNER + 1 + i)):$((OWNER + 1 + i))::/:/bin/false"
done >>"$WORK/passwd"
user() { sed -n "s/^keywarden-$1:x:\([0-9]*\):.*/\1/p" "$WORK/passwd"; }
as() { setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '\t' ' '; }
namespace() { readlink "/proc/$1/ns/$2"; }
# What a process finds when it looks around.
sees() { (cd "/proc/$1/root" && find . -mindepth 1 ! -type d -printf '%P\n' | sed "s,^${WORK#/}/,," | sort); }
# apart PROCESS NAMESPACE...: none of these is the daemon's
apart() {
	local pid kind=$1 n
	pid=$(pid_of "keywarden-$1")
	shift
	for n in "$@"; do
		check "$kind: $n of its own" test "$(namespace "$pid" "$n")" != \
			"$(namespace "$DAEMON" "$n")"
	done
}
# confined PROCESS UID: no privilege, and only its own files
confined() {
	local pid kind=$1
	pid=$(pid_of "keywarden-$kind")
	check "$kind: its user" same "$(status "$pid" Uid)" "$2 $2 $2 $2"
	check "$kind: no capability" same "$(status "$pid" CapEff)$(status "$pid" CapPrm)" \
		"00000000000000000000000000000000"
	check "$kind: none to come" same "$(status "$pid" CapBnd)" 0000000000000000
	check "$kind: no new process" same \
		"$(sed -n 's/^Max processes *\([0-9]*\) .*/\1/p' "/proc/$pid/limits")" 0
}
# Where the limit of locked memory is none, or can be lifted.
locks() { kw status --json | grep -q '"memoryLocked": *true'; }
kib() { status "$1" "$2" | tr -dc 0-9; }
# locked PROCESS: nothing of it can go to swap
locked() {
	local pid
	pid=$(pid_of "keywarden-$1")
	check "$1: all that it has in memory is locked" test "$(kib "$pid" VmLck)" -ge "$(kib "$pid" VmRSS)"
	note "$1: $(kib "$pid" VmRSS) KiB in memory, $(kib "$pid" VmLck) KiB locked"
}
all_locked() {
	local kind
	for kind in policy audit; do
		check "$kind locks nothing" same "$(sed -n 's/^Max locked memory *\([0-9]*\) .*/\1/p' \
			"/proc/$(pid_of keywarden-$kind)/limits")" 0
	done
	if ! locks; then
		note "this machine does not let the limit of locked memory be lifted: not tried"
		return
	fi
	for kind in xk hsm hi2 x2; do locked $kind; done
}
all_confined() {
	local kind
	for kind in audit policy xk hsm hi2 x2; do
		confined $kind "$([ -n "${1:-}" ] && echo "$1" || user $kind)"
		apart $kind mnt net ipc uts
	done
	for kind in audit xk x2; do
		check "$kind sees no file" same "$(sees "$(pid_of keywarden-$kind)")" ""
	done
	check "policy sees its database" same "$(sees "$(pid_of keywarden-policy)" | grep -v journal)" \
		state/registry/registry.db
	check "hi2 sees its queue" same "$(sees "$(pid_of keywarden-hi2)" | grep -v wal)" \
		state/spool/spool.db
	check "hsm sees its token" same \
		"$(sees "$(pid_of keywarden-hsm)" | grep -v '^state/token/tokens/')" state/token/softhsm2.conf
}

step "Started by root, each process is a user"
mount --bind "$WORK/passwd" /etc/passwd
SANDBOX='landlock = 0 namespaces = "yes" users = "yes"'
df2_up
subscriber alice
subscriber bob
exchange x alice bob
check "a warrant" warrant W
granted "the call" x alice
all_confined
all_locked
check "status says so" same "$(kw status | grep -c 'namespaces: own, a user each')" 1
check "the audit log stays root's" same "$(stat -c %u "$WORK/state/audit.log")" 0

step "One that ends comes back as it was"
for kind in policy hsm hi2; do
	old=$(pid_of keywarden-$kind)
	kill -KILL "$old"
	check "$kind comes back" up_again keywarden-$kind "$old"
	confined $kind "$(user $kind)"
done
granted "the call" x alice

step "The state's owner speaks to it, nobody else"
daemon_stop
chown -R $OWNER:$OWNER "$WORK/state" "$WORK/pin"
chmod 711 "$WORK"
chmod 644 "$WORK"/*.pem
check "it serves" up
cp "$CONF" "$WORK/owner.conf"
chown $OWNER "$WORK/owner.conf"
cp "$CONF" "$WORK/stranger.conf"
chown $STRANGER "$WORK/stranger.conf"
check "its owner" quiet as $OWNER "$BIN/keywarden" status --config "$WORK/owner.conf"
check "a stranger not" quiet not as $STRANGER "$BIN/keywarden" status \
	--config "$WORK/stranger.conf" 2>/dev/null
granted "the call" x alice

step "Started by a user without privileges"
daemon_stop
if ! as $OWNER unshare -Urmn true 2>/dev/null; then
	note "this machine gives no namespaces to users: not tried"
else
	chown -R $OWNER:$OWNER "$WORK"
	daemon_start() {
		setpriv --reuid $OWNER --regid $OWNER --clear-groups \
			"$BIN/keywardend" --config "$CONF" >>"$WORK/daemon.log" 2>&1 &
		DAEMON=$!
	}
	kw() { as $OWNER "$BIN/keywarden" "$@" --config "$CONF"; }
	check "users = \"yes\": it does not start" cannot_start "keywardend was not started by root"
	sed -i 's/users = "yes"/users = "try"/' "$CONF"
	chown $OWNER "$CONF"
	check "users = \"try\": it serves" up
	granted "the call" x alice
	all_confined $OWNER
	for kind in audit policy xk hsm; do apart $kind user; done
	cp "$CONF" "$WORK/root.conf"
	check "root speaks to it too" quiet "$BIN/keywarden" status --config "$WORK/root.conf"
	daemon_stop
fi

step "Less than is required"
sed 's/memory_locked = "try"/memory_locked = "yes"/' "$CONF" >"$WORK/limited.conf"
log_mark
check "it does not start" quiet not timeout 5 prlimit --memlock=65536:65536 \
	setpriv --bounding-set=-sys_resource "$BIN/keywardend" --config "$WORK/limited.conf" 2>>"$WORK/daemon.log"
check "and says why" log_says "sandbox.memory_locked = \"yes\" cannot be kept"
sed -i 's/landlock = 0/landlock = 200/' "$CONF"
check "it does not start" cannot_start "sandbox.landlock = 200 cannot be kept"
finish
