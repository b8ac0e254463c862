#!/usr/bin/env bash
# What is no PDU of Xk is refused as malformed and closes the connection; other
# requests on it still get their answers, and other connections notice nothing.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

probe() {
	"$BIN/xk-probe" --connect "127.0.0.1:$PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/df2.pem" --key "$WORK/df2.key" "$@" 2>&1 |
		tr '\n' ';'
}
# bad KIND ID-in-the-answer
bad() {
	check "$1: malformed, closed" same \
		"$(probe bad "$1" 7 "$(uri alice)" "$WORK/x" answer answer)" \
		"$2 malformed;closed;"
}

step "An appliance and a call"
kms_up
subscriber alice
subscriber bob
check "a warrant for Alice" warrant W
exchange x alice bob
granted "the call" x alice
before=$(audit_count clientEvent)

step "What is not DER of the module"
for kind in padded-id cut trailing trailing-inside version unknown-field unknown-body; do
	bad $kind 7
done
for kind in indefinite long-length oversized junk swapped negative-id; do
	bad $kind 0
done
bad for-clients 7
check "each is in the audit log" same "$(audit_count clientEvent)" $((before + 14))

step "Messages for a server of another role"
for kind in get-ec-values get-private-key get-secret; do
	check "$kind: unsupported, stays open" same \
		"$(probe bad $kind 7 "$(uri alice)" "$WORK/x" answer keepalive 8 answer)" \
		"7 unsupported;8 keepAliveResponse;"
done

step "Others are not harmed"
check "keepAlive" same "$(probe keepalive 4294967295 answer)" \
	"4294967295 keepAliveResponse;"
out=$(probe get 1 "$(uri alice)" "$WORK/x" get 2 "$(uri alice)" "$WORK/x" \
	bad version 3 "$(uri alice)" "$WORK/x" answer answer answer answer)
check "requests before a bad PDU are answered" same \
	"$(tr ';' '\n' <<<"$out" | grep -c keys)" 2
check "and the bad one refused" same "$(grep -o '3 malformed' <<<"$out")" "3 malformed"
check "then it is closed" same "$(grep -o "closed;$" <<<"$out")" "closed;"
check "an id used twice while outstanding" same \
	"$(probe get 5 "$(uri alice)" "$WORK/x" get 5 "$(uri alice)" "$WORK/x" answer answer)" \
	"5 malformed;closed;"
check "an id used again after its answer" same \
	"$(probe get 5 "$(uri alice)" "$WORK/x" answer get 5 "$(uri alice)" "$WORK/x" answer)" \
	"5 keys;5 keys;"
granted "after all that, the call" x alice
finish
