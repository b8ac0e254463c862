#!/usr/bin/env bash
# Keys are sealed to the LEMF that has a certificate, by the process at the
# token: nobody between it and the LEMF's private key ever has them.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

A=$(xid 1)
alice=$(uri alice)
# lemf_cert NAME [options of openssl req]: a key and a certificate for that
lemf_cert() {
	openssl req -x509 -newkey "${KEY_KIND:-ec}" ${KEY_OPT:--pkeyopt ec_paramgen_curve:P-256} \
		-nodes -keyout "$WORK/$1.key" -out "$WORK/$1.pem" -days "${DAYS:-30}" \
		-subj "/CN=$1 keys" -addext basicConstraints=critical,CA:FALSE "${@:2}" 2>/dev/null
	chmod 600 "$WORK/$1.key"
}
# until_seconds NAME N: the same certificate, which ends in N seconds
until_seconds() {
	: >"$WORK/index"
	openssl req -new -key "$WORK/$1.key" -subj "/CN=$1 keys" -out "$WORK/$1.csr" 2>/dev/null
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n' \
		"$WORK/index" "$WORK" >"$WORK/ca.conf"
	printf 'basicConstraints=critical,CA:FALSE\n' >"$WORK/$1.ext"
	openssl ca -batch -notext -md sha256 -config "$WORK/ca.conf" -in "$WORK/$1.csr" \
		-cert "$WORK/ca.pem" -keyfile "$WORK/ca.key" -extfile "$WORK/$1.ext" \
		-startdate "$(date -u -d '-1 minute' +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d "+$2 seconds" +%Y%m%d%H%M%SZ)" -out "$WORK/$1.pem" 2>/dev/null
}
lemfs() { kw lemf list --json | tr -d ' \n' | grep -o '"name":"[^"]*"' | tr '\n' ' '; }
# Those of a LEMF with a key are opened with it.
eval "sealed_$(declare -f records)"
records() {
	sealed_records "$1"
	[ -e "$WORK/$1.key" ] || return 0
	"$here/open_keys.py" "$WORK/$1.key" \
		<"$WORK/records/$1.json" >"$WORK/records/$1.opened" || return 1
	mv "$WORK/records/$1.opened" "$WORK/records/$1.json"
}
# plain LEMF: how many of its keys in the queue are not sealed
plain() {
	sealed_records "$1"
	grep -o '"salt"' "$WORK/records/$1.json" | wc -l
}
# keys_in DIR: the keys and salts of a call, in KEYS
keys_in() { mapfile -t KEYS < <(key_words "$1"); }
key_words() { grep -ho '"\(sessionKey\|salt\)": *"[0-9a-f]*"' "$WORK/$1/keys.json" | grep -o '[0-9a-f]\{28,\}'; }

step "A LEMF that has a certificate, and one that has none"
df2_up
for who in alice bob; do subscriber $who; done
for n in 1 2 3 4 5; do exchange x$n alice bob --cs 2; done
lemf_cert lemf-0
check "a certificate, asked for and signed by one" request L sec-one lemf add lemf-0 --cert "$WORK/lemf-0.pem"
sign L sec-one
check "  is handed in" submit L
check "  and waits" same "$(lemfs)" ""
kw request show "$(sha256sum <"$WORK/L.json" | cut -d' ' -f1)" >"$WORK/shown"
check "  with what is to be compared" grep -q "$(openssl x509 -in "$WORK/lemf-0.pem" -outform DER | sha256sum | cut -d' ' -f1)" "$WORK/shown"
sign L sec-two
check "the second signs" submit L
check "  it is in force" same "$(lemfs)" '"name":"lemf-0" '
check "that of a CA is refused" not asked CA lemf add lemf-1 --cert "$WORK/ca.pem"
check "  it says why" grep -q "a CA" "$WORK/CA.added"
hi2_document W LIID-A "$A" "$alice"
check "a warrant says how each LEMF gets keys" same \
	"$(kw warrant check "$WORK/W.json" --json | grep -o 'records over HI2 to [^"]*' | paste -sd';')" \
	"records over HI2 to lemf-0, keys sealed to its certificate;records over HI2 to lemf-1, keys in clear: it has no certificate"
