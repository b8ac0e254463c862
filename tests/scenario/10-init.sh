#!/usr/bin/env bash
# keywarden init makes a KMS once, whole or not at all, and says in one line
# what is wrong; keywardend does not start on what is not in order.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# says EXIT PART COMMAND...: the exit code, and one line that has PART in it
says() {
	local code=$1 part=$2
	shift 2
	"$@" </dev/null >"$WORK/said.out" 2>"$WORK/said"
	same $? "$code" || { cat "$WORK/said"; return 1; }
	[ "$(wc -l <"$WORK/said")" = 1 ] && grep -q -- "$part" "$WORK/said" || {
		cat "$WORK/said"
		return 1
	}
}
# no_init TEXT PART [OFFICER...]: refused, and nothing is left of it
no_init() {
	local text=$1 part=$2 o officers=()
	shift 2
	for o in "$@"; do officers+=(--officer "$o"); done
	not_made "$text" "$part" "${officers[@]}" "${SEC[@]}"
}
# not_made TEXT PART OPTIONS OF INIT...
not_made() {
	check "$1: exit 78, one line" says 78 "$2" kw init "${@:3}"
	check "$1: nothing made" nothing_made
}
nothing_made() {
	[ ! -e "$WORK/pin" ] && [ -z "$(find "$WORK/state" -mindepth 1 ! -name lock 2>/dev/null)" ]
}
officer() { echo "$1=$WORK/officer-$1.pem"; }
SEC=(--security-officer "sec-one=$WORK/sec-one.pem" --security-officer "sec-two=$WORK/sec-two.pem")
# everything that init makes, with modes and contents
picture() { (cd "$WORK" && find state pin -printf '%p %m %u\n' -type f -exec sha256sum {} + 2>/dev/null | sort); }
# no_start TEXT PART: keywardend ends by itself with 78 and one line
no_start() {
	check "$1" says 78 "$2" timeout 20 "$BIN/keywardend" --config "$CONF"
	check "$1: none is left running" same "$(pgrep -f "$CONF" | grep -vx "$DAEMON")" ""
}

pki
config
step "Officers"
no_init "none" "two officers"
no_init "one" "two officers" "$(officer one)"
no_init "one person twice" "same public key" "$(officer one)" "two=$WORK/officer-one.pem"
no_init "one name twice" "same name" "$(officer one)" "one=$WORK/officer-two.pem"
openssl req -x509 -new -key "$WORK/officer-one.key" -subj "/CN=Somebody else" -days 9 \
	-out "$WORK/officer-again.pem" 2>/dev/null
no_init "one key in two certificates" "officer again=.*same public key" "$(officer one)" "$(officer again)"
openssl req -new -key "$WORK/officer-two.key" -subj "/CN=Old" -out "$WORK/old.csr" 2>/dev/null
openssl x509 -req -in "$WORK/old.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -set_serial 9 \
	-days -1 -out "$WORK/officer-old.pem" 2>/dev/null
no_init "a certificate that has ended" "officer old=.*has ended" "$(officer one)" "$(officer old)"
no_init "no such file" "No such file" "$(officer one)" "two=$WORK/none.pem"
no_init "a key in place of a certificate" "no PEM certificate" "$(officer one)" "two=$WORK/df2.key"
head -c 300 "$WORK/officer-two.pem" >"$WORK/cut.pem"
no_init "half a certificate" "no PEM certificate" "$(officer one)" "two=$WORK/cut.pem"
no_init "a folder" "two=" "$(officer one)" "two=$WORK"
no_init "no name" "not NAME=CERT.pem" "$(officer one)" "=$WORK/officer-two.pem"
no_init "no certificate" "not NAME=CERT.pem" "$(officer one)" two
weak() {
	openssl req -x509 -newkey "$2" ${3:+-pkeyopt "$3"} -nodes -subj /CN=weak -days 9 \
		-keyout "$WORK/weak.key" -out "$WORK/officer-$1.pem" 2>/dev/null
	no_init "a key that is $1" "key is neither RSA" "$(officer one)" "$(officer "$1")"
}
weak rsa1024 rsa:1024
weak p192 ec ec_paramgen_curve:prime192v1
weak ed25519 ed25519

