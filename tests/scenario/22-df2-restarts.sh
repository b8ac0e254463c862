#!/usr/bin/env bash
# Processes end at every moment of a call, by SIGKILL: what a CSCF has reported
# ends in a record, at least once; none is made up, none goes to another warrant,
# and no sequence number is left out.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

A=$(xid 1) B=$(xid 2)
alice=$(uri alice) bob=$(uri bob)
PARTS="policy audit hsm hi2"
# alices TEXT, bobs TEXT: a call of one target, and its record
alices() {
	check "$1" report x "$A" alice
	keys_of LIID-A "$alice" from x
}
bobs() {
	check "$1" report x "$B" bob
	keys_of LIID-B "$bob" to x
}
# seen TYPE COMMAND...: the command, until the log has such an entry more
seen() {
	local before
	before=$(audit_count "$1")
	"${@:2}"
	check "the log has a $1" eventually 10 more_of "$1" "$before"
}

step "An appliance that is a DF2/MF"
df2_up
subscriber alice
subscriber bob
check "for alice" hi2_warrant WA LIID-A "$A" "$alice"
check "for bob" hi2_warrant WB LIID-B "$B" "$bob"
exchange x alice bob
alices "a call"
bobs "and the same, of bob"
all_there "as long as all live"

step "With the request at each of them"
freeze keywarden-policy
alices "policy does not answer"
killed policy
freeze keywarden-hsm
seen keyIntent bobs "the token does not"
killed hsm
freeze keywarden-hsm
seen keyIntent alices "nor does it"
killed policy
thaw keywarden-hsm
# It is not acknowledged before hi2 has stored it.
unstored() {
	report_again x "$B" bob &
	reporter=$!
}
freeze keywarden-hi2
CALL_ID=unstored@lab.example
keys_of LIID-B "$bob" to x
seen keyOutcome unstored
killed hi2
check "a key on its way to hi2" wait $reporter
all_at_least "policy, hsm, hi2"
# The key is ready; its outcome is not on disk.
for p in audit hsm; do
	freeze keywarden-hsm
	seen keyIntent alices "a key whose outcome is not on disk"
	freeze keywarden-audit
	thaw keywarden-hsm
	sleep 0.3
	if [ $p = audit ]; then killed audit; else
		old=$(pid_of keywarden-hsm)
		kill -KILL "$old"
		thaw keywarden-audit
		check "keywarden-hsm comes back" up_again keywarden-hsm "$old"
	fi
done
# A word that there are no keys, which must be in the log first.
freeze keywarden-audit
check "an exchange that lacks a message" report x "$A" alice --only i1,r1,r2,bye
no_keys_of LIID-A "$alice" from x
sleep 0.5
killed policy audit
all_at_least "audit"

step "x2"
freeze keywarden-x2
X2=$(pid_of keywarden-x2)
CALL_ID=resent@lab.example
keys_of LIID-A "$alice" from x
report_again x "$A" alice &
reporter=$!
sleep 0.5
kill -KILL "$X2"
check "x2 comes back" up_again keywarden-x2 "$X2"
check "the CSCF sends it again" wait $reporter
check "half a call" report x "$B" bob --only i1,r1
killed x2
check "the other half" report_again x "$B" bob --only i2,r2
keys_of LIID-B "$bob" to x
alices "another call"
all_at_least "x2"

step "All of them, while calls go on"
flow first "$A" alice &
flows=$!
flow second "$B" bob &
flows="$flows $!"
for p in x2 $PARTS x2 hi2 hsm audit policy; do
	sleep 0.4
	freeze "keywarden-$p"
	sleep 0.2
	pid=$(pid_of "keywarden-$p")
	kill -KILL "$pid"
	check "keywarden-$p" eventually 20 is_new "keywarden-$p" "$pid"
done
sleep 0.5
touch "$WORK/stop"
# shellcheck disable=SC2086
wait $flows
check "all calls were acknowledged" test ! -e "$WORK/lost"
flowed first LIID-A "$alice" from 10
flowed second LIID-B "$bob" to 10
all_at_least "all of them" 40
check "nothing waits" becomes 0 x2 waiting

step "All of them at once, and the supervisor"
# shellcheck disable=SC2086
killed $PARTS x2
alices "a call"
all_at_least "all of them at once"
mapfile -t all < <(pgrep -P "$DAEMON")
kill -KILL "$DAEMON"
wait "$DAEMON" 2>/dev/null
none_alive() { ! kill -0 "${all[@]}" 2>/dev/null; }
check "all its processes end" eventually 5 none_alive
spool_canary # with the journal that was left
DAEMON=0
check "it starts again" up
bobs "another"
all_at_least "what was there before, and what is new"

step "The log and the queue after all this"
daemon_stop
check "every intent has its end" grep -q " 0 still open" <<<"$(kw audit verify)"
check "nothing is made up" judged --at-least-once
finish
