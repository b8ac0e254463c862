#!/usr/bin/env bash
# What goes wrong around the DF2/MF costs time and nothing else: a full disk, a
# full audit log, a token that is out of service, files that are no good, and
# whoever else connects to X2.  What CSCFs report meanwhile has its records when
# it is over; where it is not over in time, the LEMF learns that.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
if [ ! -r "$FAULT" ] || [ ! -r $SOFTHSM ]; then
	note "left out: needs $FAULT and $SOFTHSM"
	exit 77
fi
A=$(xid 1)
alice=$(uri alice)
LIMITS="handshake_seconds = 2 max_connections = 8"
# alices TEXT [options]: a call, and its record
alices() {
	check "$1" report x "$A" alice "${@:2}"
	keys_of LIID-A "$alice" from x
}
# unkeyed TEXT: one that lacks a message
unkeyed() {
	check "$1" report x "$A" alice --only i1,r1,r2,bye
	no_keys_of LIID-A "$alice" from x
}
# written [more of section x2]: the configuration; reload: and it is read
written() {
	config
	# shellcheck disable=SC2086
	df2_config $LIMITS "$@"
}
refused_reload() {
	log_mark
	kill -HUP "$DAEMON"
	check "$1" eventually 10 log_says "$2"
}
# none_yet TEXT: nothing but what was there before
none_yet() {
	sleep 1
	check "$1: no record" queued_are "$STOOD"
	check "$1: x2 keeps it" eventually 5 waits
}
waits() { [ "$(counted x2 waiting)" -gt 0 ]; }
stands() { STOOD=$(queued); }
begin() {
	# shellcheck disable=SC2086
	df2_up $LIMITS
	subscriber alice
	subscriber bob
	check "a warrant" hi2_warrant WA LIID-A "$A" "$alice"
	exchange x alice bob
	alices "a call"
	all_there "as it should be"
}

# ---- in a mount namespace of its own, from below ----
if [ "${FULL_DISK:-}" = 1 ]; then
	mkdir "$WORK/state" && mount -t tmpfs -o size=16m,mode=700 tmpfs "$WORK/state" || exit 77
	begin
	cat /dev/zero >"$WORK/state/filler" 2>/dev/null
	stands
	# None is acknowledged, and none is lost.
	for n in $(seq 40); do WAIT_ACK=0 alices "call $n on a full disk"; done
	WAIT_ACK=0 unkeyed "and one without keys"
	CALL_ID=kept@lab.example
	keys_of LIID-A "$alice" from x
	WAIT_ACK=60 report_again x "$A" alice &
	kept=$!
	check "the log says so" eventually 10 log_says "records are not stored, and are asked for again"
	check "what found no room is not there" test "$(queued)" -lt "$(wc -l <"$WORK/expected")"
	check "x2 keeps it" eventually 5 waits
	check "what is there can be read" quiet spool --list
	# The journal may find room inside the database's own log: then it is on
	# disk, and acknowledged with right.
	kill -0 $kept 2>/dev/null || note "what is kept has found room after all"
	rm "$WORK/state/filler"
	check "it is acknowledged" wait $kept
	all_at_least "room again" 40
	check "nothing waits" becomes 0 x2 waiting
	check "the log says so" eventually 10 log_says "records are stored again"
	daemon_stop
	check "the log is sound" grep -q " 0 still open" <<<"$(kw audit verify)"
	cp -a "$WORK/state" "$WORK/copy" && umount "$WORK/state" && rmdir "$WORK/state" &&
		mv "$WORK/copy" "$WORK/state"
	finish
fi

step "A DF2/MF whose token can fail"
AUDIT_EXTRA="most_mib = 1"
begin
TOKEN_EXTRA="module = \"$FAULT\" environment = {\"KW_P11_REAL=$SOFTHSM\",
  \"KW_P11_SCRIPT=$WORK/script\", \"SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf\"}"
echo "C_DeriveKey while-file=$WORK/on.error rv=CKR_DEVICE_ERROR" >"$WORK/script"
written
check "p11fault as the token's module is approved" approve_config
daemon_stop
check "with p11fault before the token" up
alices "a call"
all_there "the queue goes on behind a restart"

step "The token"
stands
touch "$WORK/on.error"
alices "a call while it fails"
none_yet "it fails"
rm "$WORK/on.error"
kill -HUP "$DAEMON"
all_at_least "it works again"
written "retry_seconds = 1"
check "SIGHUP: x2 tries for a second alone" reload
touch "$WORK/on.error"
check "a call while it fails" report x "$A" alice
no_keys_of LIID-A "$alice" from x
all_at_least "and goes on failing"
check "explained" grep -q "in time" <(kw explain --last)
rm "$WORK/on.error"
written
check "SIGHUP" reload

step "The audit log is full"
LONG=sip:$(printf 'x%.0s' {1..230})@lab.example
fill() { probe many 1000 "$LONG" "$WORK/x" | grep -q unavailable; }
check "a worker is there again" eventually 40 serves
check "others fill it" eventually 60 fill
stands
alices "a call"
unkeyed "one without keys"
none_yet "not in the log, not in a record"
AUDIT_EXTRA="most_mib = 3" written
check "more is allowed, SIGHUP" reload
all_at_least "room in the log"

