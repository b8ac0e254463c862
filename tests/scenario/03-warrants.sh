#!/usr/bin/env bash
# A key leaves only under a warrant of two officers that is in force for this
# client, this target and this call.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# not_entered TEXT NAME PART-OF-THE-ERROR
not_entered() {
	local before
	before=$(kw warrant list --json | tr -d ' \n')
	kw request submit "$WORK/$2.cms" >"$WORK/said" 2>&1
	check "$1: exit 1" same $? 1
	check "$1: one line that says why" one_line "$3"
	check "$1: nothing entered" same "$(kw warrant list --json | tr -d ' \n')" "$before"
}

step "An appliance and a call, no warrant"
kms_up
subscriber alice
subscriber bob
exchange x alice bob
refused "no warrant" noAuthorisation x alice
refusals=$(audit_count keyRefused)
check "it is in the log" test "$refusals" -ge 1

step "Signatures"
document W
cp "$WORK/W.json" "$WORK/once.json"
sign once one
self stranger "A stranger"
self officer-twin "Officer one"
sign W one stranger
not_entered "signed by one officer and a stranger" W "sign"
sign W one twin
not_entered "signed by one officer and somebody of the same name" W "sign"
sign W one sec-one
not_entered "signed by one officer and a security officer" W "may not approve"
sign W two three
not_entered "signed by two, and not by who asks" W "requester has not signed"
sign W one two
cp "$WORK/W.cms" "$WORK/good.cms"
at=$(grep -aobF LIID-1 "$WORK/W.cms" | head -n 1 | cut -d: -f1)
printf 2 | dd of="$WORK/W.cms" bs=1 seek=$((at + 5)) conv=notrunc 2>/dev/null
not_entered "changed after it was signed" W "sign"
head -c 700 "$WORK/good.cms" >"$WORK/W.cms"
not_entered "cut off" W "CMS"
head -c 3000 /dev/urandom >"$WORK/W.cms"
not_entered "no CMS at all" W "CMS"
: >"$WORK/W.cms"
not_entered "an empty file" W "empty\|CMS"
head -c 70000 /dev/zero >"$WORK/W.cms"
not_entered "a file too long" W "65536"
refused "still no warrant" noAuthorisation x alice
check "those that came to the appliance are in the log" same "$(audit_count documentRefused)" 7

step "Requests that keywarden did not write"
# spoilt TEXT SED-EXPRESSION PART-OF-THE-ERROR: signed by two, and refused
spoilt() {
	document S
	sed -i "$2" "$WORK/S.json"
	sign S one two
	not_entered "$1" S "$3"
}
spoilt "with a blank" 's/^{"body"/{ "body"/' canonical
spoilt "of a kind that there is not" 's/"kind":"warrant.add"/"kind":"warrant.eat"/' kind
spoilt "of another version" 's/"version":1/"version":2/' version
spoilt "for another KMS" 's/kms.lab/kms2.lab/' "another KMS"
spoilt "for later rules" 's/"policyVersion":0/"policyVersion":1/' "version 1 of the rules"
spoilt "by somebody who has not signed" 's/"requester":"one"/"requester":"three"/' "requester has not signed"
spoilt "issued in an hour" "s/\"issued\":\"[^\"]*\"/\"issued\":\"$(rfc3339 '+1 hour')\"/" "in the future"
spoilt "expired" "s/\"issued\":\"[^\"]*\"/\"issued\":\"$(rfc3339 '-2 hours')\"/
	s/\"expires\":\"[^\"]*\"/\"expires\":\"$(rfc3339 '-1 hour')\"/" expired
spoilt "no LIID" 's/"liid":"[^"]*",//' liid
spoilt "a member twice" 's/"liid":"LIID-1",/"liid":"LIID-1","liid":"LIID-2",/' twice
spoilt "wildcard target" 's/alice@/*@/' 'identit'
END=$(rfc3339 '-1 minute') MORE=', "graceAfterEnd": 0' document S
sign S one two
not_entered "a period that is over" S "has ended"
body S
request S engineer warrant new "$WORK/S.body"
sign S engineer one two
not_entered "an engineer asks for a warrant" S "may not ask"

