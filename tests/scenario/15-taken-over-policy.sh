#!/usr/bin/env bash
# Whoever has taken over policy has no key that two officers have not allowed:
# attack-policy is supervisor, xk and policy to an audit process and hsm workers
# with a token of their own, and to the files that they leave behind.
#
#	SEED=N: another one for the attempts at random; ATTEMPTS=N: how many
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

step "What he tries, one after the other"
# what the attempts must come to is in attack_policy*.c
while read -r how what; do
	check "$what" same "$how" ok
done < <("$BIN/attack-policy" "$WORK/attack" "${SEED:-1}" "${ATTEMPTS:-100}" \
	2>"$WORK/attack.err" || echo "FAILED attack-policy: exit $?")
cat "$WORK/attack.err"
check "all attempts were made" test "$CHECKS" -gt 400

step "What the processes have said"
cp "$WORK/attack/log" "$WORK/daemon.log" # where the canary looks
check "somebody has said something" test -s "$WORK/daemon.log"
finish
