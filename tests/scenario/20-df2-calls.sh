#!/usr/bin/env bash
# One record for each set of keys, for each LEMF: whatever kind of call it is,
# and in whatever order, pieces and copies a CSCF hands it over.  Every record
# decodes in both forms of UMTSIRI, its keys are those of the phones, and what
# it says of the call is that call's.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

A=$(xid 1) B=$(xid 2)
alice=$(uri alice) bob=$(uri bob)
# from_alice TEXT DIR [options]: I_MESSAGE_1 goes from the target, alice
from_alice() {
	check "$1" report "$2" "$A" alice "${@:3}"
	keys_of LIID-A "$alice" from "$2"
}
# to_bob TEXT DIR [options]: the same call, as bob's CSCF sees it
to_bob() {
	check "$1" report_again "$2" "$B" bob "${@:3}"
	keys_of LIID-B "$bob" to "$2"
}
# in_pairs DIR: each SIP message twice, as it is sent again over UDP
in_pairs() {
	local f
	for f in "$1"/*.sip; do cp "$f" "${f%.sip}-again.sip"; done
}

step "An appliance that is a DF2/MF, warrants for Alice and for Bob"
df2_up
for who in alice bob carol mail; do subscriber $who; done
check "for alice" hi2_warrant WA LIID-A "$A" "$alice"
check "for bob" hi2_warrant WB LIID-B "$B" "$bob"
exchange x alice bob
exchange back bob alice
exchange many alice bob --cs 12 --roc 7
exchange esk alice bob --esk-i1

step "Kinds of calls"
from_alice "the caller is a target" x
to_bob "and so is who is called" x
# The callee makes the offer: I_MESSAGE_1 is bob's.
check "late offer, the caller's side" report back "$A" alice --late-offer
keys_of LIID-A "$alice" to back
check "late offer, the callee's side" report_again back "$B" bob --late-offer
keys_of LIID-B "$bob" from back
from_alice "compact headers" x --compact
from_alice "folded headers" x --folded
from_alice "multipart" x --multipart
from_alice "key-mgmt at the media level" x --media-level
from_alice "three m-lines, one key-mgmt" x --media 3
from_alice "three m-lines, each with it" x --media 3 --media-level
from_alice "all of this at once" x --compact --folded --multipart --media-level --media 2
to_bob "the other end" x --compact --folded --multipart --media-level --media 2
from_alice "12 crypto sessions" many
from_alice "an ESK in I_MESSAGE_1" esk
to_bob "the recipient of the ESK, who answers" esk
from_alice "a call that stays up" x --no-bye
from_alice "no sequence number, other attributes" x --no-sequence --extra-tlv --nfid P-CSCF-1 --ipid icscf
from_alice "no timestamp" x --no-time
all_there "calls"

step "CSB updates"
# updated BY [options of lab-exchange]: over UPDATE and over INVITE
updated() {
	local by=$1 dir=u$((++UPDATES)) how side=() way=(from to)
	shift
	exchange "$dir" alice bob --update "by-$by" --update-keys "$WORK/$dir/update-keys.json" "$@"
	if [ "$by" = responder ]; then side=(--callee-updates) way=(to from); fi
	for how in "" --reinvite; do
		from_alice "by $by ${*:-with IBAKE} ${how#--}" "$dir" "${side[@]}" $how
		keys_of LIID-A "$alice" "${way[0]}" "$dir" update-keys.json u-i1.bin
		to_bob "the same, bob's side" "$dir" "${side[@]}" $how
		keys_of LIID-B "$bob" "${way[1]}" "$dir" update-keys.json u-i1.bin
	done
}
UPDATES=0
for by in initiator responder; do
	updated $by
	updated $by --update-no-ibake
	updated $by --update-cs 3
done
updated initiator --update-no-ids
all_there "updates" 40

step "Forked calls, deferred delivery"
now=$(rfc3339 now)
for w in bob carol; do
	exchange "fork-$w" alice bob --answering "$(uri $w)" --answering-seed "$WORK/$w.seed" \
		--random-seed 7 --time "$now"
done
check "I_MESSAGE_1 of both branches is one" cmp "$WORK/fork-bob/i1.bin" "$WORK/fork-carol/i1.bin"
cp "$WORK/fork-carol/r1.bin" "$WORK/fork-bob/fork-2-r1.bin"
from_alice "carol's phone rings too, bob answers" fork-bob --fork 2
to_bob "bob's side" fork-bob --fork 2
from_alice "eight phones ring with bob's identity" x --fork 8
exchange deferred alice bob --answering "$(uri mail)" --answering-seed "$WORK/mail.seed" \
	--deferred --recipient-keys "$WORK/deferred/recipient-keys.json"
from_alice "a mailbox answers" deferred
check "the recipient, who is not there" report_again deferred "$B" bob
keys_of LIID-B "$bob" to deferred recipient-keys.json
all_there "more than one who may answer"

step "Calls that come to nothing"
# Keys were agreed on, and early media may have been sent under them.
from_alice "given up while it rings, behind I_MESSAGE_2" x --cancel
# The caller hangs up before I_MESSAGE_2: PRACK is not sent.
"$BIN/lab-x2" --from "$alice" --to "$bob" --call-id gone@lab.example --cancel \
	--call "$WORK/x" --print-dir "$WORK/gone"
grep -l "^CSeq: [0-9]* PRACK" "$WORK"/gone/*.sip | xargs rm
check "given up before it" cscf --xid "$A" --target "$alice" --sip-dir "$WORK/gone"
check "nobody answers: the offer alone" report x "$A" alice --only i1
check "nobody answers: it rings" report x "$A" alice --only i1,r1
check "a BYE of a call that nobody knows" report x "$A" alice --only bye
mkdir "$WORK/plain"
check "a call without MIKEY" report plain "$A" alice
sleep 1.5
all_there "nothing but of the first"

step "Copies, in any order, over any connections"
from_alice "each PDU twice" x --duplicate
to_bob "for bob too" x --duplicate
# The CSCFs at either end report one call.
leaf cscf2 "cscf2.lab.example" ca
from_alice "a call" x
check "again, all of it" report_again x "$A" alice
"$BIN/lab-x2" --from "$alice" --to "$bob" --call-id "$CALL_ID" --compact --folded \
	--call "$WORK/x" --print-dir "$WORK/other"
CSCF=cscf2 check "by another CSCF that writes headers in another form" \
	cscf --xid "$A" --target "$alice" --sip-dir "$WORK/other"
CALL_ID=pairs@lab.example
"$BIN/lab-x2" --from "$alice" --to "$bob" --call-id "$CALL_ID" --call "$WORK/u1" \
	--print-dir "$WORK/sip/$CALL_ID"
in_pairs "$WORK/sip/$CALL_ID"
check "each SIP message sent again" cscf --xid "$A" --target "$alice" --sip-dir "$WORK/sip/$CALL_ID"
keys_of LIID-A "$alice" from u1
keys_of LIID-A "$alice" from u1 update-keys.json u-i1.bin
from_alice "in pieces of a few octets" x --pieces
from_alice "all in one write" x --coalesce
from_alice "over four connections" x --connections 4
from_alice "in pieces, over four" x --pieces --connections 4
for n in 1 2 3 5 8 11; do
	from_alice "on a connection that breaks after $n PDUs" x --break-after $n
done
from_alice "on three that break" x --connections 3 --break-after 2 --duplicate
all_there "copies"
for seed in $(seq 20); do
	report u1 "$A" alice --shuffle "$seed" || fail "seed $seed"
	keys_of LIID-A "$alice" from u1
	keys_of LIID-A "$alice" from u1 update-keys.json u-i1.bin
	report deferred "$B" bob --shuffle "$seed" --duplicate --connections 3 || fail "seed $seed"
	keys_of LIID-B "$bob" to deferred recipient-keys.json
done
all_there "shuffled, 40 times" 40

step "What is counted"
spool_canary # with its journal, while it runs
check "nothing waits" becomes 0 x2 waiting
check "each leg of a warrant is stored" becomes "$(($(wc -l <"$WORK/expected") / 2))" x2 stored
for what in refused givenUp evicted malformed noSip noWarrant; do
	check "$what: none" same "$(counted x2 $what)" 0
done
check "records of keys" becomes "$(wc -l <"$WORK/expected")" hi2 keys
check "and none else" same "$(counted hi2 noKeys)$(counted hi2 sip)$(counted hi2 unknownLemf)" 000
all_there "and none came late"
finish
