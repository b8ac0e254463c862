#!/usr/bin/env bash
# Brings an appliance up with a SoftHSM token and one worker, then two, and
# measures it: memory when idle, then bench_getkeys.
#
#	BIN=build/release/bin bench/getkeys.sh [WORKERS...]
set -u
cd "$(dirname "$0")/.." || exit 1
BIN=${BIN:-$PWD/build/release/bin}
# shellcheck source=tests/scenario/lib.sh
. tests/scenario/lib.sh
MODULE=/usr/lib/softhsm/libsofthsm2.so # keywarden.conf(5): the default

pss_kib() {
	local p
	for p in "$DAEMON" $(pgrep -P "$DAEMON"); do
		sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$p/smaps_rollup"
	done | awk '{ s += $1 } END { print s }'
}
measure() {
	WORKERS=$1
	step "$WORKERS worker(s)"
	kms_up
	subscriber alice
	subscriber bob
	START=$(rfc3339 '-300 days')
	TARGETS="\"$(uri alice)\"" check "a warrant for Alice" warrant A
	TARGETS="\"$(uri bob)\"" check "and one for Bob" warrant B
	sleep 1
	note "idle, all processes together: $(($(pss_kib) / 1024)) MiB PSS"
	# The children of the bench open the token as the workers do.
	SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf "$BIN/bench_getkeys" \
		--connect "127.0.0.1:$PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/df2.pem" --key "$WORK/df2.key" \
		--module "$MODULE" --label keywarden \
		--pin-file "$WORK/pin" --params "$WORK/params.der" \
		--initiator "$(uri alice)" --initiator-seed "$WORK/alice.seed" \
		--responder "$(uri bob)" --responder-seed "$WORK/bob.seed" \
		--workers "$WORKERS" --folder "$WORK/state"
	check "the bench ended well" same $? 0
	daemon_stop
	rm -rf "${WORK:?}"/*
}

[ $# -gt 0 ] || set -- 1 2
for workers in "$@"; do measure "$workers"; done
[ "$FAILURES" -eq 0 ] || exit 1
