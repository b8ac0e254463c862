#!/usr/bin/env bash
# keywarden sign: officers sign with a key in a file or in a token of their own,
# one after another, and the appliance takes what they made.  Whatever is wrong
# is one line, no file, no second try of a PIN, and no PIN or passphrase in what
# is printed.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

MODULE=/usr/lib/softhsm/libsofthsm2.so
FAULT=$BIN/../tests/p11fault/p11fault.so
PIN=74120853 # a number, as the keypad of p11fault has it
PASS=correct-horse
: >"$WORK/all"

# kws FILE OFFICER OUT [options]: sign; what it says in $WORK/said.{out,err}
kws() {
	local in=$WORK/$1 cert=$WORK/$2.pem out=$WORK/$3 code
	shift 3
	SOFTHSM2_CONF=$WORK/softhsm2.conf "$BIN/keywarden" sign "$in" --cert "$cert" --out "$out" "$@" \
		</dev/null >"$WORK/said.out" 2>"$WORK/said.err"
	code=$?
	cat "$WORK/said.out" "$WORK/said.err" >>"$WORK/all"
	[ $code -eq 0 ] || return $code
	[ ! -s "$WORK/said.err" ] && [ "$(stat -c %a "$out")" = 644 ] && no_rest
}
no_rest() { [ -z "$(find "$WORK" -name '*.part')" ]; }
signs() { kws "$@" || { cat "$WORK/said.err"; return 1; }; }
# fails EXIT PART FILE OFFICER OUT [options]: one line that has PART, and no file
fails() {
	local code=$1 part=$2 out=$WORK/$5
	shift 2
	kws "$@"
	same $? "$code" && same "$(wc -l <"$WORK/said.err")" 1 &&
		grep -qF -- "$part" "$WORK/said.err" && [ ! -e "$out" ] && no_rest && return 0
	cat "$WORK/said.err"
	return 1
}
# holds CMS N: openssl, which shares no code of ours, verifies N signatures
holds() {
	openssl cms -verify -binary -inform DER -in "$WORK/$1" -certfile "$WORK/officers.pem" \
		-CAfile "$WORK/officers.pem" -partial_chain -nointern -purpose any \
		-signer "$WORK/signers.pem" -out "$WORK/content" 2>"$WORK/verify" ||
		{ cat "$WORK/verify"; return 1; }
	same "$(grep -c BEGIN "$WORK/signers.pem")" "$2"
}
octets_of() { cmp "$WORK/$1" "$WORK/content"; }
shows() { grep -qF -- "$1" "$WORK/said.out"; }
# A key and certificate as officer-NAME
officer() {
	openssl req -x509 -nodes -keyout "$WORK/officer-$1.key" -out "$WORK/officer-$1.pem" \
		-days 30 -subj "/CN=Officer $1" "${@:2}" 2>/dev/null
	chmod 600 "$WORK/officer-$1.key"
}
curve() { officer "$1" -newkey ec -pkeyopt "ec_paramgen_curve:$1"; }
secret() { (umask 077 && printf '%s\n' "$2" >"$WORK/$1"); }
# put NAME ID: the key of officer-NAME goes into the token
put() {
	openssl pkcs8 -topk8 -nocrypt -in "$WORK/officer-$1.key" -out "$WORK/p8" &&
		SOFTHSM2_CONF=$WORK/softhsm2.conf softhsm2-util --import "$WORK/p8" --token card \
			--label "key $1" --id "$2" --pin $PIN >/dev/null && rm "$WORK/p8"
}

step "An appliance, and officers with keys of all sorts"
kms_up
subscriber alice
officer rsa -newkey rsa:3072
curve P-384
curve P-521
openssl ec -aes256 -passout "pass:$PASS" -in "$WORK/officer-two.key" \
	-out "$WORK/two-locked.key" 2>/dev/null
chmod 600 "$WORK/two-locked.key"
cat "$WORK"/officer-*.pem >"$WORK/officers.pem"
secret pass "$PASS"
secret wrong "no-$PASS"
K1=(--key "$WORK/officer-one.key")
K2=(--key "$WORK/two-locked.key")

