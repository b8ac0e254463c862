#!/bin/sh
# Two phones call each other through lab-cscf, unchanged; what passes the
# targets comes out of X2, also when the receiver breaks the connection.  With
# SIPp installed, calls of others pass at the same time and are not reported,
# or under the XID for all.
#
# usage: cscfcall.sh BIN-DIR WORK-DIR
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
bob=tel:+442079460000
xid_a=11111111-0000-4000-8000-000000000001
xid_b=22222222-0000-4000-8000-000000000002
xid_b2=22222222-0000-4000-8000-000000000003
xid_all=ffffffff-0000-4000-8000-00000000000f
"$bin/lab-provision" --out "$work/keys" --user a=$alice --user b=$bob
"$bin/lab-provision" --ports 10 > "$work/ports"
{
	read -r sip_a; read -r sip_b; read -r leg_a; read -r leg_b
	read -r rtp_a; read -r rtp_b; read -r uac; read -r uas
	read -r leg_uac; read -r leg_uas
} < "$work/ports"

# cscf_up option...: two pairs of legs, for the phones and for the others
cscf_up()
{
	rm -f "$work/cscf.ready"
	# shellcheck disable=SC2086
	"$bin/lab-cscf" --connect "127.0.0.1:$sink_port" $tls \
		--leg "127.0.0.1:$leg_a=127.0.0.1:$sip_b" \
		--leg "127.0.0.1:$leg_b=127.0.0.1:$sip_a" \
		--leg "127.0.0.1:$leg_uac=127.0.0.1:$uas" \
		--leg "127.0.0.1:$leg_uas=127.0.0.1:$uac" \
		--target "$alice=$xid_a" --target "$bob=$xid_b,$xid_b2" \
		--ready "$work/cscf.ready" "$@" 2> "$work/cscf.err" &
	cscf_pid=$!
	wait_for "$work/cscf.ready" "$cscf_pid" empty
}

cscf_down()
{
	kill "$cscf_pid"
	wait "$cscf_pid" || { cat "$work/cscf.err" >&2; fail "lab-cscf failed"; }
	cscf_pid=
}

# phone ROLE NAME SIP LEG RTP option...
phone()
{
	role=$1 name=$2 sip=$3 leg=$4 rtp=$5
	shift 5
	"$bin/lab-phone" --role "$role" --params "$work/keys/params.der" \
		--device-key "$work/keys/$name.device.key" \
		--seed "$work/keys/$name.seed" --key "$work/keys/$name.key" \
		--key "$work/keys/$name.next.key" --wav "$work/keys/$name.wav" \
		--seconds 1 --out "$work/$name" --sip "127.0.0.1:$sip" \
		--peer-sip "127.0.0.1:$leg" --rtp "127.0.0.1:$rtp" "$@"
}

phones_call()
{
	phone b b "$sip_b" "$leg_b" "$rtp_b" --identity $bob &
	bob_pid=$!
	phone a a "$sip_a" "$leg_a" "$rtp_a" --identity $alice \
		--peer-identity $bob || fail "alice's call failed"
	wait "$bob_pid" || fail "bob's call failed"
	cmp "$work/a/sent.ulaw" "$work/b/received.ulaw" || fail "bob misheard"
	cmp "$work/b/sent.ulaw" "$work/a/received.ulaw" || fail "alice misheard"
}

# others_call N: calls that have nothing to do with the targets
others_call()
{
	sipp -sn uas -i 127.0.0.1 -p "$uas" -m "$1" -nostdin \
		>"$work/uas.out" 2>&1 &
	uas_pid=$!
	sipp -sn uac -i 127.0.0.1 -p "$uac" -m "$1" -r 20 -d 100 -nostdin \
		"127.0.0.1:$leg_uac" >"$work/uac.out" 2>&1 ||
		{ tail -n 40 "$work/uac.out" >&2; fail "SIPp's calls failed"; }
	wait "$uas_pid" || fail "SIPp's callee failed"
}

line()
{
	echo "^$(echo "$1" | tr -d -) [0-9a-f]{16} [0-9]+ $2"
}

# Every message of the call passes both targets: in each direction once.
sink_up --hang-up-after 5
cscf_up
phones_call
cscf_down
sink_down
grep -q 'connected 2 times' "$work/cscf.err" || fail "no second connection"
sort -u "$work/x2.log" > "$work/x2.once"
mv "$work/x2.once" "$work/x2.log"
for x in $xid_a $xid_b $xid_b2; do
	to=2 from=3
	[ $x != $xid_a ] || { to=3; from=2; }
	for m in "$to INVITE" "$from SIP/2.0 183" "$to PRACK" "$from SIP/2.0 180" \
		"$to ACK" "$to BYE"; do
		[ "$(count "$(line $x "$m")")" -ge 1 ] || fail "$x: no $m"
	done
	[ "$(count "$(line $x "$from (INVITE|ACK|BYE|PRACK)")")" = 0 ] ||
		fail "$x: a request in the wrong direction"
done
[ "$(cut -d' ' -f2 "$work/x2.log" | sort -u | wc -l)" = 1 ] ||
	fail "more than one correlation id"

command -v sipp >/dev/null || { echo "no SIPp: no background calls" >&2; exit 0; }
sink_up
cscf_up
others_call 20
cscf_down
sink_down
[ "$(count .)" = 0 ] || fail "calls of others were reported"
sink_up
cscf_up --report-all $xid_all
others_call 20
cscf_down
sink_down
[ "$(count "$(line $xid_all '1 INVITE')")" = 20 ] ||
	fail "not every call of others was reported"
[ "$(count "$(line $xid_all .)")" = "$(count .)" ] || fail "under another XID"
echo "calls pass lab-cscf"
