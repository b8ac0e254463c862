#!/usr/bin/env bash
# A token that is missing, locked, lost, slow, broken or another one's costs time
# and nothing else: `unavailable`, never a wrong key, never a second try of a
# wrong PIN, an entry for every request, and service again when it is mended.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
[ -e "$FAULT" ] || { echo "no p11fault.so beside $BIN"; exit 77; }
ASKED=0
eval "of_lib_$(declare -f df2)"
df2() { ASKED=$((ASKED + 1)) && of_lib_df2 "$@"; }
# on NAME, off NAME: a fault of the script below begins, and ends
on() { touch "$WORK/on.$1"; }
off() { rm -f "$WORK/on.$1"; }
logins() { grep -c '^C_Login' "$WORK/trace"; }
hup() { kill -HUP "$DAEMON"; }
status_says() { kw status | grep -q "$1"; }
# pin FILE: that is the PIN file from now on
pin() { install -m 600 "$WORK/$1" "$WORK/pin.new" && mv "$WORK/pin.new" "$WORK/pin"; }
# kill_workers N: as many of them at once
kill_workers() {
	local pids
	mapfile -t pids < <(pgrep -P "$DAEMON" -x keywarden-hsm | head -n "$1")
	kill -KILL "${pids[@]}"
	for pid in "${pids[@]}"; do eventually 10 gone "$pid"; done
}
start() {
	log_mark
	: >"$WORK/trace"
	daemon_start
}
# piped FILE: by a pipe that gives its first octets before the others
piped() {
	log_mark
	: >"$WORK/trace"
	"$BIN/keywardend" --config "$CONF" --pin-fd 0 >>"$WORK/daemon.log" 2>&1 \
		< <(head -c 5 "$WORK/$1" && sleep 0.2 && tail -c +6 "$WORK/$1") &
	DAEMON=$!
}
# back TEXT: after a SIGHUP both workers serve
back() {
	hup
	check "$1: service is back" eventually 20 workers 2
	granted "$1: afterwards" x alice
}
# down TEXT WORDS: it does not serve, says why, and lives
down() {
	check "$1: the log says it" eventually 20 log_says "$2"
	check "$1: no worker" eventually 20 workers 0
	refused "$1" unavailable x alice
	check "$1: status says so" not_serving
}
not_serving() {
	kw status >"$WORK/status"
	[ $? = 1 ] && grep -q "NOT SERVING" "$WORK/status" && grep -q "^NO HSM WORKER" "$WORK/status"
}
# hit NAME WORDS [CAUSE]: a worker that meets the fault ends, and so its request
hit() {
	log_mark
	on "$1"
	refused "$1" unavailable x alice
	check "$1: the log says it" eventually 5 log_says "$2"
	check "$1: the audit log too" grep -q "\"hsm worker [0-9] has gone${3:+: .*$3}" \
		<<<"$(kw audit show --json | tail -n 4)"
	refused "$1: and again" unavailable x alice
	off "$1"
	back "$1"
}

step "The token of another KMS, for later"
pki
config
check "init" init_new
mv "$WORK/state/token/tokens" "$WORK/other"
mv "$WORK/pin" "$WORK/other.pin"
rm -rf "$WORK/state"

step "An appliance with two workers on p11fault, and a call"
WORKERS=2
kms_up
subscriber alice
subscriber bob
check "a warrant" warrant W
exchange x alice bob
granted "on SoftHSM" x alice
cp "$WORK/pin" "$WORK/right"
TOKENS=$WORK/state/token/tokens
cat >"$WORK/script" <<END
C_DeriveKey while-file=$WORK/on.error rv=CKR_DEVICE_ERROR
C_SignInit while-file=$WORK/on.session rv=CKR_SESSION_HANDLE_INVALID
C_UnwrapKey while-file=$WORK/on.dropped drop-sessions
C_UnwrapKey while-file=$WORK/on.stale stale-handles
C_UnwrapKey while-file=$WORK/on.logout not-logged-in
C_SignInit while-file=$WORK/on.removed remove-device
C_DeriveKey while-file=$WORK/on.exit exit
C_DeriveKey while-file=$WORK/on.hang hang
C_DeriveKey while-file=$WORK/on.wrong wrong-result
C_Sign while-file=$WORK/on.mac wrong-result
C_Login always pin-lock=3
END
TOKEN_EXTRA="module = \"$FAULT\" call_seconds = 2 environment = {
  \"KW_P11_REAL=/usr/lib/softhsm/libsofthsm2.so\", \"KW_P11_SCRIPT=$WORK/script\",
  \"KW_P11_TRACE=$WORK/trace\", \"KW_P11_STATE=$WORK/tries\",
  \"SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf\"}"
config
check "p11fault as the token's module is approved" approve_config
daemon_stop

step "A token that is not there at the start"
mv "$TOKENS" "$WORK/away"
mkdir -m 700 "$TOKENS"
start
down "no token" "no token with the label"
rmdir "$TOKENS" && mv "$WORK/away" "$TOKENS"
back "no token"
check "each worker logs in once" same "$(logins)" 2

