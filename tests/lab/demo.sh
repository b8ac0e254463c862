#!/usr/bin/env bash
# The main job, end to end: two phones make a MIKEY-IBAKE call with SRTP
# speech through a CSCF, among calls of others.  The CSCF reports the target's
# SIP over X2, the token opens the envelope, and seals the keys to the LEMF.
# That one is killed during the call; what it lacks is delivered when it is back,
# and keywarden-lemf decrypts the captured speech with it, bit for bit.  A DF2/MF elsewhere
# asks for the same keys over Xk.  The last output is a page of the call.
#
#	BIN=build/release/bin tests/lab/demo.sh FOLDER
#
# Exit code 0 only if every octet of speech is the one that was sent, and
# nothing came out where nothing may.
set -u
: "${BIN:?set BIN to the folder of the built programs}"
OUT=${1:?usage: demo.sh FOLDER}
SOUNDS=/usr/share/asterisk/sounds/en_US_f_Allison
SECONDS_OF_SPEECH=${SPEECH:-12}
A=sip:alice@lab.example
B=sip:bob@lab.example
# The tap listens on the wire, which takes root.
AS_ROOT=
if [ "$(id -u)" -ne 0 ]; then
	AS_ROOT="sudo -n"
	if [ -t 0 ]; then
		sudo -v -p "The lab's tap captures packets; password of %u for sudo: "
	fi
fi

START=$(date +%s.%N)
DAEMON=0
TAP=0
CSCF=0
LEMF=0
clock() { echo "$(date +%s.%N) $START" | awk '{ printf "%6.2f s", $1 - $2 }'; }
say() { printf '[%s] %s\n' "$(clock)" "$*"; }
tell() { printf '            %s\n' "$*"; }
die() {
	printf '[%s] DEMONSTRATION FAILED: %s\n' "$(clock)" "$*"
	[ -s "$OUT/appliance.log" ] && { echo "last lines of $OUT/appliance.log:"; tail -n 15 "$OUT/appliance.log"; }
	exit 1
}
quietly() { "$@" >>"$OUT/steps.log" 2>&1 || die "$* (see $OUT/steps.log)"; }
clean_up() {
	[ $TAP -ne 0 ] && $AS_ROOT kill $TAP 2>/dev/null
	[ $CSCF -ne 0 ] && kill $CSCF 2>/dev/null
	[ $LEMF -ne 0 ] && kill $LEMF 2>/dev/null
	[ $DAEMON -ne 0 ] && kill $DAEMON 2>/dev/null
	wait 2>/dev/null
}
trap clean_up EXIT
free_port() {
	local p
	while :; do
		p=$((20000 + 2 * (RANDOM % 15000)))
		(: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo $p; return; }
	done
}

[ -e "$OUT/.keywarden-lab" ] && rm -rf "$OUT"
mkdir -p "$OUT" 2>/dev/null && [ -z "$(ls -A "$OUT")" ] ||
	die "$OUT is not empty and not a folder of an earlier demonstration"
touch "$OUT/.keywarden-lab"
mkdir "$OUT/pki" "$OUT/requests" "$OUT/a" "$OUT/b" "$OUT/sip" "$OUT/xk" "$OUT/others"
chmod 700 "$OUT" "$OUT/pki"
[ -r "$SOUNDS/demo-congrats.wav" ] || die "no speech: install asterisk-core-sounds-en-wav"
XID=5f3a1c9e-70b2-4d8e-9c41-2b6d8e0f1a35
PORT=$(free_port) X2_PORT=$(free_port) SIP_A=$(free_port) SIP_B=$(free_port) RTP_A=$(free_port) RTP_B=$(free_port)
LEG_A=$(free_port) LEG_B=$(free_port) UAC=$(free_port) UAS=$(free_port) LEG_UAC=$(free_port) LEG_UAS=$(free_port)
HI2_PORT=$(free_port)
cd "$OUT" || exit 1

