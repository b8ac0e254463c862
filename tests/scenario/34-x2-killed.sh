#!/usr/bin/env bash
# No call is lost by kill -9 of x2, or of all processes and the supervisor: what
# is acknowledged is on disk, what is not is sent again.  Whatever the moment,
# each call has its record, warrants that come later have theirs of calls that
# are up, and few records are made twice.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

A=$(xid 1) B=$(xid 2) S=$(xid 3)
alice=$(uri alice) bob=$(uri bob) carol=$(uri carol)
PARTS="x2 policy audit hsm hi2"
KILLS=${KILLS:-8}
# all_killed: with the supervisor, and all is started again
all_killed() {
	local all
	mapfile -t all < <(pgrep -P "$DAEMON")
	kill -KILL "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	DAEMON=0
	none_alive() { ! kill -0 "${all[@]}" 2>/dev/null; }
	check "all have ended" eventually 5 none_alive
	spool_canary # with the journal that was left
	check "they are started again" up
	serves || finish
}
# in_parts TEXT COMMAND...: a call of alice, the command between its messages
in_parts() {
	local text=$1 part
	shift
	check "$text" report x "$A" alice --only i1
	"$@"
	for part in r1 i2 r2,bye; do
		check "then $part" report_again x "$A" alice --only $part
		"$@"
	done
	keys_of LIID-A "$alice" from x
	OVER+=("$CALL_ID")
}
OVER=()
# made_twice: how many records are there beyond those that must be
made_twice() { echo $(($(queued) - $(grep -vc "^?" "$WORK/expected"))); }
# rows_of KIND: in the journal, when all has stopped; 0: of calls, 1: SIP
rows_of() {
	python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(
    "SELECT count(*) FROM intake WHERE kind = ?", sys.argv[2:]).fetchone()[0])' \
		"$WORK/state/spool/spool.db" "$1"
}

step "An appliance that is a DF2/MF"
df2_up "call_idle_seconds = 3600"
subscriber alice
subscriber bob
subscriber carol
check "for alice" hi2_warrant WA LIID-A "$A" "$alice"
check "for bob" hi2_warrant WB LIID-B "$B" "$bob"
PRODUCTS='"keys", "sip"' check "with SIP" hi2_warrant WS LIID-S "$S" "$carol"
exchange x alice bob
exchange y carol bob

step "x2, behind each message of a call"
in_parts "I_MESSAGE_1" killed x2
all_there "a call in pieces"
check "a call that stays up" report x "$A" alice --no-bye
keys_of LIID-A "$alice" from x
UP=$CALL_ID
all_there "it"
killed x2
sleep 1
all_there "nothing is asked for again"

step "All processes and the supervisor, behind each message"
in_parts "I_MESSAGE_1" all_killed
all_at_least "a call in pieces"
check "nothing is made twice" same "$(made_twice)" 0

step "SIP that goes out by itself"
# carols TEXT: a call, each of its messages and its keys
carols() {
	FROM=carol check "$1" report y "$S" carol
	sip_of LIID-S "$carol" carol
	keys_of LIID-S "$carol" from y
}
carols "a call"
all_at_least "each of its messages"
freeze keywarden-policy
carols "x2 has it, and policy says nothing"
X2=$(pid_of keywarden-x2)
kill -KILL "$X2"
check "x2 comes back" eventually 20 is_new keywarden-x2 "$X2"
thaw keywarden-policy
all_at_least "each of its messages"
check "nothing is made twice" same "$(made_twice)" 0

step "Warrants that come later"
# Calls that are over, to x2 for so long as something of them may come; an x2
# that has started anew does not know that they ended before the warrant came.
over() {
	local CALL_ID
	for CALL_ID in "${OVER[@]}"; do MAY='?' keys_of "$1" "$alice" from x; done
}
CALL_ID=$UP
check "one more for alice" hi2_warrant WA2 LIID-A2 "$A" "$alice"
keys_of LIID-A2 "$alice" from x
all_at_least "of the call that is up since before it all"
X2=$(pid_of keywarden-x2)
freeze keywarden-x2
check "and one while x2 is away" hi2_warrant WA3 LIID-A3 "$A" "$alice"
kill -KILL "$X2"
check "x2 comes back" up_again keywarden-x2 "$X2"
keys_of LIID-A3 "$alice" from x
over LIID-A2
over LIID-A3
all_at_least "of it too"

step "At $KILLS moments of calls that go on"
before=$(made_twice)
pace() { echo --rate $((20 + RANDOM % 400)); }
flow first "$A" alice &
flows=$!
flow second "$B" bob &
flows="$flows $!"
RANDOM=4711
for n in $(seq "$KILLS"); do
	sleep 0.$((RANDOM % 9))
	if [ $((n % 4)) -eq 0 ]; then # and the pauses between starts are short again
		all_killed
		continue
	fi
	p=x2
	[ $((n % 4)) -ne 2 ] || p=hi2
	pid=$(pid_of keywarden-$p)
	kill -KILL "$pid" 2>/dev/null
	eventually 20 is_new keywarden-$p "$pid" || fail "keywarden-$p does not come back"
done
# shellcheck disable=SC2086
killed $PARTS
sleep 0.5
touch "$WORK/stop"
# shellcheck disable=SC2086
wait $flows
check "all calls were acknowledged" test ! -e "$WORK/lost"
flowed first LIID-A "$alice" from 1
for liid in LIID-A2 LIID-A3; do flowed first $liid "$alice" from 1; done
flowed second LIID-B "$bob" to 1
all_at_least "each has its record" 40
twice=$(($(made_twice) - before))
note "$twice records are made twice, of $(wc -l <"$WORK/expected")"
check "that is few" test "$twice" -le $((4 * KILLS))
check "nothing waits" becomes 0 x2 waiting
check "nothing is made up" judged --at-least-once

step "What is over leaves the journal"
check "that calls go on can be seen" test "$(counted hi2 journal)" -gt 0
daemon_stop
check "they are there" test "$(rows_of 0)" -gt 0
check "SIP that has gone out is not" same "$(rows_of 1)" 0
finish
