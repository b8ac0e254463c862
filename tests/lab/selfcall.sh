#!/bin/sh
# Two phones with made-up keys call each other on the loopback, and what one
# said is what the other heard; a call with a wrong identity inside an envelope
# is refused.  With "tap" a third party listens: the wire and the keys are
# enough to hear both.
#
# usage: selfcall.sh BIN-DIR WORK-DIR [tap]
set -eu

bin=$1
work=$2
mode=${3:-plain}
tap_pid=

fail()
{
	echo "selfcall: $*" >&2
	for log in "$work"/*/phone.log; do
		echo "-- $log" >&2
		cat "$log" >&2 || :
	done
	exit 1
}

cleanup()
{
	[ -z "$tap_pid" ] || kill "$tap_pid" 2>/dev/null || :
}
trap cleanup EXIT

rm -rf "$work"
mkdir -p "$work"
"$bin/lab-provision" --out "$work/keys" --user alice=sip:alice@example.com \
	--user bob=tel:+442079460000
"$bin/lab-provision" --ports 4 > "$work/ports"
{ read -r sip_a; read -r sip_b; read -r rtp_a; read -r rtp_b; } < "$work/ports"

# phone ROLE NAME OUT option...
phone()
{
	role=$1
	name=$2
	out=$3
	shift 3
	"$bin/lab-phone" --role "$role" --params "$work/keys/params.der" \
		--device-key "$work/keys/$name.device.key" \
		--seed "$work/keys/$name.seed" \
		--key "$work/keys/$name.key" \
		--key "$work/keys/$name.next.key" \
		--wav "$work/keys/$name.wav" --seconds 2 --out "$work/$out" "$@"
}

alice()
{
	out=$1
	shift
	phone a alice "$out" --identity sip:alice@example.com \
		--peer-identity tel:+442079460000 \
		--sip "127.0.0.1:$sip_a" --peer-sip "127.0.0.1:$sip_b" \
		--rtp "127.0.0.1:$rtp_a" "$@"
}

bob()
{
	out=$1
	shift
	phone b bob "$out" --identity tel:+442079460000 \
		--sip "127.0.0.1:$sip_b" --peer-sip "127.0.0.1:$sip_a" \
		--rtp "127.0.0.1:$rtp_b" "$@"
}

if [ "$mode" = tap ]; then
	"$bin/lab-tap" --interface lo --pcap "$work/wire.pcap" \
		--filter-ports "$sip_a,$sip_b,$rtp_a,$rtp_b" \
		--sip-dir "$work/sip" --ready "$work/ready" &
	tap_pid=$!
	n=0
	while [ ! -e "$work/ready" ]; do
		# Who may not listen to the wire cannot try it: skipped.
		kill -0 "$tap_pid" 2>/dev/null || { tap_pid=; exit 77; }
		n=$((n + 1))
		[ "$n" -lt 100 ] || fail "the tap does not start"
		sleep 0.1
	done
fi

bob b &
bob_pid=$!
alice a --dump-keys "$work/delivered.json" || fail "alice's call failed"
wait "$bob_pid" || fail "bob's call failed"
[ -s "$work/a/sent.ulaw" ] || fail "alice said nothing"
cmp "$work/a/sent.ulaw" "$work/b/received.ulaw" || fail "bob misheard"
cmp "$work/b/sent.ulaw" "$work/a/received.ulaw" || fail "alice misheard"

if [ "$mode" = tap ]; then
	kill -TERM "$tap_pid"
	wait "$tap_pid" || fail "the tap failed"
	tap_pid=
	"$bin/lab-decrypt" --pcap "$work/wire.pcap" \
		--keys "$work/delivered.json" --out "$work/heard" ||
		fail "the decryptor failed"
	for who in a b; do
		heard=no
		for ulaw in "$work"/heard/*.ulaw; do
			! cmp -s "$work/$who/sent.ulaw" "$ulaw" || heard=yes
		done
		[ $heard = yes ] || fail "the tap did not hear $who"
	done
	[ -s "$work/sip/0001.sip" ] || fail "no SIP was handed out"
	exit 0
fi

# Refused by who opens the envelope, not by who made it.
status=0
bob b2 2>"$work/bob.err" &
bob_pid=$!
alice a2 --bad-inner-id 2>"$work/alice.err" || status=$?
[ "$status" = 3 ] || fail "a wrong inner identity gave status $status"
status=0
wait "$bob_pid" || status=$?
[ "$status" = 3 ] || fail "bob ended with status $status"
grep -q 'identities in the envelope' "$work/bob.err" ||
	fail "bob refused for another reason"