# ---- certificates of the lab ----
self() {
	quietly openssl req -x509 -newkey "$1" ${2:+-pkeyopt} ${2:+"$2"} -nodes -days 30 \
		-keyout "pki/$3.key" -out "pki/$3.pem" -subj "/CN=$4" "${@:5}"
}
leaf() {
	quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "pki/$1.key" -out "pki/$1.csr" -subj "/CN=$2"
	echo 'subjectAltName=IP:127.0.0.1' >pki/ext
	quietly openssl x509 -req -in "pki/$1.csr" -CA pki/ca.pem -CAkey pki/ca.key \
		-set_serial "0x$(openssl rand -hex 8)" -days 30 -extfile pki/ext -out "pki/$1.pem"
}
P256=ec_paramgen_curve:P-256
self ec $P256 ca "Lab CA"
leaf xk xk.lab.example
leaf x2 x2.lab.example
leaf cscf cscf.lab.example
leaf df2 df2.lab.example
leaf stranger stranger.lab.example
leaf hi2 hi2.lab.example
leaf lemf lemf.lab.example
self ec $P256 lemf-keys "Lab LEMF, for keys" -addext basicConstraints=critical,CA:FALSE \
	-addext keyUsage=critical,keyAgreement
self ec $P256 meyer "Officer Meyer"
self ec $P256 santos "Officer Santos"
self ec $P256 okafor "Security officer Okafor"
self ec $P256 lindqvist "Security officer Lindqvist"
self rsa:3072 "" device-a "Alice's phone"
self rsa:3072 "" device-b "Bob's phone"
chmod 600 pki/*.key

# ---- the appliance ----
cat >keywarden.conf <<EOF
state_dir = "$OUT/state"
control_socket = "$OUT/control"
xk {
  listen = {"127.0.0.1:$PORT"}
  certificate = "$OUT/pki/xk.pem"
  key = "$OUT/pki/xk.key"
  client_ca = "$OUT/pki/ca.pem"
}
x2 {
  listen = {"127.0.0.1:$X2_PORT"}
  certificate = "$OUT/pki/x2.pem"
  key = "$OUT/pki/x2.key"
  client_ca = "$OUT/pki/ca.pem"
}
hi2 {
  certificate = "$OUT/pki/hi2.pem"
  key = "$OUT/pki/hi2.key"
}
lemf "lab-lemf" {
  operator_id = "lab"
  address = "127.0.0.1:$HI2_PORT"
  server_ca = "$OUT/pki/ca.pem"
  acknowledge = "acknowledged"
  integrity = "signature"
  hash_ms = 500
  sign_seconds = 1
}
token { pin_file = "$OUT/pki/pin" }
kms { uri = "https://kms.lab.example" }
sandbox { landlock = 0 namespaces = "try" users = "no" memory_locked = "try" }
EOF
chmod 600 keywarden.conf
kw() { "$BIN/keywarden" "$@" --config "$OUT/keywarden.conf"; }

# signed NAME PERSON...: requests/NAME.json to requests/NAME.cms, each signs what
# the one before has signed
signed() {
	local name=$1 in=requests/$1.json more=() p
	shift
	for p in "$@"; do
		quietly "$BIN/keywarden" sign "$in" "${more[@]}" --cert "pki/$p.pem" --key "pki/$p.key" \
			--out "requests/$name-$p.cms"
		in=requests/$name-$p.cms more=(--resign)
	done
	mv "$in" "requests/$name.cms"
}
# enrol NAME [option for submit] -- options of subscriber add
enrol() {
	local name=$1 out=()
	shift
	while [ "$1" != -- ]; do out+=("$1") && shift; done
	quietly kw subscriber add --requester okafor --out "requests/$name.json" "${@:2}"
	signed "$name" okafor lindqvist
	quietly kw request submit "requests/$name.cms" "${out[@]}"
}

say "The KMS is made: master secret in a PKCS#11 token (SoftHSM, a TEST TOKEN), four persons in two roles, two clients."
quietly kw init --officer meyer=pki/meyer.pem --officer santos=pki/santos.pem \
	--security-officer okafor=pki/okafor.pem --security-officer lindqvist=pki/lindqvist.pem \
	--client df2-lab=pki/df2.pem --client df2-stranger=pki/stranger.pem
tell "$(kw kms show | sed -n 's/.*"strength": "\(.*\)",/Note: \1/p')."
"$BIN/keywardend" --config "$OUT/keywarden.conf" >appliance.log 2>&1 &
DAEMON=$!
kw status --wait 20 >status.txt 2>&1 || die "the appliance does not serve: $(cat status.txt)"
say "The appliance runs: $(pgrep -P $DAEMON -a | sed 's/.*\///' | awk '{print $NF}' | sort | uniq -c | awk '{printf "%s%s", sep, $2; sep=", "}')."

say "Alice is enrolled, signed by two security officers: her seed is made inside the token and leaves it only wrapped to her phone's key."
enrol alice --seed-out a/seed.json -- --identity $A --device-cert pki/device-a.pem
say "Bob too; his seed was made elsewhere and is imported, wrapped under the token's key."
(umask 077 && openssl rand -hex 32 >b/seed.hex)
enrol bob -- --identity $B --device-cert pki/device-b.pem --seed-file b/seed.hex
quietly kw subscriber key --identity $A --out a/key.json
quietly kw subscriber key --identity $B --out b/key.json
tell "Both phones have their private keys of today, each sealed to its own certificate."
quietly kw kms params --out params.der
quietly kw kms hi2-key --out hi2-key.pem
quietly kw lemf add lab-lemf --cert pki/lemf-keys.pem --requester okafor --out requests/lemf.json
signed lemf okafor lindqvist
quietly kw request submit requests/lemf.cms
say "The agency's certificate is enrolled for its LEMF: the process at the token seals session keys to it."

receive() {
	"$BIN/keywarden-lemf" receive --listen 127.0.0.1:$HI2_PORT --cert pki/lemf.pem --key pki/lemf.key \
		--client-ca pki/ca.pem --verify-key hi2-key.pem --out received >>lemf.log 2>&1 &
	LEMF=$!
}
counted() { kw status --json | tr -d ' \n' | sed -n "s/.*\"$1\":{[^}]*\"$2\":\([0-9]*\).*/\1/p"; }
# until_so SECONDS COMMAND...: it succeeds
until_so() {
	for _ in $(seq $(($1 * 10))); do "${@:2}" && return 0; sleep 0.1; done
	return 1
}
connected() { grep -q connected lemf.log; }
receive
until_so 40 connected || die "the LEMF is not connected: $(tail -n 3 appliance.log)"
say "The LEMF listens, and the appliance has a TLS connection to it."

