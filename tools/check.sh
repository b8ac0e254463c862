#!/usr/bin/env bash
# Installs what is missing, builds in every way that users and reviewers need,
# and runs all tests.  Safe to run twice; leaves everything in build/.
#
#	tools/check.sh          all of it
#	tools/check.sh STAGE... of: style dev valgrind san release ct fuzz demo
#
# FUZZ_SECONDS=N: how long each fuzz target looks for new inputs (1)
set -eu
cd "$(dirname "$0")/.."
ALL="style dev valgrind san release ct fuzz demo"
JOBS=$(nproc)
BEGIN=$SECONDS

# quietly LOG COMMAND...: its output only if it fails
quietly() {
	local log=build/$1
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 60 "$log"
		echo "failed: $* (all of it in $log)" >&2
		return 1
	}
}
# build PRESET [TARGET...]: all, or these
build() {
	local preset=$1
	shift
	quietly "check-$preset-configure.log" cmake --preset "$preset" --fresh \
		-DBUILD_TESTING=ON "-DKW_FUZZ_SECONDS=${FUZZ_SECONDS:-1}"
	quietly "check-$preset-build.log" cmake --build --preset "$preset" \
		${1:+--target "$@"}
}
# tests PRESET [ctest options]: one line each, all output of those that fail
tests() {
	local preset=$1
	shift
	# scenarios wait two thirds of their time
	ctest --preset "$preset" --parallel $((3 * JOBS)) --no-tests=error \
		--progress "$@" >"build/check-$preset-tests.log" 2>&1 || {
		grep -v ' Passed ' "build/check-$preset-tests.log" | tail -n 200
		echo "failed: tests of preset $preset, by:" >&2
		grep -E '^ *FAILED:|^\[ +ERROR|: error: Failure!|runtime error:|Sanitizer:|\*\*\*(Timeout|Failed)' \
			"build/check-$preset-tests.log" | tail -n 20 >&2
		return 1
	}
	grep -E '^[0-9]+% tests passed' "build/check-$preset-tests.log"
}

stage_style() { tools/check-style.sh; }
# gcc, debug: everything, and the scenarios with seccomp filters on; constant
# time where it counts, in release and ct
stage_dev() { build dev && tests dev -E '^ct\.'; }
# clang, ASan and UBSan: the same without filters; the lab's own tests, and what
# takes minutes or is about filters, in dev
stage_san() {
	build san
	tests san -E '^(lab\.(exchange|cscf)|model\..*|scenario\.(02|15|19|2[1234568]|34|39|4[012345])-.*)$'
}
# what users run: its constant time and its filters
stage_release() {
	build release tests/ct/all tests/sandbox/all
	tests release -R '^(ct|sandbox)\.'
}
# memory that nobody wrote, or gave back; not where numbers are crunched, which
# tests/ct has under valgrind in release objects, thousands of documents read, or a
# stack on purpose
stage_valgrind() {
	build dev
	ctest --preset dev -N -R '^unit\.' | sed -n 's/.*: unit\.//p' |
		grep -vxE "$NUMBERS" | xargs -P "$JOBS" -I{} sh -c \
		'valgrind --quiet --leak-check=full --error-exitcode=9 \
			--errors-for-leak-kinds=definite build/dev/bin/test_{} \
			>build/check-valgrind-{}.log 2>&1 || {
			tail -n 40 build/check-valgrind-{}.log; exit 1; }'
}
NUMBERS='secret|calls|caps|hsm_known|signer|tls_token|crl|hi2_delivery|hi2_intake|hi2_records|hi2_spool_out|hi2c_proc|hsm_queue|hsm_seal|lemf_check|lemf_record|lemf_srtp|hi2_spool|hi2_proc|lab_spool|queue_seal|tls_client|policy_legs|hsm_release|fp|type1|bf|ec|ibe|hsm|hsm_head|hsm_learn|card|client_proof|exchanges|persons|sign|request|authority|authority_property'
# clang's own idea of constant time
stage_ct() { build ct tests/ct/all && tests ct -R '^ct\.'; }
stage_fuzz() { build fuzz tests/fuzz/all && tests fuzz -R '^fuzz\.'; }
stage_demo() { quietly check-demo.log tools/demo.sh "$PWD/build/lab-out"; }

for stage in "$@"; do
	case " $ALL " in
	*" $stage "*) ;;
	*)
		echo "usage: tools/check.sh [${ALL// / | }] ..." >&2
		exit 64
		;;
	esac
done
[ $# -gt 0 ] || eval "set -- $ALL"

tools/setup.sh test
mkdir -p build
for stage in "$@"; do
	from=$SECONDS
	printf '%-8s ...\n' "$stage"
	"stage_$stage"
	printf '%-8s ok, %d s\n' "$stage" $((SECONDS - from))
done
echo "all well, $((SECONDS - BEGIN)) s"
