#!/usr/bin/env bash
# Whoever has taken over x2 has records made of what he reports for warrants in
# force, and nothing else: attack-puppet stands in the place of keywarden-x2 in
# an appliance that is complete otherwise.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

ALICE=$(xid 1) BOB=$(xid 3) REVOKED=$(xid 4) SUSPENDED=$(xid 5)
LATER=$(xid 6) XK=$(xid 7) GONE=$(xid 8) NOBODY=$(xid 9)

puppet x2
x2() { "$BIN/attack-x2" "$WORK/bin/keywarden-x2.socket" "$@" 2>&1; }
# says TEXT WORDS act...: what comes back
says() {
	local text=$1 want=$2
	shift 2
	check "$text" same "$(x2 "$@")" "$want"
}
# Of the log: requests that were decided on, one way or the other.
decided() { echo $(($(audit_count keyIntent) + $(audit_count keyRefused))); }
queued() { sleep 2.2; counted hi2 waiting; } # hi2 tells its counts every 2 s
# silent TEXT: since the last time nothing was decided on and nothing queued
DECIDED=0 QUEUED=0
silent() {
	check "$1: nothing is decided" same "$(decided)" "$DECIDED"
	check "$1: nothing is queued" same "$(queued)" "$QUEUED"
}
# grown DECISIONS RECORDS TEXT
grown() {
	DECIDED=$((DECIDED + $1)) QUEUED=$((QUEUED + $2))
	check "$3: the log has it" same "$(decided)" "$DECIDED"
	check "$3: so many records" same "$(queued)" "$QUEUED"
}
# back PROGRAM PID: it has been started anew, and there is service
back() { eventually 40 is_new "$@" && eventually 20 kw_serves; }
kw_serves() { kw status >"$WORK/status" 2>&1 && x2 xid "$ALICE" >/dev/null; }
# What came to him, as text and in hex.
HEARD=$WORK/bin/keywarden-x2.heard
not_heard() { [ -s "$HEARD" ] && ! grep -aqF "$1" "$HEARD"; }
not_heard_hex() { [ -s "$HEARD" ] && ! od -An -v -tx1 "$HEARD" | tr -d ' \n' | grep -qF "$1"; }

step "An appliance, with somebody else in the place of x2"
pki
config
cat >>"$CONF" <<EOC
x2 {
  listen = {"127.0.0.1:$(free_port)"}
  certificate = "$WORK/xk.pem"
  key = "$WORK/xk.key"
  client_ca = "$WORK/ca.pem"
}
lemf north { profile = "etsi" operator_id = "LAB" }
lemf south { profile = "etsi" operator_id = "LAB" }
EOC
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
for who in alice bob carol; do subscriber $who; done
TO=north check "a warrant for Alice" hi2_warrant W-ALICE LIID-A "$ALICE" "$(uri alice)"
TO=south PRODUCTS='"keys", "sip"' check "one for Bob, with SIP" hi2_warrant W-BOB LIID-B "$BOB" "$(uri bob)"
TO=north check "one that is revoked" hi2_warrant W-REVOKED LIID-R "$REVOKED" "$(uri alice)"
check "  by one officer" quiet revoke W-REVOKED
TO=north check "one that is suspended" hi2_warrant W-SUSP LIID-S "$SUSPENDED" "$(uri alice)"
about W-SUSP suspend
check "  by one officer" approve W-SUSP-suspend two
START=$(rfc3339 '+2 hours') END=$(rfc3339 '+3 hours') TO=north \
	check "one of later" hi2_warrant W-LATER LIID-L "$LATER" "$(uri alice)"
TO=north DELIVERY='"xk"' REST=', "clients": ["df2"]' check "one for a client alone" hi2_warrant W-XK LIID-X "$XK" "$(uri alice)"
exchange x alice bob
exchange other bob carol
exchange old alice bob --time "$(rfc3339 '-3 days')"

step "Which XIDs count, he may ask"
says "those in force alone" "1 3 0 0 0 0 0" \
	xid "$ALICE" "$BOB" "$REVOKED" "$SUSPENDED" "$LATER" "$XK" "$NOBODY"