step "A good one, signed by one after the other"
check "signed once, handed in" submit once
check "it waits" grep -q "waiting for approval: warrant.add, 1 of 2, signed by one" "$WORK/once.added"
refused "and enters nothing" noAuthorisation x alice
not_entered "once more the same" once "signed\|already"
check "it is listed" grep -q "waiting: 1 of 2" <(kw request list)
HASH=$(sha256sum "$WORK/once.json" | cut -d' ' -f1)
check "and shown, as it will be signed" kw request show "$HASH" --octets "$WORK/octets" >"$WORK/shown"
check "octet for octet" cmp "$WORK/octets" "$WORK/once.json"
check "with what it says" grep -q "LIID-1" "$WORK/shown"
cp "$WORK/good.cms" "$WORK/W.cms"
check "check says what it would do" kw warrant check "$WORK/W.cms" >"$WORK/shown"
check "for whom" grep -q "sip:alice@lab.example.*covered\|sip:alice@lab.example: enrolled" "$WORK/shown"
refused "and enters nothing" noAuthorisation x alice
sign W two
check "the second officer's signature" submit W
check "enters it" grep -q "in effect: warrant.add" "$WORK/W.added"
check "under the name of its request" same "$(warrant_id W)" "$HASH"
granted "the call" x alice
check "nothing waits any more" same "$(kw request list)" "no request waits"
cp "$WORK/good.cms" "$WORK/W.cms"
not_entered "the same again" W "taken effect already"
sign W two one
not_entered "the same with the signatures in another order" W "taken effect already"
CLIENT=df2b refused "another client" noAuthorisation x alice
refused "another LIID" noAuthorisation x alice --liid LIID-2
granted "its LIID" x alice --liid LIID-1
refused "the other party, who has no warrant" noAuthorisation x bob
refused "somebody unknown" noAuthorisation x carol
TARGETS='"sip:carol@lab.example"' LIID=LIID-3 check "a warrant for somebody without a seed" warrant C
cp -r "$WORK/x" "$WORK/of-carol"
refused "a target without a seed" unknownSubscriber x carol

step "The time of the call"
exchange early alice bob --time "$(rfc3339 '-1 hour -5 minutes')"
refused "a call before the warrant's start" noAuthorisation early alice
exchange skew alice bob --time "$(rfc3339 '-1 hour -1 minute')"
granted "a call a minute before it: skew" skew alice
exchange late alice bob --time "$(rfc3339 '+1 day +5 minutes')"
refused "a call after its end" noAuthorisation late alice
exchange counter alice bob --ts-type counter --counter 3
granted "COUNTER, warrant in force" counter alice
exchange update alice bob --time "$(rfc3339 '-10 minutes')" --update by-initiator \
	--update-time "$(rfc3339 '+1 day +5 minutes')"
refused "an update after its end" noAuthorisation update alice
exchange old alice bob --time "$(rfc3339 '-3 days')" --update by-initiator \
	--update-no-ibake --update-time "$(rfc3339 now)"
refused "an update without IBAKE of an earlier call" noAuthorisation old alice
LIID=LIID-4 MORE=", \"callsBefore\": \"$(rfc3339 '-4 days')\"" check "callsBefore" warrant B
exchange early alice bob --time "$(rfc3339 '-3 days')"
granted "an earlier call that a warrant allows" early alice

step "Not yet, no longer"
TARGETS='"sip:bob@lab.example"'
START=$(rfc3339 '+1 hour') LIID=LIID-5 check "a warrant of tomorrow" warrant T
refused "before it begins" noAuthorisation x bob
LIID=LIID-6 END=$(rfc3339 '+4 seconds') MORE=', "graceAfterEnd": 0' \
	check "a warrant that ends soon" warrant E
granted "in its time" x bob
sleep 5
refused "after its end" noAuthorisation x bob
LIID=LIID-7 END=$(rfc3339 '+3 seconds') check "one with grace" warrant G
sleep 4
granted "after its end, in its grace" x bob
unset TARGETS

step "Revocation"
check "one officer ends the warrant for Bob" revoke G >/dev/null
refused "at once" noAuthorisation x bob
not_entered "it cannot be entered again" G "taken effect already"
about G revoke
sign G-revoke two
not_entered "revoked twice" G-revoke "revoked already"
request N one warrant revoke "$(printf '%064d' 0)"
sign N one
not_entered "a warrant that there is not" N "no such warrant"
request N stranger warrant revoke "$(warrant_id W)"
sign N stranger
not_entered "by a stranger" N "sign"
request N sec-one warrant revoke "$(warrant_id W)"
sign N sec-one
not_entered "by a security officer" N "may not ask"
granted "which ends nothing" x alice
daemon_stop
check "restart" up
refused "a revocation outlives a restart" noAuthorisation x bob
granted "a warrant too" x alice
check "the log is sound" kw audit verify >/dev/null

step "What openssl says by hand (docs/OPERATING.md)"
cat "$WORK"/officer-{one,two,three}.pem >"$WORK/officers.pem"
check "openssl accepts one signature: it is not enough to ask it" \
	openssl cms -verify -inform DER -in "$WORK/once.cms" -CAfile "$WORK/officers.pem" \
	-certfile "$WORK/officers.pem" -purpose any -out /dev/null 2>/dev/null
signers() {
	openssl cms -verify -inform DER -in "$1" -CAfile "$WORK/officers.pem" \
		-certfile "$WORK/officers.pem" -purpose any -signer "$WORK/signers.pem" \
		-out /dev/null 2>/dev/null &&
		openssl crl2pkcs7 -nocrl -certfile "$WORK/signers.pem" |
		openssl pkcs7 -print_certs -noout | grep -c ^subject
}
check "signers of a warrant" same "$(signers "$WORK/good.cms")" 2
check "signers of one signed once" same "$(signers "$WORK/once.cms")" 1
finish
