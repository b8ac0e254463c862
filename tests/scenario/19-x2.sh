#!/usr/bin/env bash
# What CSCFs hand over: the keys of a target's calls are asked for once, in
# whatever way the messages come; what no warrant names leaves no trace; and
# nothing is lost when a process ends.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

XID=11111111-2222-4333-8444-555555555555
BOB_XID=33333333-2222-4333-8444-555555555555
SIP_XID=22222222-2222-4333-8444-555555555555
NOBODY=99999999-2222-4333-8444-555555555555
BECOMES=60
LEMFS=(lemf1)
X2PORT=$(free_port)

cscf() {
	"$BIN/lab-x2" --connect "127.0.0.1:$X2PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/${CSCF:-cscf}.pem" --key "$WORK/${CSCF:-cscf}.key" \
		--xid "${OF:-$XID}" --target "$(uri alice)" --wait-ack 60 \
		"$@" >"$WORK/cscf.out" 2>"$WORK/cscf.err"
}
# call DIR [options]: each time another call
CALLS=0
call() {
	local dir=$1
	shift
	CALLS=$((CALLS + 1))
	cscf --from "$(uri alice)" --to "$(uri bob)" --call-id "call-$CALLS@lab.example" \
		"$@" --call "$WORK/$dir"
}
# more N TEXT: N records are in the queue more than before, and no others come
QUEUED=0
more() {
	QUEUED=$((QUEUED + $1))
	check "$2" becomes "$QUEUED" hi2 waiting
	check "  and nothing waits for one" becomes 0 x2 waiting
}

step "An appliance that is a DF2/MF"
pki
leaf cscf "cscf.lab.example" ca
self stranger "stranger.lab.example"
config
cat >>"$CONF" <<EOF
x2 {
  listen = {"127.0.0.1:$X2PORT"}
  certificate = "$WORK/xk.pem"
  key = "$WORK/xk.key"
  client_ca = "$WORK/ca.pem"
  wait_ms = 2000
}
lemf lemf1 { profile = "etsi" operator_id = "LAB" }
EOF
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
check "a warrant for an XID" hi2_warrant W LIID-7 "$XID" "$(uri alice)"
for n in $(seq 20); do exchange "x$n" alice bob; done
exchange u1 alice bob --update by-responder
exchange d1 alice bob --deferred --esk-i1

step "A call, and the same messages in other ways"
check "a call is handed over" call x1
more 1 "its keys are in the queue"
check "octet by octet" call x2 --pieces
more 1 "the same"
check "all in one write" call x3 --coalesce
more 1 "the same"
check "in another order" call x4 --shuffle 4
more 1 "the same"
check "everything twice" call x5 --duplicate
more 1 "the same, once"
check "over three connections" call x6 --connections 3
more 1 "the same"
check "on a connection that breaks" call x7 --break-after 4
more 1 "the same"
check "with compact headers, late offer, multipart" call x8 --compact --late-offer --multipart
more 1 "the same"
check "with an update" call u1
more 2 "both sets of keys"
check "an exchange that lacks a message" call x9 --only i1,i2
more 1 "is told to have no keys"
check "as what it is" same "$(counted hi2 noKeys)" 1
check "nothing was given up" same "$(counted x2 givenUp)" 0

step "What is not wanted"
BEFORE=$(counted x2 sip)
OF=$NOBODY check "a call of another XID" call x10
check "is dropped" becomes 10 x2 noWarrant
check "and not read" same "$(counted x2 sip)" "$BEFORE"
check "XIDs that policy has not heard of, 2000 calls a second" \
	cscf --background 2000 --seconds 3
check "a payload of another format" call x10 --format 5
check "a PDU of another type" call x10 --type 2
check "another major version" not call x10 --major 1 --once --wait-ack 3
check "counted as malformed" becomes 1 x2 malformed
head -c 5000 /dev/zero >"$WORK/noise"
cscf --raw "$WORK/noise" --once --wait-ack 2
check "noise, too" becomes 2 x2 malformed
CSCF=stranger call x10 --once --wait-ack 2
check "a stranger's certificate" grep -q "a TLS handshake failed" "$WORK/daemon.log"
more 0 "no record of any of it"

step "Warrants that come later"
OF=$BOB_XID
check "a warrant for the other party" hi2_warrant B1 LIID-8 "$BOB_XID" "$(uri bob)"
check "a call that stays up" call x11 --no-bye
more 1 "its keys"
check "a second warrant" hi2_warrant B2 LIID-9 "$BOB_XID" "$(uri bob)"
more 1 "has them at once, and the first not again"
check "the next call" call x12
more 2 "for both"
PRODUCTS='"keys", "sip"' check "a third, with SIP, for another XID" \
	hi2_warrant B3 LIID-10 "$SIP_XID" "$(uri bob)"
more 1 "has the call of the same target that is up"
check "a call under both" call x13 --xid "$SIP_XID"
more 13 "keys for all three, and each SIP message"
revoke B3 >/dev/null || fail "the third is not revoked"
OF=$SIP_XID check "a call under a revoked warrant's XID" call x14
more 0 "is nobody's"

step "Processes that end"
N=14
for p in keywarden-policy keywarden-hi2 keywarden-hsm keywarden-audit; do
	N=$((N + 1))
	pid=$(pid_of $p)
	kill -KILL "$pid"
	check "a call while $p is away" call x$N
	check "it comes back" up_again $p "$pid"
	more 2 "the keys are asked for until they are there"
done
pid=$(pid_of keywarden-x2)
kill -KILL "$pid"
check "a call while x2 is away" call x19 --wait-ack 60
more 2 "is sent again and not lost"
check "no XID in the daemon's log" not_in_logs "1111-2222"
check "no Call-ID in the daemon's log" not_in_logs "call-"
check "no header in the daemon's log" not_in_logs "INVITE"
finish
