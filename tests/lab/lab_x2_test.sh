#!/bin/sh
# lab-x2: its PDUs as tshark reads them, and that nothing is lost whatever it
# is told to do to the connection.
#
# usage: lab_x2_test.sh BIN-DIR WORK-DIR
set -eu

bin=$1
work=$2
dir=$(dirname "$0")
# shellcheck source=tests/lab/lab_x2_lib.sh
. "$dir/lab_x2_lib.sh"
trap x2_done EXIT

rm -rf "$work"
mkdir -p "$work"
x2_pki
alice=sip:alice@example.com
bob=sip:bob@example.net
xid=11111111-2222-3333-4444-555555555555
xid2=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee
"$bin/lab-provision" --out "$work/keys" --user a=$alice --user b=$bob
printf '%064d' 1 > "$work/a.hex"
printf '%064d' 2 > "$work/b.hex"
"$bin/lab-exchange" --params "$work/keys/params.der" --initiator $alice \
	--initiator-seed "$work/a.hex" --responder $bob \
	--responder-seed "$work/b.hex" --update by-initiator --out "$work/call"

# call option...: to the receiver that is up
call()
{
	# shellcheck disable=SC2086
	"$bin/lab-x2" --connect "127.0.0.1:$sink_port" $tls \
		--call "$work/call" --from $alice --to $bob --call-id one@lab \
		--xid $xid --xid $xid2 --target $bob "$@" > "$work/x2.out" \
		2> "$work/x2.err"
}
# offline option...: without a receiver
offline()
{
	"$bin/lab-x2" --call "$work/call" --from $alice --to $bob \
		--call-id one@lab --xid $xid --target $bob "$@"
}

# What tshark says of a field, a value a line.
tell()
{
	tshark -r "$work/x2.pcap" -d tcp.port==7301,5gli -T fields \
		-E aggregator=, -e "$1" 2>/dev/null | tr , '\n'
}
if command -v tshark >/dev/null && command -v text2pcap >/dev/null; then
	offline --extra-tlv --nfid nf --ipid ip --dump "$work/pdus"
	od -Ax -tx1 -v "$work/pdus" |
		text2pcap -q -T 40000,7301 - "$work/x2.pcap" >/dev/null 2>&1
	[ "$(tell li5g.xid | sort -u)" = $xid ] || fail "tshark: XID"
	[ "$(tell li5g.sq | sort -n -u | tr '\n' ' ')" = \
		"0 1 2 3 4 5 6 7 8 9 10 11 " ] || fail "tshark: sequence"
	[ "$(tell li5g.pd | tr -d '\n')" = 233233322323 ] ||
		fail "tshark: direction"
	[ "$(tell sip.Method | tr '\n' ' ')" = "INVITE PRACK ACK UPDATE BYE " ] ||
		fail "tshark: requests"
	[ "$(tell sip.Status-Code | tr '\n' ' ')" = \
		"100 183 200 180 200 200 200 " ] || fail "tshark: answers"
	[ "$(tell sip.Call-ID | sort -u)" = one@lab ] || fail "tshark: Call-ID"
	[ "$(tell li5g.nfid | sort -u)" = 6e66 ] || fail "tshark: NFID"
	[ "$(tell sdp.key_mgmt.data | wc -l)" = 6 ] || fail "tshark: key-mgmt"
	[ -n "$(tell li5g.ts | grep "$(date -u +%Y)")" ] || fail "tshark: time"
else
	echo "no tshark: framing is not compared" >&2
fi

# Every variant has the same MIKEY messages; SDP or headers differ.
for v in "" --late-offer --compact --folded --multipart --media-level \
	"--media 3" "--media-level --media 3" \
	"--fork 3" --cancel --reinvite --callee-updates; do
	rm -rf "$work/sip"
	# shellcheck disable=SC2086
	offline $v --print-dir "$work/sip"
	cat "$work/sip"/*.sip | tr -d '\r' | sed -n 's/^a=key-mgmt:mikey //p' |
		sort -u | wc -l > "$work/n"
	want=6
	[ "$v" != --cancel ] || want=3
	[ "$(cat "$work/n")" = $want ] || fail "$v: $(cat "$work/n") messages"
done
rm -rf "$work/sip"
offline --only i1,bye --print-dir "$work/sip"
[ "$(cat "$work/sip"/*.sip | grep -c '^CSeq: [0-9]* \(INVITE\|BYE\)')" = 3 ] ||
	fail "--only sends something else"

# Two XIDs: 24 PDUs, each number once in each, in order.
sink_up
call --wait-ack 10 || fail "a call is not acknowledged"
sink_down
[ "$(count .)" = 24 ] || fail "$(count .) PDUs"
for x in $xid $xid2; do
	grep "^$(echo $x | tr -d -)" "$work/x2.log" | cut -d' ' -f3 |
		tr '\n' ' ' > "$work/n"
	[ "$(cat "$work/n")" = "0 1 2 3 4 5 6 7 8 9 10 11 " ] ||
		fail "numbers of $x: $(cat "$work/n")"
done
[ "$(count ' 2 INVITE')" = 2 ] || fail "direction of INVITE"
[ "$(count ' 3 SIP/2.0 183')" = 2 ] || fail "direction of 183"

# Each PDU once, however it is written.
for how in "--pieces" "--coalesce" "--connections 3" "--shuffle 7" \
	"--pieces --shuffle 9 --connections 4" "--rate 500"; do
	sink_up
	# shellcheck disable=SC2086
	call --wait-ack 10 $how || fail "$how: not acknowledged"
	sink_down
	[ "$(count .)" = 24 ] || fail "$how: $(count .) PDUs"
	[ "$(sort -u "$work/x2.log" | wc -l)" = 24 ] || fail "$how: one twice"
done
sink_up
call --wait-ack 10 --duplicate || fail "--duplicate: not acknowledged"
sink_down
[ "$(count .)" = 48 ] || fail "--duplicate: $(count .) PDUs"
[ "$(sort -u "$work/x2.log" | wc -l)" = 24 ] || fail "--duplicate: not twice"

# At least once, whoever resets the connection.
sink_up
call --wait-ack 10 --break-after 7 || fail "--break-after: not acknowledged"
sink_down
grep -q 'connected 2 times' "$work/x2.out" || fail "no second connection"
[ "$(sort -u "$work/x2.log" | wc -l)" = 24 ] || fail "--break-after: lost"
sink_up --hang-up-after 5
call --wait-ack 10 || fail "hung up: not acknowledged"
sink_down
[ "$(sort -u "$work/x2.log" | wc -l)" = 24 ] || fail "hung up: lost"

# Dialogs of no interest, each under an XID of its own, beside the call.
sink_up
call --wait-ack 10 --background 50 --seconds 1 || fail "background: lost"
sink_down
[ "$(count .)" = 524 ] || fail "background: $(count .) PDUs"
[ "$(cut -d' ' -f1 "$work/x2.log" | sort -u | wc -l)" = 52 ] ||
	fail "background: XIDs"

# What cannot be acknowledged is not said to be.
sink_up --deaf
! call --wait-ack 1 || fail "acknowledged by nobody"
sink_down
sink_up
! call --wait-ack 5 --once --major 1 || fail "another version was taken"
sink_down
[ "$(count .)" = 0 ] || fail "PDUs of another version"
# shellcheck disable=SC2086
! "$bin/lab-x2" --connect "127.0.0.1:$sink_port" $tls --once --wait-ack 5 \
	--sip "$work/sip/0001.sip" >/dev/null 2>&1 || fail "sent without an XID"
echo "lab-x2 does what it says"
