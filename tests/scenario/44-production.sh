#!/usr/bin/env bash
# production = true: each thing that is for trials is refused, by init and by
# keywardend, and what is left serves.  The token is SoftHSM behind p11fault,
# which gives it another name: by its own it is refused.  That a token is one of
# hardware no program can show.
# shellcheck disable=SC2317 # called by check
set -u
# Each process a user of its own: as root, and the users for this scenario alone.
ROOT=0
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	ROOT=1
	[ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare -m "$0" "$@"
fi
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
[ -e "$FAULT" ] || { echo "no p11fault.so beside $BIN"; exit 77; }
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
# At the end of all that the vendor's tools leave, an empty token.
mkdir -m 755 "$WORK/token"
mkdir -m 700 "$WORK/token/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
	"$WORK/token/tokens" >"$WORK/token/softhsm.conf"
SOFTHSM2_CONF=$WORK/token/softhsm.conf softhsm2-util --init-token --free --label keywarden \
	--pin 314159265358 --so-pin 87654321 >/dev/null
objects() { find "$WORK/token/tokens" -name '*.object' ! -name token.object | wc -l; }
true_name() { : >"$WORK/token/script"; }
other_name() { echo 'C_GetTokenInfo always model=7' >"$WORK/token/script"; }
token_of() {
	TOKEN_EXTRA="module = \"$1\" environment = {\"KW_P11_REAL=$SOFTHSM\",
  \"KW_P11_SCRIPT=$WORK/token/script\", \"SOFTHSM2_CONF=$WORK/token/softhsm.conf\"}
  files = {\"$WORK/token\"}"
	fault_files() { :; }
	config
	echo 'production = true' >>"$CONF"
}
# replace A B: in the configuration, a condition less
replace() { sed -i "s|$1|$2|" "$CONF"; }
# refused_by COMMAND... PATTERN: exit code 78, and it says why
refused_by() {
	local pattern=${*: -1}
	timeout 20 "${@:1:$#-1}" >"$WORK/said" 2>&1
	[ $? = 78 ] && grep -q -- "production = true: .*$pattern" "$WORK/said" && return
	cat "$WORK/said"
	return 1
}
by_init() {
	refused_by "$BIN/keywarden" init --officer one="$WORK/officer-one.pem" \
		--officer two="$WORK/officer-two.pem" --security-officer sec-one="$WORK/sec-one.pem" \
		--security-officer sec-two="$WORK/sec-two.pem" --client df2="$WORK/df2.pem" \
		--config "$CONF" "$1"
}
by_both() {
	check "init: $1" by_init "$1"
	check "keywardend: $1" refused_by "$BIN/keywardend" --config "$CONF" "$1"
}

step "One condition after the other"
pki
crl lists 9
(umask 077 && echo 314159265358 >"$WORK/pin")
true_name
token_of $SOFTHSM
by_both "token.module is SoftHSM"
token_of "$FAULT"
by_both "token.pin_file is on the disk of state_dir"
MEMORY=$(mktemp -d /dev/shm/keywarden-scenario.XXXXXX)
trap 'rm -rf "$MEMORY"; exit 130' INT TERM
install -m 400 "$WORK/pin" "$MEMORY/pin"
# The PIN file is where the state is not: in memory.
replace 'pin_file = "[^"]*"' "pin_file = \"$MEMORY/pin\""
by_both "sandbox does not demand each layer"
replace '^sandbox .*' 'sandbox { landlock = 1 namespaces = "yes" users = "yes" }'
by_both 'key = "token"'
replace '^  key = .*' '  key = "token"'
by_both "has no crl"
replace '^  client_ca = .*' "&\n  crl = \"$WORK/lists.crl\""
check "init: the token says that it is SoftHSM" by_init "this token is SoftHSM, a TEST TOKEN"
check "nothing was made in the token" same "$(objects)" 0
check "nothing was made in the state" same "$(find "$WORK/state" -type f ! -name lock)" ""

step "A token of another name"
other_name
check "init takes it" init
check "init does not call it a TEST TOKEN" not grep -q "TEST TOKEN" "$WORK/init.log"
rm "$WORK/xk.csr"
kw kms tls-request --for xk --out "$WORK/xk.csr"
printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >"$WORK/xk.ext"
openssl x509 -req -in "$WORK/xk.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
	-set_serial 7 -extfile "$WORK/xk.ext" -out "$WORK/xk.pem" 2>/dev/null
not_here() {
	rm -rf "$MEMORY"
	note "$1: it cannot serve here"
	finish
}
[ $ROOT = 1 ] || not_here "not root"
cp /etc/passwd "$WORK/passwd"
n=61000
for kind in audit hi2 hi2c hsm policy signer x2 xk xkc; do
	n=$((n + 1))
	echo "keywarden-$kind:x:$n:$n::/:/bin/false" >>"$WORK/passwd"
done
mount --bind "$WORK/passwd" /etc/passwd
chmod 711 "$WORK"
chown -R keywarden-hsm "$WORK/token/tokens"
: >"$WORK/daemon.log"
log_mark
settled() { serves || gone "$DAEMON"; }
daemon_start
eventually 20 settled
! log_says "cannot be kept" || not_here "a layer is not to be had"
check "it serves" serves
kw status >"$WORK/status"
check "status says production" grep -q "^production: what is for trials is refused" "$WORK/status"
check "status says nothing of a TEST TOKEN" not grep -q "TEST TOKEN" "$WORK/status"
both_serve() { same "$(kw status | grep -cE '^(hsm 0|signer): serving')" 2 >/dev/null; }
check "worker and signer use the token" eventually 10 both_serve
check "each layer is there" grep -qE "filters, Landlock [1-9].*namespaces: own, a user each" \
	"$WORK/status"
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
check "a warrant" warrant W
exchange x alice bob
granted "a request, over TLS by the token's key" x alice

step "The same token by its true name"
daemon_stop
true_name
log_mark
daemon_start
check "the worker refuses it" eventually 20 log_says \
	"keywarden-hsm 0: production = true: this token is SoftHSM, a TEST TOKEN"
check "it does not serve" not kw status --wait 1
check "the signer refuses it" eventually 20 log_says \
	"keywarden-signer: production = true: this token is SoftHSM, a TEST TOKEN"
rm -rf "$MEMORY"
finish
