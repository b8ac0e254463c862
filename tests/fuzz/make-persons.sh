#!/bin/sh
# Makes tests/fuzz/persons anew: two who are enrolled, a third who is not,
# and payloads.  Public test keys; the corpus of fuzz_persons goes with them,
# so run make-corpus.py afterwards.
set -eu
cd "$(dirname "$0")/persons"

person() { # name, openssl options for the key
	name=$1
	shift
	openssl req -x509 -nodes -newkey "$@" -keyout "$name.key" -out "$name.pem" \
	    -sha256 -days 36500 -subj "/CN=test person $name" 2>/dev/null
	openssl x509 -in "$name.pem" -outform DER -out "$name.der"
}

person first ec -pkeyopt ec_paramgen_curve:P-256
person second rsa:2048
person third ec -pkeyopt ec_paramgen_curve:P-384

printf 'nobody signed this\n' >payload-0
printf 'the first alone signed this\n' >payload-1
printf 'the second alone signed this\n' >payload-2
cat >payload-3 <<'JSON'
{"keywardenWarrant": 1, "liid": "LI-2026-0001",
 "issued": "2026-01-31T12:00:00Z",
 "target": {"identities": ["sip:alice@example.com", "tel:+15550100"]},
 "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
 "clients": ["df2-east"], "delivery": ["xk"]}
JSON
