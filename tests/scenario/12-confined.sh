#!/usr/bin/env bash
# The running processes are confined: a seccomp filter, no new privileges, no
# core dumps, nobody looks into them, nothing open but what they need.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
core_limit() { sed -n 's/^Max core file size *\([^ ]* *[^ ]*\) .*/\1/p' "/proc/$1/limits" | tr -s ' '; }
# What is open: kinds alone, without numbers.
open_files() {
	find "/proc/$1/fd" -type l -printf '%l\n' 2>/dev/null |
		sed 's/:.*//; s,^/dev/.*,device,; s,^.*/state/,state/,' | sort -u | tr '\n' ' '
}
# A ring of io_uring asks the kernel past the filter.
has_ring() { find "/proc/$1/fd" -type l -printf '%l\n' 2>/dev/null | grep -q io_uring; }
closed_to_others() { ! cat "/proc/$1/environ" >/dev/null 2>&1; }
confined() {
	local name=$1 pid
	pid=$(pid_of "$name")
	check "$name runs" test -n "$pid"
	check "$name: no new privileges" same "$(status "$pid" NoNewPrivs)" 1
	check "$name: no io_uring" not has_ring "$pid"
	check "$name: no core file" same "$(core_limit "$pid")" "0 0"
	check "$name: $2 thread(s)" same "$(status "$pid" Threads)" "$2"
	[ "$FILTERED" = 0 ] || check "$name: each under a filter" same \
		"$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/task/"*/status | sort -u)" 2
	# Root may look into everything.
	[ "$(id -u)" = 0 ] || check "$name: closed to its own user" closed_to_others "$pid"
}

step "An appliance that serves"
kms_up
subscriber alice
subscriber bob
exchange x alice bob
check "a warrant" warrant W
granted "the call" x alice
FILTERED=1
if grep -q "without its seccomp filter" "$WORK/daemon.log"; then
	FILTERED=0
	note "built without filters: they are not looked for"
fi

step "Its processes"
for p in keywarden-xk keywarden-policy keywarden-audit; do confined "$p" 1; done
CPUS=$(nproc)
# The loop, one that watches it, and threads for its jobs.
confined keywarden-hsm $((CPUS > 1 ? CPUS + 3 > 6 ? 6 : CPUS + 3 : 3))
check "the supervisor: no core file" same "$(core_limit "$DAEMON")" "0 0"
[ "$(id -u)" = 0 ] || check "the supervisor: closed to its own user" closed_to_others "$DAEMON"
[ "$(id -u)" != 0 ] || note "as root: whether they are dumpable does not show"

step "What they have open"
if [ "$(id -u)" = 0 ]; then
	check "xk: no file" same "$(open_files "$(pid_of keywarden-xk)" | grep -c state/)" 0
	check "audit: the log" same \
		"$(open_files "$(pid_of keywarden-audit)" | grep -o 'state/[^ ]*')" state/audit.log
	check "policy: its database" same \
		"$(open_files "$(pid_of keywarden-policy)" | tr ' ' '\n' | grep state/ | grep -v registry.db)" ""
	check "hsm: not the PIN file" same "$(open_files "$(pid_of keywarden-hsm)" | grep -c '/pin ')" 0
else
	note "not root: what they have open does not show"
fi

step "The log of a call that the filter stops"
check "nothing was stopped meanwhile" same "$(grep -c "SIGSYS" "$WORK/daemon.log")" 0
finish
