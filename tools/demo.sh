#!/usr/bin/env bash
# Installs what is missing, builds, and runs the demonstration: a real call, a
# real token, a real key.  Safe to run twice; leaves its evidence in lab-out/.
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh build
echo "building (build/release) ..."
mkdir -p build
cmake --preset release -DBUILD_TESTING=ON >build/demo-configure.log 2>&1 ||
	{ tail -n 40 build/demo-configure.log; exit 1; }
cmake --build --preset release --target appliance/all tools/lemf/all \
	lab-phone lab-cscf lab-tap lab-decrypt lab-iri >build/demo-build.log 2>&1 ||
	{ tail -n 40 build/demo-build.log; exit 1; }
BIN=$PWD/build/release/bin exec tests/lab/demo.sh "${1:-$PWD/lab-out}"
