#!/usr/bin/env bash
# What the corpora reach of each decoder: runs the targets of the preset
# "fuzzcov" over their corpora and prints a line for each decoder of
# decoders.txt: its edges (regions and both ways of each condition), how many of
# them were taken, and how many no input can take, for the reasons given there.
#
#	tests/fuzz/coverage.sh [-v] [-b BIN] [-c CORPUS] [NAME...]
#
# -v: the lines that are not reached too.  BIN: build/fuzzcov/bin, which is
# built first if it is not named.  Status 1: a decoder is below 95 %.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
BIN=
CORPUS=$HERE/corpus
VERBOSE=()
while getopts vb:c: o; do
	case $o in
	v) VERBOSE=(-v) ;;
	b) BIN=$(realpath "$OPTARG") ;;
	c) CORPUS=$(realpath "$OPTARG") ;;
	*)
		sed -n '7s/^#	/usage: /p' "$0" >&2
		exit 64
		;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$BIN" ]; then
	BIN=$ROOT/build/fuzzcov/bin
	cd "$ROOT"
	cmake --preset fuzzcov -DBUILD_TESTING=ON >/dev/null
	cmake --build --preset fuzzcov --target fuzz_targets >&2
fi
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# one TARGET: where its corpus has been, as JSON
one() {
	LLVM_PROFILE_FILE=$TMP/$1.raw "$BIN/fuzz_$1" -runs=0 -timeout=10 \
	    "$CORPUS/$1" >"$TMP/$1.log" 2>&1 || {
		cat "$TMP/$1.log" >&2
		return 1
	}
	llvm-profdata merge -sparse -o "$TMP/$1.prof" "$TMP/$1.raw"
	llvm-cov export -instr-profile "$TMP/$1.prof" "$BIN/fuzz_$1" \
	    >"$TMP/$1.json" 2>/dev/null
}
export -f one
export BIN CORPUS TMP
"$HERE/coverage.py" --targets "$@" | xargs -P "$(nproc)" -I{} \
    bash -euo pipefail -c 'one {}'
"$HERE/coverage.py" "${VERBOSE[@]}" "$ROOT" "$TMP" "$@"