cat >warrant.json <<EOF
{ "liid": "LAB-2026-0001", "reference": "demonstration",
  "targets": [ { "identities": ["$A"], "xids": ["$XID"] } ],
  "period": { "start": "$(date -u -d '-1 hour' +%FT%TZ)", "end": "$(date -u -d '+1 day' +%FT%TZ)" },
  "clients": ["df2-lab"], "products": ["keys", "sip"], "delivery": ["xk", "hi2"], "lemfs": ["lab-lemf"] }
EOF
quietly kw warrant new warrant.json --requester meyer --out requests/warrant.json
signed warrant meyer
kw request submit requests/warrant.cms >one.txt 2>&1 || die "$(cat one.txt)"
kw warrant list | grep -q LAB-2026-0001 && die "a warrant with one signature was entered"
say "A warrant for Alice, signed by officer Meyer: $(head -n 1 one.txt)."
signed warrant santos
quietly kw request submit requests/warrant.cms
say "Signed by officer Santos too, it is in effect."

# ---- the call ----
$AS_ROOT "$BIN/lab-tap" --interface lo --filter-ports $SIP_A,$SIP_B,$RTP_A,$RTP_B \
	--pcap "$OUT/call.pcap" --sip-dir "$OUT/sip" --ready "$OUT/tap-ready" >tap.log 2>&1 &
TAP=$!
for _ in $(seq 100); do [ -e tap-ready ] && break; sleep 0.1; done
[ -e tap-ready ] || die "the tap does not capture: $(cat tap.log)"
tls="--ca pki/ca.pem --cert pki/cscf.pem --key pki/cscf.key"
# shellcheck disable=SC2086
"$BIN/lab-cscf" --connect 127.0.0.1:$X2_PORT $tls --keepalive 1 \
	--leg 127.0.0.1:$LEG_A=127.0.0.1:$SIP_B --leg 127.0.0.1:$LEG_B=127.0.0.1:$SIP_A \
	--leg 127.0.0.1:$LEG_UAC=127.0.0.1:$UAS --leg 127.0.0.1:$LEG_UAS=127.0.0.1:$UAC \
	--target $A=$XID --report-all 00000000-0000-4000-8000-000000000000 \
	--ready "$OUT/cscf-ready" >cscf.log 2>&1 &
CSCF=$!
for _ in $(seq 100); do [ -e cscf-ready ] && break; sleep 0.1; done
[ -e cscf-ready ] || die "the CSCF does not start: $(cat cscf.log)"
phone() {
	"$BIN/lab-phone" --params params.der --seconds "$SECONDS_OF_SPEECH" "$@"
}
phone --role b --identity $B --peer-identity $A --sip 127.0.0.1:$SIP_B --peer-sip 127.0.0.1:$LEG_B \
	--rtp 127.0.0.1:$RTP_B --device-key pki/device-b.key --seed-hex b/seed.hex --key b/key.json \
	--wav $SOUNDS/demo-instruct.wav --out b >b/phone.out 2>&1 &