step "Profiles and certificates"
AUDIT_EXTRA="most_mib = 3" written
sed -i 's/lemf-0 { profile = "etsi"/lemf-0 { profile = "etsi-form1"/' "$CONF"
check "another profile, SIGHUP" reload
FORMS[lemf-0]=/1
alices "a call"
all_at_least "in the other form"
sed -i 's/lemf-0 { profile = "etsi-form1"/lemf-0 { profile = "martian"/' "$CONF"
refused_reload "a profile that is none" "lemf-0: no profile of that name: the configuration in use stays"
old=$(pid_of keywarden-hi2)
kill -KILL "$old"
check "hi2 starts by what was before" up_again keywarden-hi2 "$old"
alices "a call"
all_at_least "as before"
AUDIT_EXTRA="most_mib = 3" written
sed -i 's/lemf-0 { profile = "etsi"/lemf-0 { profile = "etsi-form1"/' "$CONF"
cp "$WORK/x2.pem" "$WORK/x2.kept"
echo "no certificate" >"$WORK/x2.pem"
refused_reload "a certificate that is none" "x2.certificate.*the configuration in use stays"
cp "$WORK/df2.pem" "$WORK/x2.pem"
refused_reload "one of another key" "x2.key.*the configuration in use stays"
alices "a call"
leaf x2 "x2.lab.example" ca
check "a new one, SIGHUP" reload
alices "a call over it"
check "it is the new one" grep -q "$(openssl x509 -in "$WORK/x2.pem" -noout -serial)" \
	<(openssl s_client -connect "127.0.0.1:$X2PORT" -CAfile "$WORK/ca.pem" \
		-cert "$WORK/cscf.pem" -key "$WORK/cscf.key" </dev/null 2>/dev/null | openssl x509 -noout -serial)
all_at_least "with certificates old and new"

step "Whoever else connects"
connected() { count_is "$1" x2 connections; }
# is_closed DESCRIPTOR: within 10 s, by the other end
is_closed() {
	read -r -t 10 -u "$1"
	[ $? = 1 ]
}
self stranger "stranger.lab.example"
head -c 3000 /dev/urandom >"$WORK/noise"
"$BIN/lab-x2" --from "$alice" --to "$(uri bob)" --call-id half@lab.example --xid "$A" \
	--target "$alice" --call "$WORK/x" --dump "$WORK/pdus"
head -c 700 "$WORK/pdus" >"$WORK/half"
log_mark
CSCF=stranger check "a foreign certificate" not cscf --xid "$A" --target "$alice" \
	--call "$WORK/x" --from "$alice" --to "$alice" --once --wait-ack 2
check "the log says so" log_says "a TLS handshake failed"
tls=(-connect "127.0.0.1:$X2PORT" -CAfile "$WORK/ca.pem" -cert "$WORK/cscf.pem" -key "$WORK/cscf.key")
check "TLS 1.2" not quiet openssl s_client "${tls[@]}" -tls1_2 </dev/null 2>/dev/null
cat "$WORK/noise" >"/dev/tcp/127.0.0.1/$X2PORT"
exec 8<>"/dev/tcp/127.0.0.1/$X2PORT" 9<>"/dev/tcp/127.0.0.1/$X2PORT"
check "noise in TLS" not cscf --raw "$WORK/noise" --once --wait-ack 2
check "is counted" becomes 1 x2 malformed
silent=()
for n in 1 2; do
	(cat "$WORK/half" && sleep 60) | openssl s_client "${tls[@]}" -quiet >/dev/null 2>&1 &
	silent+=($!)
done
before=$SECONDS
alices "a call beside half PDUs and who says nothing"
check "at once" test $((SECONDS - before)) -le 5
check "who never speaks TLS is closed" is_closed 8
check "all of them" is_closed 9
exec 8<&- 9<&-
for n in 3 4 5 6 7 8; do
	sleep 60 | openssl s_client "${tls[@]}" -quiet >/dev/null 2>&1 &
	silent+=($!)
done
check "as many as may connect" eventually 10 connected 8
log_mark
CALL_ID=late@lab.example
keys_of LIID-A "$alice" from x
report_again x "$A" alice &
late=$!
check "one more is closed" eventually 10 log_says "more connections than x2.max_connections"
kill "${silent[@]}"
check "it is served when there is room" wait $late
all_at_least "all of it"

step "The log after all this"
check "nothing waits" becomes 0 x2 waiting
daemon_stop
check "every intent has its end" grep -q " 0 still open" <<<"$(kw audit verify)"
check "the queue has what it must" judged --at-least-once

step "A full disk"
if unshare -m true 2>/dev/null; then spaces=-m; else spaces=-rm; fi
if unshare $spaces true 2>/dev/null; then
	check "the same" env FULL_DISK=1 unshare $spaces "$0"
else
	note "left out: no mount namespace for this user"
fi
finish
