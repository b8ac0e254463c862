#!/usr/bin/env bash
# MIKEY messages that are not as they must be, each fault of lab-exchange's list,
# off X2: where the keys can be had in spite of it there is the record that has
# them, and no other; where they cannot, the LEMF learns that, and in no record
# is a key.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

TO="lemf-0"
# verdict FAULT WHO XK: what comes of it over X2, where Xk says XK
verdict() {
	case $1/$2 in
	# R_MESSAGE_2 is behind what the keys are asked for with.
	csb-r2/* | t-r2/* | v-wrong/* | v-null/* | v-other-alg/* | v-short/* | v-missing/*)
		echo keys
		;;
	# Without an ESK nobody waits for R_MESSAGE_2, in which xP is.
	esk-missing/alice) echo none ;;
	*) echo "$3" ;;
	esac
}
# make FAULT NEEDS: the exchange, in f/FAULT
make() {
	local dir=f/$1 options=(--fault "$1")
	case $2 in
	update) options+=(--update by-initiator --update-keys "$WORK/$dir/update-keys.json") ;;
	deferred) options+=(--answering "$(uri mail)" --answering-seed "$WORK/mail.seed"
		--deferred --recipient-keys "$WORK/$dir/recipient-keys.json") ;;
	esac
	exchange "$dir" alice bob "${options[@]}"
}
# due WHO LIID WAY FAULT XK KEYS: what must come of the call number $n of WHO
due() {
	local dir=$WORK/f/$4 sip=$WORK/sip/$1@lab.example said
	said=$(verdict "$4" "$1" "$5")
	CALL_ID=$n-$1@lab.example
	[ "$n" -gt 0 ] || CALL_ID=$1@lab.example
	# The first exchange of an update has no fault.
	[ ! -e "$dir/u-i1.bin" ] || expect keys "$2" "$(uri "$1")" "$3" "$dir/keys.json" "$sip:$dir/i1.bin"
	if [ "$said" != keys ]; then
		printf '%s\t%s\t%s\n' "$4" "$2" "$CALL_ID" >>"$WORK/refused"
	elif [ -e "$dir/u-i1.bin" ]; then
		expect keys "$2" "$(uri "$1")" "$3" "$dir/$6" "$sip:$dir/u-i1.bin"
	else
		expect keys "$2" "$(uri "$1")" "$3" "$dir/$6" "$sip:$dir/i1.bin"
	fi
}
# hand_over WHO XID
hand_over() {
	local made=(--from "$(uri alice)" --to "$(uri bob)" --call-id "$1@lab.example"
		--calls "$WORK/f")
	mkdir -p "$WORK/sip"
	"$BIN/lab-x2" "${made[@]}" --print-dir "$WORK/sip/$1@lab.example" &&
		cscf --xid "$2" --target "$(uri "$1")" "${made[@]}"
}

step "An appliance that is a DF2/MF, and the faults"
df2_up
for who in alice bob mail; do subscriber $who; done
check "for who calls" hi2_warrant WA LIID-A "$(xid 1)" "$(uri alice)"
check "for who answers" hi2_warrant WB LIID-B "$(xid 2)" "$(uri bob)"
check "for a mailbox" hi2_warrant WC LIID-C "$(xid 3)" "$(uri mail)"
"$BIN/lab-exchange" --list-faults | LC_ALL=C sort >"$WORK/faults"
while IFS=$'\t' read -r fault needs _; do
	make "$fault" "$needs" || fail "$fault: lab-exchange"
done <"$WORK/faults"

step "What must come of them"
n=0
while IFS=$'\t' read -r fault needs initiator responder recipient _; do
	keys=keys.json
	[ "$needs" != update ] || keys=update-keys.json
	due alice LIID-A from "$fault" "$initiator" $keys
	if [ "$needs" = deferred ]; then
		due mail LIID-C none "$fault" "$responder" $keys
		due bob LIID-B to "$fault" "$recipient" recipient-keys.json
	else
		due bob LIID-B to "$fault" "$responder" $keys
	fi
	n=$((n + 1))
done <"$WORK/faults"
check "all $n faults of the list were made" test "$n" -gt 100
check "as the caller's CSCF reports them" hand_over alice "$(xid 1)"
check "as the callee's does" hand_over bob "$(xid 2)"
check "and the mailbox's" hand_over mail "$(xid 3)"

step "What came of them"
each_is_told() {
	local fault liid id digest bad=0
	records lemf-0
	grep '"event":"noKeys"' "$WORK/records/lemf-0.json" >"$WORK/told"
	while IFS=$'\t' read -r fault liid id; do
		digest=$(printf %s "$id" | sha256sum | cut -c1-16)
		grep -q "\"liid\":\"$liid\",.*\"$digest\"" "$WORK/told" ||
			{ note "$fault, $liid"; bad=1; }
	done <"$WORK/refused"
	return $bad
}
eventually 60 quiet judged --keys-alone
check "the keys that can be had, and no others" judged --keys-alone
eventually 10 quiet each_is_told
check "$(wc -l <"$WORK/refused") times that there are none" each_is_told
check "nothing waits" becomes 0 x2 waiting
check "nothing was given up" same "$(counted x2 givenUp)" 0
check "the keys, still" judged --keys-alone
daemon_stop
check "every intent has its end" grep -q " 0 still open" <<<"$(kw audit verify)"
finish
