#!/usr/bin/env bash
# Whatever ends comes back by itself, ever more slowly if it ends again; what was
# under way ends in unavailable and in the log, never in silence and never in a
# key without a record.  The supervisor takes all with it when it ends.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
PROGRAMS="keywarden-xk keywarden-policy keywarden-audit keywarden-hsm"
if [ ! -r "$FAULT" ] || [ ! -r $SOFTHSM ]; then
	note "left out: needs $FAULT and $SOFTHSM"
	exit 77
fi
# under_way NAME: a request that the token is at, until $WORK/slow goes
under_way() {
	local before
	before=$(audit_count keyIntent)
	touch "$WORK/slow"
	aside "$1" get 1 "$(uri alice)" "$WORK/x" answer answer
	check "$1: its intent is on disk" eventually 10 eval "[ \$(audit_count keyIntent) -gt $before ]"
}
# intent: the newest one's number; ends_as RESULT: its last word in the log
intent() { kw audit show --json | grep '"type":"keyIntent"' | tail -n 1 | sed 's/.*"entry":\([0-9]*\).*/\1/'; }
ends_as() {
	kw audit show --json | grep "\"of\":${INTENT}[,}]" | tail -n 1 |
		grep -q "\"type\":\"abandoned\"\|\"result\":\"$1\""
}
alive() {
	local p
	for p in "$@"; do kill -0 "$p" 2>/dev/null && return 0; done
	return 1
}
none_alive() { ! alive "$@"; }
children() { pgrep -P "$DAEMON" | sort | tr '\n' ' '; }
status_is() { kw status --json 2>/dev/null | tr -d ' ' | grep -q "\"$1\":$2[,}]"; }
fault_config() {
	TOKEN_EXTRA="module = \"$FAULT\" environment = {\"KW_P11_REAL=$SOFTHSM\",
	  \"KW_P11_SCRIPT=$WORK/script\", \"SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf\"}"
	echo "C_DeriveKey while-file=$WORK/slow slow=1000" >"$WORK/script"
	config
}

step "An appliance whose token can be slow, and a call"
ENROL=df2 kms_up
fault_config
check "p11fault as the token's module is approved" approve_config
daemon_stop
check "with p11fault before the token" up
subscriber alice
subscriber bob
CLIENTS='"df2", "df2b"' check "a warrant for Alice" warrant W
exchange x alice bob
granted "the call" x alice

step "One of the processes is killed, a request under way"
for p in $PROGRAMS; do
	under_way "$p"
	INTENT=$(intent)
	old=$(pid_of "$p")
	rm "$WORK/slow"
	log_mark
	kill -KILL "$old"
	case $p in
	# when there is one again, clients must be known to it: closed
	keywarden-policy)
		check "$p: the request is unavailable, then it is closed" \
			all_said "$p" "closed;1 unavailable;"
		;;
	# its connections go with it
	keywarden-xk) check "$p: the request ends" all_said "$p" "closed;closed;" ;;
	*)
		check "$p: the request ends" eventually 10 has_said "$p" .
		check "$p: as unavailable" same "$(said "$p")" "1 unavailable;"
		kill "${ASIDE[$p]}"
		;;
	esac
	check "$p: service returns" eventually 20 served
	check "$p: in another process" test "$(pid_of "$p")" != "$old"
	check "$p: the daemon's log says so" log_says "$p.*was ended by signal 9 (Killed); next try in 100 ms"
	# Only policy is not asked again: its xk had no more use for the key.
	[ "$p" = keywarden-policy ] || check "$p: the log says unavailable or abandoned" \
		eventually 10 ends_as unavailable
done
log_mark
for ms in 200 400 800; do
	kill -KILL "$(pid_of keywarden-xk)"
	check "once more: $ms ms" eventually 5 log_says "next try in $ms ms"
	check "service returns" eventually 20 served
done
# shellcheck disable=SC2046
kill -KILL $(children)
check "all at once: service returns" eventually 30 served

step "The log goes away between intent and release"
before=$(audit_count keyIntent)
freeze keywarden-hsm
aside gone get 1 "$(uri alice)" "$WORK/x" answer
check "the intent is on disk" eventually 10 eval "[ \$(audit_count keyIntent) -gt $before ]"
INTENT=$(intent)
audit=$(pid_of keywarden-audit)
kill -STOP "$audit"
thaw keywarden-hsm
sleep 0.5
check "the key is ready and does not come out" same "$(said gone)" ""
kill -KILL "$audit"
check "nor later" all_said gone "1 unavailable;"
check "service returns" eventually 30 served
check "the log: abandoned" ends_as none
check "and no outcome" same "$(kw audit show --json | grep -c "\"keyOutcome\",\"of\":$INTENT,")" 0

