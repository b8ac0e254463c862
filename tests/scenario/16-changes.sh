#!/usr/bin/env bash
# What changes by requests, and nothing else: warrants rest and go on, persons
# come, leave and get other certificates, test calls stay among themselves; a
# request waits, is rejected, expires; explain says it in sentences.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# refuses TEXT NAME PART: NAME.cms is not taken, with one line that has PART
refuses() {
	kw request submit "$WORK/$2.cms" >"$WORK/said.out" 2>"$WORK/said"
	check "$1: exit 1" same $? 1
	check "$1: $3" one_line "$3"
}
# waits TEXT NAME N: NAME.cms is taken and waits for more, N have approved
waits() {
	check "$1: taken" submit "$2"
	check "$1: waits" grep -q "^waiting for approval: .*, $3 of 2" "$WORK/$2.added"
}
# explained WORDS...: explain's last answer has them
explain() { kw explain "$@" >"$WORK/explained"; }
explained() { grep -q "$1" "$WORK/explained" || { cat "$WORK/explained"; return 1; }; }
ends() {
	ask "$2" "$3"
	[ "$REASON" = "$1" ]
}

step "An appliance, a warrant, a call"
kms_up
subscriber alice
subscriber bob
exchange x alice bob
MORE=', "graceAfterEnd": 0' check "a warrant" warrant W
granted "the call" x alice
check "explain" explain --last
for words in "client df2 asked for the keys of a call of sip:alice@lab.example, LIID LIID-1" \
	"The call began at 20" "Warrant $(warrant_id W) allows it" "1 session key was released"; do
	check "it says: $words" explained "$words"
done
CLIENT=df2b refused "another client" noAuthorisation x alice
check "explain" explain --last
for words in "client df2b asked" "was refused: noAuthorisation" "keywarden warrant list"; do
	check "it says: $words" explained "$words"
done

step "A warrant rests and goes on"
about W suspend --reason "until tomorrow"
check "one officer suspends it" approve W-suspend two
refused "it rests" noAuthorisation x alice
check "and is listed so" grep -q "state    suspended" <(kw warrant list)
check "explain" explain --last
check "the refusal" explained "refused: noAuthorisation"
about W suspend
sign W-suspend one two
refuses "again" W-suspend "suspended already"
sleep 1 # a request that changes it again is written a second later at least
about W resume
sign W-resume two
waits "one officer resumes it" W-resume 1
refused "it still rests" noAuthorisation x alice
sign W-resume one
check "the other one too" submit W-resume
granted "it goes on" x alice
check "explain the change" explain "$(kw audit show --json | grep '"kind":"warrant.resume"' |
	sed 's/{"entry":\([0-9]*\).*/\1/')"
for words in "a suspended warrant was resumed" "Its LIID is LIID-1" "Signed by two, one"; do
	check "it says: $words" explained "$words"
done

step "It ends earlier, and lasts longer"
about W end --to "$(rfc3339 '+5 days')"
sign W-end one two
refuses "an earlier end that is later" W-end "not earlier"
about W end --to "$(rfc3339 '+3 seconds')"
check "in three seconds" approve W-end one two
check "then it has ended" eventually 6 ends noAuthorisation x alice
about W extend --to 2d
check "two more days" approve W-extend one two
granted "the call" x alice
sleep 1
about W extend --to 1d
sign W-extend one two
refuses "a later end that is earlier" W-extend "not later"

step "Who asks and who approves"
leaf df2c "df2c.lab.example" ca
request C engineer client add df2c --cert "$WORK/df2c.pem"
sign C sec-one sec-two
refuses "without who asks" C "requester has not signed"
sign C engineer one
refuses "approved by an officer" C "may not approve"
sign C engineer sec-one
waits "the engineer and one security officer" C 1
sign C sec-two
check "and the other" submit C
check "it is enrolled" grep -q "^df2c$" <(kw client list)
request C one client remove df2c
sign C one sec-one sec-two
refuses "an officer asks" C "one is officer and may not ask"
request C auditor client remove df2c
sign C auditor sec-one sec-two
refuses "an auditor asks" C "auditor is auditor and may not ask"
check "removed by those who may" client_gone df2c

step "What warrant check says of them"
would() { kw warrant check "$WORK/C.json" >"$WORK/would" && grep -q "$1" "$WORK/would"; }
request C sec-one client add df2b --cert "$WORK/df2.pem"
check "another client's certificate is refused" not would .
leaf df2d "df2d.lab.example" ca
request C sec-one client add df2b --cert "$WORK/df2d.pem"
check "a renewed certificate" would "df2b is enrolled: this certificate takes the place"
request C sec-one client add df2d --cert "$WORK/df2d.pem"
check "a new client" would "df2d: a new client"
request C one client add df2d --cert "$WORK/df2d.pem"
check "a requester who may not" would "another requester: one is officer and may not ask"
request C nobody client add df2d --cert "$WORK/df2d.pem"
check "a requester who is none" would "nobody in office is called nobody"
request C sec-one subscriber remove "$(uri bob)"
check "what cannot be undone" would "gone for good"
request C sec-one clock accept
check "a clock with nothing wrong" would "nothing to accept"
check "explain a head" explain "$(kw audit show --json | grep '"type":"head"' | tail -n 1 |
	sed 's/{"entry":\([0-9]*\).*/\1/')"
