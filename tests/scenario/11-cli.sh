#!/usr/bin/env bash
# Command-line manners of keywarden, keywardend and keywarden-df2: help, one
# line for a mistake, exit codes, JSON, files that are not written over; and
# subscribers with all that can be wrong about them.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# says EXIT PART COMMAND...: the exit code, nothing on standard output, and one
# line on standard error that has PART in it
says() {
	local code=$1 part=$2
	shift 2
	"$@" </dev/null >"$WORK/said.out" 2>"$WORK/said"
	same $? "$code" || { cat "$WORK/said"; return 1; }
	same "$(cat "$WORK/said.out")" "" && [ "$(wc -l <"$WORK/said")" = 1 ] &&
		grep -q -- "$part" "$WORK/said" || { cat "$WORK/said"; return 1; }
}
helps() {
	"$@" </dev/null >"$WORK/help" 2>"$WORK/said" && [ ! -s "$WORK/said" ] && [ -s "$WORK/help" ]
}
json() {
	"$@" >"$WORK/json" && python3 -m json.tool "$WORK/json" "$WORK/json.pretty"
}
json_lines() {
	"$@" >"$WORK/json" && python3 -m json.tool --json-lines "$WORK/json" "$WORK/json.pretty"
}
mode() { stat -c %a "$1"; }
fails_full() {
	kw kms show >/dev/full 2>"$WORK/said"
	same $? 1 && grep -q "No space left" "$WORK/said"
}
usage() { says 64 "--help" "$@"; }

step "Help"
K=$BIN/keywarden
check "keywarden --help" helps "$K" --help
mapfile -t commands < <(sed -n 's/^  keywarden \([a-z]*\( [a-z][a-z0-9-]*\)\{0,1\}\).*/\1/p' "$WORK/help")
check "it lists them all" test "${#commands[@]}" -ge 16
for c in "${commands[@]}"; do
	# shellcheck disable=SC2086
	check "keywarden $c --help" helps "$K" $c --help
	# shellcheck disable=SC2086
	check "keywarden $c --colour: what to do" usage "$K" $c --colour
	[ "$c" != "request submit" ] || continue # takes any number of files
	# shellcheck disable=SC2086
	check "keywarden $c, too much" usage "$K" $c one two three
done
for n in kms request warrant person client subscriber config clock audit; do
	check "keywarden $n --help" helps "$K" "$n" --help
	check "keywarden $n alone" usage "$K" "$n"
	check "keywarden $n, no such verb" usage "$K" "$n" eat
done
for p in keywardend keywarden-df2; do
	check "$p --help" helps "$BIN/$p" --help
	check "$p --version" helps "$BIN/$p" --version
	check "$p, no such option" usage "$BIN/$p" --colour
	check "$p, an argument" usage "$BIN/$p" something
done
check "keywarden --version" helps "$K" --version
check "no such noun" usage "$K" colour
check "an option for none" usage "$K" --colour

