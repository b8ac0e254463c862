#!/usr/bin/env bash
# Who is revoked gets nowhere: with `crl` set, a client of Xk or a CSCF passes
# only if a list in force of each issuer says that it may.  A new list is found
# by itself, and ends connections within a second; a list that ends is told of
# before, and lets nobody new in.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# bring NAME DAYS [CERT]: the next list of the CA takes the place of the one in use
NUMBER=10
bring() {
	NUMBER=$((NUMBER + 1))
	CRL_NUMBER=${CRL_NUMBER:-$NUMBER} crl "$@" && mv "$WORK/$1.crl" "$WORK/in-use.crl"
}
taken() { eventually 15 log_says "xk.crl: new lists are in use"; }
# cannot TEXT WORDS: the client is let in no more, and its alert says WORDS
cannot() {
	ask x alice
	check "$1" grep -q "$2" <<<"$REASON"
}
state_is() { kw status --json | tr -d ' \n' | grep -q "\"section\":\"$1\",\"state\":\"$2\""; }
# cscf_stays: a connection of a CSCF that says nothing; $STAYS
cscf_stays() {
	openssl s_client -quiet -connect "127.0.0.1:$X2PORT" -CAfile "$WORK/ca.pem" \
		-cert "$WORK/cscf.pem" -key "$WORK/cscf.key" \
		>/dev/null 2>&1 < <(exec sleep 60) &
	STAYS=$!
}
alarmed() { kw audit show --json | grep -q "list of revoked certificates has ended or ends"; }
# within MS COMMAND...: it comes true in that time
within() {
	local end=$(($(date +%s%N) / 1000000 + $1))
	shift
	until "$@"; do
		[ $(($(date +%s%N) / 1000000)) -lt $end ] || return 1
		sleep 0.02
	done
}

step "What cannot be started with"
self otherca "Another CA"
printf 'no list\n' >"$WORK/in-use.crl"
XK_EXTRA="crl = \"$WORK/in-use.crl\""
pki
leaf x2 "x2.lab.example" ca
leaf cscf "cscf.lab.example" ca
config
df2_config "crl = \"$WORK/in-use.crl\""
check "keywarden init" init
check "no list" cannot_start "xk.crl: no PEM CRL in it"
rm "$WORK/in-use.crl"
check "no file" cannot_start "xk.crl $WORK/in-use.crl"

step "Lists in force"
check "a list with one client on it" bring first 2 df2b
check "keywardend serves" up
check "status says that they are in force" eventually 15 state_is xk inForce
check "config show says that they are asked for" grep -q "xk.crl = checked" <(kw config show)
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
CLIENTS='"df2", "df2b"' check "a warrant" warrant W
exchange x alice bob
granted "a client that is not on it" x alice
CLIENT=df2b cannot "the one that is: refused" "certificate revoked"
check "the log has it" log_says "a TLS handshake failed: certificate revoked"

step "A new list, by itself"
touch "$WORK/wait"
aside live get 1 "$(uri alice)" "$WORK/x" answer until-gone "$WORK/wait" get 2 "$(uri alice)" "$WORK/x" answer
check "a connection that is served" eventually 10 has_said live "1 keys"
before=$(audit_count clientEvent)
log_mark
check "a list with another one on it" bring second 2 df2b
check "is taken" taken
granted "others are served" x alice
check "the connection stays" kill -0 "${ASIDE[live]}"
log_mark
check "a list with this client on it" bring third 2 df2
check "ends the connection within a second" within 1000 log_says "a connection is closed: certificate revoked"
rm "$WORK/wait"
wait "${ASIDE[live]}"
check "the client notices" same "$(grep -c keys "$WORK/live")" 1
cannot "and comes in no more" "certificate revoked"
check "it is in the audit log" eventually 15 more_of clientEvent "$before"
check "with its reason" grep -q "its certificate is revoked: closed" <(kw audit show --json)
log_mark
CRL_NUMBER=3 check "a list with a lower number" bring lower 2
check "does not take its place" eventually 15 log_says "lower number.*the lists in use stay"
cannot "the client is still out" "certificate revoked"
log_mark
head -c 200 "$WORK/in-use.crl" >"$WORK/half" && mv "$WORK/half" "$WORK/in-use.crl"
check "half a list does not either" eventually 15 log_says "ends within a list.*the lists in use stay"
log_mark
mv "$WORK/in-use.crl" "$WORK/away.crl"
check "nor does no file" eventually 15 log_says "xk.crl.*No such file.*the lists in use stay"
cannot "the client is still out" "certificate revoked"
log_mark
check "the next list lets it in" bring fourth 2
check "when it is taken" taken
granted "it is served again" x alice

step "Lists that say nothing of this issuer"
log_mark
CRL_CA=otherca check "one of another CA" bring foreign 2
check "is taken" taken
cannot "and lets nobody in" "alert\|unknown ca"
check "the log says why" log_says "unable to get certificate CRL"
self twin "Lab CA"
log_mark
CRL_CA=twin check "one of a CA of the same name" bring forged 2
check "is taken" taken
cannot "and lets nobody in" "alert\|unknown ca\|decrypt error"
check "the log says why" log_says "unable to get certificate CRL\|CRL signature failure"

step "A CSCF"
log_mark
check "a list of nobody" bring fifth 2
check "is taken" eventually 15 log_says "x2.crl: new lists are in use"
cscf_stays
check "it is connected" becomes 1 x2 connections
log_mark
check "a list with it" bring sixth 2 cscf
check "ends its connection" within 1000 log_says "a connection of a CSCF is closed: certificate revoked"
check "it notices" eventually 15 gone "$STAYS"
log_mark
cscf_stays
check "it does not come in again" eventually 15 gone "$STAYS"
check "the log says why" log_says "keywarden-x2.*certificate revoked"

step "A list that ends"
log_mark
CRL_FROM=now CRL_UNTIL='+10 seconds' check "one for seconds" bring short 0
check "is taken" taken
touch "$WORK/wait"
aside stays get 1 "$(uri alice)" "$WORK/x" answer until-gone "$WORK/wait" get 2 "$(uri alice)" "$WORK/x" answer
check "a connection that is served" eventually 15 has_said stays "1 keys"
check "status says that it ends soon" eventually 20 state_is xk endsSoon
check "for people too" grep -q "LIST OF REVOKED CERTIFICATES ENDS: xk.crl" <(kw status)
check "the log warns" log_says "xk.crl: a list ends at"
check "an alarm is in the audit log" eventually 15 alarmed
check "then it has ended" eventually 20 state_is xk ended
check "for people too" grep -q "NO LIST OF REVOKED CERTIFICATES IN FORCE: xk.crl" <(kw status)
cannot "nobody new comes in" "expired"
rm "$WORK/wait"
check "who is there stays for an hour" all_said stays "1 keys;2 keys;"
log_mark
check "the next one" bring last 2
check "is taken" taken
check "and told of" eventually 15 log_says "xk.crl: all lists are in force"
check "in status too" eventually 15 state_is xk inForce
granted "all is well" x alice

step "No lists any more"
sed -i '/crl = /d' "$CONF"
check "is no small change" grep -q "THE FILE IS NOT APPROVED" <(kw config show)
log_mark
kill -HUP "$DAEMON"
check "it is read again" eventually 10 log_says "configuration read again"
check "the log says what that means" log_says "xk.crl is not set"
ask x alice
check "nothing is released" same "$REASON" unavailable
check "the log is sound" quiet kw audit verify
finish