check "it says what that means" explained "judged change [0-9]* itself"

step "A request that waits"
request Q sec-one client remove df2b
sign Q sec-one
waits "the first" Q 1
HASH=$(sha256sum "$WORK/Q.json" | cut -d' ' -f1)
kw request reject "$HASH" --person one --out "$WORK/no.json" >/dev/null
sign no one
refuses "an officer's no" no "may not reject"
rm "$WORK/no.json"
kw request reject "$HASH" --person sec-two --reason "it is in use" --out "$WORK/no.json" >/dev/null
sign no sec-one
refuses "a no that somebody else has signed" no "has not signed it"
sign no sec-two
check "a security officer's no" submit no
check "it waits no longer" same "$(kw request list)" "no request waits"
check "it is in the log" grep -q '"type":"request".*rejected' <(kw audit show --json)
request Q sec-one client remove df2b --expires "$(rfc3339 '+3 seconds')"
sign Q sec-one
waits "one that expires soon" Q 1
sleep 4
sign Q sec-two
refuses "then it is too late" Q expired
check "nothing was removed" grep -q "^df2b$" <(kw client list)

step "Persons"
document OLD
self officer-four "Officer four"
check "a fourth officer" asked P person add four --role officer --cert "$WORK/officer-four.pem"
check "is listed" grep -q "^officer *four *since 20.* (change 10)" <(kw person list)
sign OLD one two
refuses "a request of before" OLD "written for version 0 of the rules"
TARGETS='"sip:bob@lab.example"' LIID=LIID-2 REQUESTER=four document F
check "who asks for a warrant" approve F four two
granted "under it" x bob
cp "$WORK/officer-four.key" "$WORK/lost.key"
cp "$WORK/officer-four.pem" "$WORK/lost.pem"
self officer-four "Officer four"
check "gets another certificate" asked P person certificate four --cert "$WORK/officer-four.pem"
granted "what was signed stays" x bob
request G lost warrant suspend "$(warrant_id F)"
sed -i 's/"requester":"lost"/"requester":"four"/' "$WORK/G.json"
sign G lost
refuses "the old key signs nothing more" G "not enrolled"
request G four warrant suspend "$(warrant_id F)"
check "the new one does" approve G four
sleep 1
request G four warrant resume "$(warrant_id F)"
check "and resumes" approve G four one
granted "under it" x bob
check "leaves" asked P person remove four --reason retired
granted "and what was signed stays" x bob
check "is listed as one who was in office until then" grep -q "^officer *four .*, until 20" <(kw person list)
request G four warrant suspend "$(warrant_id F)"
sign G four
refuses "but signs nothing more" G "not enrolled"
request P sec-one person remove sec-two
sign P sec-one sec-two
refuses "no security officer may leave" P "only 2 persons are securityOfficer"
request P sec-one person add again --role auditor --cert "$WORK/officer-one.pem"
sign P sec-one sec-two
refuses "nobody counts twice" P "same public key"
self officer-five "Officer five"
check "a fifth officer" asked P person add five --role officer --cert "$WORK/officer-five.pem"
REQUESTER=five TARGETS='"sip:bob@lab.example"' LIID=LIID-5 CLIENTS='"df2b"' document V
check "has a warrant" approve V five one
CLIENT=df2b granted "under it" x bob
check "the key was stolen: void" asked P person remove five --void-signatures --reason stolen
CLIENT=df2b refused "nothing under it any more" noAuthorisation x bob
check "it shows" grep -q "^officer *five .*signatures void" <(kw person list)
granted "the others stay" x bob

step "Test calls"
check "a subscriber for tests" subscriber tess --test
exchange t tess bob
LIID=LIID-T REST=', "test": true' TARGETS='"sip:tess@lab.example"' check "a test warrant" warrant T
granted "a test call" t tess
check "the log says that it is one" grep -q '"type":"keyIntent".*LIID-T.*"test":true' <(kw audit show --json)
about T revoke
check "its warrant ends" approve T-revoke two
LIID=LIID-U TARGETS='"sip:tess@lab.example"' check "a warrant that is for no test" warrant U
ask t tess
check "it does not reach a test subscriber" test "$REASON" != granted
LIID=LIID-X REST=', "test": true' CLIENTS='"df2b"' check "a test warrant for somebody real" warrant R
CLIENT=df2b ask x alice
check "it reaches nobody" test "$REASON" != granted

step "All that outlives a restart"
before=$(kw status --json | sed -n 's/.*"head": *\([0-9]*\).*/\1/p')
daemon_stop
check "up" up
check "at the same change" same "$(kw status --json | sed -n 's/.*"head": *\([0-9]*\).*/\1/p')" "$before"
granted "the call of W" x alice
granted "the warrant of who has left" x bob
CLIENT=df2b refused "the voided one" noAuthorisation x bob
check "the log is sound" quiet kw audit verify
check "nobody took the state for an older one" not grep -q "later warrant state" "$WORK/daemon.log"
finish
