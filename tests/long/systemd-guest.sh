#!/usr/bin/env bash
# What systemd.sh has the container do that it boots: the appliance is made and run
# as OPERATING.md says, with all nine kinds of processes, and the unit is tried.
# Times are those of a machine that does much else.
set -u
exec >/dev/console 2>&1
FAILURES=0
CHECKS=0
ETC=/etc/keywarden
LAB=/srv/lab
KINDS=(audit policy xk x2 hi2 hi2c xkc hsm signer)
cd /

step() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
check() {
	local text=$1
	shift
	CHECKS=$((CHECKS + 1))
	if "$@"; then printf '   ok  %s\n' "$text"; else
		printf 'FAILED: %s\n' "$text"
		FAILURES=$((FAILURES + 1))
	fi
}
same() { [ "$1" = "$2" ] || { printf '   got "%s", expected "%s"\n' "$1" "$2"; return 1; }; }
eventually() {
	local until=$((SECONDS + $1))
	shift
	while ! "$@"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.1
	done
}
quiet() { "$@" >/dev/null 2>&1; }
not() { ! "$@"; }
of_unit() { systemctl show -P "$1" keywarden; }
is() { [ "$(of_unit "$1")" = "$2" ]; }
pid_of() { pgrep -P "$(of_unit MainPID)" -x "$(cut -c -15 <<<"keywarden-$1")"; }
of_process() { sed -n "s/^$2:[[:space:]]*\([0-9]*\).*/\1/p" "/proc/$1/status"; }
serves() { quiet keywarden status; }
journal_says() { journalctl -u keywarden -o cat --no-pager | grep -qF -- "$1"; }
another() { local p; p=$(pid_of "$1") && [ -n "$p" ] && [ "$p" != "$2" ]; }

# ---- certificates ----
self() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-subj "/CN=$2" -keyout "$LAB/$1.key" -out "$LAB/$1.pem" 2>/dev/null
}
# issue FILE ROLE: the CA signs the request of that key in the token
issue() {
	keywarden kms tls-request --for "$2" --out "$LAB/$1.csr" || return
	openssl x509 -req -in "$LAB/$1.csr" -CA "$LAB/ca.pem" -CAkey "$LAB/ca.key" -days 30 \
		-set_serial "0x$(openssl rand -hex 8)" \
		-extfile <(echo "subjectAltName=IP:127.0.0.1") -out "$ETC/$1.pem" 2>/dev/null
}

step "What the package's files make"
note "$(systemctl --version | head -n 1), Linux $(uname -r)"
check "systemd-sysusers" systemd-sysusers keywarden.conf
check "systemd-tmpfiles" systemd-tmpfiles --create keywarden.conf
for kind in "" -audit -policy -xk -x2 -hi2 -hi2c -xkc -hsm; do
	check "user keywarden$kind" quiet id "keywarden$kind"
done
check "the state is keywarden's alone" same \
	"$(stat -c '%U %a' /var/lib/keywarden)" "keywarden 700"
check "systemd-analyze verify has nothing to say" same \
	"$(systemd-analyze verify --man=no keywarden.service 2>&1)" ""
systemctl start keywarden
check "without a state it is not started" is ActiveState inactive

