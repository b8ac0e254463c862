#!/usr/bin/env bash
# Boots the Debian 13 that debian13.sh has built in, on a machine of its own, and
# runs there what a container does not let be tried: root may do all, so that each
# process has every layer, its memory locked too.
#
#	tests/long/machine.sh [--root FOLDER] [--tests PATTERN]
#
# The machine is qemu's, without KVM: it is ten to thirty times as slow, and the
# scenarios wait so much longer.  FOLDER: that of debian13.sh, which builds in
# it first.  Run as root.
# Exit codes: 0 all passed, 1 something failed, 64 misuse, 77 a tool is missing.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
ROOT=/var/tmp/keywarden-debian13
# shellcheck source=tests/long/boot.sh
. "$here/tests/long/boot.sh"
TESTS='^sandbox|^unit\.(secret|confine)|^scenario\.(01|31|40|44|45)'

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; }
while [ $# -gt 0 ]; do
	case $1 in
	--root | --tests)
		[ $# -ge 2 ] || { echo "machine: $1: something must follow" >&2; exit 64; }
		if [ "$1" = --root ]; then ROOT=$2; else TESTS=$2; fi
		shift 2
		;;
	--help) usage && exit 0 ;;
	*) echo "machine: $1: no such option ('--help' tells more)" >&2 && exit 64 ;;
	esac
done
[ "$(id -u)" = 0 ] || { echo "machine: run as root" >&2; exit 64; }
for tool in qemu-system-x86_64 mke2fs; do
	command -v $tool >/dev/null || { echo "machine: $tool is missing" >&2; exit 77; }
done
# In a mount namespace of its own: whatever happens, nothing stays mounted.
if [ -z "${OWN_MOUNTS:-}" ]; then
	"$here/tests/long/debian13.sh" --root "$ROOT" --tests '^unit\.bytes$'
	OWN_MOUNTS=1 exec unshare -m "$0" --root "$ROOT" --tests "$TESTS"
fi

echo "== a kernel"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
in_root() { chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
in_root DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
	linux-image-cloud-amd64 initramfs-tools e2fsprogs kmod >"$ROOT/src/kernel.log" 2>&1 ||
	{ tail -n 20 "$ROOT/src/kernel.log"; exit 1; }
umount -R "$ROOT/dev" "$ROOT/proc"
install -m 755 "$here/tests/long/machine-guest.sh" "$ROOT/src/machine-guest.sh"
printf '%s\n' "$TESTS" >"$ROOT/src/machine-tests"

WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/keywarden-machine.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
echo "== tests: $TESTS"
boot "$ROOT" "$WORK" init=/src/machine-guest.sh | tee "$WORK/console" |
	sed -un '/^== the machine/,/^== it ends/p'
grep -q '^all of it passed$' "$WORK/console" || { tail -n 40 "$WORK/console"; exit 1; }
