#!/usr/bin/env bash
# Somebody is inside each process of an appliance that is complete and serves,
# with a user, namespaces and a root of its own: confined as it is, with what it
# has open.  He gets none of what he tries; where the process dies of it the log
# says so, it is started anew, and the others are served.
#
#	LONG=1: each forbidden system call in each process, not one in each
set -u
[ "$(id -u)" = 0 ] || { echo "not root: no users can be changed"; exit 77; }
unshare -m true 2>/dev/null || { echo "no privilege to make namespaces"; exit 77; }
# The users are there for this scenario alone, in a mount namespace of its own.
[ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare -m "$0" "$@"
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

LEMFS=(north south)
A=$(xid 1)
alice=$(uri alice)
PROGRAMS=(xk x2 xkc hi2c hi2 policy audit signer hsm)
# One forbidden call for each, another one every time.
declare -A DEATH=([xk]=ptrace [x2]=execve [xkc]="datagrams over IPv4"
	[hi2c]="a connection by sendto" [hi2]=process_vm_readv [policy]="kill of another process"
	[audit]="ftruncate: the log never gets shorter" [signer]="mmap, executable" [hsm]=unshare)
FAULT=$BIN/../tests/p11fault/p11fault.so # a module of no process here
[ -e "$FAULT" ] || { echo "no p11fault.so beside $BIN"; exit 77; }
LEMF_PORT=([north]=$(free_port) [south]=$(free_port))

cp /etc/passwd "$WORK"
for i in "${!PROGRAMS[@]}"; do
	echo "keywarden-${PROGRAMS[$i]}:x:$((61001 + i)):$((61001 + i))::/:/bin/false"
done >>"$WORK/passwd"
mount --bind "$WORK/passwd" /etc/passwd

daemon_start() {
	local p
	if [ ! -d "$WORK/bin" ]; then
		mkdir "$WORK/bin"
		cp "$BIN/keywardend" "$WORK/bin"
		for p in "${PROGRAMS[@]}"; do
			cp "$BIN/inside-$p" "$WORK/bin/keywarden-$p"
			truncate -s 4096 "$WORK/bin/keywarden-$p.orders"
		done
	fi
	# what is on its standard input is nobody else's
	"$WORK/bin/keywardend" --config "$CONF" <"$WORK/ca.key" >>"$WORK/daemon.log" 2>&1 &
	DAEMON=$!
}
delivered() {
	kw delivery show --json | tr -d ' \n' | grep -o '"delivered":[0-9]*' | cut -d: -f2 | paste -sd' '
}
# each LEMF of this hi2's life
delivered_are() { [ "$(delivered)" = "$1 $1" ]; }
# inside PROGRAM act...: what comes of it
inside() {
	local how what
	while read -r how what; do
		check "$what" same "$how" ok
	done < <(DAEMON=$DAEMON "$BIN/attack-inside" "$WORK/bin" "$1" "$WORK/daemon.log" "${@:2}" \
		2>&1 || echo "FAILED attack-inside $1: exit $?")
}
# A file that it may read.
own_file() {
	case $1 in
	hsm | signer) echo "$WORK/state/token/softhsm2.conf" ;;
	policy) echo "$WORK/state/registry/registry.db" ;;
	hi2) echo "$WORK/state/spool/spool.db" ;;
	*) echo "$CONF" ;;
	esac
}
# What there is to have, but its own.
not_its_own() {
	local own=none
	case $1 in
	hsm | signer) own=$WORK/state/token/softhsm2.conf ;;
	policy) own=$WORK/state/registry/registry.db ;;
	hi2) own=$WORK/state/spool/spool.db ;;
	esac
	printf '%s\n' "$CONF" "$WORK/pin" "$WORK/lemf.key" /etc/shadow /proc/self/mem
	find "$WORK/state" -type f ! -path '*/tokens/*' ! -path "$own*"
	[[ $own == */token/* ]] || find "$WORK/state/token/tokens" -name token.object
	printf '/proc/%s/mem\n' "$DAEMON" $(pgrep -P "$DAEMON")
}
sockets_of() { find "/proc/$1/fd" -type l 2>/dev/null | wc -l; }
log_has() { grep -q "$1" "$WORK/daemon.log"; }
alarms_of_lists() { kw audit show --json | grep -c "lists\? of revoked certificates"; }
less() { [ "$1" -lt "$2" ] || { note "$1"; return 1; }; }
quiet_serves() { serves && ask x alice && [ "$REASON" = granted ]; }

step "An appliance, with somebody inside each process"
pki
for n in cscf lemf; do leaf $n "$n.lab.example" ca; done
SANDBOX='landlock = 0 namespaces = "yes" users = "yes" memory_locked = "try"' config
df2_config
sed -i '/^lemf /d; s,^  key = .*,  key = "token",' "$CONF"
cat >>"$CONF" <<END
xk_client { connect = "127.0.0.1:$PORT" certificate = "$WORK/df2mf.pem"
  key = "token" server_ca = "$WORK/ca.pem" }
hi2 { certificate = "$WORK/hi2.pem" key = "token" }
END
for n in "${LEMFS[@]}"; do
	cat >>"$CONF" <<END
lemf $n { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[$n]}"
  server_ca = "$WORK/ca.pem" acknowledge = "acknowledged" }
END
done
ENROL=df2 check "keywarden init" init
for n in xk x2 hi2; do check "a certificate for $n" issue $n $n; done
check "one for xk_client" issue df2mf xk_client
for n in "${LEMFS[@]}"; do lemf_up "$n"; done
up
! grep -q "build for sanitizers" "$WORK/daemon.log" || { echo "built without filters"; exit 77; }
check "keywardend serves" serves
kw kms params --out "$WORK/params.der"
check "its xk_client is a client" client df2mf
subscriber alice
subscriber bob
LIID=LIID-X CLIENTS='"df2", "df2mf"' check "a warrant for clients" warrant X
check "one for LEMFs" hi2_warrant W LIID-A "$A" "$alice"
exchange x alice bob
granted "a client has its call's keys" x alice
check "a call for the LEMFs" report x "$A" alice
check "is delivered" eventually 20 delivered_are 1
ABI=$(sed -n 's/.*confined by: .*Landlock \([0-9]*\),.*/\1/p' "$WORK/daemon.log")
note "Landlock $ABI"

step "What is refused with an error"
for p in "${PROGRAMS[@]}"; do
	mapfile -t FILES < <(not_its_own "$p")
	inside "$p" rows "$(own_file "$p")"
	inside "$p" shut "${FILES[@]}"
	inside "$p" load "$FAULT"
	inside "$p" over "nothing of before"
	case $p in
	xkc | hi2c)
		[ "$ABI" -lt 4 ] || inside "$p" port "$X2PORT"
		inside "$p" closed options
		;;
	xk | x2) inside "$p" closed options ;;
	esac
