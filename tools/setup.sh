#!/usr/bin/env bash
# Installs what is missing to build, run and test Keywarden on Debian.
#
#	tools/setup.sh build    what building and the demonstration need
#	tools/setup.sh test     that, and what the tests need
#
# Run as root or with sudo; does nothing when all is there.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config openssl procps
  libssl-dev libuv1-dev libseccomp-dev libp11-kit-dev libsqlite3-dev
  libjansson-dev libconfuse-dev libgmp-dev libosip2-dev
  softhsm2 libsrtp2-dev libpcap-dev libcmocka-dev tshark
  asterisk-core-sounds-en-wav asn1c sip-tester"
test="clang libclang-rt-14-dev clang-format shellcheck valgrind
  python3 iproute2 strace spin"

# The runtime of clang's sanitizers has clang's version in its name.
newest_runtime() {
	apt-cache search --names-only '^libclang-rt-[0-9]+-dev$' |
		sed 's/ .*//' | sort -V | tail -n 1
}

missing() {
	local p
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
			grep -q 'ok installed' || echo "$p"
	done
}

case ${1:-build} in
build) want=$build ;;
test) want="$build $test" ;;
*)
	echo "usage: tools/setup.sh build|test" >&2
	exit 64
	;;
esac
# shellcheck disable=SC2086
need=$(missing $want)
[ -n "$need" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then as_root=; else as_root=sudo; fi
if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
	echo "tools/setup.sh: run as root, or install sudo; missing: $need" >&2
	exit 1
fi
echo "installing: $(echo "$need" | tr '\n' ' ')"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
case $need in
*libclang-rt-14-dev*)
	apt-cache show libclang-rt-14-dev >/dev/null 2>&1 ||
		need=$(echo "$need" | sed "s/libclang-rt-14-dev/$(newest_runtime)/")
	;;
esac
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	--no-install-recommends $need >/dev/null