step "What is missing or not what it should be"
check "warrant new without a file" usage "$K" warrant new
check "request submit without a file" usage "$K" request submit
check "request show without a hash" usage "$K" request show
check "request show, no hash" usage "$K" request show 12
check "explain nothing" usage "$K" explain
check "explain something" usage "$K" explain something
check "explain 3 --last" usage "$K" explain 3 --last
check "kms params without --out" usage "$K" kms params
check "--out without a name" usage "$K" kms params --out
check "--json with a value" usage "$K" kms show --json=yes
check "a short option" usage "$K" kms show -j
check "an option twice" usage "$K" kms params --out a --out b
check "status --wait soon" usage "$K" status --wait soon
check "audit show --from here" usage "$K" audit show --from here
check "audit verify --size without --root" usage "$K" audit verify --size 4
check "a root that is none" usage "$K" audit verify --size 4 --root 12
R=(--requester x --out "$WORK/none")
check "subscriber add without identity" usage "$K" subscriber add "${R[@]}"
check "a seed from nowhere" usage "$K" subscriber add --identity sip:a@b.example "${R[@]}"
check "two seeds" usage "$K" subscriber add --identity sip:a@b.example --seed-file a --wrapped-seed b "${R[@]}"
check "a date that is none" usage "$K" subscriber key --identity sip:a@b.example --out k --date today
check "keywardend --pin-fd zero" usage "$BIN/keywardend" --pin-fd zero
check "keywarden-df2 get-keys alone" usage "$BIN/keywarden-df2" get-keys
check "no configuration" says 78 "cannot read the configuration" "$K" status --config "$WORK/none"
check "no log" says 78 "cannot read the audit log" "$K" audit verify --log "$WORK/none"
D=(--ca "$WORK/ca.pem" --cert "$WORK/df2.pem" --key "$WORK/df2.key" --target sip:a@b.example)
pki
config
check "DF2/MF: no message" says 66 "I_MESSAGE_1" "$BIN/keywarden-df2" get-keys --connect "127.0.0.1:$PORT" "${D[@]}"
check "DF2/MF: no such file" says 66 "No such file" "$BIN/keywarden-df2" get-keys --i1 "$WORK/none"
check "DF2/MF: nobody there" says 69 "127.0.0.1" "$BIN/keywarden-df2" get-keys \
	--connect "127.0.0.1:$PORT" "${D[@]}" --i1 "$WORK/ca.pem" --r1 "$WORK/ca.pem"

step "Not running"
printf x >"$WORK/w.cms"
for c in status "warrant list" "request submit $WORK/w.cms" "warrant check $WORK/w.cms" \
	"request list" "person list" "client list" "config show" "subscriber list" \
	"subscriber remove sip:a@b.example --requester x --out $WORK/none" \
	"client remove x --requester x --out $WORK/none" \
	"subscriber key --identity sip:a@b.example --out $WORK/none"; do
	# shellcheck disable=SC2086
	check "${c%% /*}: exit 69, one line" says 69 "is keywardend running" kw $c
done
check "and no file was made" test ! -e "$WORK/none"
check "kms show before init" says 78 "keywarden init" kw kms show

step "JSON"
check "init" init
check "serves" up
subscriber alice
check "a warrant" warrant W
for c in status "kms show" "kms params --out $WORK/p.der" "kms import-key --out $WORK/import.pem" \
	"kms hi2-key --out $WORK/hi2.pem" \
	"warrant list" "subscriber list" "request list" "person list" "client list" "config show" \
	"audit verify" "audit head" "explain 1" "explain --last" \
	"client remove df2b --requester sec-one --out $WORK/gone.json"; do
	# shellcheck disable=SC2086
	check "${c%% --out*} --json" json kw $c --json
done
LIID=LIID-2 document V
sign V one
check "request submit --json, one of two" json kw request submit "$WORK/V.cms" --json
HASH=$(sha256sum "$WORK/V.json" | cut -d' ' -f1)
check "request show --json" json kw request show "$HASH" --json
sign V two
check "warrant check --json" json kw warrant check "$WORK/V.cms" --json
check "request submit --json" json kw request submit "$WORK/V.cms" --json
request R one warrant revoke "$(warrant_id W)"
sign R one
check "a revocation --json" json kw request submit "$WORK/R.cms" --json
request Q sec-one client remove df2b
sign Q sec-one
check "a request that waits" submit Q
check "request reject --json" json kw request reject "$(sha256sum "$WORK/Q.json" | cut -d' ' -f1)" \
	--person sec-two --reason "it is needed" --out "$WORK/no.json" --json
sign no sec-two
check "its rejection --json" json kw request submit "$WORK/no.cms" --json
check "ends it" same "$(kw request list)" "no request waits"
check "audit show --json: an object a line" json_lines kw audit show --json
check "a full disk is no success" fails_full
plain() { kw "$@" 2>&1; }
for c in status "kms show" "warrant list" "person list" "audit show" "explain --last" --help "warrant eat"; do
	# shellcheck disable=SC2086
	check "$c: no colours, no control characters" same "$(plain $c | tr -d '\n\t[:print:]' | head -c 99)" ""
	# shellcheck disable=SC2086
	check "$c: NO_COLOR changes nothing" same "$(NO_COLOR=1 plain $c)" "$(NO_COLOR='' plain $c)"
