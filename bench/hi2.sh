#!/usr/bin/env bash
# How fast a queue that has waited leaves: an appliance with a SoftHSM token takes
# in SIP messages of a target while the LEMF is down; then keywarden-lemf listens,
# on this machine, and has each record on its disk before it acknowledges.
# Sealed in the queue, removed from it when acknowledged, synced at both ends.
#
#	BIN=build/release/bin bench/hi2.sh
#
# RECORDS (40000): about so many; INTEGRITY (none), or hash.
set -u
cd "$(dirname "$0")/.." || exit 1
BIN=$(realpath "${BIN:-$PWD/build/release/bin}")
# shellcheck source=tests/scenario/lib.sh
. tests/scenario/lib.sh
RECORDS=${RECORDS:-40000}
LEMFS=(agency)
A=$(xid 1)

# waiting: records that the LEMF has not acknowledged
waiting() {
	kw delivery --json | tr -d ' \n' |
		sed 's/.*"waiting":\([0-9]*\).*/\1/'
}
has_waiting() { [ "$(waiting)" -ge "$1" ]; }
octets() { stat -c %s "$WORK"/lemf/LIID-A.hi2 2>/dev/null || echo 0; }
now() { date +%s%N; }

pki
for n in x2 cscf hi2 lemf; do leaf $n "$n.lab.example" ca; done
LPORT=$(free_port)
config
df2_config
sed -i '/^lemf /d' "$CONF"
cat >>"$CONF" <<END
hi2 { certificate = "$WORK/hi2.pem" key = "$WORK/hi2.key" }
lemf agency { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:$LPORT"
  server_ca = "$WORK/ca.pem" acknowledge = "acknowledged" integrity = "${INTEGRITY:-none}" }
END
mkdir -p "$WORK/records" "$WORK/none"
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
subscriber alice
PRODUCTS='"keys", "sip"' hi2_warrant W LIID-A "$A" "$(uri alice)" || fail "no warrant"

step "In"
"$BIN/lab-x2" --xid "$A" --target "$(uri alice)" --from "$(uri alice)" --to "$(uri bob)" \
	--call-id bench@lab.example --call "$WORK/none" --dump "$WORK/one"
"$BIN/lab-x2" --from "$(uri alice)" --to "$(uri bob)" --call-id bench@lab.example \
	--call "$WORK/none" --print-dir "$WORK/printed"
EACH=$(find "$WORK/printed" -name '*.sip' | wc -l)
for ((n = 0; n < RECORDS / EACH; n++)); do cat "$WORK/one"; done >"$WORK/all"
RECORDS=$((RECORDS / EACH * EACH))
# It stays connected: what it has sent is read before its end is seen.
openssl s_client -connect "127.0.0.1:$X2PORT" -CAfile "$WORK/ca.pem" -cert "$WORK/cscf.pem" \
	-key "$WORK/cscf.key" -quiet <"$WORK/all" >/dev/null 2>&1 &
CSCF=$!
check "$RECORDS records wait" eventually 120 has_waiting "$RECORDS"
kill $CSCF

step "Out"
"$BIN/keywarden-lemf" receive --listen "127.0.0.1:$LPORT" --cert "$WORK/lemf.pem" \
	--key "$WORK/lemf.key" --client-ca "$WORK/ca.pem" --out "$WORK/lemf" \
	--once "$RECORDS" >"$WORK/lemf.log" 2>&1 &
LEMF=$!
until [ "$(octets)" -gt 0 ]; do
	kill -0 $LEMF 2>/dev/null || break
	sleep 0.01
done
BEGAN=$(now)
wait $LEMF
check "the LEMF found nothing wrong" same $? 0
TOOK=$((($(now) - BEGAN) / 1000))
printf 'records out, to one LEMF: %d a second (%d of %d octets, in %d ms)\n' \
	$((RECORDS * 1000000 / TOOK)) "$RECORDS" $(($(octets) / RECORDS)) $((TOOK / 1000))
finish
