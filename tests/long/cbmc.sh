#!/usr/bin/env bash
# Bounded model checking of the readers that foreign octets meet first: for all
# inputs up to N octets nothing is read or written outside, no arithmetic on
# signed numbers overflows, every loop ends, and what the harness in tests/cbmc
# states holds.  One line each; the bound N is in the table below.
#
#	tests/long/cbmc.sh [-j JOBS] [-r ROOT] [NAME...]
#
# With cbmc 6 of the path; without, in ROOT (build/cbmc-root), a Debian 13 that
# mmdebstrap makes there if it is missing, as root.
# Status 1: a proof has failed; the trace is in build/cbmc/NAME.log.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
REPO=$(cd "$HERE/../.." && pwd)
JOBS=1 # some need two gigabytes
ROOT=$REPO/build/cbmc-root
LOGS=$REPO/build/cbmc

# NAME  N  most turns of a loop  sources
PROOFS="
bytes_read 32 34 base/bytes.c
bytes_write 32 34 base/bytes.c
bytes_text 8 12 base/bytes.c
bf_block 32 9 base/bytes.c xk/bf_block.c
ber_get 12 9 base/bytes.c hi2/ber_get.c
mikey 32 10 base/bytes.c xk/bf_block.c xk/mikey.c
inner 24 12 base/bytes.c xk/inner.c
x2_pdu 56 14 base/bytes.c hi2/x2_pdu.c
"

while getopts j:r: o; do
	case $o in
	j) JOBS=$OPTARG ;;
	r) ROOT=$(realpath -m "$OPTARG") ;;
	*)
		sed -n '7s/^#	/usage: /p' "$0" >&2
		exit 64
		;;
	esac
done
shift $((OPTIND - 1))

# Debian 13 with cbmc, and a copy of the sources in it.
prepare_root() {
	[ "$(id -u)" -eq 0 ] || {
		echo "cbmc.sh: install cbmc 6, or run as root to make a Debian 13" >&2
		exit 1
	}
	[ -x "$ROOT/usr/bin/cbmc" ] ||
		mmdebstrap --variant=apt --include=cbmc,gcc,libc6-dev \
		    trixie "$ROOT" >&2
	mkdir -p "$ROOT/tmp/keywarden"
	tar -C "$REPO" -cf - base xk hi2 tests/cbmc |
		tar -C "$ROOT/tmp/keywarden" -xf -
}
if command -v cbmc >/dev/null; then
	ROOT=
else
	prepare_root
fi

# run COMMAND...: with the sources as working directory
run() {
	if [ -z "$ROOT" ]; then
		(cd "$REPO" && "$@")
	else
		# shellcheck disable=SC2016
		chroot "$ROOT" env TMPDIR=/tmp sh -c 'cd /tmp/keywarden && exec "$@"' sh "$@"
	fi
}

# one NAME N UNWIND SOURCE...
one() {
	local name=$1 n=$2 unwind=$3 from=$SECONDS rc=0
	shift 3
	run cbmc -D"N=$n" -I. -Itests/cbmc "tests/cbmc/$name.c" "$@" \
	    --unwind "$unwind" --object-bits 12 --malloc-may-fail \
	    --malloc-fail-null --drop-unused-functions --slice-formula \
	    --trace >"$LOGS/$name.log" 2>&1 || rc=$?
	if [ $rc -ne 0 ]; then
		echo "$name: failed (all of it in $LOGS/$name.log)"
		return 1
	fi
	echo "$name: holds for all inputs up to $n octets, $((SECONDS - from)) s"
}
export -f one run
export LOGS REPO ROOT
mkdir -p "$LOGS"
echo "$PROOFS" | while read -r name rest; do
	if [ -n "$name" ] && { [ $# -eq 0 ] || [[ " $* " == *" $name "* ]]; }; then
		echo "$name $rest"
	fi
done | xargs -P "$JOBS" -L 1 bash -euo pipefail -c 'one "$@"' one