step "Keys in files"
document W
check "officer one signs" signs W.json officer-one W1.cms "${K1[@]}"
check "what is signed is shown" shows "$(sha256sum "$WORK/W.json" | cut -c 1-64)"
check "and its LIID" grep -q "liid  *LIID-1$" "$WORK/said.out"
check "openssl verifies it" holds W1.cms 1
check "and finds the very octets" octets_of W.json
check "one officer is not enough" grep -q "approved by 1 of 2" <(kw warrant check "$WORK/W1.cms" 2>&1)
check "officer two adds a signature, with a passphrase" signs W1.cms officer-two W.cms --resign \
	"${K2[@]}" --pin-file "$WORK/pass"
check "of the same content" shows "$(sha256sum "$WORK/W.json" | cut -c 1-64)"
check "openssl verifies both" holds W.cms 2
check "the appliance takes it" quiet kw request submit "$WORK/W.cms"
for o in rsa P-384 P-521; do
	check "$o" signs W.json "officer-$o" "$o.cms" --key "$WORK/officer-$o.key"
	check "$o: openssl verifies it" holds "$o.cms" 1
done
sign W one
check "after openssl" signs W.cms officer-P-521 mixed.cms --resign --key "$WORK/officer-P-521.key"
check "both verify" holds mixed.cms 2
head -c 5000 /dev/urandom >"$WORK/octets"
check "octets of any kind" signs octets officer-one octets.cms "${K1[@]}"
check "are shown as such" shows "not a JSON object"
check "verify" holds octets.cms 1
check "unchanged" octets_of octets
printf '{"kind":"enrol\\u001b[31m","requester":"kim","expires":"2027-01-01T00:00:00Z"}' >"$WORK/request"
check "a request" signs request officer-one request.cms "${K1[@]}"
check "its kind, fit for a terminal" shows 'kind       enrol\x1b[31m'
check "who asks" shows "requester  kim"
check "until when" shows "expires    2027-01-01T00:00:00Z"
check "for scripts" signs request officer-one request2.cms "${K1[@]}" --json
check "as JSON" python3 -m json.tool "$WORK/said.out" /dev/null

step "A key in a token"
mkdir "$WORK/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' \
	"$WORK" >"$WORK/softhsm2.conf"
SOFTHSM2_CONF=$WORK/softhsm2.conf softhsm2-util --init-token --free --label card \
	--pin $PIN --so-pin 12345678 >/dev/null
