#!/usr/bin/env bash
# keywarden token probe says what a token can do, of each kind of bad token what
# is wrong with it, and leaves nothing behind; init refuses a token that cannot
# keep the promises before it makes anything; a token with other ways serves.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
PROFILES=$here/../p11fault/profiles
[ -e "$FAULT" ] || { echo "no p11fault.so beside $BIN"; exit 77; }
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
export SOFTHSM2_CONF=$WORK/softhsm.conf KW_P11_REAL=$SOFTHSM KW_P11_STATE=$WORK/tries
# token [NAME]: a token as a vendor's tools leave it: initialised, and empty
token() {
	local tokens=$WORK/tokens${1:+-$1}
	rm -rf "$tokens" && mkdir -m 700 "$tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
		"$tokens" >"$SOFTHSM2_CONF"
	softhsm2-util --init-token --free --label keywarden --pin 314159265358 --so-pin 87654321 >/dev/null
}
# objects: how many the token holds
objects() { find "$WORK/tokens" -name '*.object' ! -name token.object | wc -l; }
empty() { same "$(objects)" 0; }
# probe_of PROFILE NAME [options]: what it says of such a token in $WORK/NAME,
# its exit code in $WORK/NAME.code; the PIN file is $PIN, the pause $IDLE
probe_of() {
	local profile=$1 name=$2
	shift 2
	KW_P11_SCRIPT=$profile "$BIN/keywarden" token probe --module "$FAULT" --quick \
		--pin-file "$WORK/${PIN:-pin}" --idle "${IDLE:-0}" "$@" >"$WORK/$name" 2>&1
	echo $? >"$WORK/$name.code"
}
# beside NAME [options]: one that waits does so while others work, with a token of
# its own: each of two probes of one token removes what the other makes
beside() {
	SOFTHSM2_CONF=$WORK/$1.conf
	token "$1"
	probe_of "$PROFILES/$1" "$@"
}
# verdict NAME CODE PATTERN: with that exit code, and a line that says it
verdict() {
	same "$(cat "$WORK/$1.code")" "$2" && grep -q -- "$3" "$WORK/$1" || {
		cat "$WORK/$1"
		return 1
	}
}
(umask 077 && echo 314159265358 >"$WORK/pin")

step "SoftHSM"
token
"$BIN/keywarden" token probe --module $SOFTHSM --pin-file "$WORK/pin" >"$WORK/plain" 2>&1
echo $? >"$WORK/plain.code"
check "it is usable, and a TEST TOKEN" verdict plain 0 "^Verdict: usable, as a TEST TOKEN"
check "each step but its own keys was made" same "$(grep -c '^\(LOST\|NO\)' "$WORK/plain")" 0
check "the way round the length of the order" grep -q "^around  ECDH.*order" "$WORK/plain"
check "speeds are measured" same "$(grep -c ' in a second$' "$WORK/plain")" 6
check "nothing is left in the token" empty
check "as JSON" grep -q '"usable": *true' <("$BIN/keywarden" token probe --module $SOFTHSM \
	--pin-file "$WORK/pin" --quick --idle 0 --json)
check "no such slot: 78" same "$("$BIN/keywarden" token probe --module $SOFTHSM --slot 5 \
	--pin-file "$WORK/pin" 2>&1)$?" "keywarden: no token in slot 578"
check "no module: 78" same "$("$BIN/keywarden" token probe --module "$WORK/none.so" \
	--pin-file "$WORK/pin" >"$WORK/said" 2>&1 || echo $?)" 78