PHONE_B=$!
for _ in $(seq 100); do grep -q 'waiting for a call' b/phone.log 2>/dev/null && break; sleep 0.1; done
sipp -sn uas -i 127.0.0.1 -p $UAS -m 200 -nostdin >others/uas.out 2>&1 &
OTHERS=$!
sipp -sn uac -i 127.0.0.1 -p $UAC -m 200 -r 40 -d 1000 -nostdin 127.0.0.1:$LEG_UAC >others/uac.out 2>&1 &
OTHERS="$OTHERS $!"
say "Alice calls Bob through the CSCF: MIKEY-IBAKE in SIP over UDP, then $SECONDS_OF_SPEECH s of speech both ways in SRTP. 200 others call at the same time."
(sleep 5; kill -KILL $LEMF) 2>/dev/null &
phone --role a --identity $A --peer-identity $B --sip 127.0.0.1:$SIP_A --peer-sip 127.0.0.1:$LEG_A \
	--rtp 127.0.0.1:$RTP_A --device-key pki/device-a.key --seed a/seed.json --key a/key.json \
	--wav $SOUNDS/demo-congrats.wav --out a >a/phone.out 2>&1 || die "Alice's phone: $(tail -n 1 a/phone.out a/phone.log)"
say "While they talked, the LEMF was killed."
wait $PHONE_B || die "Bob's phone: $(tail -n 1 b/phone.out)"
# shellcheck disable=SC2086
wait $OTHERS || die "the calls of others failed (see others/uac.out)"
kill $CSCF && wait $CSCF || die "the CSCF could not hand all over: $(tail -n 1 cscf.log)"
CSCF=0
$AS_ROOT kill $TAP 2>/dev/null
wait $TAP 2>/dev/null
TAP=0
[ -n "$AS_ROOT" ] && $AS_ROOT chown -R "$(id -u)" call.pcap sip
tell "$(sed -n 's/.*\(call set up in .*\)/\1/p' a/phone.log); Alice heard $(stat -c %s a/received.ulaw) octets, Bob $(stat -c %s b/received.ulaw)."
say "The tap saw only the wire: $(find sip -name '*.sip' | wc -l) SIP messages; tshark reads $(tshark -r call.pcap -d "udp.port==$RTP_A,rtp" -Y rtp 2>/dev/null | wc -l) RTP packets, all encrypted."

# ---- HI2 ----
all_stored() { [ "$(counted hi2 keys)" = 1 ] && [ "$(counted x2 waiting)" = 0 ]; }
none_waits() { [ "$(counted hi2 waiting)" = 0 ]; }
until_so 10 all_stored || die "no record of keys in the queue: $(kw status --json)"
WAITING=$(counted hi2 waiting)
say "Over X2 came $(counted x2 pdus) PDUs: $(counted x2 noWarrant) under no warrant, dropped; $(counted x2 sip) of Alice's call. $WAITING records wait for the LEMF, $(counted hi2 octets) octets, sealed."
for w in $A LAB-2026-0001; do
	! grep -qF "$w" state/spool/spool.db* || die "the queue has $w in clear"
done
receive
until_so 60 none_waits || die "records were not delivered: $(kw status --json; tail -n 3 lemf.log)"
kill $LEMF && wait $LEMF || die "the LEMF found something wrong: $(tail -n 3 lemf.log)"
LEMF=0
RECORDS=received/LAB-2026-0001.hi2
"$BIN/keywarden-lemf" check "$RECORDS" --verify-key hi2-key.pem --needs signature >check.txt 2>&1 ||
	die "the LEMF misses something: $(cat check.txt)"
"$BIN/keywarden-lemf" show "$RECORDS" >record-sealed.txt || die "a record cannot be read"
grep -q 'sealed to the agency' record-sealed.txt || die "the keys are not sealed"
say "The LEMF is back: all $(grep -cE "  (keys|sip)$" record-sealed.txt) records are there, in order and acknowledged; each is under a hash that the token signed."
OPEN="--open-key pki/lemf-keys.key --open-cert pki/lemf-keys.pem"
# shellcheck disable=SC2086
"$BIN/keywarden-lemf" show "$RECORDS" $OPEN >record.txt || die "sealed keys do not open"
"$BIN/lab-iri" "$RECORDS" >record-etsi.txt || die "the records do not decode"
say "All decode by the ETSI modules. Keys are there for the agency's private key alone:"
awk '/^[^ ]/ { on = / keys$/ } on && !/^  SIP/' record.txt | sed 's/^/            /'
# shellcheck disable=SC2086
"$BIN/keywarden-lemf" decrypt "$RECORDS" --pcap call.pcap --out decrypted $OPEN >decrypt.txt 2>&1 ||
	die "keywarden-lemf does not decrypt: $(tail -n 2 decrypt.txt)"