done

if command -v script >/dev/null; then # as on a terminal
	check "nor on a terminal" same "$(script -qec "$K status --config $CONF" /dev/null </dev/null |
		tr -d '\r\n\t[:print:]' | head -c 99)" ""
else
	note "no script(1) here: not tried on a terminal"
fi

step "Subscribers"
rsa() { self_rsa "$1" "$1"; }
rsa device
id() { echo "sip:$1@lab.example"; }
# add URI OPTIONS...: the request, signed by two and handed in; what is said on
# standard error is one line, whoever refuses it
add() {
	rm -f "$WORK/add.json" "$WORK/add.cms"
	kw subscriber add --identity "$1" --requester sec-one --out "$WORK/add.json" "${@:2}" >"$WORK/add.said" &&
		sign add sec-one sec-two && kw request submit "$WORK/add.cms" "${SEED_OUT[@]}"
}
SEED_OUT=()
no_sub() { check "$1" says "$2" "$3" add "${@:4}"; }
seed=(--seed-file "$WORK/alice.seed")
no_sub "the same again" 1 "enrolled already" "$(id alice)" "${seed[@]}"
for bad in '' alice 'sip:' 'sip:*@lab.example' 'sip:a b@lab.example' 'mailto:b@lab.example' \
	'sip:bob@lab.example;user=phone' 'sip:bob@lab.example?a=b' 'tel:0123' 'tel:+1-555'; do
	no_sub "identity \"$bad\"" 1 "identit\|URI" "$bad" "${seed[@]}"
done
no_sub "an identity without end" 1 "identity" "$(id "$(printf 'a%.0s' {1..600})")" "${seed[@]}"
no_sub "a device that is none" 1 "devices" "$(id bob)" "${seed[@]}" --device phone
no_sub "its own device" 1 "devices" "$(id bob)" "${seed[@]}" --device "$(id bob)"
no_sub "a device twice" 1 "twice" "$(id bob)" "${seed[@]}" --device "$(id b1)" --device "$(id b1)"
head -c 62 "$WORK/alice.seed" >"$WORK/short"
(cat "$WORK/alice.seed" && echo ab) >"$WORK/long"
sed 's/./g/' "$WORK/alice.seed" >"$WORK/nohex"
: >"$WORK/empty"
chmod 600 "$WORK"/{short,long,nohex,empty}
for f in short long nohex empty; do
	no_sub "a seed file that is $f" 1 "not 64 hex digits" "$(id bob)" --seed-file "$WORK/$f"
done
install -m 640 "$WORK/alice.seed" "$WORK/open"
no_sub "a seed file that others read" 1 "others may read it" "$(id bob)" --seed-file "$WORK/open"
no_sub "no seed file" 1 "No such file" "$(id bob)" --seed-file "$WORK/none"
no_sub "a wrapped seed that is none" 1 "import key" "$(id bob)" --wrapped-seed "$WORK/ca.pem"
no_sub "a label of odd digits" 1 "label" "$(id bob)" "${seed[@]}" --label abc
no_sub "a device certificate that is none" 1 "no PEM certificate" "$(id bob)" "${seed[@]}" --device-cert "$WORK/short"
no_sub "a token's seed, and nowhere to put it" 64 "--seed-out" "$(id bob)" --device-cert "$WORK/device.pem"
SEED_OUT=(--seed-out "$WORK/bob.json")
no_sub "a token's seed for an EC device" 1 "RSA" "$(id bob)" --device-cert "$WORK/df2.pem"
SEED_OUT=()
check "none of them is enrolled" same "$(kw subscriber list | sed 's/  .*//')" "$(id alice)"
openssl pkeyutl -encrypt -pubin -inkey "$WORK/import.pem" -pkeyopt rsa_padding_mode:oaep \
	-in <(head -c 24 /dev/urandom) -out "$WORK/wrapped24" 2>/dev/null
