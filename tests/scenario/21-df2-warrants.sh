#!/usr/bin/env bash
# What goes to which LEMF is what warrants say, and they alone: nothing is kept
# of an XID that is in none, nothing comes of a warrant that is not in force,
# and a warrant that comes later has the calls that are up.  Where there can be
# no keys the LEMF learns that there are none, and the log says why.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# call TEXT DIR FROM [options]: reported under $XID, of target FROM, to bob
call() { FROM=$3 check "$1" report "$2" "$XID" "$3" "${@:4}"; }
# more TEXT DIR FROM [options]: of the call that $CALL_ID says
more() { FROM=$3 check "$1" report_again "$2" "$XID" "$3" "${@:4}"; }
# says TEXT WORDS: of what keywarden explain --last says
says() {
	kw explain --last >"$WORK/explained"
	check "$1: explained" grep -q "$2" "$WORK/explained" || cat "$WORK/explained"
}
logged() { eventually 10 log_says "$1"; }
# dropped: all messages of the call before are to be; all_dropped: and were
dropped() { DROPPED=$((DROPPED + SENT)); }
all_dropped() { check "$1: dropped" becomes "$DROPPED" x2 noWarrant; }
DROPPED=0
# resumed NAME: by a request of a later second than its suspension
resumed() {
	sleep 1
	about "$1" resume && check "resumed" approve "$1-resume" one two
}

step "An appliance that is a DF2/MF"
df2_up
for who in alice bob carol dora emil fred gina hugo ines; do subscriber $who; done
subscriber tess --test
subscriber tom --test
for who in alice carol dora emil fred gina hugo ines; do exchange $who $who bob; done
# Warrants whose times come while the others are tried.
STARTS=$(rfc3339 '+132 seconds') ENDS=$(($(date +%s) + 12))
START=$STARTS check "one that will begin" hi2_warrant soon LIID-50 "$(xid 50) $(xid 51)" "$(uri hugo)"
check "one of the same target, in force" hi2_warrant now LIID-51 "$(xid 51)" "$(uri hugo)"
START=$STARTS MORE=", \"callsBefore\": \"$(rfc3339 '-1 hour')\"" \
	check "one that will begin and covers calls before" hi2_warrant soonest LIID-52 "$(xid 52)" "$(uri hugo)"
END=$(rfc3339 "@$ENDS") MORE=', "graceAfterEnd": 0' \
	check "one that will end" hi2_warrant brief LIID-53 "$(xid 53)" "$(uri ines)"
END=$(rfc3339 "@$ENDS") check "one that will end, with grace" hi2_warrant grace LIID-54 "$(xid 54)" "$(uri ines)"
XID=$(xid 50) call "before one begins" hugo hugo
dropped
XID=$(xid 51) call "that is reported under another too" hugo hugo --no-bye
keys_of LIID-51 "$(uri hugo)" from hugo
HUGO=$CALL_ID
XID=$(xid 53) call "before one ends" ines ines
keys_of LIID-53 "$(uri ines)" from ines
XID=$(xid 54) call "the same, with grace" ines ines
keys_of LIID-54 "$(uri ines)" from ines

