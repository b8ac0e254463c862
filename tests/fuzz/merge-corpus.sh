#!/usr/bin/env bash
# Makes corpus/NAME anew from itself, the seeds of make-corpus.py and what long
# runs found: small, and reaching the same code.  Inputs with a name of their
# own (what once failed) stay.
#
#	merge-corpus.sh [-o DIRECTORY] BIN [FOUND [NAME...]]
#
# BIN has the targets: build/fuzzcov/bin, whose edges are those of coverage.sh.
# FOUND has a folder NAME for each target (or none).  -o: write there and leave
# corpus/ as it is.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# All that reach an edge are kept; what reaches one more or less often only up
# to so many files of a target:
MOST=150
FEW=48 # of those that seeds describe well
SMALL=" audit_peers hi2c order authority calls client_proof change deliver hi2_links hi2_peers intake integrity iri lemf_cert lemf_record persons policy_peers queue_seal request sip_event tri x2_pdu x2_peers worker x2_take xk_peers xkc "
# A run of these takes some 30 ms: no more than so many, whatever they reach.
SLOW=" regen "
SLOW_MOST=56
BIG=16384 # octets; longer inputs slow every run and reach nothing more
OUT=$HERE/corpus
# What these reach is in a library that does not count, needs more files than
# there may be, or shows in long inputs alone: their seeds stay.
SEEDED=" client_proof config confine integrity intake lemf_cert persons queue_seal rules sip_event x2_take "

if [ "${1-}" = -o ]; then
	OUT=$(realpath -m "$2")
	shift 2
fi
BIN=$(realpath "$1")
FOUND=$(realpath -m "${2:-/nonexistent}")
shift $(($# > 2 ? 2 : $#))
TMP=$(mktemp -d)
export LLVM_PROFILE_FILE=/dev/null # of a build that counts
trap 'rm -rf "$TMP"' EXIT

# merge TARGET INTO OPTION FROM...: what of FROM adds to INTO
merge() {
	local target=$1 into=$2 option=$3
	shift 3
	mkdir -p "$into"
	"$BIN/fuzz_$target" -merge=1 "$option" -max_len=$BIG -timeout=10 \
	    -rss_limit_mb=2048 -artifact_prefix="$TMP/$target." \
	    "$into" "$@" >"$TMP/log" 2>&1 || {
		cat "$TMP/log" >&2
		exit 1
	}
}

# What reaches an edge, then what reaches one more or less often, the smallest
# first.
one_target() {
	local name=$1 from=() n most=$MOST all=1
	case $SMALL in *" $name "*) most=$FEW ;; esac
	case $SLOW in *" $name "*) most=$SLOW_MOST all=0 ;; esac
	for n in "$HERE/corpus/$name" "$TMP/seeds/$name" "$FOUND/$name"; do
		[ ! -d "$n" ] || from+=("$n")
	done
	merge "$name" "$TMP/edges/$name" -use_counters=0 "${from[@]}"
	cp -r "$TMP/edges/$name" "$TMP/all"
	merge "$name" "$TMP/all" -use_counters=1 "${from[@]}"
	mkdir "$TMP/new"
	case $SEEDED in *" $name "*)
		for n in "$TMP/seeds/$name"/*; do
			cp "$n" "$TMP/new/$(sha1sum <"$n" | cut -c-12)"
		done ;;
	esac
	{
		find "$TMP/edges/$name" -type f -printf '0 %f\n'
		find "$TMP/all" -type f -printf '%s %f\n' | sort -n
	} | awk -v "all=$all" -v "most=$((most - $(find "$TMP/new" -type f | wc -l)))" \
	    '!seen[$2]++ && (n++ < most || (all && $1 == 0)) { print $2 }' |
	    while read -r f; do
		cp "$TMP/all/$f" "$TMP/new/$(printf %.12s "$f")"
	done
	[ ! -d "$HERE/corpus/$name" ] ||
		find "$HERE/corpus/$name" -type f -name '*-*' \
		    -exec cp {} "$TMP/new" \;
	mkdir -p "$OUT"
	rm -rf "${OUT:?}/$name" "$TMP/all"
	mv "$TMP/new" "$OUT/$name"
	echo "$name: $(find "$OUT/$name" -type f | wc -l) files," \
	    "$(find "$OUT/$name" -type f -printf '%s\n' |
		awk '{ n += $1 } END { print n + 0 }') octets"
}

"$HERE/make-corpus.py" "$TMP/seeds"
if [ $# -eq 0 ]; then
	cd "$TMP/seeds"
	set -- *
fi
for name; do
	one_target "$name"
done
