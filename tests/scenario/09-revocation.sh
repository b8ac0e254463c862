#!/usr/bin/env bash
# An end that an officer signs stays an end: whatever was under way, whichever
# process died, whichever database is put back.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
DB=$WORK/state/registry/registry.db
XK_EXTRA="request_seconds = 2"

step "Two warrants, two calls"
kms_up
subscriber alice
subscriber bob
exchange x alice bob
check "a warrant for Alice" warrant A
TARGETS='"sip:bob@lab.example"' LIID=LIID-2 check "one for Bob" warrant B
granted "Alice's call" x alice
granted "Bob's call" x bob

step "Audit is away when an officer ends Alice's warrant"
daemon_stop
check "Alice's warrant and no end of it: kept" cp "$DB" "$WORK/older.db"
cp "$WORK/state/audit.log" "$WORK/older.log"
check "up" up
kill -STOP "$(pid_of keywarden-audit)"
about A revoke && sign A-revoke two
kw request submit "$WORK/A-revoke.cms" >"$WORK/said" 2>&1 &
asked=$!
refuses() {
	ask x alice
	[ "$REASON" != granted ]
}
check "not granted from now on" eventually 10 refuses
kill -KILL "$(pid_of keywarden-audit)"
wait $asked
check "the officer is told what holds" grep -q "it holds here; the log and the" "$WORK/said"
served_again() { ask x bob && [ "$REASON" = granted ]; }
check "audit is back" eventually 20 served_again
refused "Alice's call" noAuthorisation x alice
logged() { [ "$(changes warrant.revoke)" = 1 ]; }
check "the log has the end, once" eventually 10 logged
check "and who signed it" grep -q '"signers":"two"' <(kw audit show --json | grep warrant.revoke)

step "An older database is put back"
daemon_stop
cp "$DB" "$WORK/newest.db"
cp "$WORK/older.db" "$DB"
daemon_start
says_old() { kw status 2>/dev/null | grep -q "OLD STATE"; }
check "status says so" eventually 20 says_old
refused "Alice's call" unavailable x alice
refused "Bob's call too: nobody can tell" unavailable x bob
request B-revoke two warrant revoke "$(warrant_id B)"
sign B-revoke two
check "no change is taken" not submit B-revoke
daemon_stop

step "The last one is put back, and an older log"
cp "$WORK/newest.db" "$DB"
cp "$WORK/state/audit.log" "$WORK/newest.log"
cp "$WORK/older.log" "$WORK/state/audit.log"
check "up" up
check "the log says what it lacks" eventually 10 sh -c \
	"'$BIN/keywarden' audit show --config '$CONF' | grep -q 'alarm .*not in the log'"
refused "Alice's call" noAuthorisation x alice
daemon_stop
cp "$WORK/newest.log" "$WORK/state/audit.log"

step "All of the last day"
check "up" up
refused "Alice's call" noAuthorisation x alice
granted "Bob's call" x bob
check "an officer ends Bob's warrant" revoke B >/dev/null
refused "Bob's call" noAuthorisation x bob
check "and it is logged" same "$(changes warrant.revoke)" 2
LIID=LIID-3 check "a warrant anew" warrant N
granted "which is another one" x alice
check "the log is sound" kw audit verify >/dev/null
finish
