#!/usr/bin/env bash
# Whoever has taken over hi2 has what is sent to it, and nobody does anything
# else for it: attack-puppet stands in the place of keywarden-hi2 in an
# appliance that is complete otherwise.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

XID=11111111-2222-4333-8444-555555555555
X2PORT=$(free_port)

puppet hi2
hi2() { "$BIN/attack-hi2" "$WORK/bin/keywarden-hi2.socket" "$@" 2>&1; }
CALLS=0
call() {
	CALLS=$((CALLS + 1))
	"$BIN/lab-x2" --connect "127.0.0.1:$X2PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/cscf.pem" --key "$WORK/cscf.key" --xid "$XID" \
		--target "$(uri alice)" --from "$(uri alice)" --to "$(uri bob)" \
		--call-id "call-$CALLS@lab.example" --wait-ack 20 --call "$WORK/$1" \
		>"$WORK/cscf.out" 2>"$WORK/cscf.err"
}
# says TEXT WORDS CALL act...: what comes of it, while a call is handed over
says() {
	local text=$1 want=$2 dir=$3
	shift 3
	hi2 "$@" >"$WORK/said" &
	local pid=$!
	sleep 0.5
	[ -z "$dir" ] || check "a call is handed over" call "$dir"
	wait $pid
	check "$text" same "$(cat "$WORK/said")" "$want"
}
back() { eventually 40 is_new "$@" && eventually 20 quiet kw status; }

step "An appliance, with somebody else in the place of hi2"
pki
leaf cscf "cscf.lab.example" ca
config
cat >>"$CONF" <<EOC
x2 {
  listen = {"127.0.0.1:$X2PORT"}
  certificate = "$WORK/xk.pem"
  key = "$WORK/xk.key"
  client_ca = "$WORK/ca.pem"
  wait_ms = 300
}
lemf north { profile = "etsi" operator_id = "LAB" }
EOC
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
LIID=LIID-A body W
sed -i -e "s/\"identities\": \[[^]]*\]/&, \"xids\": [\"$XID\"]/" \
	-e "s/\"delivery\": .*/\"delivery\": [\"xk\", \"hi2\"], \"lemfs\": [\"north\"] }/" "$WORK/W.body"
request W one warrant new "$WORK/W.body"
check "a warrant for Alice" approve W one two
for n in 1 2 3; do exchange x$n alice bob; done
exchange x alice bob

step "What he says of records"
says "of tickets and legs that are none: nothing comes of it" "asked again, and done" x1 lies
says "and again" "asked again, and done" x2 lies
granted "a client's call, as always" x alice

step "What the token does for him"
entries() { kw audit show --json | grep "\"type\":\"$1\""; }
says "a data key of the queue, and none" "the key, and none" "" unwrap "$WORK/state/kms-state"
check "  each with an entry before, and what came of it" same \
	"$(entries queueKeyIntent | grep -o '"key":[0-9]*' | paste -sd' ') $(entries queueKeyOutcome | grep -o '"result":"[^"]*"' | paste -sd' ')" \
	'"key":77 "key":78 "result":"success" "result":"does not belong together"'
check "  explained" kw explain "$(entries queueKeyIntent | head -n 1 | sed 's/.*"entry":\([0-9]*\).*/\1/')"
N=$(kw audit show --json | wc -l)
says "signatures, more than at once" "some made, some refused, 0 others" "" sign 200
check "  leave no entry" same "$(kw audit show --json | wc -l)" "$N"
granted "  clients are served" x alice
hi2 sign 500 killed >"$WORK/said" &
ASKING=$!
kill -KILL "$(pid_of keywarden-hsm)"
wait $ASKING
says_others() { grep -q others "$WORK/said" || { cat "$WORK/said"; return 1; }; }
check "each is answered when a worker dies" says_others
check "  it is back" eventually 20 quiet kw status
says "entries, more than the log takes from him" "as many as a minute has, the others to be sent again" "" note 300
check "  with the LEMF and how many" same \
	"$(entries delivery | tail -n 1 | grep -o '"count".*' | tr -d '{}')" \
	'"count":12,"lemf":"north","text":"LEMF north never got records that were dropped (12 records): too old"'
says "nor a data key in that minute" "puppet: not the key: Success" "" unwrap "$WORK/state/kms-state"

step "What he may not say"
WORKER=$(pid_of keywarden-hsm)
says "anything to a worker: it closes the channel" ended "" raw worker 00
check "  and goes on" same "$(pid_of keywarden-hsm)" "$WORKER"
granted "  for clients too" x alice
X2=$(pid_of keywarden-x2)
says "what policy says, to x2: it ends" ended "" raw x2 00000007005b0000000103
check "  and is back" back keywarden-x2 "$X2"
POLICY=$(pid_of keywarden-policy)
says "a question about an XID, to policy: it ends" ended "" \
	raw policy 00000016005a0000000111111111222243338444555555555555
check "  and is back" back keywarden-policy "$POLICY"
AUDIT=$(pid_of keywarden-audit)
says "what workers say, to audit: it ends" ended "" raw audit 00000007009b0000000100
check "  and is back" back keywarden-audit "$AUDIT"
check "  no intent is open" eventually 20 quiet kw audit verify
HI2=$(pid_of keywarden-hi2)
kill -KILL "$HI2"
check "another one in its place" back keywarden-hi2 "$HI2"
says "has the words of all again" "asked again, and done" x3 lies
finish
