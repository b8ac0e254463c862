#!/usr/bin/env bash
# Two appliances: "kms" holds the master secret and the subscribers, the other
# is the DF2/MF and has its keys made there.  Each wants a warrant of its own.
# The keys in the queue are the true ones; nothing is lost while one of them is
# away, and a refusal becomes a record without keys.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

XID=11111111-2222-4333-8444-555555555555
X2PORT=$(free_port)
LEMFS=(lemf1)
TOKEN=/usr/lib/softhsm/libsofthsm2.so

# call DIR [options]: a call with the exchange in kms/DIR, another each time
CALLS=0
call() {
	local dir=$1
	shift
	CALLS=$((CALLS + 1))
	"$BIN/lab-x2" --connect "127.0.0.1:$X2PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/cscf.pem" --key "$WORK/cscf.key" --xid "$XID" \
		--target "$(uri alice)" --wait-ack 20 --from "$(uri alice)" \
		--to "$(uri bob)" --call-id "call-$CALLS@lab.example" "$@" \
		--call "$WORK/kms/$dir" >"$WORK/cscf.out" 2>"$WORK/cscf.err"
}
is_counted() { [ "$(counted "$1" "$2")" = "$3" ]; }
# more KEYS NO_KEYS TEXT: so many records more than before, and nothing waits
KEYS=0 NO_KEYS=0
more() {
	KEYS=$((KEYS + $1))
	NO_KEYS=$((NO_KEYS + $2))
	check "$3" eventually 40 is_counted hi2 waiting $((KEYS + NO_KEYS))
	check "  as what they are" same "$(counted hi2 keys) $(counted hi2 noKeys)" "$KEYS $NO_KEYS"
	check "  and nothing waits for one" eventually 20 is_counted x2 waiting 0
}
# newest N: the newest records in the queue, as lines of JSON
newest() {
	rm -f "$WORK/records.ber"
	SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf "$BIN/lab-spool" \
		--spool "$WORK/state/spool/spool.db" --kms-state "$WORK/state/kms-state" \
		--module $TOKEN --label keywarden --pin-file "$WORK/pin" \
		--out "$WORK/records.ber" >/dev/null &&
		"$BIN/lab-iri" --json "$WORK/records.ber" | tail -n "$1"
}
# true_keys DIR [N]: one of the N newest records (1) has these and no others
true_keys() {
	local line want
	want=$(session_facts <"$WORK/kms/$1/keys.json")
	[ -n "$want" ] || return 1
	while IFS= read -r line; do
		[ "$(session_facts <<<"$line")" != "$want" ] || return 0
		printf '   got %s, expected %s\n' "$(session_facts <<<"$line")" "$want"
	done < <(newest "${2:-1}")
	return 1
}
session_facts() {
	tr -d ' \n' | grep -o '"\(sessionKey\|salt\|cryptoSessionId\)":"[0-9a-f]*"' | sort
}
# client_section [EXTRA]: as whom it asks, and whom
client_section() {
	sed -i '/^xk_client/,/^}/d' "$CONF"
	cat >>"$CONF" <<END
xk_client {
  connect = "${CONNECT:-127.0.0.1:${PORT_OF[kms]}}"
  certificate = "$WORK/${ASKS_AS:-df2mf}.pem"
  key = "$WORK/${ASKS_AS:-df2mf}.key"
  server_ca = "$WORK/${SERVER_CA:-ca}.pem"
  request_seconds = 2
  keep_alive_seconds = 1
  ${1:-}
}
END
}
# The other one down, and up again on the same port.
kms_down() { on kms daemon_stop; }
kms_back() { on kms up; }

step "One that makes keys"
mkdir -p "$WORK/kms"
pki
leaf cscf "cscf.lab.example" ca
leaf df2mf "df2mf.lab.example" ca
leaf unknown "unknown.lab.example" ca
self stranger "stranger.lab.example"
on kms pki
cp "$WORK/ca.pem" "$WORK/ca.key" "$WORK/df2mf.pem" "$WORK/kms"
on kms leaf xk "kms.lab.example" ca
on kms config
ENROL=df2mf check "keywarden init" on kms init
check "keywardend serves" on kms up
on kms kw kms params --out "$WORK/kms/params.der"
on kms subscriber alice
on kms subscriber bob
CLIENTS='"df2mf"' LIID=LIID-K check "its warrant names the other one" on kms warrant K
for n in $(seq 14); do on kms exchange "x$n" alice bob; done
on kms exchange u1 alice bob --update by-responder
on kms exchange d1 alice bob --deferred --esk-i1

step "One that has them made"
config
cat >>"$CONF" <<END
x2 {
  listen = {"127.0.0.1:$X2PORT"}
  certificate = "$WORK/xk.pem"
  key = "$WORK/xk.key"
  client_ca = "$WORK/ca.pem"
  wait_ms = 300
}
lemf lemf1 { profile = "etsi" operator_id = "LAB" }
END
client_section
check "keywarden init" init
for bad in localhost:7300 127.0.0.1 127.0.0.1:0 127.0.0.1:70000 '[::1:7300'; do
	CONNECT=$bad client_section
	check "connect = $bad is refused" cannot_start "xk_client.connect: $bad is not ADDRESS:PORT"