step "Workers: two"
daemon_stop
WORKERS=2
fault_config
check "both start" up
check "both are ready" eventually 20 status_is workers 2
touch "$WORK/slow"
before=$(audit_count keyIntent)
aside first get 1 "$(uri alice)" "$WORK/x" answer
aside second get 1 "$(uri alice)" "$WORK/x" answer
check "each has a request" eventually 10 eval "[ \$(audit_count keyIntent) -eq $((before + 2)) ]"
rm "$WORK/slow"
kill -KILL "$(pid_of keywarden-hsm 2)"
granted "one is killed, the other serves at once" x alice
wait "${ASIDE[first]}" "${ASIDE[second]}"
check "its request is unavailable, the other's answered" same \
	"$(sort "$WORK/first" "$WORK/second" | tr '\n' ';')" "1 keys;1 unavailable;"
check "there are two again" eventually 20 status_is workers 2

step "SIGHUP"
all=$(children)
CLIENT=df2b refused "a client that is not enrolled" noAuthorisation x alice
check "it is enrolled" client df2b
CLIENT=df2b granted "it is served, without a restart" x alice
config
log_mark
kill -HUP "$DAEMON"
check "SIGHUP" eventually 10 log_says "configuration read again"
CLIENT=df2b granted "it is served after that too" x alice
sed -i 's/127.0.0.1:/127.0.0.2:/' "$CONF"
kill -HUP "$DAEMON"
check "another address needs a restart" eventually 10 log_says "xk.listen changed: these need a restart"
echo "colour = 1" >>"$CONF"
log_mark
kill -HUP "$DAEMON"
check "a broken configuration is not taken" eventually 10 log_says "keywarden.conf:.*configuration in use stays"
granted "it goes on" x alice
check "with the same processes" same "$(children)" "$all"
config

step "A second daemon on the same state"
"$BIN/keywardend" --config "$CONF" >"$WORK/second.log" 2>&1
check "exit 78" same $? 78
check "one line that says why" test "$(grep -c "another keywardend" "$WORK/second.log")/$(wc -l <"$WORK/second.log")" = 1/1
granted "the first one serves" x alice

step "SIGTERM, a request under way"
under_way stopping
all=$(children)
kill -TERM "$DAEMON"
wait "$DAEMON"
check "exit 0" same $? 0
check "the request is answered, then the connection closed" all_said stopping "closed;1 unavailable;"
# shellcheck disable=SC2086
check "no process is left" none_alive $all
check "no control socket is left" test ! -e "$WORK/control"
rm "$WORK/slow"
kw status >"$WORK/said" 2>&1
check "status: not running" same $? 69
check "it starts again" up
granted "and serves" x alice

step "The supervisor is killed, a request under way"
under_way orphan
rm "$WORK/slow"
all=$(children)
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
DAEMON=0
# shellcheck disable=SC2086
check "all its processes end" eventually 5 none_alive $all
check "the connection is closed" eventually 5 all_said orphan "closed;closed;"
check "it starts again beside what was left" up
granted "and serves" x alice

# One that a tracer holds, and whose end it does not take in, is to keywardend as
# one that is stuck in a device.
held_by_tracer() { [ "$(sed -n 's/^TracerPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)" != 0 ]; }
ended() { ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat")" = Z ]; }
step "One of the processes cannot be ended"
old=$(pid_of keywarden-policy)
strace -p "$old" -e trace=none -o /dev/null 2>/dev/null &
TRACER=$!
if eventually 5 held_by_tracer "$old"; then
	kill -STOP "$TRACER"
	log_mark
	kill -TERM "$DAEMON"
	check "keywardend ends all the same" eventually 15 ended "$DAEMON"
	kill -KILL "$TRACER"
	wait "$DAEMON"
	check "exit 70" same $? 70
	DAEMON=0
	check "and says which was left" log_says "keywarden-policy does not end: it is stuck in a device"
	check "it starts again" up
	granted "and serves" x alice
else
	note "this machine lets no process be traced: not tried"
fi

step "The log after all this"
daemon_stop
check "it is sound, every intent has its end" grep -q " 0 still open" <<<"$(kw audit verify)"
finish
