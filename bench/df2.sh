#!/usr/bin/env bash
# Brings an appliance up that is a DF2/MF, with a SoftHSM token, and measures
# it with bench_df2 as a CSCF: time to key, 25,000 SIP messages a second,
# memory over a million calls.
#
#	BIN=build/release/bin bench/df2.sh [time|load|memory...]
#
# WORKERS (1), LINKS (2), ROUNDS (5), SECONDS_OF_LOAD (20), CALLS (1000000)
# change what is done.  Root, or who may read the memory of its own processes
# that are not dumpable, for figures of memory.
set -u
cd "$(dirname "$0")/.." || exit 1
TRUE_BIN=$(realpath "${BIN:-$PWD/build/release/bin}")
BIN=$TRUE_BIN
MILLION=${CALLS:-1000000} # lib.sh counts calls by that name
# shellcheck source=tests/scenario/lib.sh
. tests/scenario/lib.sh
MODULE=/usr/lib/softhsm/libsofthsm2.so # keywarden.conf(5): the default
XID=11111111-2222-4333-8444-555555555555
CALL_ID=bench0000000000000000
EXCHANGES=16

# The relay of bench_df2 in the place of keywarden-hi2, all else as it is.
shadow() {
	mkdir -p "$WORK/bin/true"
	for p in keywarden keywardend keywarden-audit keywarden-hsm keywarden-policy \
		keywarden-x2 keywarden-xk lab-exchange lab-x2; do
		cp "$TRUE_BIN/$p" "$WORK/bin/$p"
	done
	cp "$TRUE_BIN/keywarden-hi2" "$WORK/bin/true/"
	cp "$TRUE_BIN/bench_df2_relay" "$WORK/bin/keywarden-hi2"
	BIN=$WORK/bin
}
warrant_x2() {
	body X
	sed -i -e "s/\"identities\": \[[^]]*\]/&, \"xids\": [\"$XID\"]/" \
		-e "s/\"clients\": .*/\"products\": [\"keys\"], \"delivery\": [\"hi2\"], \"lemfs\": [\"lemf1\"] }/" \
		"$WORK/X.body"
	request X one warrant new "$WORK/X.body" && approve X one two
}
# pdus FILE [options of lab-x2]
pdus() {
	local file=$1
	shift
	"$BIN/lab-x2" --xid "$XID" --target "$(uri alice)" --from "$(uri alice)" \
		--to "$(uri bob)" --call-id "$CALL_ID" "$@" --dump "$file"
}
counted() {
	kw status --json | tr -d ' \n' | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d: -f2
}
is_counted() { [ "$(counted "$1")" = "$2" ]; }
measure() {
	local n own=()
	step "$1, $WORKERS worker(s)"
	X2PORT=$(free_port)
	pki
	leaf cscf "cscf.lab.example" ca
	config
	cat >>"$CONF" <<-EOC
		x2 {
		  listen = {"127.0.0.1:$X2PORT"}
		  certificate = "$WORK/xk.pem"
		  key = "$WORK/xk.key"
		  client_ca = "$WORK/ca.pem"
		}
		lemf lemf1 { profile = "etsi" operator_id = "LAB" }
	EOC
	shadow
	check "keywarden init" init
	check "keywardend serves" up
	kw kms params --out "$WORK/params.der"
	subscriber alice
	subscriber bob
	check "a warrant for Alice" warrant_x2
	for n in $(seq $EXCHANGES); do
		exchange "x$n" alice bob
		pdus "$WORK/own-$n" --call "$WORK/x$n" && own+=("$WORK/own-$n")
	done
	mkdir -p "$WORK/none"
	pdus "$WORK/other" --call "$WORK/none"
	sleep 1
	SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf "$TRUE_BIN/bench_df2" \
		--what "$1" --host 127.0.0.1 --port "$X2PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/cscf.pem" --key "$WORK/cscf.key" --links "${LINKS:-2}" \
		--module "$MODULE" --label keywarden --pin-file "$WORK/pin" \
		--params "$WORK/params.der" --workers "$WORKERS" \
		--folder "$WORK/state" --stored "$WORK/bin/stored" \
		--sent "$WORK/sent" --other "$WORK/other" --daemon "$DAEMON" \
		--rounds "${ROUNDS:-5}" --seconds "${SECONDS_OF_LOAD:-20}" \
		--calls "$MILLION" "${own[@]}"
	check "the bench ended well" same $? 0
	while read -r name n; do
		check "$name: $n, none lost" eventually 5 is_counted "$name" "$n"
	done <"$WORK/sent"
	for name in evicted malformed refused givenUp noKeys; do
		check "$name: 0" is_counted "$name" 0
	done
	daemon_stop
	rm -rf "${WORK:?}"/*
	unset PORT
}

[ $# -gt 0 ] || set -- time load memory
for what in "$@"; do measure "$what"; done
[ "$FAILURES" -eq 0 ] || exit 1