step "A wrong PIN is tried once"
daemon_stop
echo 271828182845 >"$WORK/wrong"
pin wrong
start
down "wrong PIN" "CKR_PIN_INCORRECT; the PIN is not tried again"
sleep 2
check "wrong PIN: one try for both workers" same "$(logins)" 1
log_mark
hup
check "wrong PIN: SIGHUP is one more" eventually 10 log_says CKR_PIN_INCORRECT
sleep 1
check "wrong PIN: and only one" same "$(logins)" 2
hup
check "wrong PIN: the last try is not taken" eventually 10 log_says "one PIN try is left: not taken"
check "wrong PIN: the token is not locked" same "$(logins)" 2
rm "$WORK/tries"
pin right
back "wrong PIN"
pin wrong
: >"$WORK/trace"
log_mark
kill_workers 1
check "one worker ends: the PIN is tried once" eventually 10 log_says CKR_PIN_INCORRECT
granted "the other one serves" x alice
kill_workers 1
down "both have ended" "signal 9"
sleep 1
check "both have ended: still one try" same "$(logins)" 1
pin right
log_mark
back "both have ended"
check "both have ended: the log tells of the wrong try" log_says "before this login a wrong PIN was tried"
check "both have ended: status too" eventually 10 status_says "^TOKEN PIN: wasLow"
pin wrong
: >"$WORK/trace"
log_mark
kill_workers 2
down "both end at once" CKR_PIN_INCORRECT
sleep 1
check "both end at once: one try" same "$(logins)" 1
pin right
back "both end at once"

step "A PIN from a descriptor"
daemon_stop
rm -f "$WORK/tries"
piped wrong
down "a wrong one" "start again with the right one on --pin-fd"
hup
check "a wrong one: SIGHUP is heard" eventually 10 log_says "configuration read again"
sleep 1
check "a wrong one: nor is it tried again" same "$(logins)" 1
daemon_stop
pin wrong # which nobody reads
piped right
check "one in two parts: both workers serve" eventually 20 workers 2
check "one in two parts: each has logged in once" same "$(logins)" 2
granted "one in two parts" x alice
daemon_stop
pin right
start
check "the PIN file again" eventually 20 workers 2

step "A PIN file that others may read"
chmod 644 "$WORK/pin"
: >"$WORK/trace"
log_mark
kill_workers 2
down "mode 644" "token.pin_file .* others may read it"
check "mode 644: the PIN is not used" same "$(logins)" 0
chmod 600 "$WORK/pin"
back "mode 644"

step "The token's folder goes while it runs"
log_mark
mv "$TOKENS" "$WORK/away"
refused "folder gone" unavailable x alice
refused "folder gone: the other worker" unavailable x alice
down "folder gone" "token failed in .*CKR_"
mv "$WORK/away" "$TOKENS"
back "folder gone"

step "Errors in the middle of a request"
for f in "error C_DeriveKey: CKR_DEVICE_ERROR" \
	"session CKR_SESSION_HANDLE_INVALID" "dropped CKR_SESSION_HANDLE_INVALID" \
	"stale _HANDLE_INVALID" "logout CKR_USER_NOT_LOGGED_IN" "removed CKR_DEVICE_REMOVED"; do
	hit "${f%% *}" "${f#* }" "${f#* }"
done
hit exit "ended with status 1"

step "A call into the token that does not come back"
log_mark
: >"$WORK/trace"
on hang
on wait
probe get 1 "$(uri alice)" "$WORK/x" until-gone "$WORK/on.wait" \
	get 2 "$(uri alice)" "$WORK/x" keepalive 3 answer answer answer >"$WORK/said" &
PROBE=$!
ASKED=$((ASKED + 2))
check "it hangs" eventually 10 grep -q "^C_DeriveKey hang" "$WORK/trace"
off hang
off wait
wait $PROBE
check "others on the connection are served meanwhile" same \
	"$(tr ';' '\n' <"$WORK/said" | head -n 2 | sort | tr '\n' ';')" "2 keys;3 keepAliveResponse;"
check "the one that hangs ends unavailable" same "$(cut -d';' -f3 "$WORK/said")" "1 unavailable"
check "its worker was ended" eventually 5 log_says "C_DeriveKey: it has not come back for 2 s"
back "hang"

step "A token that computes wrongly"
# The envelope does not open; or, as often, what comes back is no point.
log_mark
on wrong
ask x alice
check "a wrong product: no key" grep -qx "notReproducible\|unavailable" <<<"$REASON"
kill_workers 2
down "a wrong product, at the start" "self-test: .*\(master secret is not\|cannot be right\)"
off wrong
back "a wrong product"
on mac
# Of the record's seal, or, once that is known, of the secret from the seed.
ask x alice
check "a wrong MAC: no key" grep -qx "notReproducible\|unavailable" <<<"$REASON"
off mac
granted "a wrong MAC: afterwards" x alice

step "The token of another KMS"
daemon_stop
mv "$TOKENS" "$WORK/away" && mv "$WORK/other" "$TOKENS"
pin other.pin
start
down "another's token" "was not sealed by this token"
mv "$TOKENS" "$WORK/other" && mv "$WORK/away" "$TOKENS"
pin right
back "another's token"

step "The audit log"
kw audit show --json >"$WORK/all"
entries() { sed -n "/\"type\":\"$1\"/s/.*\"$2\":\([0-9]*\).*/\1/p" "$WORK/all" | sort -n; }
check "each intent has one outcome" same "$(entries keyOutcome of)" "$(entries keyIntent entry)"
check "each request is in it" same \
	$(($(audit_count keyIntent) + $(audit_count keyRefused))) $ASKED
verified() { kw audit verify --json >"$WORK/verified"; }
check "it is sound" verified
check "nothing is open" grep -q '"open": *0' "$WORK/verified"
pins=$(for f in right wrong other.pin; do cat "$WORK/$f" && echo; done | grep .)
for f in daemon.log trace all status state/audit.log; do
	check "no PIN in $f" same "$(grep -caFf <(echo "$pins") "$WORK/$f")" 0
done
finish
