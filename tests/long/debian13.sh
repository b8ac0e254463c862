#!/usr/bin/env bash
# Builds Keywarden in a root of Debian 13 and runs there what a newer libc,
# kernel headers and OpenSSL can break: unit tests, the tests of the sandbox, and
# scenarios that start every process.
#
#	tests/long/debian13.sh [--root FOLDER] [--tests PATTERN]
#
# FOLDER is made by mmdebstrap if it is not there, and kept for the next time;
# what was built in it too.  What is tested is the commit that is checked out.
# Run as root.  Exit codes: 0 all passed, 1 something failed, 64 misuse, 77 a tool is missing.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
ROOT=/var/tmp/keywarden-debian13
TESTS='^unit|^sandbox|^scenario\.(01|02|05|12|20|24|29|31|40)'

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; }
while [ $# -gt 0 ]; do
	case $1 in
	--root | --tests)
		[ $# -ge 2 ] || { echo "debian13: $1: something must follow" >&2; exit 64; }
		if [ "$1" = --root ]; then ROOT=$2; else TESTS=$2; fi
		shift 2
		;;
	--help) usage && exit 0 ;;
	*) echo "debian13: $1: no such option ('--help' tells more)" >&2 && exit 64 ;;
	esac
done
[ "$(id -u)" = 0 ] || { echo "debian13: run as root" >&2; exit 64; }

# In a mount namespace of its own: whatever happens, nothing stays mounted.
[ -n "${OWN_MOUNTS:-}" ] ||
	OWN_MOUNTS=1 exec unshare -m "$0" --root "$ROOT" --tests "$TESTS"

if [ ! -e "$ROOT/etc/debian_version" ]; then
	command -v mmdebstrap >/dev/null || { echo "debian13: mmdebstrap is missing" >&2; exit 77; }
	echo "== making $ROOT"
	mmdebstrap --variant=minbase --quiet trixie "$ROOT"
fi
# A root, and not a chroot, in which no process may change its root.
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
mkdir -p "$ROOT/src"
# Over what was built there before, so that it is built again where it differs.
git -C "$here" archive HEAD | tar -x -C "$ROOT/src" --no-same-owner
cd "$ROOT"
pivot_root . mnt
umount -l /mnt
in_root() { /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"; }

echo "== packages"
in_root /src/tools/setup.sh test
echo "== build, on Debian $(cat /etc/debian_version): $(in_root gcc -dumpfullversion) of gcc," \
	"$(in_root openssl version), glibc $(in_root getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
in_root sh -c 'cd /src && cmake --preset dev -DBUILD_TESTING=ON >/dev/null &&
	cmake --build --preset dev -- -k 0' >/src/build.log 2>&1 || {
	grep -E 'error:|FAILED' /src/build.log | sort -u
	exit 1
}
echo "== tests: $TESTS"
in_root sh -c "cd /src && ctest --preset dev --output-on-failure -R '$TESTS'" || exit 1
