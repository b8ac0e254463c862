#!/usr/bin/env bash
# Requests are written where no appliance is, each verb its kind, in the one form
# that is signed; what would be refused later is refused here, in one line, and
# no file is left.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

OFFLINE=(--kms https://kms.lab.example --policy-version 7)
ID=$(printf 'ab%.0s' {1..32})
# No configuration, no appliance: what needs one fails.
kw() { "$BIN/keywarden" "$@"; }
# says EXIT PART COMMAND...: the exit code, and one line that has PART in it
says() {
	local code=$1 part=$2
	shift 2
	"$@" </dev/null >"$WORK/said.out" 2>"$WORK/said"
	same $? "$code" && [ "$(wc -l <"$WORK/said")" = 1 ] &&
		grep -q -- "$part" "$WORK/said" || { cat "$WORK/said"; return 1; }
}
# of FILE EXPRESSION: a Python expression over the request q
of() {
	python3 - "$1" "$2" <<'PY'
import base64, datetime, hashlib, json, sys
octets = open(sys.argv[1], "rb").read()
q = json.loads(octets)
def when(s): return datetime.datetime.strptime(s, "%Y-%m-%dT%H:%M:%SZ")
canonical = json.dumps(q, sort_keys=True, separators=(",", ":"),
                       ensure_ascii=False).encode() == octets
print(eval(sys.argv[2]))
PY
}
N=0
# writes KIND BODY COMMAND...: the request has that kind, that body, its form
writes() {
	local kind=$1 body=$2 f
	shift 2
	N=$((N + 1))
	f=$WORK/$N.json
	check "$kind" kw "$@" --requester meyer --out "$f" "${OFFLINE[@]}" >"$WORK/said.out"
	check "$kind: in its one form" same "$(of "$f" canonical)" True
	check "$kind: the kind" same "$(of "$f" 'q["kind"]')" "$kind"
	check "$kind: the body" same "$(of "$f" "q['body'] == $body")" True
	check "$kind: the head" same "$(of "$f" \
		'q["kms"], q["policyVersion"], q["requester"], q["version"], len(q["nonce"])')" \
		"('https://kms.lab.example', 7, 'meyer', 1, 32)"
	check "$kind: its hash is said" grep -q "$(sha256sum "$f" | cut -d' ' -f1)" "$WORK/said.out"
}
# not_written TEXT EXIT PART COMMAND...
not_written() {
	check "$1" says "$2" "$3" kw "${@:4}" --requester meyer --out "$WORK/none.json" "${OFFLINE[@]}"
	check "$1: no file" test ! -e "$WORK/none.json"
}

step "Every kind"
self person "A person"
CERT="base64.b64encode(open('$WORK/person.der', 'rb').read()).decode()"
openssl x509 -in "$WORK/person.pem" -outform DER -out "$WORK/person.der"
body W
W="json.load(open('$WORK/W.body'))"
writes warrant.add "$W" warrant new "$WORK/W.body"
writes warrant.add "$W" request new warrant.add --body "$WORK/W.body"
for v in suspend resume revoke; do
	writes "warrant.$v" "{'warrant': '$ID', 'reason': 'wegen Ümlaut'}" \
		warrant $v "$ID" --reason "wegen Ümlaut"
done
for v in extend end; do
	writes "warrant.$v" "{'warrant': '$ID', 'end': '2030-01-31T12:00:00Z'}" \
		warrant $v "$ID" --to 2030-01-31T12:00:00Z
done
writes person.add "{'name': 'x', 'role': 'engineer', 'certificate': $CERT}" \
	person add x --role engineer --cert "$WORK/person.pem"
writes person.remove "{'name': 'x', 'voidSignatures': False}" person remove x
writes person.remove "{'name': 'x', 'voidSignatures': True, 'reason': 'key lost'}" \
	person remove x --void-signatures --reason "key lost"
writes person.certificate "{'name': 'x', 'certificate': $CERT}" \
	person certificate x --cert "$WORK/person.pem"
writes client.add "{'name': 'df2', 'certificate': $CERT}" client add df2 --cert "$WORK/person.pem"
writes client.remove "{'name': 'df2'}" client remove df2
writes lemf.add "{'name': 'north', 'certificate': $CERT}" lemf add north --cert "$WORK/person.pem"
writes lemf.remove "{'name': 'north', 'reason': 'x'}" lemf remove north --reason x
head -c 256 /dev/urandom >"$WORK/wrapped"
WRAPPED="base64.b64encode(open('$WORK/wrapped', 'rb').read()).decode()"
writes subscriber.add "{'identity': 'sip:a@lab.example', 'devices': ['sip:p1@lab.example', \
	'sip:p2@lab.example'], 'wrappedSeed': $WRAPPED, 'label': 'AAEC'}" \
	subscriber add --identity sip:a@lab.example --device sip:p1@lab.example \
	--device sip:p2@lab.example --wrapped-seed "$WORK/wrapped" --label 000102
writes subscriber.add "{'identity': 'sip:a@lab.example', 'certificate': $CERT, 'test': True}" \
	subscriber add --identity sip:a@lab.example --device-cert "$WORK/person.pem" --test
writes subscriber.devices "{'identity': 'sip:a@lab.example', 'devices': ['sip:p1@lab.example'], \
	'record': 12}" subscriber devices sip:a@lab.example --device sip:p1@lab.example --record 12
writes subscriber.remove "{'identity': 'sip:a@lab.example', 'record': 12}" \
	subscriber remove sip:a@lab.example --record 12
writes clock.accept "{'time': '2026-01-31T12:00:00Z'}" clock accept --time 2026-01-31T12:00:00Z
pki
config
check "config.set" kw config approve --requester meyer --out "$WORK/config.json" "${OFFLINE[@]}" \
	--config "$CONF" >/dev/null
check "its text names the token, the KMS and the CA's octets" same "$(of "$WORK/config.json" \
	'q["body"]["text"]')" "kms.period = day
kms.uri = https://kms.lab.example
token.label = keywarden
token.module = /usr/lib/softhsm/libsofthsm2.so
xk.client_ca = sha256:$(sha256sum "$WORK/ca.pem" | cut -d' ' -f1)"
check "two of the same are two" same "$(sort -u <(of "$WORK/1.json" 'q["nonce"]') \
	<(of "$WORK/2.json" 'q["nonce"]') | wc -l)" 2

step "Expiry"
# lasts SECONDS WHEN
lasts() {
	rm -f "$WORK/e.json"
	check "--expires ${2:-(none)}" kw client remove df2 --requester meyer --out "$WORK/e.json" \
		"${OFFLINE[@]}" ${2:+--expires "$2"} >/dev/null
	check "--expires ${2:-(none)}: $1 s" same "$(of "$WORK/e.json" \
		'int((when(q["expires"]) - when(q["issued"])).total_seconds())')" "$1"
}
lasts 604800 ""
lasts 43200 12h
lasts 2592000 30d
lasts 60 1m
not_written "31 days" 1 "at most 30 days" client remove df2 --expires 31d
not_written "no time" 1 "after \"issued\"" client remove df2 --expires 0h
not_written "of the past" 1 "after \"issued\"" client remove df2 --expires 2020-01-01T00:00:00Z
not_written "soon" 64 "not 12h, 7d" client remove df2 --expires soon

step "What would be refused later"
not_written "an id that is none" 64 "64 hex digits" warrant revoke abcd
not_written "another end without one" 64 "--to" warrant extend "$ID"
not_written "a role that there is not" 64 "officer, securityOfficer" person add x --role king --cert "$WORK/person.pem"
not_written "no certificate" 1 "no PEM certificate" client add x --cert "$WORK/W.body"
not_written "a name with a blank" 1 "name: must be printable" client remove "d f"
not_written "an identity with a wildcard" 1 "identity: " subscriber remove 'sip:*@lab.example' --record 1
not_written "a kind that there is not" 64 "there is warrant.add" request new warrant.eat --body "$WORK/W.body"
not_written "the body of another kind" 1 "unknown member" request new client.add --body "$WORK/W.body"
# spoilt TEXT SED-EXPRESSION PART: what a warrant says is looked at
spoilt() {
	body S
	sed -i "$2" "$WORK/S.body"
	not_written "$1" 1 "$3" warrant new "$WORK/S.body"
}
spoilt "no LIID" 's/"liid": "[^"]*",//' liid
spoilt "a LIID of 26 octets" 's/LIID-1/LIID-4567890123456789012345/' liid
spoilt "an unknown member" 's/"reference"/"colour": 1, "reference"/' colour
spoilt "a member twice" 's/"liid": "LIID-1",/"liid": "LIID-1", "liid": "LIID-2",/' twice
spoilt "a wildcard target" 's/alice@/*@/' identities
spoilt "a target with parameters" 's/lab.example"\]/lab.example;user=phone"]/' identities
spoilt "a target without identity" 's/\["sip[^]]*\]/[]/' identities
spoilt "a period that ends before it starts" 's/"end": "2/"end": "1/' 'end\|period'
spoilt "a date that there is not" 's/"end": "[^"]*"/"end": "2027-02-30T00:00:00Z"/' end
spoilt "a time without its zone" 's/"end": "[^"]*"/"end": "2027-02-20T00:00:00"/' end
spoilt "grace of 8 days" 's/"period": {/"period": { "graceAfterEnd": 691200,/' graceAfterEnd
spoilt "delivery elsewhere" 's/\["xk"\]/["pigeon"]/' delivery
spoilt "hi2 without a LEMF" 's/\["xk"\]/["hi2"]/' lemfs
spoilt "a product that there is not" 's/\["keys"\]/["gold"]/' products
spoilt "sip alone" 's/\["keys"\]/["sip"]/' products
spoilt "no client" 's/"clients": \[[^]]*\]/"clients": []/' clients
spoilt "no JSON" 's/^{/(/' JSON
check "a file that is there is not written over" says 1 "not written over" \
	kw client remove df2 --requester meyer --out "$WORK/1.json" "${OFFLINE[@]}"
check "no requester" says 64 "--requester and --out" kw client remove df2 --out "$WORK/none.json" "${OFFLINE[@]}"
check "without an appliance, --kms is needed" says 69 "is keywardend running" \
	kw client remove df2 --requester meyer --out "$WORK/none.json" --policy-version 7 --config "$CONF"

step "A no"
check "request reject" kw request reject "$ID" --person santos --reason "not so" \
	--out "$WORK/no.json" >/dev/null
check "in its one form" same "$(of "$WORK/no.json" canonical)" True
check "and that is all it says" same "$(of "$WORK/no.json" "q == {'keywarden': 'rejection', \
	'version': 1, 'request': '$ID', 'person': 'santos', 'reason': 'not so'}")" True
finish
