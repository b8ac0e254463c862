#!/usr/bin/env bash
# Ten million hostile PDUs, or COUNT, through framing and decoders in one
# process of the release build; see hostile_pdus.c.
#
#	tests/long/hostile-pdus.sh [COUNT [SEED]]
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset release -DBUILD_TESTING=ON >/dev/null
cmake --build --preset release --target hostile_pdus >&2
exec build/release/bin/hostile_pdus tests/fuzz/corpus "${1:-10000000}" "${2:-1}"
