#!/usr/bin/env bash
# All four ends of TLS with keys that are in the token: a DF2/MF over Xk, a CSCF
# over X2, an LEMF, and another appliance, which here is this one itself.  The
# certificates come from a CA by requests that init made.  A certificate of
# another key is refused, a new one is taken at SIGHUP; the signer may be killed
# at any time, and costs no more than the handshakes that wait.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

LEMFS=(north)
A=$(xid 1)
alice=$(uri alice)
LEMF_PORT[north]=$(free_port)

delivered() {
	kw delivery show --json | tr -d ' \n' | grep -q "\"delivered\":$1[,}]"
}
serial_of() { openssl x509 -in "$1" -noout -serial; }
served_serial() {
	: | openssl s_client -connect "127.0.0.1:$PORT" -alpn xk/1 \
		-cert "$WORK/df2.pem" -key "$WORK/df2.key" 2>/dev/null |
		openssl x509 -noout -serial 2>/dev/null
}
xk_section() {
	sed -i "/^xk {/,/^}/s,^  key = .*,  key = \"$1\"," "$CONF"
	sed -i "/^xk {/,/^}/s,^  certificate = .*,  certificate = \"$2\"," "$CONF"
}
serves_certificate() { [ "$(served_serial)" = "$(serial_of "$WORK/$1.pem")" ]; }
granted_soon() { served; }

step "An appliance whose keys are all in the token"
pki
leaf cscf "cscf.lab.example" ca
leaf lemf "lemf.lab.example" ca
config
df2_config
sed -i '/^lemf /d' "$CONF"
sed -i 's,^  key = .*,  key = "token",' "$CONF"
cat >>"$CONF" <<END
hi2 { certificate = "$WORK/hi2.pem" key = "token" }
lemf north { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[north]}"
  server_ca = "$WORK/ca.pem" keep_alive_seconds = 1 answer_seconds = 1 dead_seconds = 2 }
xk_client { connect = "127.0.0.1:$PORT" certificate = "$WORK/self.pem" key = "token"
  server_ca = "$WORK/ca.pem" keep_alive_seconds = 1 }
END
mkdir "$WORK/records"
: >"$WORK/expected"
check "keywarden init" init
for role in xk x2 hi2; do check "a certificate for $role" issue $role $role; done
check "a certificate for xk_client" issue self xk_client
check "a request says whose it is" grep -q "CN = keywarden xk" \
	<(openssl req -in "$WORK/token-xk.csr" -noout -subject -verify 2>&1)
check "no key of TLS in a file of the state" not grep -rl "PRIVATE KEY" "$WORK/state"
lemf_up north
check "keywardend serves" up
serves || finish
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
check "the other appliance is a client" client self
exchange x alice bob

step "Each end shows itself by the token's key"
CLIENTS='"df2", "self"' check "a warrant for Xk" warrant W
check "a warrant for the LEMF" hi2_warrant WH LIID-1 "$A" "$alice"
granted "over Xk" x alice
check "a call by X2" report x "$A" alice
check "its record is made by way of Xk and delivered" eventually 20 delivered 1
check "by the key that is in the certificate" same "$(served_serial)" "$(serial_of "$WORK/xk.pem")"

step "Another certificate, and one of another key"
issue fresh xk
xk_section token "$WORK/fresh.pem"
check "a new certificate: read at SIGHUP" reload "configuration read again"
check "and shown" eventually 15 serves_certificate fresh
xk_section token "$WORK/df2.pem"
check "one of another key: refused" reload \
	"xk.certificate: not of the token's key: .*: the configuration in use stays"
check "the one in use stays" same "$(served_serial)" "$(serial_of "$WORK/fresh.pem")"
xk_section token "$WORK/x2.pem"
check "one of another role's key: refused" reload "not of the token's key"
sed -i 's,"127.0.0.1:'"${LEMF_PORT[north]}"'",& tls = "1.2",' "$CONF"
check "TLS 1.2 with such a key: refused" reload "a key in the token signs for TLS 1.3 alone"
sed -i 's, tls = "1.2",,' "$CONF"
xk_section "$WORK/xk-file.key" "$WORK/xk-file.pem"
leaf xk-file "xk.lab.example" ca
check "a key in a file: taken" reload "configuration read again"
check "and shown" same "$(served_serial)" "$(serial_of "$WORK/xk-file.pem")"
xk_section token "$WORK/fresh.pem"
check "the token's again" reload "configuration read again"
check "and shown" same "$(served_serial)" "$(serial_of "$WORK/fresh.pem")"

step "The signer is killed"
XK=$(pid_of keywarden-xk)
OLD=$(pid_of keywarden-signer)
kill -STOP "$OLD"
: | timeout 15 openssl s_client -connect "127.0.0.1:$PORT" -alpn xk/1 \
	-cert "$WORK/df2.pem" -key "$WORK/df2.key" >"$WORK/waits" 2>&1 &
WAITS=$!
# A client that goes while its handshake waits.
: | timeout 1 openssl s_client -connect "127.0.0.1:$PORT" -alpn xk/1 >/dev/null 2>&1
check "a handshake waits for the signer" kill -0 $WAITS
kill -KILL "$OLD"
wait $WAITS
check "and ends with it, by an alert" grep -q "alert internal error" "$WORK/waits"
check "the next is served by a new one" eventually 10 granted_soon
check "which is another process" is_new keywarden-signer "$OLD"
check "xk is the same one" same "$(pid_of keywarden-xk)" "$XK"
many=()
for _ in 1 2 3 4 5 6 7 8; do
	served_serial >/dev/null &
	many+=($!)
done
kill -KILL "$(pid_of keywarden-signer)"
wait "${many[@]}"
check "killed among handshakes: the next is served" eventually 10 granted_soon
lemf_down north
lemf_up north
check "a call by X2" report x "$A" alice
check "its record is delivered by a new connection" eventually 20 delivered 2
check "keywardend stops" kill "$DAEMON"
wait "$DAEMON"
DAEMON=0

step "It starts with no other key's certificate"
xk_section token "$WORK/df2.pem"
check "refused at start" cannot_start "xk.certificate: not of the token's key"
xk_section token "$WORK/nowhere.pem"
check "nor without one" cannot_start "nowhere.pem"
finish
