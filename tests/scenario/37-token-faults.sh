#!/usr/bin/env bash
# A token fails in every way that is known, again and again: no wrong key, no
# wrong word about a call, no entry lost, and service again within the time that
# docs/OPERATING.md states.  One line for each kind of fault says how many
# requests were granted and unavailable, and how long service was away.
#
#	LONG=1	1,000 faults of each kind; FAULTS=N as many; KINDS="hang slow"
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
[ -e "$FAULT" ] || { echo "no p11fault.so beside $BIN"; exit 77; }
FAULTS=${FAULTS:-$([ "${LONG:-0}" = 1 ] && echo 1000 || echo 2)}
BACK_MS=5000 # as stated, with room for a machine that tests are run on
declare -A RULE=(
	[error]="C_DeriveKey|rv=CKR_DEVICE_ERROR"
	[general]="C_UnwrapKey|rv=CKR_GENERAL_ERROR"
	[memory]="C_SignInit|rv=CKR_DEVICE_MEMORY"
	[removed]="C_SignInit|remove-device"
	[sessions]="C_UnwrapKey|drop-sessions"
	[handles]="C_UnwrapKey|stale-handles"
	[logout]="C_UnwrapKey|not-logged-in"
	[hang]="C_DeriveKey|hang"
	[exit]="C_DeriveKey|exit"
	[wrong]="C_DeriveKey|wrong-result"
	[truncated]="C_DeriveKey|truncate-ecdh=20"
	[mac]="C_Sign|wrong-result"
	[slow]="C_DeriveKey|slow=300"
	[pin]="C_SignInit|rv=CKR_PIN_EXPIRED"
)
KINDS=${KINDS:-error general memory removed sessions handles logout hang exit wrong truncated mac slow}

ASKED=0
on() { touch "$WORK/on.$1"; }
off() { rm -f "$WORK/on.$1"; }
hup() { kill -HUP "$DAEMON"; }
alarms() { kw audit show --json | grep '"type":"alarm"' | grep -c "$1"; }
token_is() { kw status --json 2>/dev/null | tr -d ' \n' | grep -q "\"process\":\"hsm0\",\"state\":\"$1\""; }

# try: one request, into GRANTED, UNAVAILABLE or WRONG
try() {
	ASKED=$((ASKED + 1))
	ask x alice
	case $REASON in
	granted)
		if [ "$(key_facts "$WORK/out")" = "$TRUE_KEYS" ]; then
			GRANTED=$((GRANTED + 1))
		else
			WRONG=$((WRONG + 1)) && note "a wrong key"
		fi
		;;
	unavailable) UNAVAILABLE=$((UNAVAILABLE + 1)) ;;
	*) WRONG=$((WRONG + 1)) && note "it is said: $REASON" ;;
	esac
}
# faults KIND: as many as are wanted, and what became of them
faults() {
	local said n p50 most met
	said=$(probe faults "$FAULTS" "$WORK/on.$1" "$DAEMON" "$(uri alice)" "$WORK/x")
	read -r n GRANTED UNAVAILABLE WRONG p50 most met < <(tr ';' '\n' <<<"$said" | grep '^[0-9]')
	check "$1: each is tried" test "${met:-}" || { note "$said" && return; }
	[ "$WRONG" = 0 ] || note "$said"
	ASKED=$((ASKED + n))
	note "$1: $FAULTS faults, $GRANTED granted, $UNAVAILABLE unavailable, $WRONG wrong;" \
		"back after $p50 ms (p50), $most ms (max)"
	check "$1: nothing wrong" same "$WRONG" 0
	check "$1: service each time" test "$GRANTED" -ge "$FAULTS"
	check "$1: back in time" test "$most" -le "$BACK_MS"
	check "$1: each was met" same "$met" "$FAULTS"
	[ "$1" = slow ] && check "slow: no request is lost" same "$UNAVAILABLE" 0
	try
	check "$1: the true keys" same "$REASON" granted
}

step "An appliance with one worker on p11fault, and a call"
kms_up
subscriber alice
subscriber bob
check "a warrant" warrant W
exchange x alice bob
TRUE_KEYS=$(key_facts "$WORK/x/keys.json")
for kind in "${!RULE[@]}"; do
	echo "${RULE[$kind]%|*} while-file=$WORK/on.$kind ${RULE[$kind]#*|}"
done >"$WORK/script"
TOKEN_EXTRA="module = \"$FAULT\" call_seconds = 1 environment = {
  \"KW_P11_REAL=/usr/lib/softhsm/libsofthsm2.so\", \"KW_P11_SCRIPT=$WORK/script\",
  \"SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf\"}"
config
check "p11fault as the token's module is approved" approve_config
daemon_stop
check "it serves" up
check "the worker serves" eventually 10 token_is serving

step "Faults of each kind"
for kind in $KINDS; do faults "$kind"; done

step "A refused PIN in the middle of a request"
GRANTED=0 UNAVAILABLE=0 WRONG=0
on pin
try
check "the request is unavailable" same "$REASON" unavailable
check "status says so" eventually 10 token_is pinRefused
check "in words" grep -q "^PIN REFUSED" <<<"$(kw status)"
off pin
sleep 1
check "nobody logs in" token_is pinRefused
hup
check "but when a person has acted" eventually 10 token_is serving
try
check "it serves" same "$REASON" granted

step "What is known of it all"
tested() { kw status --json | tr -d ' \n' >"$WORK/token" && grep -q '"selfTest":"20' "$WORK/token"; }
check "when it was tried last" eventually 5 tested
check "why the last one ended" grep -q '"cause":"[^"]*CKR_PIN_EXPIRED' "$WORK/token"
check "how often it was started" grep -q '"restarts":[1-9]' "$WORK/token"
check "how long calls take" grep -q '"p50Us":[1-9]' "$WORK/token"
check "alarms: the last worker has gone" test "$(alarms "the last hsm worker has gone")" -gt 0
check "and serves again" same "$(alarms "an hsm worker serves again")" \
	"$(alarms "the last hsm worker has gone")"
check "the PIN" test "$(alarms "refuses the PIN: .*CKR_PIN_EXPIRED")" = 1
[[ $KINDS != *wrong* ]] || check "a wrong answer" test "$(alarms "answers wrongly")" -ge "$FAULTS"

step "The audit log"
kw audit show --json >"$WORK/all"
entries() { sed -n "/\"type\":\"$1\"/s/.*\"$2\":\([0-9]*\).*/\1/p" "$WORK/all" | sort -n; }
check "each intent has one outcome" same "$(entries keyOutcome of)" "$(entries keyIntent entry)"
check "each request is in it" same \
	$(($(audit_count keyIntent) + $(audit_count keyRefused))) $ASKED
check "it is sound" quiet kw audit verify
finish
