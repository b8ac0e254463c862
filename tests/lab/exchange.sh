#!/bin/sh
# lab-exchange on the command line: what it writes, that it repeats itself,
# what it refuses.
#
#   exchange.sh BIN VECTORS OUT
set -eu

bin=$1/lab-exchange
vectors=$2
out=$3

rm -rf "$out"
mkdir -p "$out"
cd "$out"

fail() {
	echo "$*" >&2
	exit 1
}

# The parameters of the vectors' first KMS, as DER.
sed -n 's/.*"publicParametersDER": *"\([0-9a-f]*\)".*/\1/p' \
    "$vectors/exchanges.json" | head -n 1 >params.hex
[ -s params.hex ] || fail "no parameters in $vectors/exchanges.json"
tr -d '\n' <params.hex | tr a-f A-F | basenc --base16 -d >params.der
printf '%064d\n' 1 >a.seed
printf '%064d' 2 >b.seed

make() {
	"$bin" --params params.der --initiator sip:alice@example.com \
	    --initiator-seed a.seed --responder sip:bob@example.net \
	    --responder-seed b.seed "$@"
}

# Files of a call, and of one with an update.
make --out plain --keys plain.json --cs 2
for m in i1 r1 i2 r2; do
	[ -s plain/$m.bin ] || fail "no $m.bin"
done
[ ! -e plain/u-i1.bin ] || fail "an update that nobody asked for"
[ "$(grep -c sessionKey plain.json)" = 2 ] || fail "not two session keys"
make --out plain --update by-responder --update-time 2036-02-07T06:28:16Z \
    --time 2036-02-07T07:28:15.5+01:00 --update-keys update.json \
    --fault eccpt-missing-r1-no-r2 --recipient-keys sk.json
[ -s plain/u-i1.bin ] && [ -s plain/u-r1.bin ] || fail "no update"
[ ! -e plain/r2.bin ] || fail "an r2.bin from before was left"
grep -q sessionKey update.json || fail "no update keys"
grep -q sessionKey sk.json || fail "no keys from SK"

# The seconds of T, before and after an era of NTP begins.
seconds() {
	od -An -tx1 -j21 -N4 "$1" | tr -d ' '
}
[ "$(seconds plain/i1.bin)" = ffffffff ] || fail "T of I_MESSAGE_1"
[ "$(seconds plain/u-i1.bin)" = 00000000 ] || fail "T of the update"

# Everything again from a number; many at once.
for d in one two; do
	make --out $d --random-seed 7 --time 2026-03-01T12:00:00Z --count 3 \
	    --keys keys.json --sp 0000000401011004 --sp-r 01000000 --mki 0a0b
done
diff -r one two || fail "not the same from the same --random-seed"
[ -s one/0002/r2.bin ] && [ -s one/0002/keys.json ] || fail "no third call"
! cmp -s one/0000/i1.bin one/0001/i1.bin || fail "two calls are one"
grep -q '"mki": "0a0b"' one/0000/keys.json || fail "no MKI"
grep -q '"policy": "0000000401011004"' one/0000/keys.json || fail "no policy"

# Every fault of the list is taken.
"$bin" --list-faults >faults
[ "$(wc -l <faults)" -gt 90 ] || fail "a short list of faults"
for f in v-wrong sp-key-32 update-csb; do
	grep -q "^$f	" faults || fail "$f is not in the list"
done

# What is refused, with status 2 for usage and 1 for files.
status() {
	want=$1
	shift
	got=0
	make --out bad "$@" >/dev/null 2>&1 || got=$?
	[ "$got" = "$want" ] || fail "$*: status $got, not $want"
}
status 2 --fault no-such
status 2 --fault rand-i2@r1
status 2 --curve P-224
status 2 --prf 3
status 2 --cs 256
status 2 --csb 0102
status 2 --time 2026-02-30T00:00:00Z
status 2 --time "2026-02-03 00:00:00Z"
status 2 --update-no-ids
status 2 --counter 3
status 1 --rand-len 15
status 1 --deferred --curve P-384
status 1 --initiator-seed nowhere
status 1 --params a.seed
echo "lab-exchange does what it says"