step "The appliance is made"
mkdir -p $LAB
self ca "Lab CA"
for who in one two sec-one sec-two df2; do self $who $who; done
chmod 644 $LAB/*.pem
chmod 755 $LAB
cp $LAB/ca.pem $ETC/ca.pem
(umask 077 && openssl rand -base64 18 >$ETC/pin)
chown keywarden: $ETC/pin
cat >$ETC/keywarden.conf <<EOF
xk { listen = {"127.0.0.1:7300"} certificate = "$ETC/xk.pem" key = "token"
  client_ca = "$ETC/ca.pem" crl = "none" }
x2 { listen = {"127.0.0.1:7301"} certificate = "$ETC/x2.pem" key = "token"
  client_ca = "$ETC/ca.pem" crl = "none" }
hi2 { certificate = "$ETC/hi2.pem" key = "token" }
lemf north { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:7302"
  server_ca = "$ETC/ca.pem" }
xk_client { connect = "127.0.0.1:7300" certificate = "$ETC/xkc.pem" key = "token"
  server_ca = "$ETC/ca.pem" crl = "none" }
token { workers = 2 call_seconds = 60 job_seconds = 120 }
kms { uri = "https://kms.lab.example" }
EOF
chmod 644 $ETC/keywarden.conf $ETC/*.pem
# As a container may be.
LOCKS=1
if ! (ulimit -l unlimited) 2>/dev/null; then
	LOCKS=0
	note "the limit of locked memory cannot be lifted here: it is tried alone"
	echo 'sandbox { memory_locked = "try" }' >>$ETC/keywarden.conf
fi
note "locked memory up to $(ulimit -Hl) KiB"
check "keywarden init" runuser -u keywarden -- keywarden init \
	--officer one=$LAB/one.pem --officer two=$LAB/two.pem \
	--security-officer sec-one=$LAB/sec-one.pem --security-officer sec-two=$LAB/sec-two.pem \
	--client df2=$LAB/df2.pem >/dev/null
for role in xk x2 hi2; do check "a certificate for $role" issue $role $role; done
check "a certificate for xk_client" issue xkc xk_client

step "Start"
check "systemctl enable --now" quiet systemctl enable --now keywarden
check "it serves" quiet keywarden status --wait 300
keywarden status | sed 's/^/   /'
check "namespaces and users" grep -q "namespaces: own, a user each" <(keywarden status)
[ $LOCKS = 0 ] || check "locked memory" grep -q ", memory locked$" <(keywarden status)
check "Landlock" grep -qE "Landlock [2-9]" <(keywarden status)
for kind in "${KINDS[@]}"; do
	check "$kind runs" eventually 120 another "$kind" 0
	for pid in $(pid_of "$kind"); do
		user=$(stat -c %U "/proc/$pid")
		rss=$(of_process "$pid" VmRSS) locked=$(of_process "$pid" VmLck)
		note "$kind: user $user, $rss KiB in memory, $locked KiB locked of $(of_process "$pid" VmSize)"
		case $kind in
		signer) check "$kind: its user" same "$user" keywarden-hsm ;;
		*) check "$kind: its user" same "$user" "keywarden-$kind" ;;
		esac
		case $kind in
		policy | audit) check "$kind locks nothing" same "$locked" 0 ;;
		*) [ $LOCKS = 0 ] ||
			check "$kind: all that it has in memory is locked" test "$locked" -ge "$rss" ;;
		esac
		check "$kind: no capability" grep -qE '^CapEff:\s*0+$' "/proc/$pid/status"
		check "$kind: a filter" grep -qE '^Seccomp:\s*2$' "/proc/$pid/status"
	done
done

step "Reload"
main=$(of_unit MainPID)
check "systemctl reload" systemctl reload keywarden
check "it is read again" eventually 60 journal_says "configuration read again"
check "by the same process" same "$(of_unit MainPID)" "$main"
check "it serves" eventually 60 serves

step "What ends comes back"
for kind in policy xk signer hi2c; do
	old=$(pid_of "$kind" | head -n 1)
	kill -KILL "$old"
	check "$kind, by keywardend" eventually 120 another "$kind" "$old"
done
check "it serves" eventually 120 serves
check "systemd has started nothing" is NRestarts 0
kill -KILL "$main"
check "keywardend, by systemd" eventually 120 is NRestarts 1
check "it serves" eventually 120 serves
check "another process" test "$(of_unit MainPID)" != "$main"

step "Stop"
before=$(date +%s%N)
check "systemctl stop" systemctl stop keywarden
took=$((($(date +%s%N) - before) / 1000000))
note "stopped after $took ms; TimeoutStopSec is $(of_unit TimeoutStopUSec)"
check "within its time" test "$took" -lt 10000
check "by itself" is Result success
check "with 0" is ExecMainStatus 0
check "no process is left" not quiet pgrep -f /usr/libexec/keywarden
check "the log is sound" quiet keywarden audit verify

step "A configuration that cannot be"
cp $ETC/keywarden.conf $LAB/good.conf
sed -i '/^sandbox/d' $ETC/keywarden.conf
echo 'sandbox { landlock = 200 memory_locked = "no" }' >>$ETC/keywarden.conf
systemctl start keywarden
check "it is not tried again" eventually 60 is ActiveState failed
check "78" is ExecMainStatus 78
cp $LAB/good.conf $ETC/keywarden.conf
systemctl reset-failed keywarden
check "put back, it starts" systemctl start keywarden
check "and serves" quiet keywarden status --wait 300
check "no filter has ended a process" not journal_says "signal 31"
check "stopped" systemctl stop keywarden

step "How exposed systemd finds it"
systemd-analyze security --no-pager keywarden | tail -n 1 | sed 's/^/   /'
check "no more than 3.6" quiet systemd-analyze security --no-pager --threshold=36 keywarden

[ $FAILURES -eq 0 ] || journalctl -u keywarden -o short-monotonic --no-pager | tail -n 80
if [ $FAILURES -eq 0 ]; then printf '\nall %d checks passed\n' $CHECKS; else
	printf '\n%d of %d checks failed\n' $FAILURES $CHECKS
fi
