#!/usr/bin/env bash
# Boots a Debian 12 with the installed appliance under systemd as it comes: what the
# unit promises, and what its hardening could break.
#
#	tests/long/systemd.sh [--machine] [--root FOLDER]
#
# It is a container on this kernel (systemd-nspawn), where memory is locked only if the
# limit may be lifted; with --machine one of its own (qemu, twenty times as slow), with
# the unit as it is.  FOLDER is made by mmdebstrap if it is not there, and kept for the
# next time.  systemd-guest.sh says what is tried.  Run as root.
# Exit codes: 0 all passed, 1 something failed, 64 misuse, 77 a tool is missing.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
ROOT=/var/tmp/keywarden-systemd
TOOLS=(mmdebstrap systemd-nspawn)
WHERE=container
# shellcheck source=tests/long/boot.sh
. "$here/tests/long/boot.sh"
PACKAGES=systemd,systemd-sysv,dbus,linux-image-cloud-amd64,initramfs-tools,procps
PACKAGES+=,softhsm2,openssl,libssl3,libconfuse2,libuv1,libseccomp2,libsqlite3-0
PACKAGES+=,libjansson4,libosip2-15,libgmp10,libp11-kit0,libpcap0.8,libsrtp2-1

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; }
while [ $# -gt 0 ]; do
	case $1 in
	--root)
		[ $# -ge 2 ] || { echo "systemd: $1: something must follow" >&2; exit 64; }
		ROOT=$2
		shift
		;;
	--machine)
		WHERE=machine
		TOOLS=(mmdebstrap qemu-system-x86_64 mke2fs)
		;;
	--help) usage && exit 0 ;;
	*) echo "systemd: $1: no such option ('--help' tells more)" >&2 && exit 64 ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || { echo "systemd: run as root" >&2; exit 64; }
for tool in "${TOOLS[@]}"; do
	command -v "$tool" >/dev/null || { echo "systemd: $tool is missing" >&2; exit 77; }
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
WORDS=(systemd.unit=basic.target systemd.wants=keywarden-test.service systemd.show_status=no)

in_container() {
	local locked
	locked=$( (ulimit -l unlimited) 2>/dev/null && echo infinity || echo $(($(ulimit -Hl) * 1024)))
	# Without the two, systemd-nspawn refuses to lock memory, and Landlock.
	timeout 900 systemd-nspawn -q -D "$ROOT" --boot --volatile=overlay --private-network \
		--capability=CAP_IPC_LOCK --rlimit="MEMLOCK=$locked" \
		--system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
		--register=no --keep-unit "${WORDS[@]}" >"$WORK/console" 2>&1 </dev/null || true
}
in_machine() { boot "$ROOT" "$WORK" "${WORDS[*]}" >"$WORK/console"; }

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
LimitMEMLOCK=8M
EOF

echo "== in a $WHERE"
"in_$WHERE"
tr -d '\r' <"$WORK/console" | sed -n '/^== /,/checks passed$\|checks failed$/p' | tee "$WORK/said"
grep -q '^all [0-9]* checks passed$' "$WORK/said" || { tail -n 40 "$WORK/console"; exit 1; }
