#!/usr/bin/env bash
# Brings two appliances up with SoftHSM tokens, one with its key of X2 in the
# token and one with it in a file, and measures handshakes with both, beside
# plain OpenSSL and the token by itself: bench_tls.  X2 and not Xk, where policy
# has a part in each connection.
#
#	BIN=build/release/bin bench/tls.sh
set -u
cd "$(dirname "$0")/.." || exit 1
BIN=${BIN:-$PWD/build/release/bin}
# shellcheck source=tests/scenario/lib.sh
. tests/scenario/lib.sh
MODULE=/usr/lib/softhsm/libsofthsm2.so # keywarden.conf(5): the default

# appliance [token]: with the DF2/MF's role, as $X2PORT
appliance() {
	local name=$WORK/..
	cp "$name"/*.pem "$name"/*.key "$name"/*.ext "$WORK/"
	config
	# One client that is as fast as it can: no allowance is to be measured.
	df2_config 'max_connections = 1024 max_handshakes = 256 address_rate = 0
  address_connections = 0 client_rate = 0 client_connections = 0'
	check "keywarden init" init
	if [ "${1:-}" = token ]; then
		sed -i '/^x2 {/,/^}/s,^  key = .*,  key = "token",' "$CONF"
		kw kms tls-request --for x2 --out "$WORK/token.csr"
		openssl x509 -req -in "$WORK/token.csr" -CA "$WORK/ca.pem" \
			-CAkey "$WORK/ca.key" -set_serial 99 -days 3 \
			-extfile "$WORK/x2.ext" -out "$WORK/x2.pem" 2>/dev/null
	fi
	check "keywardend serves" up
}

pki
leaf x2 "x2.lab.example" ca
leaf cscf "cscf.lab.example" ca
X2PORT=$(free_port)
TOKEN_AT=127.0.0.1:$X2PORT
on token appliance token
X2PORT=$(free_port)
MEMORY_AT=127.0.0.1:$X2PORT
on memory appliance
SOFTHSM2_CONF=$WORK/token/state/token/softhsm2.conf "$BIN/bench_tls" \
	--token "$TOKEN_AT" --memory "$MEMORY_AT" --ca "$WORK/ca.pem" \
	--cert "$WORK/cscf.pem" --key "$WORK/cscf.key" \
	--server-cert "$WORK/x2.pem" --server-key "$WORK/x2.key" \
	--module "$MODULE" --label keywarden --pin-file "$WORK/token/pin"
check "the bench ended well" same $? 0
[ "$FAILURES" -eq 0 ] || exit 1