step "Each profile"
# NAME CODE PATTERN, of those that do not wait
cat >"$WORK/expected.verdicts" <<'END'
any-use 1 allows decrypting with the key that wraps seeds
device-removed 69 went away .*CKR_DEVICE_REMOVED
extractable 1 does not serve: keys can be taken out of it$
logged-out 69 went away .*CKR_
no-explicit-params 1 does not serve: it takes no curve by explicit parameters$
no-key-wrap 1 does not serve: no AES key wrap
no-unwrap-template 1 does not serve: it does not hold to CKA_UNWRAP_TEMPLATE$
not-sensitive 1 does not serve: keys can be taken out of it$
pin-count 0 usable
point-octet-string 0 points in DER, not raw ones
point-raw 0 points raw, not in DER: they are given so
session-lost 69 went away .*CKR_SESSION_HANDLE_INVALID
stale-handles 69 went away .*HANDLE_INVALID
truncated-ecdh 1 of 64 octets of x it gives 20
wrong-ecdh 1 does not serve: its ECDH does not give all of x$
wrong-mac 1 HMAC-SHA-256: what it computes is wrong
END
beside hang --seconds 5 &
IDLE=7 beside idle-drop &
beside slow &
while read -r name code pattern; do
	probe_of "$PROFILES/$name" "$name"
	check "$name: $pattern" verdict "$name" "$code" "$pattern"
done <"$WORK/expected.verdicts"
wait
check "hang: said in which step" verdict hang 69 "LOST    HMAC-SHA-256: no answer for 5 s"
check "idle-drop: usable, the worker begins anew" verdict idle-drop 0 "^around  a session outlives"
check "slow: usable" verdict slow 0 usable
check "each profile has its line" same "$(cut -d' ' -f1 "$WORK/expected.verdicts" | sort | tr '\n' ' ')" \
	"$(cd "$PROFILES" && printf '%s\n' * | grep -vx 'hang\|idle-drop\|slow' | sort | tr '\n' ' ')"
check "nothing is left in the token" empty

step "What an end in the middle leaves is removed"
echo "C_OpenSession nth=15 exit" >"$WORK/script"
probe_of "$WORK/script" cut
check "the module ended the worker" verdict cut 69 "LOST    objects that stay: the module ended the worker"
check "the object that it had made has gone" empty
echo "C_GenerateKey nth=4 hang" >"$WORK/script"
probe_of "$WORK/script" cut --seconds 3
check "a hang just before" verdict cut 69 "no answer for 3 s"
check "nothing there either" empty

step "PIN tries"
echo "C_Login always pin-lock=3" >"$WORK/script"
(umask 077 && echo 271828182845 >"$WORK/wrong")
for _ in 1 2 3; do PIN=wrong probe_of "$WORK/script" denied; done
check "the last try is not taken" verdict denied 78 "one PIN try is left: not taken"
probe_of "$WORK/script" denied
check "not even with the right one" verdict denied 78 "one PIN try is left: not taken"
rm "$WORK/tries"

step "init refuses a token that does not keep the promises"
pki
tokenconf() {
	TOKEN_EXTRA="module = \"$FAULT\" environment = {
  \"KW_P11_REAL=$SOFTHSM\", \"KW_P11_SCRIPT=$WORK/script\", \"KW_P11_TRACE=$WORK/trace\",
  \"KW_P11_STATE=$WORK/tries\", \"SOFTHSM2_CONF=$SOFTHSM2_CONF\"}
  files = {\"$WORK\"}" config
}
tokenconf
# not_init PROFILE PATTERN
not_init() {
	cp "$PROFILES/$1" "$WORK/script"
	init
	check "$1: exit 78, said why" same "$?$(grep -c -- "$2" "$WORK/init.log")" 781
	check "$1: nothing in the token" empty
	check "$1: nothing in the state" same "$(find "$WORK/state" -type f ! -name lock)" ""
}
not_init no-explicit-params "does not serve: it takes no curve by explicit parameters"
not_init extractable "does not serve: keys can be taken out of it"
not_init no-unwrap-template "does not serve: it does not hold to CKA_UNWRAP_TEMPLATE"
not_init truncated-ecdh "does not serve: its ECDH does not give all of x"

step "A token with other ways serves"
cp "$PROFILES/point-raw" "$WORK/script"
check "init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
kw token probe --quick --idle 0 >"$WORK/own" 2>&1
echo $? >"$WORK/own.code"
check "the probe beside it finds its keys good" verdict own 0 \
	"^yes     the appliance's keys in it: 11 keys, the answers of each checked, and they are those of kms-state"
subscriber alice
subscriber bob
warrant W
exchange x alice bob
granted "a key through a token of raw points" x alice
check "status says TEST TOKEN" grep -q "^TEST TOKEN" <(kw status)
finish