for p in a b; do
	twin=$(for f in decrypted/*.wav; do cmp -s "$f" $p/sent.wav && echo "$f"; done)
	[ -n "$twin" ] || die "no decrypted stream equals what phone $p said"
	say "Decrypted from capture and records alone: $(($(stat -c %s "$twin") / 2 - 22)) samples of phone $p, every one as it was sent."
done

# ---- the keys, over Xk ----
df2() {
	"$BIN/keywarden-df2" get-keys --connect "127.0.0.1:$PORT" --ca pki/ca.pem \
		--cert "pki/$1.pem" --key "pki/$1.key" --target $A --sip-dir sip --json
}
df2 stranger >stranger.json 2>/dev/null && die "a client without a warrant got keys"
say "A DF2/MF that no warrant names asks first: $(sed 's/.*:"\(.*\)".*/\1/' stranger.json). Why, for the operator:"
kw explain --last | sed 's/^/            /'
BEFORE=$(date +%s%N)
df2 df2 >keys.json 2>df2.err || die "the DF2/MF got no keys: $(cat df2.err)"
AFTER=$(date +%s%N)
say "The DF2/MF of the warrant asks over Xk: $(grep -c cryptoSessionId keys.json) session keys in $(((AFTER - BEFORE) / 1000000)) ms, TLS handshake included."
quietly "$BIN/lab-decrypt" --pcap call.pcap --keys keys.json --out xk
for p in a b; do
	twin=$(for f in xk/*.ulaw; do cmp -s "$f" $p/sent.ulaw && echo "$f"; done)
	[ -n "$twin" ] || die "no decrypted stream equals what phone $p sent"
	say "Decrypted from capture and these keys alone: $(stat -c %s "$twin") octets of phone $p, every one as it was sent."
done

# ---- no record, no act ----
audits() { kw audit show --json | grep -c '"type":"'"$1"'"'; }
child() { pgrep -P $DAEMON -x "$1"; }
intents=$(audits keyIntent)
kill -STOP "$(child keywarden-hsm)"
df2 df2 >killed.json 2>killed.err &
ASKER=$!
for _ in $(seq 100); do [ "$(audits keyIntent)" -gt "$intents" ] && break; sleep 0.05; done
[ "$(audits keyIntent)" -gt "$intents" ] || die "no intent on disk"
sleep 0.2
AUDIT=$(child keywarden-audit)
kill -STOP "$AUDIT"
kill -CONT "$(child keywarden-hsm)"
sleep 0.5
kill -0 $ASKER 2>/dev/null || die "an answer came before its outcome was on disk"
say "Once more, with the log stopped after the intent: the key is ready, and does not come out."
kill -KILL "$AUDIT"
wait $ASKER && die "a key came out although the log was dead"
grep -q sessionKey killed.json && die "a key came out although the log was dead"
say "The log process is killed: the DF2/MF is told $(sed 's/.*:"\(.*\)".*/\1/' killed.json); no key came out."
kw status --wait 20 >status.txt 2>&1 || die "the appliance did not come back"
df2 df2 >again.json 2>df2.err || die "no keys after the restart: $(cat df2.err)"
cmp -s keys.json again.json || die "other keys after the restart"
say "It was started again and answers as before."

kill $DAEMON
wait $DAEMON
DAEMON=0
kw audit show >audit.txt
kw audit verify >verify.txt || die "the audit log is not sound: $(cat verify.txt)"
say "The audit log: $(head -n 1 verify.txt)"
tell "$(sed -n 2p verify.txt)"
rm -f tap-ready cscf-ready one.txt check.txt status.txt pki/ext pki/*.csr
# shellcheck disable=SC2086
"$BIN/keywarden-lemf" page "$RECORDS" --pcap call.pcap $OPEN --out call.html 2>page.err ||
	die "no page of the call: $(cat page.err)"
rm page.err
say "DONE. In $OUT: call.pcap, received/, decrypted/, keys.json, audit.txt, appliance.log, and the call as a page:"
tell "$OUT/call.html"