step "An XID that nobody named"
XID=$(xid 999)
mkdir "$WORK/planted"
cp "$WORK/alice"/*.bin "$WORK/planted"
CALL_ID=planted-call@lab.example
more "with words that are easy to find" planted planted
dropped
all_dropped "all of it"
check "neither the identity nor the Call-ID is in the state" not_in_state planted
check "nor the XID" not_in_state "$(xid 999)"
check "nor as octets" not_in_state "$(xid 999 | tr -d -)"
check "nor the messages" not_in_state "$(base64 -w 0 "$WORK/planted/i1.bin" | cut -c1-60)"
check "nor in the log" not_in_logs planted
check "nor is the XID there" not_in_logs "$(xid 999 | cut -c1-18)"
XID=$(xid 1)
TARGETS='"sip:alice@lab.example"' LIID=LIID-1 body xkonly
sed -i "s/\"identities\": \[[^]]*\]/&, \"xids\": [\"$XID\"]/" "$WORK/xkonly.body"
request xkonly one warrant new "$WORK/xkonly.body"
check "a warrant for Xk alone" approve xkonly one two
call "under its XID" alice alice
dropped
START=$(rfc3339 '+1 hour') check "a warrant of tomorrow" hi2_warrant W2 LIID-2 "$(xid 2)" "$(uri alice)"
XID=$(xid 2) call "under its XID" alice alice
dropped

step "Times have come"
while [ "$(date +%s)" -lt $((ENDS + 1)) ]; do sleep 0.2; done
XID=$(xid 53) call "behind the end" ines ines
dropped
XID=$(xid 54) call "behind the end, within the grace" ines ines
keys_of LIID-54 "$(uri ines)" from ines
CALL_ID=$HUGO
no_keys_of LIID-50 "$(uri hugo)" from hugo
keys_of LIID-52 "$(uri hugo)" from hugo
while [ "$(date +%s)" -lt "$(($(date -d "$STARTS" +%s) - 120))" ]; do sleep 0.2; done
all_dropped "the others"
all_there "and those that begin have the call that is up"

step "Suspended, resumed, revoked"
XID=$(xid 3)
check "a warrant" hi2_warrant W3 LIID-3 "$XID" "$(uri carol)"
call "in force" carol carol
keys_of LIID-3 "$(uri carol)" from carol
about W3 suspend && check "suspended" approve W3-suspend two
call "meanwhile" carol carol
dropped
resumed W3
call "in force again" carol carol
keys_of LIID-3 "$(uri carol)" from carol
# The first of the calls is the warrant's already, and that while it was
# suspended is known to nobody.
all_there "before and after"
before=$(audit_count keyIntent)
is_granted() { [ "$(audit_count keyIntent)" -gt "$before" ]; }
freeze keywarden-hsm
call "on its way to the token" carol carol
check "granted" eventually 10 is_granted
about W3 revoke && sign W3-revoke two
kw request submit "$WORK/W3-revoke.cms" >"$WORK/said" 2>&1 &
asked=$!
is_revoked() { kw warrant list --json | tr -d ' \n' | grep -q "\"liid\":\"LIID-3\",\"state\":\"revoked\""; }
check "revoked" eventually 10 is_revoked
thaw keywarden-hsm
wait $asked
check "nothing waits" becomes 0 x2 waiting
call "behind the end" carol carol
dropped
all_dropped "suspended or revoked"
all_there "nothing more, and no word that there are no keys"

step "Test warrants"
exchange tess tess bob
exchange tom tom bob
REST=', "test": true' check "one" hi2_warrant T LIID-4 "$(xid 4)" "$(uri tess)"
XID=$(xid 4) call "of a test subscriber" tess tess
keys_of LIID-4 "$(uri tess)" from tess
check "one that is none" hi2_warrant U LIID-5 "$(xid 5)" "$(uri tom)"
log_mark
XID=$(xid 5) call "of a test subscriber" tom tom
no_keys_of LIID-5 "$(uri tom)" from tom
all_there "test calls"
says "a test subscriber" "unknownSubscriber"

step "Times of calls"
exchange old dora bob --time "$(rfc3339 '-3 hours')"
exchange late dora bob --time "$(rfc3339 '+25 hours')"
check "a warrant of an hour ago" hi2_warrant W6 LIID-6 "$(xid 6)" "$(uri dora)"
MORE=", \"callsBefore\": \"$(rfc3339 '-4 hours')\"" \
	check "one for calls before, too" hi2_warrant W7 LIID-7 "$(xid 6)" "$(uri dora)"
XID=$(xid 6) call "of three hours ago" old dora
no_keys_of LIID-6 "$(uri dora)" from old
keys_of LIID-7 "$(uri dora)" from old
all_there "what covers the call"
says "no keys" "the call began .* before the warrant\|Warrant .* allows it"
check "the log has why" grep -q "the call began 119 minutes before the warrant\|the call began 2 hours before the warrant" \
	<(kw audit show)
XID=$(xid 6) call "that begins after the end" late dora
no_keys_of LIID-6 "$(uri dora)" from late
no_keys_of LIID-7 "$(uri dora)" from late
all_there "none for either"
says "no keys" "the call began .* after the warrant's end"

step "The first warrant comes in the middle of a call"
XID=$(xid 8)
exchange mid emil bob --update by-initiator --update-keys "$WORK/mid/update-keys.json"
call "rings, unseen" mid emil --only i1,r1
dropped
check "the warrant" hi2_warrant W8 LIID-8 "$XID" "$(uri emil)"
more "the call is answered" mid emil --only i2,r2
no_keys_of LIID-8 "$(uri emil)" from mid i2.bin
all_there "half a call has no keys"
says "why" "not all messages of the exchange were seen"
call "the next one" mid emil --only i1,r1,i2,r2
keys_of LIID-8 "$(uri emil)" from mid
more "its update" mid emil --only u-i1,u-r1,bye
keys_of LIID-8 "$(uri emil)" from mid update-keys.json u-i1.bin
all_there "the next has"

step "A second warrant on the same target"
XID=$(xid 9)
check "a first" hi2_warrant W9 LIID-9 "$XID" "$(uri fred)"
call "a call" fred fred --no-bye
keys_of LIID-9 "$(uri fred)" from fred
all_there "a call that stays up"
check "the same XID" hi2_warrant W10 LIID-10 "$XID" "$(uri fred)"
keys_of LIID-10 "$(uri fred)" from fred
all_there "at once, for it alone"
TO=lemf-1 check "another XID" hi2_warrant W11 LIID-11 "$(xid 11)" "$(uri dora)" "$(uri fred)"
TO=lemf-1 keys_of LIID-11 "$(uri dora) $(uri fred)" from fred
all_there "at once, for its LEMF alone"
START=$(rfc3339 '+1 hour') check "one that is not in force" hi2_warrant W12 LIID-12 "$XID" "$(uri fred)"
check "another target" hi2_warrant W13 LIID-13 "$(xid 13)" "$(uri alice)"
about W10 suspend && check "one suspended" approve W10-suspend two
resumed W10
all_there "nothing more"
call "another call" fred fred
keys_of LIID-9 "$(uri fred)" from fred
keys_of LIID-10 "$(uri fred)" from fred
all_there "for those whose XID it is"

step "Targets of several identities, devices, SIP"
subscriber jill --device "$(uri jill-phone)" --device "$(uri jill-desk)"
check "a warrant" hi2_warrant W14 LIID-14 "$(xid 14)" "tel:+15550100" "$(uri gina)" "$(uri jill)"
ids="tel:+15550100 $(uri gina) $(uri jill)"
XID=$(xid 14) call "one of them takes part" gina gina
keys_of LIID-14 "$ids" from gina
cp "$WORK/jill.seed" "$WORK/jill-desk.seed"
exchange desk jill-desk bob
XID=$(xid 14) call "a device of one does" desk jill-desk
keys_of LIID-14 "$ids" from desk
XID=$(xid 14) call "none of them does" alice alice
no_keys_of LIID-14 "$ids" from alice
all_there "the identity that takes part"
says "none takes part" "targetMismatch"
PRODUCTS='"keys", "sip"' check "a warrant for SIP too" hi2_warrant W15 LIID-15 "$(xid 15)" "$(uri alice)"
XID=$(xid 15) call "a call under it" alice alice
keys_of LIID-15 "$(uri alice)" from alice
sip_of LIID-15 "$(uri alice)" alice
XID=$(xid 15) call "one that nobody answers" alice alice --only i1,r1
sip_of LIID-15 "$(uri alice)" alice
all_there "every message, in its order"

step "No keys can be had"
check "a warrant" hi2_warrant W16 LIID-16 "$(xid 16)" "$(uri nobody)"
XID=$(xid 16) call "of who is not enrolled" alice nobody
no_keys_of LIID-16 "$(uri nobody)" from alice
all_there "not enrolled"
says "not enrolled" "unknownSubscriber"
XID=$(xid 13)
faults=(own-secret-i "the secret or V does not\|notReproducible" curve-unknown unsupported
	prf-unknown unsupported csb-i2 "not all messages" unknown-payload@i2 "not all messages\|malformed")
for ((i = 0; i < ${#faults[@]}; i += 2)); do
	f=${faults[i]}
	exchange "$f" alice bob --fault "$f"
	call "$f" "$f" alice
	no_keys_of LIID-13 "$(uri alice)" from "$f"
	# What has a CSB ID of its own is an exchange of its own.
	[ "$f" != csb-i2 ] || no_keys_of LIID-13 "$(uri alice)" from "$f" i2.bin
	all_there "$f"
	says "$f" "${faults[i + 1]}"
done
call "I_MESSAGE_2 is missing" alice alice --only i1,r1,r2,bye
no_keys_of LIID-13 "$(uri alice)" from alice
all_there "a message is missing"
says "a message is missing" "not all messages of the exchange were seen"

step "A LEMF that the configuration lacks"
log_mark
TO="lemf-0 nowhere" check "a warrant for it" hi2_warrant W17 LIID-17 "$(xid 17)" "$(uri gina)"
XID=$(xid 17) call "a call" gina gina
TO="lemf-0 nowhere" keys_of LIID-17 "$(uri gina)" from gina
all_there "as etsi"
check "the log says so" eventually 5 log_says "LEMF"
says_lemf() { kw status | grep -q "LEMF WITHOUT A SECTION"; }
check "status too" eventually 5 says_lemf

step "What is counted"
check "nothing waits" becomes 0 x2 waiting
events() { grep -c "	$1	" "$WORK/expected"; }
for event in keys noKeys sip; do
	check "records: $event" becomes "$(events $event)" hi2 $event
done
check "all of them wait" same "$(counted hi2 waiting)" "$(wc -l <"$WORK/expected")"
check "of no warrant" same "$(counted x2 noWarrant)" "$DROPPED"
check "one for an unknown LEMF" same "$(counted hi2 unknownLemf)" 1
check "nothing was given up" same "$(counted x2 givenUp)" 0
all_there "and none came late"
check "planted words are still nowhere" not_in_state planted
check "the log is sound" quiet kw audit verify
finish