step "Everybody else"
good=("$(officer one)" "$(officer two)")
OFFICERS=(--officer "${good[0]}" --officer "${good[1]}")
MAKE=("${OFFICERS[@]}" "${SEC[@]}")
not_made "no security officer" "two security officers" "${OFFICERS[@]}"
not_made "one security officer" "two security officers" "${OFFICERS[@]}" "${SEC[@]:0:2}"
not_made "an officer as security officer" "security-officer x=.*same public key" "${MAKE[@]}" \
	--security-officer "x=$WORK/officer-one.pem"
not_made "an engineer with an officer's name" "engineer one=.*same name" "${MAKE[@]}" \
	--engineer "one=$WORK/engineer.pem"
not_made "an auditor who is the engineer" "auditor b=.*same public key" "${MAKE[@]}" \
	--engineer "a=$WORK/engineer.pem" --auditor "b=$WORK/engineer.pem"
not_made "a name with a blank" "not NAME=CERT.pem" "${MAKE[@]}" --engineer "a b=$WORK/engineer.pem"
not_made "two clients of one name" "client df2=.*same name" "${MAKE[@]}" \
	--client "df2=$WORK/df2.pem" --client "df2=$WORK/df2b.pem"
not_made "two clients with one certificate" "client df2b=.*this certificate" "${MAKE[@]}" \
	--client "df2=$WORK/df2.pem" --client "df2b=$WORK/df2.pem"
not_made "a client's certificate that there is not" "client df2=.*No such file" "${MAKE[@]}" \
	--client "df2=$WORK/none.pem"
not_made "a client's certificate that is none" "no PEM certificate" "${MAKE[@]}" \
	--client "df2=$WORK/df2.key"
not_made "a client's certificate that has ended" "client df2=.*has ended" "${MAKE[@]}" \
	--client "df2=$WORK/officer-old.pem"

step "What it stands on"
sed -i '/client_ca/d' "$CONF"
not_made "no client_ca" "xk.client_ca is not set" "${MAKE[@]}"
config
mv "$WORK/ca.pem" "$WORK/away.pem"
not_made "no client_ca there" "xk.client_ca .*ca.pem: No such file" "${MAKE[@]}"
mv "$WORK/away.pem" "$WORK/ca.pem"
sed -i '/^kms/d' "$CONF"
not_made "no URI of the KMS" "kms.uri is not set" "${MAKE[@]}"
TOKEN_EXTRA="module = \"$WORK/libsofthsm-none.so\"" config
no_init "no module" "cannot load the PKCS#11 module" "${good[@]}"
cp "$WORK/officer-one.pem" "$WORK/libsofthsm-text.so"
TOKEN_EXTRA="module = \"$WORK/libsofthsm-text.so\"" config
no_init "no module, but a file" "cannot load the PKCS#11 module" "${good[@]}"
PERIOD=year config
no_init "no such period" "kms.period" "${good[@]}"
config
rm -rf "$WORK/state"
mkdir -m 777 "$WORK/state"
chmod 777 "$WORK/state"
no_init "a state directory of everybody" "others may write in it" "${good[@]}"
rmdir "$WORK/state"
echo text >"$WORK/state"
check "a file in its place" says 78 "state" kw init "${MAKE[@]}"
rm "$WORK/state"
no_start "keywardend without init" "run 'keywarden init'"
check "and status says where to look" says 69 "is keywardend running" kw status

step "Cut off in the middle"
# cut_off FILE: init, killed as soon as there is that file
cut_off() {
	local pid tries=0
	"$BIN/keywarden" init "${MAKE[@]}" --config "$CONF" \
		>/dev/null 2>&1 </dev/null &
	pid=$!
	until [ -e "$WORK/state/$1" ] || [ $((tries += 1)) -gt 2000 ]; do sleep 0.005; done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	eventually 10 still # its child dies of that a moment later
}
still() {
	local was
	was=$(picture)
	sleep 0.3
	[ "$(picture)" = "$was" ]
}
cut_off token/so-pin
check "it was not ready" test ! -e "$WORK/state/kms-state"
no_start "what is half made does not serve" "run 'keywarden init'"
before=$(picture)
check "init again says what to remove" says 78 "$WORK/state/token is there without a kms-state.*remove it" \
	kw init "${MAKE[@]}"
