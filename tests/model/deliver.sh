#!/usr/bin/env bash
# hi2/deliver.pml by Spin: the model holds, with and without hashes, and each
# of its mutants fails.
#
#	deliver.sh MODEL DIRECTORY	DIRECTORY: for what spin and cc write
set -eu
model=$(realpath "$1")
mkdir -p "$2"
cd "$2"

# verify NAME OPTION...: "errors: 0" or another number, in $found
verify() {
	local name=$1 dir=$1 log
	shift
	mkdir -p "$dir"
	(cd "$dir" && spin "$@" -a "$model" >log && ${CC:-cc} -O0 -w -o pan pan.c)
	# Depth and memory are far beyond what the model needs: that it searched
	# all is checked.
	log=$(cd "$dir" && ./pan -a -f -m200000 2>&1)
	found=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' <<<"$log")
	case $log in
	*"max search depth too small"* | *"Search not completed"*)
		[ "$found" != 0 ] || {
			echo "$name: not all was searched" >&2
			exit 1
		} ;;
	esac
	[ -n "$found" ] || {
		printf '%s\n' "$log" >&2
		exit 1
	}
	echo "$name: errors $found," \
	    "$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' <<<"$log") states" \
	    "$(sed -n 's/^pan:1: \(.*\) (at depth.*/(\1)/p' <<<"$log")"
}

holds() {
	verify "$@"
	[ "$found" = 0 ] || {
		echo "$1: the model does not hold" >&2
		exit 1
	}
}

fails() {
	verify "$@"
	[ "$found" != 0 ] || {
		echo "$1: a fault of design is not found" >&2
		exit 1
	}
}

holds plain
holds integrity -DINTEGRITY
for n in 1 2 3 4 6; do
	fails "mutant-$n" -DMUTANT=$n
done
fails mutant-5 -DINTEGRITY -DMUTANT=5
