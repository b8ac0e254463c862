#!/usr/bin/env bash
# No client of Xk takes more than its share: connections, requests under way,
# time and memory are bounded, what is over is refused in words where there are
# any, and an honest client is served meanwhile.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# limits SETTINGS: those of section xk from now on
limits() {
	XK_EXTRA=$1
	config
	log_mark
	kill -HUP "$DAEMON"
	eventually 10 log_says "configuration read again" || fail "no reload"
}
answers() { for ((i = 0; i < $1; i++)); do printf 'answer '; done; }
# silent N [OCTETS]: connections that say no more than this; $SILENT
silent() {
	local i fd
	SILENT=()
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		# shellcheck disable=SC2059
		printf "${2:-}" >&"$fd"
		SILENT+=("$fd")
	done
}
all_closed() {
	local fd n=0
	for fd in "${SILENT[@]}"; do
		read -r -t 20 -u "$fd" || [ $? -gt 128 ] || n=$((n + 1))
		exec {fd}>&-
	done
	same "$n" ${#SILENT[@]}
}
# xk does nothing at all: whoever it sends to does not read
xk_at_rest() {
	local stat before
	stat=/proc/$(pid_of keywarden-xk)/stat
	before=$(cut -d' ' -f14,15 "$stat")
	sleep 1
	[ "$(cut -d' ' -f14,15 "$stat")" = "$before" ]
}
# overloads N: as many are in the log
overloads() {
	kw audit show --json | grep '"text":"overloaded"' |
		sed 's/.*"count":\([0-9]*\).*/\1/' |
		awk -v want="$1" '{ n += $1 } END { exit n != want }'
}

step "An appliance and a call"
kms_up
subscriber alice
subscriber bob
check "a warrant for Alice" warrant W
exchange x alice bob
granted "the call" x alice
A=$(uri alice)

step "Too many requests on one connection, and in all"
limits "max_outstanding = 6 max_outstanding_each = 4 request_seconds = 60"
touch "$WORK/frozen"
freeze keywarden-hsm
# shellcheck disable=SC2046
aside one burst 6 "$A" "$WORK/x" answer answer keepalive 9 answer \
	until-gone "$WORK/frozen" $(answers 4) keepalive 10 answer
check "a connection goes on" eventually 10 has_said one "9 keepAlive"
check "two of six are over its share: overloaded" same "$(said one)" \
	"5 overloaded;6 overloaded;9 keepAliveResponse;"
aside two burst 3 "$A" "$WORK/x" answer keepalive 9 answer \
	until-gone "$WORK/frozen" answer answer keepalive 10 answer
check "another connection goes on" eventually 10 has_said two "9 keepAlive"
check "one of three is over what all may have: overloaded" same "$(said two)" \
	"3 overloaded;9 keepAliveResponse;"
refused "a third client" overloaded x alice
thaw keywarden-hsm
rm "$WORK/frozen"
check "what was taken on is answered" all_said one \
	"1 keys;2 keys;3 keys;4 keys;5 overloaded;6 overloaded;9 keepAliveResponse;10 keepAliveResponse;"
check "on the other too" all_said two \
	"1 keys;2 keys;3 overloaded;9 keepAliveResponse;10 keepAliveResponse;"
granted "then the third client" x alice
check "the log counts them" eventually 5 overloads 4

step "A request that takes too long"
limits "request_seconds = 2"
touch "$WORK/frozen"
freeze keywarden-hsm
aside late get 1 "$A" "$WORK/x" answer keepalive 2 answer \
	until-gone "$WORK/frozen" keepalive 3 answer get 4 "$A" "$WORK/x" answer
check "is answered" eventually 10 has_said late keepAlive
check "unavailable, and the connection goes on" same "$(said late)" \
	"1 unavailable;2 keepAliveResponse;"
thaw keywarden-hsm
rm "$WORK/frozen"
check "no second answer comes later" all_said late \
	"1 unavailable;2 keepAliveResponse;3 keepAliveResponse;4 keys;"
check "the daemon's log has a line" log_says "not answered in time"

step "Too many connections"
limits "max_connections = 4 handshake_seconds = 2"
touch "$WORK/held"
for i in 1 2 3 4; do
	aside "held$i" keepalive 1 answer until-gone "$WORK/held" get 2 "$A" "$WORK/x" answer
done
for i in 1 2 3 4; do
	check "connection $i of 4" eventually 10 has_said "held$i" keepAlive
done
ask x alice
check "the fifth is closed" same "${REASON%%:*}" "exit 69"
check "the daemon's log has a line" log_says "more connections than xk.max_connections"
rm "$WORK/held"
for i in 1 2 3 4; do
	check "connection $i is served" all_said "held$i" "1 keepAliveResponse;2 keys;"
done
check "then another one is" eventually 10 served

step "Silence"
silent 3
granted "beside three that do not begin TLS" x alice
check "these are closed after handshake_seconds" all_closed
silent 2 '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
granted "beside two that stop in their first message" x alice
check "these are closed too" all_closed
silent 4
check "if they take all places, then until handshake_seconds are over" eventually 10 served
check "they are closed" all_closed
limits "idle_seconds = 2"
check "a connection without a request is closed after idle_seconds" same \
	"$(probe answer)" "closed;"
check "unless it says that it lives" same "$(probe sleep 1 keepalive 1 answer sleep 1 \
	keepalive 2 answer sleep 1 keepalive 3 answer answer)" \
	"1 keepAliveResponse;2 keepAliveResponse;3 keepAliveResponse;closed;"
printf '\x30\x82\x40\x00\x80\x01' >"$WORK/half.pdu"
printf '\x01' >"$WORK/one.octet"
aside half send "$WORK/half.pdu" answer
aside slow send "$WORK/half.pdu" sleep 1.2 send "$WORK/one.octet" sleep 1.2 send "$WORK/one.octet" answer
granted "beside one that stops within a PDU" x alice
check "it is closed" all_said half "closed;"
wait "${ASIDE[slow]}"
check "one that adds an octet now and then too" has_said slow closed

step "A client that does not read its answers"
limits "idle_seconds = 2 max_queued = 131072"
aside deaf deaf
granted "beside it" x alice
check "it is closed after idle_seconds" eventually 90 has_said deaf "not sent"
limits "idle_seconds = 60 request_seconds = 120 max_queued = 131072 \
	max_outstanding = 4000 max_outstanding_each = 3000 \
	max_outstanding_client = 4000 client_requests = 0"
freeze keywarden-audit
log_mark
aside deaf2 burst 2500 "$(uri carol)" "$WORK/x" keepalive 1 answer deaf
check "more octets than it takes are waiting" eventually 90 has_said deaf2 blocked
eventually 60 xk_at_rest
thaw keywarden-audit
check "one for which more is waiting than max_queued is closed" eventually 40 \
	log_says "does not read its answers: closed"
check "it notices" eventually 10 has_said deaf2 "not sent"
granted "others are served" x alice
check "the log is sound" quiet kw audit verify
finish