check "and changes nothing" same "$(picture)" "$before"
rm -rf "$WORK/state/token" "$WORK/state/head"
: >"$WORK/state/audit.log"
check "a log of it too" says 78 "$WORK/state/audit.log is there without a kms-state.*remove it" \
	kw init "${MAKE[@]}"
rm "$WORK/state/audit.log"
: >"$WORK/state/head"
check "a head of it too" says 78 "$WORK/state/head is there without a kms-state.*remove it" \
	kw init "${MAKE[@]}"
rm "$WORK/state/head"
echo half >"$WORK/state/kms-state.new"
chmod 400 "$WORK/state/kms-state.new"

step "Made"
asks_nothing() {
	echo unread >"$WORK/in"
	{
		timeout 60 "$BIN/keywarden" init "${MAKE[@]}" --officer "$(officer three)" \
			--engineer "eng=$WORK/engineer.pem" --auditor "aud=$WORK/auditor.pem" \
			--client "df2=$WORK/df2.pem" --client "df2b=$WORK/df2b.pem" \
			--json --config "$CONF" >"$WORK/made" 2>"$WORK/said" &&
			[ "$(cat)" = unread ]
	} <"$WORK/in"
}
check "init, without a terminal, asks nothing" asks_nothing
check "--json is JSON" python3 -m json.tool "$WORK/made" "$WORK/made.json"
check "the unfinished kms-state is not there any more" test ! -e "$WORK/state/kms-state.new"
before=$(picture)
check "again: refused" says 78 "made already" kw init "${MAKE[@]}"
check "and nothing changed" same "$(picture)" "$before"
check "nobody else may read any of it" same \
	"$(find "$WORK/state" "$WORK/pin" -perm /077 | head -n 1)" ""
kw audit show --json >"$WORK/log" 2>&1
check "the log begins with it" same "$(grep -o '"type":"[a-zA-Z]*"' "$WORK/log" | tr '\n' ' ')" \
	'"type":"logCreated" "type":"kmsCreated" '
check "and knows kms-state" grep -q "$(sha256sum "$WORK/state/kms-state" | cut -d' ' -f1)" "$WORK/log"
check "and names everybody with role" grep -q "three officer, sec-one securityOfficer, \
sec-two securityOfficer, eng engineer, aud auditor, df2 client, df2b client" "$WORK/log"
kw kms show >"$WORK/shown"
for who in three sec-two eng aud df2b; do
	check "kms show names $who" grep -q "\"$who\"" "$WORK/shown"
done
check "and the configuration that counts" grep -q "xk.client_ca = sha256:$(sha256sum \
	"$WORK/ca.pem" | cut -d' ' -f1)" "$WORK/shown"
check "the head of the warrant state is sealed" test -s "$WORK/state/head"

