#!/usr/bin/env bash
# A key leaves only under a warrant of two officers that is in force for this
# client, this target and this call.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# not_entered TEXT NAME PART-OF-THE-ERROR
not_entered() {
	local before
	before=$(kw warrant list --json | tr -d ' \n')
	kw warrant add "$WORK/$2.cms" >"$WORK/said" 2>&1
	check "$1: exit 1" same $? 1
	check "$1: one line that says why" one_line "$3"
	check "$1: nothing entered" same "$(kw warrant list --json | tr -d ' \n')" "$before"
}
one_line() {
	[ "$(wc -l <"$WORK/said")" = 1 ] && grep -q "$1" "$WORK/said" || {
		cat "$WORK/said"
		return 1
	}
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
sign W one
not_entered "signed once" W "different officer, 2 needed"
sign W one one
not_entered "signed twice by the same officer" W "different officer, 2 needed"
self stranger "A stranger"
cp "$WORK/stranger.pem" "$WORK/officer-stranger.pem"
cp "$WORK/stranger.key" "$WORK/officer-stranger.key"
sign W one stranger
not_entered "signed by one officer and a stranger" W "officer"
self officer-twin "Officer one"
sign W one twin
not_entered "signed by one officer and somebody of the same name" W "officer"
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
check "each is in the log" same "$(audit_count documentRefused)" 7

step "Documents"
# document_without TEXT SED-EXPRESSION PART-OF-THE-ERROR
spoilt() {
	document S
	sed -i "$2" "$WORK/S.json"
	sign S one two
	not_entered "$1" S "$3"
}
spoilt "no LIID" 's/"liid": "[^"]*",//' liid
spoilt "a LIID of 26 octets" 's/LIID-1/LIID-4567890123456789012345/' liid
spoilt "unknown member" 's/"issued"/"colour": 1, "issued"/' colour
spoilt "unknown version" 's/"keywardenWarrant": 1/"keywardenWarrant": 2/' keywardenWarrant
spoilt "a member twice" 's/"liid": "LIID-1",/"liid": "LIID-1", "liid": "LIID-2",/' twice
spoilt "wildcard target" 's/alice@/*@/' 'identit'
spoilt "target with parameters" 's/lab.example"\]/lab.example;user=phone"]/' 'identit'
spoilt "no target" 's/\["sip[^]]*\]/[]/' identities
spoilt "a period that ends before it starts" 's/"end": "2/"end": "1/' 'end\|period'
spoilt "a date that there is not" 's/"end": "[^"]*"/"end": "2027-02-30T00:00:00Z"/' end
spoilt "a time without its zone" 's/"end": "[^"]*"/"end": "2027-02-20T00:00:00"/' end
spoilt "grace of 8 days" 's/"period": {/"period": { "graceAfterEnd": 691200,/' graceAfterEnd
spoilt "delivery elsewhere" 's/\["xk"\]/["pigeon"]/' delivery
spoilt "no client" 's/"clients": \[[^]]*\]/"clients": []/' clients
spoilt "no JSON" 's/^{/(/' JSON
END=$(rfc3339 '-1 minute') MORE=', "graceAfterEnd": 0' document S
sign S one two
not_entered "a period that is over" S "has ended"

step "A good one"
cp "$WORK/good.cms" "$WORK/W.cms"
check "check says it would be entered" kw warrant check "$WORK/W.cms" >/dev/null
refused "and enters nothing" noAuthorisation x alice
check "add" kw warrant add "$WORK/W.cms" >"$WORK/W.added"
granted "the call" x alice
not_entered "the same again" W "entered already"
sign W two one
not_entered "the same with the signatures in another order" W "entered already"
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
cp "$WORK/G.added" "$WORK/keep"
check "one officer ends the warrant for Bob" revoke G >/dev/null
refused "at once" noAuthorisation x bob
not_entered "it cannot be entered again" G "entered already"
kw warrant revoke "$WORK/G-end.cms" >"$WORK/said" 2>&1
check "revoked twice" one_line "revoked already"
printf '{"keywardenRevocation":1,"warrant":"%064d"}' 0 >"$WORK/N.json"
sign N one
kw warrant revoke "$WORK/N.cms" >"$WORK/said" 2>&1
check "a warrant that there is not" one_line "no such warrant"
printf '{"keywardenRevocation":1,"warrant":"%s"}' "$(warrant_id W)" >"$WORK/N.json"
sign N stranger
kw warrant revoke "$WORK/N.cms" >"$WORK/said" 2>&1
check "by a stranger" one_line "officer"
granted "which ends nothing" x alice
daemon_stop
check "restart" up
refused "a revocation outlives a restart" noAuthorisation x bob
granted "a warrant too" x alice
check "the log is sound" kw audit verify >/dev/null

step "What openssl says by hand (docs/OPERATING.md)"
document once
sign once one
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
