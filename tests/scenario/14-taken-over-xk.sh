#!/usr/bin/env bash
# Whoever has taken over xk speaks for no client that is not there: attack-xk is
# xk to a policy process with a registry in which the client has its warrant.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

step "A warrant, a call, a client"
kms_up
subscriber alice
subscriber bob
check "a warrant for Alice" warrant W
exchange x alice bob
granted "the call" x alice
leaf stranger "stranger.lab.example" ca
check "a request to remove the client, signed" request removal sec-one client remove df2
sign removal sec-one sec-two

step "The same, with nothing but policy and somebody at its channels"
daemon_stop
cp -a "$WORK/state" "$WORK/attacked"
# what the attempts must come to is in attack_xk.c
while read -r how what; do
	check "$what" same "$how" ok
done < <("$BIN/attack-xk" "$WORK/attacked" "$WORK/df2" "$WORK/stranger" "$(uri alice)" \
	"$WORK/x" "$WORK/removal.cms" 2>>"$WORK/daemon.log" || echo "FAILED attack-xk: exit $?")
check "all attempts were made" test "$CHECKS" -gt 30

step "It has done no harm"
check "keywardend serves" up
granted "the call" x alice
finish
