#!/usr/bin/env bash
# A CSCF with a good certificate that sends what it should not: the others are
# served meanwhile, what x2 holds stays within bounds, and the log has nothing
# of it.
#
#	SEED=N: other changes; LONG=1: as many of each as take minutes
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# many N: of N, a fifth will do where time is short
many() { echo $(($1 / (${LONG:-0} ? 1 : 5))); }
XID=11111111-2222-4333-8444-555555555555
X2PORT=$(free_port)
# What x2 may hold beside what it starts with, MiB, each at its limit once and none
# of it given back: calls 16; tickets 16, and 16 of the table that had them; what
# hi2 has not answered 8; what hi2 and policy have not read 16 each; 2 for each of
# three connections.
BOUND_KIB=$(((16 + 16 + 16 + 8 + 2 * 16 + 3 * 2) * 1024))

call() {
	CALLS=$((${CALLS:-0} + 1))
	timeout 60 "$BIN/lab-x2" --connect "127.0.0.1:$X2PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/cscf.pem" --key "$WORK/cscf.key" --xid "$XID" \
		--target "$(uri alice)" --from "$(uri alice)" --to "$(uri bob)" \
		--call-id "call-$CALLS@lab.example" --wait-ack 20 --call "$WORK/$1" \
		>"$WORK/cscf.out" 2>"$WORK/cscf.err"
}
keys_are() { [ "$(counted hi2 keys)" = "$1" ]; }
# hostile WHAT N...: while it goes on, a call is served
KEYS=0
hostile() {
	local ok=0 before
	before=$(counted x2 pdus)
	"$BIN/attack-cscf" "127.0.0.1:$X2PORT" "$WORK" "${XID//-/}" "$WORK/u" "${SEED:-1}" \
		"$@" >"$WORK/hostile" 2>&1 &
	local pid=$!
	sleep 1
	KEYS=$((KEYS + 1))
	check "$1: another CSCF's call is taken meanwhile" call "x$KEYS"
	check "$1: and its keys are in the queue" eventually 60 keys_are "$KEYS"
	wait $pid || ok=1
	while read -r how what; do
		check "$what" same "$how" ok
	done <"$WORK/hostile"
	check "$1: all of it was taken" same "$ok" 0
	check "$1: x2 is the same" same "$(pid_of keywarden-x2)" "$X2"
	note "holds $(memory_of "$X2") KiB, at first $FIRST"
	sleep 2.2 # counts are told every 2 s
	check "$1: most were read" test $(($(counted x2 pdus) - before)) -gt $(($2 * 9 / 10))
	check "$1: within its bound" test "$(memory_of "$X2")" -lt $((FIRST + BOUND_KIB))
}

step "An appliance that is a DF2/MF"
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
  max_mib = 16
  max_calls = 2000
  address_rate = 0 # each malformed PDU costs it a connection
  client_rate = 0
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
	-e "s/\"delivery\": .*/\"delivery\": [\"hi2\"], \"lemfs\": [\"north\"] }/" \
	-e '/"clients"/s/"clients": [^]]*\], //' "$WORK/W.body"
request W one warrant new "$WORK/W.body"
check "a warrant for Alice" approve W one two
for n in $(seq 12); do exchange "x$n" alice bob; done
exchange u alice bob --update by-responder
check "a call" call x1
KEYS=1
check "its keys are in the queue" eventually 60 keys_are 1
X2=$(pid_of keywarden-x2)
FIRST=$(memory_of "$X2")

step "PDUs"
hostile changed "$(many 20000)"
hostile xids "$(many 20000)"
hostile attributes 200

step "SIP messages"
hostile headers "$(many 2000)"
hostile multipart 500
hostile lines 300
hostile big 300

step "Calls"
hostile calls "$(many 20000)"
hostile one "$(many 3000)"
hostile crowd "$(many 1000)"
hostile updates "$(many 3000)"

step "What the log has"
for word in call- good- sip: INVITE "${XID%%-*}" key-mgmt; do
	check "nothing of \"$word\"" not_in_logs "$word"
done
check "few lines" test "$(wc -l <"$WORK/daemon.log")" -lt 500
finish