step "What is right"
says "the keys of a call of Alice's: stored" "1 stored 1" ask "$ALICE" --call "$WORK/x"
grown 1 1 "and"
says "SIP of Bob's: stored" "1 stored 1" ask "$BOB" --kind sip
grown 0 1 "without a decision about keys"

step "XIDs that are not his to ask for"
for x in "$NOBODY" "$REVOKED" "$SUSPENDED" "$LATER" "$XK"; do
	says "keys under $x: no leg" 0 ask "$x" --call "$WORK/x"
	says "nor with its kin" 0 ask "$x" --call "$WORK/x" --again --kind sip
done
says "SIP of Alice's: no leg" 0 ask "$ALICE" --kind sip
silent "all of it"

step "Calls that are not the warrant's"
says "of others: a record, and no keys in it" "1 stored 1" ask "$ALICE" --call "$WORK/other"
says "of another day: the same" "1 stored 1" ask "$ALICE" --call "$WORK/old"
grown 2 2 "both refused"
check "  as what they are" same "$(counted hi2 noKeys)" 2
check "  and keys were sent once" same "$(counted hi2 keys)" 1
for why in targetMismatch noAuthorisation; do
	check "  the log says $why" quiet grep "\"result\":\"$why\"" <(kw audit show --json)
done

step "Legs that are none"
OWN=$(x2 ask "$ALICE" --call "$WORK/x" --numbers | sed -n 's/.* of \([0-9]*\) .*/\1/p')
KINS=$(x2 ask "$BOB" --kind sip --numbers | sed -n 's/.* of \([0-9]*\) .*/\1/p')
grown 1 2 "numbers of warrants he learns"
says "its own leg is done: none" 0 ask "$ALICE" --call "$WORK/x" --done "$OWN"
silent "a leg that is done"
says "that of another is done: no difference" "1 stored 1" \
	ask "$ALICE" --call "$WORK/x" --done "$KINS,0,18446744073709551615"
grown 1 1 "one leg"

step "Contents that are none"
says "without any: silence" "1 silence 1" ask "$ALICE" --call "$WORK/x" --no-content --wait 1500
says "with that of another epoch: silence" "1 silence 1" \
	ask "$ALICE" --call "$WORK/x" --content-epoch 2 --wait 1500
says "with that of another ticket: silence" "1 silence 1" \
	ask "$ALICE" --call "$WORK/x" --content-ticket 77 --wait 1500
says "with one that is taken back: silence" "1 silence 1" ask "$ALICE" --call "$WORK/x" --gone \
	--wait 1500
grown 4 0 "keys were made, and nobody has them"
sleep 7 # words without contents are dropped
says "what came too early does not stay" "1 silence 1" \
	ask "$ALICE" --kind no-keys --ticket 78 --no-content --wait 1500
sleep 7
says "and its content later makes nothing of it" "0" \
	ask "$NOBODY" --kind no-keys --content-ticket 78
grown 1 0 "nothing"
says "too long for a SIP message: hi2 ends" "0 hi2 ended" \
	flood content 1 "$ALICE" --octets 262145
HI2=$(pid_of keywarden-hi2)
check "  and is back" eventually 20 kw_serves
says "the longest there is: stored" "1 stored 1" ask "$BOB" --kind sip --octets 262144
grown 0 1 "one"
HI2=$(pid_of keywarden-hi2)
says "more tickets than there are: hi2 ends" "0 hi2 ended" \
	flood content 65537 "$ALICE" --content-epoch 3 --wait 20000
check "  and is back" back keywarden-hi2 "$HI2"
HI2=$(pid_of keywarden-hi2)
says "more octets than there may be: hi2 ends" "0 hi2 ended" \
	flood content 1025 "$ALICE" --octets 262144 --wait 20000
check "  and is back" back keywarden-hi2 "$HI2"
says "service goes on" "1 stored 1" ask "$ALICE" --call "$WORK/x"
grown 1 1 "one"