for o in three:03 two:02 rsa:04 P-384:05; do put ${o%:*} ${o#*:}; done
secret card-pin $PIN
secret bad-pin 1$PIN
T=(--module "$MODULE" --pin-file "$WORK/card-pin")
REQUESTER=three LIID=LIID-2 document V
check "found by the certificate" signs V.json officer-three V3.cms "${T[@]}"
check "openssl verifies it" holds V3.cms 1
check "another officer in the same reader" signs V3.cms officer-two V.cms --resign "${T[@]}" \
	--token card --key-label "key two"
check "openssl verifies both" holds V.cms 2
check "the appliance takes it" quiet kw request submit "$WORK/V.cms"
check "an RSA key" signs V.json officer-rsa card-rsa.cms "${T[@]}"
check "verifies" holds card-rsa.cms 1
check "P-384" signs V.json officer-P-384 card-384.cms "${T[@]}"
check "verifies" holds card-384.cms 1

step "What is wrong with a key in a file"
bad() { check "$1" fails "${@:2}"; }
chmod 640 "$WORK/officer-one.key"
bad "others may read the key" 1 "others may read it" W.json officer-one x "${K1[@]}"
chmod 600 "$WORK/officer-one.key"
bad "not this officer's key" 1 "is not the key of the certificate" W.json officer-two x "${K1[@]}"
bad "a wrong passphrase" 1 "passphrase is not right" W.json officer-two x "${K2[@]}" --pin-file "$WORK/wrong"
bad "no terminal to ask on" 1 "give --pin-file" W.json officer-two x "${K2[@]}"
chmod 644 "$WORK/pass"
bad "others may read the passphrase" 1 "others may read it" W.json officer-two x "${K2[@]}" --pin-file "$WORK/pass"
bad "no key file" 1 "No such file" W.json officer-one x --key "$WORK/none"
bad "no key in it" 1 "no PEM private key" W.json officer-one x --key "$WORK/card-pin"
bad "no certificate" 1 "No such file" W.json nobody x "${K1[@]}"
cp "$WORK/W.json" "$WORK/text.pem"
bad "no certificate in it" 1 "no PEM certificate" W.json text x "${K1[@]}"
openssl genpkey -algorithm ed25519 -out "$WORK/ed.key"
openssl req -x509 -key "$WORK/ed.key" -out "$WORK/ed.pem" -subj /CN=ed 2>/dev/null
chmod 600 "$WORK/ed.key"
bad "a kind of key that officers cannot have" 1 "neither RSA" W.json ed x --key "$WORK/ed.key"

step "What is wrong with a document"
sed 's/"version":1/"version":2/' "$WORK/W.json" >"$WORK/W2.json"
bad "a request that would be refused" 1 "would be refused: version" W2.json officer-one x "${K1[@]}"
bad "no such file" 1 "No such file" none officer-one x "${K1[@]}"
bad "signed already, not --resign" 1 "--resign adds" W1.cms officer-two x "${K2[@]}" --pin-file "$WORK/wrong"
bad "not signed, but --resign" 1 "not a CMS" W.json officer-one x "${K1[@]}" --resign
bad "the same officer twice" 1 "signed it already" W1.cms officer-one x "${K1[@]}" --resign
sed 's/LIID-1/LIID-9/' "$WORK/W1.cms" >"$WORK/changed.cms"
bad "changed after a signature" 1 "not over the content" changed.cms officer-P-521 x --resign \
	--key "$WORK/officer-P-521.key"
head -c 70000 /dev/zero >"$WORK/big"
bad "too long" 1 "over 65536" big officer-one x "${K1[@]}"
before=$(sha256sum "$WORK/W1.cms")
kws W.json officer-one W1.cms "${K1[@]}"
check "a file that exists: refused" grep -q "W1.cms exists: it is not written over" "$WORK/said.err"
check "and as it was" same "$(sha256sum "$WORK/W1.cms")" "$before"
bad "a folder that is not there" 1 "$WORK/none: No such file" W.json officer-one none/x "${K1[@]}"
bad "two keys" 64 "--help" W.json officer-one x "${K1[@]}" --module $MODULE
bad "no key" 64 "--help" W.json officer-one x
bad "a token without a module" 64 "--help" W.json officer-one x "${K1[@]}" --token card

step "What is wrong with a token"
bad "no such module" 1 "cannot load the PKCS#11 module" W.json officer-two x --module "$WORK/none.so"
bad "no PKCS#11 module" 1 "not a PKCS#11 module" W.json officer-two x --module libm.so.6
bad "a file that is no library" 1 "cannot load the PKCS#11 module" W.json officer-two x --module "$WORK/W.json"
bad "no such token" 1 'no token with the label "other"' W.json officer-two x "${T[@]}" --token other
bad "no such key" 1 'with the label "key nine"' W.json officer-two x "${T[@]}" --key-label "key nine"
bad "a certificate whose key is not there" 1 "--key-label names one" W.json officer-one x "${T[@]}"
bad "somebody else's key by its label" 1 "not that of the certificate" W.json officer-two x "${T[@]}" \
	--key-label "key three"
bad "no terminal to ask on" 1 "give --pin-file" W.json officer-two x --module $MODULE
secret no-pin ""
bad "an empty PIN file" 1 "nothing, or over" W.json officer-two x --module $MODULE --pin-file "$WORK/no-pin"
bad "a PIN from a pipe" 1 "not a regular file" W.json officer-two x --module $MODULE --pin-file <(echo $PIN)
bad "a wrong PIN" 1 "CKR_PIN_INCORRECT" W.json officer-two x --module $MODULE --pin-file "$WORK/bad-pin"
SOFTHSM2_CONF=$WORK/softhsm2.conf softhsm2-util --init-token --free --label second \
	--pin $PIN --so-pin 12345678 >/dev/null
bad "two tokens" 1 "(--token)" W.json officer-two x "${T[@]}"

if [ -e "$FAULT" ]; then
	step "PINs that count, a keypad, a token that fails"
	export KW_P11_REAL=$MODULE KW_P11_SCRIPT=$WORK/script KW_P11_TRACE=$WORK/trace
	export KW_P11_STATE=$WORK/pin-state
	F=(--module "$FAULT" --token card)
	script() { printf '%s\n' "$@" >"$WORK/script"; }
	tries() { same "$(grep -c '^C_Login' "$WORK/trace")" "$1"; }
	script "C_Login always pin-lock=3"
	bad "a wrong PIN" 1 "CKR_PIN_INCORRECT" W.json officer-two x "${F[@]}" --pin-file "$WORK/bad-pin"
	check "is tried once" tries 1
	bad "again" 1 "CKR_PIN_INCORRECT" W.json officer-two x "${F[@]}" --pin-file "$WORK/bad-pin"
	check "by somebody" tries 2
	bad "the last try" 1 "one PIN try is left: not taken" W.json officer-two x "${F[@]}" --pin-file "$WORK/card-pin"
	check "is not taken" tries 2
	printf 'user-pin-failures 3\n' >"$WORK/pin-state"
	bad "a locked PIN" 1 "user PIN is locked" W.json officer-two x "${F[@]}" --pin-file "$WORK/card-pin"
	check "is not tried" tries 2
	script "C_Login always pin-pad=$PIN"
	check "a keypad: no PIN is asked for" signs W.json officer-two pad.cms "${F[@]}"
	check "verifies" holds pad.cms 1
	script "C_Sign always wrong-result"
	bad "a token that computes wrongly" 1 "does not verify" W.json officer-two x "${F[@]}" --pin-file "$WORK/card-pin"
	script "C_Sign always rv=CKR_DEVICE_REMOVED"
	bad "a token that is pulled out" 1 "CKR_DEVICE_REMOVED" W.json officer-two x "${F[@]}" --pin-file "$WORK/card-pin"
	unset KW_P11_REAL KW_P11_SCRIPT KW_P11_TRACE KW_P11_STATE
else
	note "no p11fault.so beside $BIN: not tried with tokens that fail"
fi

step "On a terminal"
# tty TYPED COMMAND...: on a terminal of its own, TYPED sent when it asks; what
# it showed in $WORK/tty, and whether the echo is on again
tty() {
	SOFTHSM2_CONF=$WORK/softhsm2.conf python3 - "$WORK/tty" "$@" <<'PY'
import os, pty, sys, termios
out, typed, command = sys.argv[1], sys.argv[2], sys.argv[3:]
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    pty.os.setsid()
    import fcntl
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.execv(command[0], command)
shown = b""
while not (b"PIN of" in shown and shown.endswith(b": ")) and not b"Passphrase" in shown:
    shown += os.read(master, 4096)
while termios.tcgetattr(slave)[3] & termios.ECHO:
    pass
os.write(master, typed.encode().decode("unicode_escape").encode())
_, status = os.waitpid(pid, 0)
echo = termios.tcgetattr(slave)[3] & termios.ECHO
os.write(slave, b"\nend\n")
while b"end" not in shown:
    shown += os.read(master, 4096)
open(out, "wb").write(shown)
open(sys.argv[1].replace("tty", "all"), "ab").write(shown)
sys.exit(100 if not echo else 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status)
         else os.WEXITSTATUS(status))
PY
}
on_tty() {
	local want=$1
	shift
	tty "$@"
	same $? "$want" || { cat "$WORK/tty"; return 1; }
}
S=("$BIN/keywarden" sign "$WORK/W.json" --cert "$WORK/officer-two.pem")
check "a PIN is asked for" on_tty 0 "$PIN\n" "${S[@]}" --module $MODULE --token card --out "$WORK/tty1.cms"
check "verifies" holds tty1.cms 1
check "a passphrase" on_tty 0 "$PASS\n" "${S[@]}" "${K2[@]}" --out "$WORK/tty2.cms"
check "verifies" holds tty2.cms 1
check "a wrong one" on_tty 1 "x$PASS\n" "${S[@]}" "${K2[@]}" --out "$WORK/x"
check "nothing typed" on_tty 1 "\n" "${S[@]}" "${K2[@]}" --out "$WORK/x"
check "interrupted, and the echo on again" on_tty 130 '\x03' "${S[@]}" "${K2[@]}" --out "$WORK/x"
check "no file of these" test ! -e "$WORK/x"

step "Nowhere"
for f in card-pin bad-pin pass wrong; do
	check "$f is in no output" same "$(grep -cF "$(cat "$WORK/$f")" "$WORK/all")" 0
done
check "and there was some" test "$(wc -l <"$WORK/all")" -gt 50
finish
