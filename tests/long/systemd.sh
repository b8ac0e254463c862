#!/usr/bin/env bash
# Boots a Debian 12 with the installed appliance in a machine of its own, under
# systemd as it comes: what the unit promises, and what its hardening could break.
#
#	tests/long/systemd.sh [--root FOLDER]
#
# FOLDER is made by mmdebstrap if it is not there, and kept for the next time.
# systemd-guest.sh says what is tried.  Needs qemu-system-x86_64, mke2fs,
# mmdebstrap, and to be run as root; where KVM does not work it takes ten times as
# long.
# Exit codes: 0 all passed, 1 something failed, 64 misuse, 77 a tool is missing.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
ROOT=/var/tmp/keywarden-systemd
PACKAGES=systemd,systemd-sysv,dbus,linux-image-cloud-amd64,initramfs-tools,procps
PACKAGES+=,softhsm2,openssl,libssl3,libconfuse2,libuv1,libseccomp2,libsqlite3-0
PACKAGES+=,libjansson4,libosip2-15,libgmp10,libp11-kit0,libpcap0.8,libsrtp2-1

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; }
while [ $# -gt 0 ]; do
	case $1 in
	--root)
		[ $# -ge 2 ] || { echo "systemd: $1: something must follow" >&2; exit 64; }
		ROOT=$2
		shift 2
		;;
	--help) usage && exit 0 ;;
	*) echo "systemd: $1: no such option ('--help' tells more)" >&2 && exit 64 ;;
	esac
done
[ "$(id -u)" = 0 ] || { echo "systemd: run as root" >&2; exit 64; }
for tool in qemu-system-x86_64 mke2fs mmdebstrap; do
	command -v $tool >/dev/null || { echo "systemd: $tool is missing" >&2; exit 77; }
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

if [ ! -e "$ROOT/etc/debian_version" ]; then
	echo "== making $ROOT"
	mmdebstrap --variant=minbase --quiet --include=$PACKAGES bookworm "$ROOT"
fi
echo "== the package's files"
cmake -S "$here" --preset release -B "$here/build/systemd" -DCMAKE_INSTALL_PREFIX=/usr \
	-DBUILD_TESTING=OFF >/dev/null
cmake --build "$here/build/systemd" >"$WORK/build.log" || { tail -n 20 "$WORK/build.log"; exit 1; }
DESTDIR=$ROOT cmake --install "$here/build/systemd" --strip >/dev/null
install -D -m 755 "$here/tests/long/systemd-guest.sh" "$ROOT/srv/systemd-guest.sh"
cat >"$ROOT/etc/systemd/system/keywarden-test.service" <<'EOF'
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/srv/systemd-guest.sh
ExecStopPost=systemctl --no-block poweroff
TimeoutStartSec=900
EOF
mke2fs -q -t ext4 -d "$ROOT" "$WORK/disk" 3G

echo "== a machine of its own"
# boot ACCELERATOR...: in the background
boot() {
	timeout 1800 qemu-system-x86_64 "$@" -m 1024 -smp 2 -no-reboot -display none -nodefaults \
		-kernel "$(echo "$ROOT"/boot/vmlinuz-*)" -initrd "$(echo "$ROOT"/boot/initrd.img-*)" \
		-append "root=/dev/vda rw console=ttyS0 systemd.show_status=no systemd.wants=keywarden-test.service" \
		-drive "file=$WORK/disk,if=virtio,format=raw" -device virtio-rng-pci \
		-serial "file:$WORK/console" &
	MACHINE=$!
}
talks() {
	local until=$((SECONDS + 30))
	until [ -s "$WORK/console" ]; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.5
	done
}
# A KVM that opens need not work, in a machine that is virtual itself.
if (: <>/dev/kvm) 2>/dev/null && boot -enable-kvm -cpu host && talks; then
	echo "   with KVM"
else
	[ -z "${MACHINE:-}" ] || { kill "$MACHINE" && wait "$MACHINE"; } || true
	echo "   without KVM"
	boot -accel tcg,thread=multi -cpu max
fi
wait "$MACHINE" || true
tr -d '\r' <"$WORK/console" | sed -n '/^== /,$p' | tee "$WORK/said"
grep -q '^all [0-9]* checks passed$' "$WORK/said" || { tail -n 40 "$WORK/console"; exit 1; }