step "Messages that are none"
POLICY=$(pid_of keywarden-policy)
says "noise to policy: it ends" ended raw policy 00000010ffffffffffffffffffffffffffffffff
check "  and is back" back keywarden-policy "$POLICY"
HI2=$(pid_of keywarden-hi2)
says "keys to hi2, as a worker: it ends" ended raw hi2 0000000700790000000100
check "  and is back" back keywarden-hi2 "$HI2"
HI2=$(pid_of keywarden-hi2)
says "an order to hi2, as policy: it ends" ended raw hi2 00000007007b0000000100
check "  and is back" back keywarden-hi2 "$HI2"
says "service goes on" "1 stored 1" ask "$ALICE" --call "$WORK/x"
grown 1 1 "one"

step "Floods"
BEFORE=$(memory_of "$(pid_of keywarden-policy)")
says "50,000 XIDs" 0 flood xid 50000 "$NOBODY"
check "policy serves" quiet kw status
log_mark
says "more than a queue holds, and he does not read" 0 flood deaf 800000 "$NOBODY" --wait 2000
check "policy serves" quiet kw status
check "in less than 40 MiB more" test "$(memory_of "$(pid_of keywarden-policy)")" -lt $((BEFORE + 40960))
check "and says so in a few lines" test "$(log_new | wc -l)" -lt 20
freeze keywarden-audit
x2 flood ask 6000 "$ALICE" --kind no-keys --no-content --wait 8000 >"$WORK/flood" &
FLOOD=$!
sleep 1
aside_ask() { ask x alice && echo "$REASON" >"$WORK/aside"; }
aside_ask &
ASKER=$!
sleep 1
thaw keywarden-audit
wait $ASKER
check "while he asks 6000 times, a client has its call's keys" same "$(cat "$WORK/aside")" granted
wait $FLOOD
check "he may have 2048 on their way" same "$(cat "$WORK/flood")" \
	"6000 overloaded 3952 silence 2048"
x2 flood ask 2000 "$ALICE" --call "$WORK/x" --no-content --wait 20000 >"$WORK/flood" &
FLOOD=$!
sleep 1
SINCE=$SECONDS
granted "while 2000 calls wait for the workers, a client has its own" x alice
check "  and not behind all of them" test $((SECONDS - SINCE)) -le 4
check "and a warrant is revoked" quiet revoke W-BOB
wait $FLOOD
says "and counts no longer" "1 0" xid "$ALICE" "$BOB"
says "service goes on" "1 stored 1" ask "$ALICE" --call "$WORK/x" --wait 30000

step "A warrant that goes while it is asked for"
TO=north hi2_warrant W-GONE LIID-G "$GONE" "$(uri alice)"
freeze keywarden-audit
x2 ask "$GONE" --kind no-keys --wait 10000 >"$WORK/flood" &
FLOOD=$!
sleep 1
revoke W-GONE >/dev/null &
sleep 1
thaw keywarden-audit
wait $FLOOD
check "its LEMFs are not even told that there are no keys" \
	same "$(cat "$WORK/flood")" "1 noAuthorisation 1"
wait $!

step "What he has heard"
check "something" test -s "$HEARD"
for word in LIID- lab.example north south; do
	check "nowhere \"$word\"" not_heard "$word"
done
while IFS= read -r word; do
	check "no key" not_heard_hex "$word"
done < <(grep -o '"\(sessionKey\|salt\)": *"[0-9a-f]*"' "$WORK/x/keys.json" | grep -o '[0-9a-f]\{28,32\}')

step "Each message that x2 and hi2 may not send, to who is alone with it"
daemon_stop
cp -a "$WORK/state" "$WORK/attacked"
# what must come of it is in attack_df2.c
while read -r how what; do
	check "$what" same "$how" ok
done < <("$BIN/attack-df2" "$WORK/attacked" "$WORK/x" 2>"$WORK/attack.err" ||
	echo "FAILED attack-df2: exit $?")
grep " takes type " "$WORK/attack.err"
finish