done
cp "$WORK/stranger.key" "$WORK/odd.key"
cp "$WORK/df2mf.pem" "$WORK/odd.pem"
ASKS_AS=odd client_section
check "a key of another certificate is refused" cannot_start "xk_client.key"
cp "$WORK/df2mf.key" "$WORK/nocert.pem"
SERVER_CA=nocert client_section
check "a server_ca without a certificate is refused" cannot_start "xk_client.server_ca"
client_section
kms_down
check "it serves while the other one is down" up
check "and says so" grep -q "no connection to the appliance that makes keys: Connection refused" "$WORK/daemon.log"
check "the other one comes" kms_back
check "and is found" eventually 35 grep -q "connected to the appliance that makes keys" "$WORK/daemon.log"
check "a warrant for an XID" hi2_warrant D LIID-D "$XID" "$(uri alice)"

step "Calls"
check "a call is handed over" call x1
more 1 0 "its keys are in the queue"
check "  the true ones" true_keys x1
check "in any order" call x2 --shuffle 5
more 1 0 "the same"
check "  the true ones" true_keys x2
check "with an update" call u1
more 2 0 "both sets of keys"
check "  the true ones" true_keys u1 2
check "with deferred delivery" call d1
more 1 0 "its keys"
check "  the true ones" true_keys d1
check "both have logged them" same "$(audit_count keyOutcome)" "$(on kms audit_count keyOutcome)"

step "The other one away"
log_mark
kms_down
check "a call meanwhile" call x3
check "waits" eventually 5 is_counted x2 waiting 1
sleep 3
check "it comes back" kms_back
more 1 0 "the call's keys are there then"
check "  the true ones" true_keys x3
check "the log has each change once" same \
	"$(log_new | grep -c "no connection to the\|connected to the")" \
	"$(log_new | grep "no connection to the\|connected to the" | sed 's/.*keywarden-xkc//' | uniq | wc -l)"
log_mark
on kms freeze keywarden-xk
check "a call while it does not answer" call x4
check "waits" eventually 5 is_counted x2 waiting 1
check "until it is taken for dead" eventually 20 log_says "it does not answer"
on kms thaw keywarden-xk
more 1 0 "the call's keys are there then"
check "  the true ones" true_keys x4

step "Processes that end"
N=4
for p in keywarden-xkc keywarden-x2 keywarden-hsm; do
	N=$((N + 1))
	kill -KILL "$(pid_of $p)"
	check "a call while $p is away" call x$N --wait-ack 30
	more 1 0 "its keys come"
	check "  the true ones" true_keys x$N
done

step "Refused there"
check "its warrant is revoked" quiet on kms revoke K
check "a call" call x8
more 0 1 "is told to have no keys"
check "a new warrant there" eval "CLIENTS='\"df2mf\"' LIID=LIID-K on kms warrant K2"
check "a call" call x9
more 1 0 "its keys"
check "  the true ones" true_keys x9
ASKS_AS=unknown client_section
check "as a client that is not enrolled there" reload
check "it is connected" eventually 10 log_says "connected to the appliance that makes keys"
check "a call" call x10
more 0 1 "is told to have no keys"

step "Certificates that are not taken"
ASKS_AS=stranger client_section
check "as a stranger" reload
check "the other one ends it" eventually 10 log_says "no connection to the appliance that makes keys: .*alert"
check "it is never taken for connected" not log_says "connected to the appliance"
check "a call" call x11
check "waits" eventually 5 is_counted x2 waiting 1
client_section 'name = "another.example"'
check "a server of another name" reload
check "is not taken" eventually 10 log_says "no connection to the appliance that makes keys: hostname mismatch"
cp "$WORK/stranger.pem" "$WORK/other-ca.pem"
client_section 'name = "localhost"'
check "a server by its name" reload
more 1 0 "makes the keys"
check "  the true ones" true_keys x11
client_section
check "and by its address" reload
check "a call" call x12
more 1 0 "its keys"

step "Lists of revoked certificates"
crl in-use 1
client_section "crl = \"$WORK/in-use.crl\""
check "that they are asked for is approved" approve_config
check "it is read again" reload
check "the other one is connected" eventually 10 log_says "connected to the appliance that makes keys"
log_mark
cp "$WORK/kms/xk.pem" "$WORK/kms-xk.pem"
CRL_NUMBER=2 crl later 1 kms-xk
mv "$WORK/later.crl" "$WORK/in-use.crl"
check "a new list, with it, ends the connection" eventually 5 \
	log_says "no connection to the appliance that makes keys: certificate revoked"
CRL_NUMBER=3 crl latest 1
mv "$WORK/latest.crl" "$WORK/in-use.crl"
check "the next one lets it in" eventually 40 log_says "connected to the appliance that makes keys"
check "no XID in a log" not_in_logs "1111-2222"
check "no Call-ID in a log" not_in_logs "call-"
check "no key in a log" not_in_logs \
	"$(grep -o '"sessionKey": *"[0-9a-f]*"' "$WORK/kms/x12/keys.json" | grep -o '[0-9a-f]\{32\}' | head -n 1)"
finish