step "The token"
# As SoftHSM writes an object: after 8 octets its class, then attributes, each a
# type, a kind (1: a truth value, one octet) and the value.
PRIVATE=0x002 SENSITIVE=0x103 EXTRACTABLE=0x162 NEVER=0x164 ALWAYS=0x165
keys=0 bad='' public=2
while IFS= read -r file; do
	hex=$(od -An -v -tx1 "$file" | tr -d ' \n')
	[ $((16#${hex:48:16})) -ne $public ] || continue
	keys=$((keys + 1))
	for want in $PRIVATE:ff $SENSITIVE:ff $EXTRACTABLE:00 $NEVER:ff $ALWAYS:ff; do
		case $hex in
		*"$(printf '%016x%016x' "${want%:*}" 1)${want#*:}"*) ;;
		*) bad="$bad $(basename "$file") $want" ;;
		esac
	done
done < <(find "$WORK/state/token/tokens" -name '*.object' ! -name token.object)
check "holds eleven secret or private keys" same $keys 11
check "each private, sensitive since it was made, never extractable" same "$bad" ""
by_tool() {
	local module=/usr/lib/softhsm/libsofthsm2.so
	SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf pkcs11-tool --module $module --login \
		--pin "$(cat "$WORK/pin")" --list-objects 2>/dev/null >"$WORK/objects"
	[ "$(grep -c 'Access:.*sensitive.*never extractable' "$WORK/objects")" = 11 ]
}
if command -v pkcs11-tool >/dev/null; then
	check "pkcs11-tool says the same" by_tool
else
	note "no pkcs11-tool here: the objects' files alone were looked at"
fi
check "a fresh keywardend reads it" up
check "while it runs, init says so" says 78 "keywardend or another keywarden init works on" \
	kw init "${MAKE[@]}"
cp "$CONF" "$WORK/right.conf"

step "keywardend and what is not in order"
no_start "a second one on the same state" "works on $WORK/state"
cp -r "$WORK/state" "$WORK/state2"
sed -i "s,$WORK/state,$WORK/state2,; s,$WORK/control,&2," "$CONF"
no_start "a port in use" "cannot listen on 127.0.0.1:$PORT: Address already in use"
daemon_stop
# spoilt TEXT SED-EXPRESSION PART
spoilt() {
	sed "$2" "$WORK/right.conf" >"$CONF"
	chmod 600 "$CONF"
	no_start "$1" "$3"
}
line() { grep -n "$1" "$WORK/right.conf" | cut -d: -f1; }
spoilt "an unknown option, with file and line" '4a colour = "red"' "$CONF:5: .*colour"
spoilt "an option in the wrong section" 's/chunk_mib/workers/' "$CONF:$(line 'audit {'): "
spoilt "a broken configuration" 's/^kms.*/kms {/' "$CONF: the file ends within a section"
spoilt "a number out of range" 's/workers = 1/workers = 1000/' "$CONF: token.workers must be 1 to"
spoilt "a level of the log that there is not" '1i log_level = "loud"' "$CONF: log_level must be"
spoilt "a client, as they stood here once" '$a client "df2" { certificate = "/x" }' \
	'client "df2".*keywarden client add'
spoilt "no client_ca" '/client_ca/d' "xk.client_ca is not set"
spoilt "no URI of the KMS" '/^kms/d' "kms.uri is not set"
spoilt "no TLS key" 's,/xk.key,/none.key,' "xk.key .*none.key: No such file"
spoilt "another's TLS key" 's,/xk.key,/df2.key,' "key"
spoilt "an address that is none" 's/127.0.0.1:/localhost:/' "xk.listen localhost"
spoilt "a relative state directory" "s,$WORK/state,state," "must be absolute"
spoilt "no state there" "s,$WORK/state,$WORK/none," "run 'keywarden init'"
echo precious >"$WORK/file"
spoilt "a file where the control socket should be" "s,$WORK/control,$WORK/file," "control socket"
check "which is left alone" grep -q precious "$WORK/file"
cp "$WORK/right.conf" "$CONF"
chmod 666 "$CONF"
no_start "a configuration that others may write" "others may write"
chmod 000 "$CONF"
if [ "$(id -u)" = 0 ]; then
	note "root reads everything: no unreadable configuration"
else
	no_start "an unreadable configuration" "$CONF"
fi
rm -f "$CONF"
no_start "no configuration" "cannot read the configuration $CONF"
mkdir "$CONF"
no_start "a folder in its place" "$CONF"
rmdir "$CONF"
cp "$WORK/right.conf" "$CONF"
mv "$WORK/state/audit.log" "$WORK/kept.log"
no_start "the log gone" "audit log .*audit.log: No such file"
mv "$WORK/kept.log" "$WORK/state/audit.log"
mv "$WORK/state/head" "$WORK/kept.head"
no_start "the head gone" "sealed head of the warrant state .*backup.*head: No such file"
mv "$WORK/kept.head" "$WORK/state/head"
check "put right, it serves" up
finish
