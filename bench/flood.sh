#!/usr/bin/env bash
# Brings an appliance up with a SoftHSM token, and measures what one client's
# flood costs another one: bench_flood.  The honest client comes by IPv6, the bad
# one by IPv4, so that they are two addresses.
#
#	BIN=build/release/bin bench/flood.sh [WORKERS]
set -u
cd "$(dirname "$0")/.." || exit 1
BIN=${BIN:-$PWD/build/release/bin}
WORKERS=${1:-1}
# shellcheck source=tests/scenario/lib.sh
. tests/scenario/lib.sh

step "$WORKERS worker(s)"
pki
config
sed -i "s/listen = .*/listen = {\"127.0.0.1:$PORT\", \"[::1]:$PORT\"}/" "$CONF"
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
CLIENTS='"df2", "df2b"' check "a warrant" warrant A
sleep 1
"$BIN/bench_flood" --connect "[::1]:$PORT" --bad-connect "127.0.0.1:$PORT" \
	--name localhost --ca "$WORK/ca.pem" \
	--cert "$WORK/df2.pem" --key "$WORK/df2.key" \
	--bad-cert "$WORK/df2b.pem" --bad-key "$WORK/df2b.key" \
	--params "$WORK/params.der" \
	--initiator "$(uri alice)" --initiator-seed "$WORK/alice.seed" \
	--responder "$(uri bob)" --responder-seed "$WORK/bob.seed"
check "the bench ended well" same $? 0
check "the flood is told of" grep -q "closed" "$WORK/daemon.log"
finish