check "it is entered" approve W one two
check "a call" report x1 "$A" alice
keys_of LIID-A "$alice" from x1
all_there "its records, opened with the LEMF's key"
check "lemf-0 has no key in clear" same "$(plain lemf-0)" 0
check "lemf-1 has both" same "$(plain lemf-1)" 2

step "Each of them has one"
KEY_KIND=rsa:3072 KEY_OPT=" " lemf_cert lemf-1
mv "$WORK/lemf-1.key" "$WORK/lemf-1.rsa" # what it got before is in clear
check "an RSA certificate" asked L1 lemf add lemf-1 --cert "$WORK/lemf-1.pem"
mv "$WORK/lemf-1.rsa" "$WORK/lemf-1.key"
check "a call" report x2 "$A" alice
keys_of LIID-A "$alice" from x2
all_there "its records"
if [ -r "/proc/$(pid_of keywarden-hi2)/mem" ] && "$here/memory_of.py" "$(pid_of keywarden-hi2)" "$WORK/memory" 2>/dev/null; then
	keys_in x2
	for name in hi2 x2 policy audit xk; do
		"$here/memory_of.py" "$(pid_of keywarden-$name)" "$WORK/memory"
		check "no key of it is in the memory of $name" nowhere "$WORK/memory" -- "${KEYS[@]}"
	done
	rm "$WORK/memory"
else
	note "memory of the processes is not looked into: only root may"
fi

step "A certificate that ends"
until_seconds lemf-0 4
check "another one, for some seconds" asked L2 lemf add lemf-0 --cert "$WORK/lemf-0.pem"
check "the log has an alarm" eventually 10 quiet eval 'kw audit show --json | grep -q "certificate of a LEMF has ended or ends"'
sleep 5
check "a call" report x3 "$A" alice
TO=lemf-1 keys_of LIID-A "$alice" from x3
TO=lemf-0 no_keys_of LIID-A "$alice" from x3
all_there "keys for one, and that there are none for the other"
check "  without one in clear" same "$(plain lemf-0)" 0
check "  said by the worker" grep -q "cannot be sealed for LEMF lemf-0, which gets none" "$WORK/daemon.log"
lemf_cert lemf-1b
until_seconds lemf-1b 4
check "nobody has a good one" asked L3 lemf add lemf-1 --cert "$WORK/lemf-1b.pem"
sleep 5
check "a call" report x4 "$A" alice
no_keys_of LIID-A "$alice" from x4
all_there "no keys for anybody"
check "  and the log says that none was released" same \
	"$(kw audit show --json | grep keyOutcome | tail -n 1 | grep -o '"result":"[^"]*"')" '"result":"unsupported"'
DAYS=60 lemf_cert lemf-0
check "a good one again" asked L4 lemf add lemf-0 --cert "$WORK/lemf-0.pem"
check "none for the other" asked L5 lemf remove lemf-1
check "  the alarm is over" eventually 10 quiet eval 'kw audit show --json | grep -q "good for a while again"'

step "What hi2 hears, if it keeps it all"
daemon_stop
mkdir "$WORK/bin"
cp "$BIN"/keywardend "$BIN"/keywarden-* "$WORK/bin"
cp "$BIN/attack-puppet" "$WORK/bin/keywarden-hi2"
"$WORK/bin/keywardend" --config "$CONF" >>"$WORK/daemon.log" 2>&1 &
DAEMON=$!
check "the appliance serves" quiet kw status --wait $((20 * ${SLOW:-1}))
check "lemf-1 has its own again" asked L6 lemf add lemf-1 --cert "$WORK/lemf-1.pem"
WAIT_ACK=5 report x5 "$A" alice
keys_in x5
heard() { ! nowhere "$WORK/bin/keywarden-hi2.heard" -- "$@" >/dev/null; }
check "sealed keys come" eventually 20 heard 060b2a864886f70d0109100117
check "  no key in clear with them" nowhere "$WORK/bin/keywarden-hi2.heard" -- "${KEYS[@]}"
check "only lemf-0 left" asked L7 lemf remove lemf-1
check "  in clear, once one has none" eventually 30 heard "${KEYS[0]}"
finish
