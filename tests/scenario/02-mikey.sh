#!/usr/bin/env bash
# Every kind of call that yields keys gives the true ones, for each target; and
# every fault that a message can have gets its own refusal, an audit entry, and
# nothing else.  The faults and what they deserve are lab-exchange's list.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

step "An appliance, three subscribers, a warrant for each"
kms_up
for who in alice bob mail; do
	subscriber $who
	TARGETS="\"$(uri $who)\"" LIID=LIID-$who MORE=", \"graceAfterEnd\": 3600" \
		check "a warrant for $who" warrant W-$who
done

# call TEXT [options of lab-exchange]: its keys, for both
call() {
	local text=$1
	shift
	rm -rf "$WORK/x"
	exchange x alice bob "$@" || fail "$text: lab-exchange"
	granted "$text, target is the initiator" x alice
	granted "$text, target is the responder" x bob
}
step "First exchanges"
call "P-256, PRF 1, NTP-UTC"
for curve in P-384 P-521; do call "$curve" --curve $curve; done
call "PRF 0" --prf 0
for ts in ntp ntp-utc-32; do call "T of type $ts" --ts-type $ts; done
call "COUNTER" --ts-type counter --counter 4711
call "12 crypto sessions" --cs 12 --roc 7
call "SRTP policy, MKI of the responder's point" --sp 00000006000101010110 --mki 0102
call "both sides' policies, ROC" --sp 00000006000101010110 \
	--sp-r 0000000900010101011005010a --roc 3
call "RAND of 255 octets, inner ID, General Extension" --rand-len 255 \
	--inner-form id --general-ext
call "ESK in I_MESSAGE_1" --esk-i1

step "CSB updates"
for by in by-initiator by-responder; do
	KEYS=update.json call "update $by" --update $by --update-keys "$WORK/x/update.json"
	KEYS=update.json call "update $by, more crypto sessions" --update $by \
		--update-cs 3 --update-keys "$WORK/x/update.json"
	KEYS=update.json call "update $by without IBAKE" --update $by \
		--update-no-ibake --update-keys "$WORK/x/update.json"
done
unset KEYS

step "Deferred delivery: a mailbox answers for Bob"
seeded=(--answering "$(uri mail)" --answering-seed "$WORK/mail.seed" --deferred)
exchange d alice bob "${seeded[@]}" --recipient-keys "$WORK/d/recipient.json"
granted "target is who called" d alice
# SK is Alice's secret: only of her is it given.
grep -v '"sk"' "$WORK/d/keys.json" >"$WORK/d/mailbox.json"
KEYS=mailbox.json granted "target is the mailbox" d mail
KEYS=recipient.json granted "target is the intended recipient" d bob

step "Faults"
intents=$(audit_count keyIntent)
refusals=$(audit_count keyRefused)
asked=0
# one NAME NEEDS REASON TARGET
one() {
	[ "$3" = - ] && return
	asked=$((asked + 1))
	if [ "$3" = keys ]; then
		ask f "$4"
		[ "$REASON" = granted ] && return
	else
		ask f "$4"
		[ "$REASON" = "$3" ] && return
	fi
	fail "$1, target $4: got $REASON, expected $3"
}
n=0
while IFS=$'\t' read -r name needs initiator responder recipient _; do
	rm -rf "$WORK/f"
	options=(--fault "$name")
	answers=bob
	case $needs in
	update) options+=(--update by-initiator) ;;
	deferred) options+=("${seeded[@]}") answers=mail ;;
	esac
	exchange f alice bob "${options[@]}" || fail "$name: lab-exchange"
	one "$name" "$needs" "$initiator" alice
	one "$name" "$needs" "$responder" $answers
	[ "$needs" != deferred ] || one "$name" "$needs" "$recipient" bob
	n=$((n + 1))
done < <("$BIN/lab-exchange" --list-faults)
check "all $n faults of the list were made" test "$n" -gt 100
check "each request left an audit entry" same \
	$(($(audit_count keyIntent) - intents + $(audit_count keyRefused) - refusals)) \
	$asked

step "Messages that do not belong together"
exchange x alice bob
exchange y alice bob
exchange z bob mail
mkdir "$WORK/mixed"
for which in r1 i2; do
	cp "$WORK"/x/*.bin "$WORK/mixed"
	cp "$WORK/y/$which.bin" "$WORK/mixed"
	refused "$which of another call" targetMismatch mixed alice
done
refused "a call that is not the target's" targetMismatch z alice
exchange c alice bob --ts-type counter --counter 5 --time "$(rfc3339 '-5 days')"
refused "COUNTER, keys of another day" notReproducible c alice

step "Cut at every length, each octet changed"
probe() {
	"$BIN/xk-probe" --connect "127.0.0.1:$PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/df2.pem" --key "$WORK/df2.key" "$@"
}
for m in i1 r1 i2; do
	probe cut "$(uri alice)" "$WORK/x" $m >"$WORK/tally" || fail "probe cut $m"
	check "$m at every length: malformed" same \
		"$(sed -n 's/^malformed //p' "$WORK/tally")" \
		"$(sed -n 's/^of //p' "$WORK/tally")"
done
# Some octets say nothing that binds: without a key they must all be told apart
# from the envelope, of which none may be changed.
size=$(stat -c %s "$WORK/x/r1.bin")
probe flip "$(uri alice)" "$WORK/x" r1 >"$WORK/tally" || fail "probe flip"
note "$(tr '\n' ',' <"$WORK/tally")"
check "r1 with a bit changed: keys only where nothing is said" test \
	"$(sed -n 's/^keys //p' "$WORK/tally")" -lt $((size / 20))
check "and never unavailable" same "$(grep -c '^unavailable' "$WORK/tally")" 0
granted "after all that, the call" x alice
finish
