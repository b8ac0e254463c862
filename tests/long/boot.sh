# shellcheck shell=bash
# A machine of its own for machine.sh and systemd.sh, by qemu without KVM: where the
# machine that this runs on is virtual itself, a KVM that opens need not work.

# boot ROOT WORK WORDS: what it says on its console until it turns itself off; it
# starts from a copy of ROOT, in WORK, by the kernel that is in it
boot() {
	local size
	size=$(du -sm --apparent-size "$1" | cut -f1)
	mke2fs -q -t ext4 -d "$1" "$2/disk" $((size + size / 4 + 2048))M >/dev/null
	# Of what "-cpu max" has, something makes the kernel copy wrong octets.
	timeout 7200 qemu-system-x86_64 -accel tcg,thread=multi -cpu Nehalem -smp 2 -m 4096 \
		-no-reboot -nodefaults -display none -serial stdio \
		-kernel "$(echo "$1"/boot/vmlinuz-*)" -initrd "$(echo "$1"/boot/initrd.img-*)" \
		-append "root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 $3" \
		-drive "file=$2/disk,if=virtio,format=raw,cache=unsafe" -device virtio-rng-pci \
		</dev/null | sed -u 's/\r//g'
}
