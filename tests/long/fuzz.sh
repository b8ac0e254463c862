#!/usr/bin/env bash
# Runs each fuzz target for an hour, or for SECONDS, and prints a line for each.
# New inputs and what failed stay in FOUND/NAME; merge-corpus.sh takes them in.
#
#	tests/long/fuzz.sh [-j JOBS] [-b BIN] [-o FOUND] [SECONDS [NAME...]]
#
# JOBS targets at a time (as many as there are processors), of BIN
# (build/fuzz/bin, which is built first if it is not named).
# Status 1: a target has failed; the line tells the input.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
JOBS=$(nproc)
BIN=
FOUND=$ROOT/build/fuzz-found

usage() {
	sed -n '5s/^#	/usage: /p' "$0" >&2
	exit 64
}
while getopts j:b:o: o; do
	case $o in
	j) JOBS=$OPTARG ;;
	b) BIN=$(realpath "$OPTARG") ;;
	o) FOUND=$(realpath -m "$OPTARG") ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
FOR=${1:-3600}
[[ $FOR =~ ^[1-9][0-9]*$ ]] || usage
shift $(($# > 0 ? 1 : 0))

if [ -z "$BIN" ]; then
	BIN=$ROOT/build/fuzz/bin
	cd "$ROOT"
	cmake --preset fuzz -DBUILD_TESTING=ON >/dev/null
	cmake --build --preset fuzz --target fuzz_targets >/dev/null
fi
if [ $# -eq 0 ]; then
	cd "$BIN"
	set -- fuzz_*
	set -- "${@#fuzz_}"
fi

# one NAME: its line; the log stays beside what it found
one() {
	local name=$1 log=$FOUND/$1.log rc=0 runs edges
	mkdir -p "$FOUND/$name"
	nice -n 19 "$BIN/fuzz_$name" "-max_total_time=$FOR" -timeout=10 \
	    -rss_limit_mb=2048 -print_final_stats=1 \
	    "-artifact_prefix=$FOUND/$name." "$FOUND/$name" \
	    "$ROOT/tests/fuzz/corpus/$name" >"$log" 2>&1 || rc=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -c6-)
	if [ $rc -ne 0 ]; then
		echo "$name: failed: $(grep -o 'Test unit written to .*' "$log" |
			tail -n 1 | cut -c22-) (all of it in $log)"
		return 1
	fi
	echo "$name: ${runs:-0} runs, ${edges:-0} edges," \
	    "$(find "$FOUND/$name" -type f | wc -l) new inputs"
}
export -f one
export BIN FOUND FOR ROOT
printf '%s\n' "$@" | xargs -P "$JOBS" -I{} bash -euo pipefail -c 'one {}'
