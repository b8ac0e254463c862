#!/usr/bin/env bash
# A clock behind the time that the log has seen: nothing is released and nothing
# changed but what ends warrants, until two security officers accept it.  The
# machine's clock stays as it is: an entry of a later time is put into the log,
# as if it had been set back since.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# later SECONDS: one more entry in the log, written that much from now
later() {
	python3 - "$WORK/state/audit.log" "$1" <<'PY'
import hashlib, struct, sys, time
with open(sys.argv[1], "r+b") as f:
    log = f.read()
    at, number = 16, 0
    while (n := struct.unpack_from(">I", log, at)[0]) != 0:
        at += 4 + n + 32
        number += 1
    text = b"by a clock that was set back later"
    leaf = struct.pack(">BBQqQH", 1, 2, number,
                       (int(time.time()) + int(sys.argv[2])) * 10**9, 1,
                       len(text)) + text
    f.seek(at)
    f.write(struct.pack(">I", len(leaf)) + leaf +
            hashlib.sha256(b"\0" + leaf).digest())
PY
}
is_stopped() { kw status --json | grep -q '"clockStopped": *true'; }

step "A warrant, a call"
kms_up
subscriber alice
subscriber bob
exchange x alice bob
check "a warrant" warrant W
check "another one" warrant V
granted "the call" x alice

step "A minute behind is what clocks do"
daemon_stop
later 60
check "up" up
granted "the call" x alice

step "An hour behind"
daemon_stop
later 3600
daemon_start
check "keywardend says so" eventually 10 is_stopped
check "status: exit 1" eventually 1 sh -c "! '$BIN/keywarden' status --config '$CONF' >'$WORK/said'"
check "and what to do" grep -q "clock accept" "$WORK/said"
refused "the call" unavailable x alice
check "the log has an alarm" eventually 5 sh -c \
	"'$BIN/keywarden' audit show --config '$CONF' | grep -q 'alarm .*clock is behind'"
check "no warrant is entered" test "$(warrant U; echo $?)" = 1
check "because of the clock" grep -q "clock" "$WORK/U.added"
check "one is ended all the same" quiet revoke V
check "after a restart" eval 'daemon_stop; daemon_start; eventually 10 is_stopped'
refused "the call" unavailable x alice

step "Two accept it"
check "the request" request C engineer clock accept
sign C engineer sec-one
check "one security officer" submit C
check "is not enough" grep -q "1 of 2" "$WORK/C.added"
check "still stopped" is_stopped
sign C sec-two
check "the other one" submit C
check "it goes on" eventually 5 sh -c "! '$BIN/keywarden' status --json --config '$CONF' | grep -q '\"clockStopped\": *true'"
granted "the call" x alice
check "the one that was ended stays ended" \
	sh -c "'$BIN/keywarden' warrant list --config '$CONF' | grep -q 'state    revoked'"
check "a warrant is entered" warrant T
check "after a restart" eval 'daemon_stop; up'
granted "the call" x alice
check "an old acceptance is of no use" test "$(submit C; echo $?)" = 1
finish