no_sub "a wrapped seed of 24 octets" 1 "32 octets" "$(id bob)" --wrapped-seed "$WORK/wrapped24"
openssl pkeyutl -encrypt -pubin -inkey "$WORK/import.pem" -pkeyopt rsa_padding_mode:oaep \
	-in <(head -c 32 /dev/urandom) -out "$WORK/wrapped" 2>/dev/null
check "a wrapped seed" add "$(id bob)" --wrapped-seed "$WORK/wrapped" --device "$(id b1)" --device "$(id b2)" >/dev/null
check "with two devices" grep -q "$(id bob)  device $(id b1)  device $(id b2)" <(kw subscriber list)
no_sub "the device of another" 1 "enrolled already" "$(id eve)" "${seed[@]}" --device "$(id b1)"
no_sub "another as a device" 1 "enrolled already" "$(id eve)" "${seed[@]}" --device "$(id alice)"
no_sub "what is a device already" 1 "that of a device" "$(id b2)" "${seed[@]}"
check "other devices" asked bob-devices subscriber devices "$(id bob)" --device "$(id b3)"
check "these, and no others" grep -q "$(id bob)  device $(id b3)  record" <(kw subscriber list)
SEED_OUT=(--seed-out "$WORK/carol.json" --json)
check "a seed of the token" json add "$(id carol)" --device-cert "$WORK/device.pem"
check "its file is ours alone" same "$(mode "$WORK/carol.json")" 600
check "and says whose it is" grep -q "\"identity\": \"$(id carol)\"" "$WORK/carol.json"
no_sub "not written over" 1 "exists: it is not written over" "$(id dave)" --device-cert "$WORK/device.pem"
check "and Dave is not enrolled" same "$(kw subscriber list | grep -c dave)" 0
key() { kw subscriber key --identity "$1" --out "$WORK/$2" "${@:3}"; }
check "a key for nobody's device" says 1 "device certificate" key "$(id alice)" k1
check "a key for somebody else's device" says 1 "neither the subscriber" key "$(id carol)" k1 --as "$(id b3)"
check "a key for nobody" says 1 "no such subscriber" key "$(id dave)" k1
check "no file of it" test ! -e "$WORK/k1"
check "a key" json key "$(id carol)" k1 --json
check "ours alone" same "$(mode "$WORK/k1")" 600
issued=$(audit_count subscriberOutcome)
check "not written over" says 1 "not written over" key "$(id carol)" k1
check "nor issued for nothing" same "$(audit_count subscriberOutcome)" "$issued"
check "remove" subscriber_gone carol
check "once" says 1 "is not enrolled" kw subscriber remove "$(id carol)" --requester sec-one --out "$WORK/none"

step "Files"
check "parameters are not written over" says 1 "not written over" kw kms params --out "$WORK/p.der"
ln -s "$WORK/elsewhere" "$WORK/link"
check "nor through a link" says 1 "link" kw kms params --out "$WORK/link"
check "that points nowhere" test ! -e "$WORK/elsewhere"
kw kms params --out "$WORK/params.der"
subscriber carol
exchange x alice carol
LIID=LIID-3 check "a warrant again" warrant X
ask x alice --out "$WORK/keys"
check "keys into a file" same "$REASON" granted
check "which is ours alone" same "$(mode "$WORK/keys")" 600
granted_so_far=$(audit_count keyOutcome)
ask x alice --out "$WORK/keys"
check "not written over" same "$REASON" "exit 66: keywarden-df2: $WORK/keys exists: it is not written over"
check "nor released for nothing" same "$(audit_count keyOutcome)" "$granted_so_far"
head=$(kw audit head)
# shellcheck disable=SC2086
check "a head that was noted" kw audit verify $head >/dev/null
check "a head that is another's" says 2 "was changed" kw audit verify --size 3 --root "$(printf '%064d' 0)"
check "a head that is ahead" says 2 "entries are missing" kw audit verify --size 999 --root "$(printf '%064d' 0)"
check "audit show --from" same "$(kw audit show --from 2 | head -n 1 | tr -s ' ' | cut -d' ' -f2)" 2
finish