done
check "and nobody ends of it" not grep -q "SIGSYS\|was ended by signal" "$WORK/daemon.log"
granted "the appliance serves" x alice

step "What a process dies of"
for p in "${PROGRAMS[@]}"; do
	if ((${LONG:-0})); then
		inside "$p" deaths "$(own_file "$p")"
	else
		inside "$p" death "${DEATH[$p]}" "$(own_file "$p")"
	fi
done
check "the appliance serves" eventually 20 quiet_serves

step "What none may say to the supervisor"
HAS=$(sockets_of "$DAEMON")
for p in x2 hi2c; do inside "$p" line; done
check "the log has what was a message" same \
	"$(grep -c "sent the supervisor a message that is not permitted" "$WORK/daemon.log")" 6
inside xk last
check "the supervisor has kept nothing of it" eventually 5 same "$(sockets_of "$DAEMON")" "$HAS"
check "the appliance serves" eventually 20 quiet_serves

step "Words by the thousand, of which each would be an alarm"
HAS=$(alarms_of_lists)
inside xk lists 3000
told() { TOLD=$(($(alarms_of_lists) - HAS)) && [ "$TOLD" -gt 0 ]; }
check "that they end is told" eventually 5 told
check "and no more than a few times" less "$TOLD" 12
check "the appliance serves" eventually 20 quiet_serves

step "One that reads nothing of what the supervisor says"
freeze keywarden-x2
OLD=$(pid_of keywarden-x2)
for ((i = 0; i < 300; i++)); do
	kill -HUP "$DAEMON"
	sleep 0.02
	is_new keywarden-x2 "$OLD" && break
done
check "is ended, and started anew" eventually 20 up_again keywarden-x2 "$OLD"
check "the log has it" log_has "keywarden-x2 does not read what the supervisor says: it is ended"
check "the appliance serves" eventually 20 quiet_serves

step "Noise to neighbours, with a descriptor in it"
for p in xk x2 xkc hi2c hi2; do
	log_mark
	inside "$p" noise
	check "$p: the log has it" eventually 5 log_says "not permitted"
	kill -KILL "$(pid_of "keywarden-$p")"
	kill -HUP "$DAEMON"
	check "the appliance serves" eventually 20 quiet_serves
done

step "Afterwards"
check "a call for the LEMFs" report x "$A" alice
check "is delivered to both" eventually 20 delivered_are 1
check "the log is whole" quiet kw audit verify
finish
