#!/usr/bin/env bash
# An end that an officer signs stays an end: whatever was under way, whichever
# process died, whichever database is put back.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
DB=$WORK/state/registry.db
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
check "up" up
kill -STOP "$(pid_of keywarden-audit)"
revoke A >"$WORK/said" 2>&1 &
asked=$!
refuses() {
	ask x alice
	[ "$REASON" != granted ]
}
check "not granted from now on" eventually 10 refuses
kill -KILL "$(pid_of keywarden-audit)"
wait $asked
check "the officer is told what holds" grep -q "revoked here; the log and the" "$WORK/said"
served_again() { ask x bob && [ "$REASON" = granted ]; }
check "audit is back" eventually 20 served_again
refused "Alice's call" noAuthorisation x alice
logged() { [ "$(audit_count warrantRevoked)" = 1 ]; }
check "the log has the end, once" eventually 10 logged
check "and who signed it" grep -q '"text":"two"' <(kw audit show --json | grep warrantRevoked)

step "An older database is put back"
daemon_stop
cp "$DB" "$WORK/newest.db"
cp "$WORK/older.db" "$DB"
check "up" up
log_mark
refused "Alice's call: the log remembers" noAuthorisation x alice
check "and the operator is told" eventually 5 log_says "is registry.db an older one"
granted "Bob's call" x bob
daemon_stop

step "A revocation that nobody signed"
cp "$WORK/newest.db" "$DB"
python3 - "$DB" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
with db:
    db.execute("UPDATE warrants SET revocation = x'3003020100', logged = 0"
               " WHERE revocation IS NULL")
PY
log_mark
check "up" up
check "said" log_says "no true one"
refused "Bob's warrant is not served: nobody can tell" noAuthorisation x bob
check "an officer's true end of it is taken" revoke B >/dev/null
check "and logged" same "$(audit_count warrantRevoked)" 2
LIID=LIID-3 check "a warrant anew" warrant N
granted "which is another one" x alice
check "the log is sound" kw audit verify >/dev/null
finish
