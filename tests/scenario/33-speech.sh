#!/usr/bin/env bash
# An agency hears a call: keywarden-lemf decrypts captured SRTP with the keys of
# records, and every sample is the one that was said; streams of any policy,
# MKI and roll-over counter; calls among others; a page of it all, on which
# hostile SIP is text.  What does not fit is told, and no key is shown.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

lemf() { "$BIN/keywarden-lemf" "$@" 2>"$WORK/err"; }
make() { "$BIN/speech-make" "$@"; }
judge() { "$here/judge_speech.py" "$@"; }
exits() {
	local want=$1 code=0
	shift
	"$@" || code=$?
	same "$code" "$want"
}
# into FILE COMMAND...: what it prints
into() { "${@:2}" >"$1"; }
# member NAME FILE: its first number or word
member() { tr -d ' \n' <"$2" | grep -o "\"$1\":[0-9a-z.]*" | head -n 1 | cut -d: -f2; }
no_secret_in() {
	local words
	mapfile -t words < <(grep -ho '"\(sessionKey\|salt\)": *"[0-9a-f]*"' "$WORK"/*/keys.json |
		grep -o '[0-9a-f]\{28,\}' | sort -u)
	[ ${#words[@]} -gt 0 ] && ! grep -qF -f <(printf '%s\n' "${words[@]}") "$@"
}

step "A call of two phones, heard on the wire"
"$BIN/lab-provision" --out "$WORK/keys" --user alice="$(uri alice)" --user bob="$(uri bob)"
mapfile -t port < <("$BIN/lab-provision" --ports 4)
"$BIN/lab-tap" --interface lo --pcap "$WORK/call.pcap" --sip-dir "$WORK/sip" \
	--filter-ports "$(IFS=,; echo "${port[*]}")" --ready "$WORK/ready" 2>"$WORK/tap.err" &
TAP=$!
for _ in $(seq 100); do
	[ ! -e "$WORK/ready" ] || break
	kill -0 $TAP 2>/dev/null || { note "no tap: $(cat "$WORK/tap.err")"; exit 77; }
	sleep 0.1
done
# phone ROLE NAME SIP PEER RTP
phone() {
	"$BIN/lab-phone" --role "$1" --identity "$(uri "$2")" --params "$WORK/keys/params.der" \
		--device-key "$WORK/keys/$2.device.key" --seed "$WORK/keys/$2.seed" \
		--key "$WORK/keys/$2.key" --key "$WORK/keys/$2.next.key" --wav "$WORK/keys/$2.wav" \
		--sip "127.0.0.1:$3" --peer-sip "127.0.0.1:$4" --rtp "127.0.0.1:$5" \
		--seconds 2 --out "$WORK/$2" "${@:6}" 2>/dev/null
}
phone b bob "${port[1]}" "${port[0]}" "${port[3]}" &
BOB=$!
check "Alice calls Bob" phone a alice "${port[0]}" "${port[1]}" "${port[2]}" \
	--peer-identity "$(uri bob)" --dump-keys "$WORK/alice/keys.json"
check "Bob took part" wait $BOB
kill $TAP
wait $TAP
invite=$(grep -l '^INVITE' "$WORK"/sip/*.sip | head -n 1)
check "a record of its keys" make records --out "$WORK/call.hi2" "keys:$WORK/alice/keys.json:$invite"
check "decrypted" into "$WORK/heard.json" lemf decrypt "$WORK/call.hi2" --pcap "$WORK/call.pcap" \
	--out "$WORK/heard" --json
check "both streams" same "$(find "$WORK/heard" -name '*.wav' | wc -l)" 2
for who in alice bob; do
	found=0
	for f in "$WORK"/heard/*.wav; do
		! cmp -s "$f" "$WORK/$who/sent.wav" || found=1
	done
	check "each sample of ${who^} is the one that was sent" same $found 1
done
check "the page of the call" lemf page "$WORK/call.hi2" --pcap "$WORK/call.pcap" --out "$WORK/call.html"
check "is sound, with both voices" same "$(judge page "$WORK/call.html" LIID-1 "2 session keys" Decrypted)" 2
check "its files are their owner's alone" same \
	"$(stat -c %a "$WORK/call.html" "$WORK"/heard/*.wav | sort -u)" 600

step "Streams of any policy"
# recorded NAME [options of lab-exchange]: records of a call, in NAME
recorded() {
	local dir=$WORK/$1
	mkdir -p "$dir/said"
	"$BIN/lab-exchange" --params "$WORK/keys/params.der" \
		--initiator "$(uri alice)" --initiator-seed "$WORK/alice.hex" \
		--responder "$(uri bob)" --responder-seed "$WORK/bob.hex" \
		--keys "$dir/keys.json" --out "$dir" "${@:2}" &&
		"$BIN/lab-x2" --call "$dir" --from "$(uri alice)" --to "$(uri bob)" \
			--call-id "${dir##*/}@lab.example" --print-dir "$dir/sip" &&
		make records --out "$dir/x.hi2" "keys:$dir/keys.json:$dir/sip/0001.sip" \
			"to:$(grep -l '^SIP/2.0 183' "$dir"/sip/*.sip | head -n 1)"
}
# said NAME [options of speech-make srtp]: the capture of that call
said() {
	make srtp --keys "$WORK/$1/keys.json" --out "$WORK/$1/x.pcap" --said "$WORK/$1/said" "${@:2}"
}
# heard NAME [LAW]: all that was said is heard
heard() {
	local dir=$WORK/$1
	lemf decrypt "$dir/x.hi2" --pcap "$dir/x.pcap" --out "$dir/heard" --json >"$dir/out.json" &&
		judge said "$dir/heard" "$dir/said" "${2:-ulaw}"
}
(umask 077 && openssl rand -hex 32 >"$WORK/alice.hex" && openssl rand -hex 32 >"$WORK/bob.hex")
# both TEXT NAME [options of lab-exchange] [-- options of speech-make srtp]
both() {
	local text=$1 name=$2 words=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1") && shift; done
	[ $# -eq 0 ] || shift
	check "$text: a call" recorded "$name" "${words[@]}"
	check "$text: speech" said "$name" "$@"
	check "$text: heard" heard "$name" "${LAW:-ulaw}"
}
both "three crypto sessions, IPv6 in a VLAN" plain --cs 3
both "a ROC of 7, over the end of the numbers" roc --roc 7 -- --seq 65500
both "an MKI of 4 octets that no record says" mki --mki 01020304
# SP payloads: tag of 32 bit; NULL cipher
both "tags of 32 bit, ROC, MKI" all --sp 000000030b0104 --roc 3 --mki 0a -- --seq 65530
both "NULL cipher, tags of 32 bit" null32 --sp 000000060001000b0104
both "a policy of R_MESSAGE_1" spr --sp 000000030b010a --sp-r 000000030b0104
LAW=alaw both "PCMA" pcma -- --type 8
both "every fifth packet lost" lost -- --lose 5
check "which is counted" same "$(member lost "$WORK/lost/out.json")" 20
check "of a policy that nobody can follow: a call" recorded kdr --sp 00000003060101
cp "$WORK/plain/x.pcap" "$WORK/kdr"
check "is told" exits 1 heard kdr
check "by its number" same "$(member unserved "$WORK/kdr/out.json")" 1
check "of a codec of another kind: a call" recorded other
check "speech" said other --type 97
check "decrypted" into "$WORK/other/out" lemf decrypt "$WORK/other/x.hi2" \
	--pcap "$WORK/other/x.pcap" --out "$WORK/other/heard"
check "as RTP that others play" same "$(tshark -r "$WORK"/other/heard/*.pcap -d udp.port==41000,rtp \
	-Y 'rtp.p_type == 97' 2>/dev/null | wc -l)" 100

step "Calls among others"
cat "$WORK"/{plain,roc,mki,all,null32}/x.hi2 >"$WORK/many.hi2"
mergecap -w "$WORK/many.pcapng" "$WORK"/{plain,roc,mki,all,null32,pcma}/x.pcap
check "five of six calls" into "$WORK/many.json" lemf decrypt "$WORK/many.hi2" --pcap "$WORK/many.pcapng" \
	--out "$WORK/many" --json
check "their streams" same "$(find "$WORK/many" -name '*.wav' | wc -l)" 7
check "the sixth has no key" same "$(tr -d ' \n' <"$WORK/many.json" | grep -o '"withoutKey":\[{[^]]*' | grep -o packets | wc -l)" 1
check "records that come twice count once" into "$WORK/twice.json" lemf decrypt "$WORK/plain/x.hi2" "$WORK/plain/x.hi2" \
	--pcap "$WORK/plain/x.pcap" --out "$WORK/twice" --json
check "their keys too" same "$(member usable "$WORK/twice.json")" 3

step "What does not fit"
check "another call's keys" exits 1 into "$WORK/none.txt" lemf decrypt "$WORK/plain/x.hi2" \
	--pcap "$WORK/roc/x.pcap" --out "$WORK/none"
check "is said" grep -q "no stream in the capture" "$WORK/err"
head -c 30000 "$WORK/plain/x.pcap" >"$WORK/cut.pcap"
check "a capture that was cut" exits 1 lemf decrypt "$WORK/plain/x.hi2" --pcap "$WORK/cut.pcap" --out "$WORK/none"
check "no capture" exits 66 lemf decrypt "$WORK/plain/x.hi2" --pcap "$WORK/plain/x.hi2" --out "$WORK/none"
check "no file" exits 66 lemf decrypt "$WORK/absent" --pcap "$WORK/plain/x.pcap" --out "$WORK/none"
check "no options" exits 64 lemf decrypt "$WORK/plain/x.hi2"
check "a page for no file" exits 64 lemf page --out "$WORK/none.html"
(cat "$WORK/plain/x.hi2" && echo rest) >"$WORK/torn.hi2"
check "a file with something behind its records" exits 1 into "$WORK/torn.txt" \
	lemf decrypt "$WORK/torn.hi2" --pcap "$WORK/plain/x.pcap" --out "$WORK/torn"
check "loses none of these" judge said "$WORK/torn" "$WORK/plain/said" ulaw

step "Hostile SIP on a page"
{
	printf 'INVITE <script>alert(1)</script> SIP/2.0\r\nSubject: "</pre><img src=x onerror=alert(2)>\r\n'
	printf 'From: "\342\200\256<b>" <sip:%s>;tag=\033[31m\r\nCall-ID: &lt;x&#62;\r\n\r\n--></details>\0\377\r\n' "'><svg/onload=x>"
} >"$WORK/hostile.sip"
check "records of it" make records --out "$WORK/hostile.hi2" --liid '<i>"&' "from:$WORK/hostile.sip" \
	"to:$WORK/hostile.sip" "no-keys:$WORK/hostile.sip" "keys:$WORK/plain/keys.json:$WORK/hostile.sip"
check "a page" lemf page "$WORK/hostile.hi2" --out "$WORK/hostile.html"
check "all of it is text" into "$WORK/hostile.n" judge page "$WORK/hostile.html" '<script>alert(1)</script>' \
	'</pre><img src=x onerror=alert(2)>' "'><svg/onload=x>" '&lt;x&#62;' '<i>"&' '\xe2\x80\xae' '\x1b[31m' '--></details>\x00\xff'
check "names of files are harmless" into "$WORK/odd.txt" lemf decrypt "$WORK/hostile.hi2" \
	--pcap "$WORK/plain/x.pcap" --out "$WORK/odd"
check "by their characters" same "$(find "$WORK/odd" -name '%3ci%3e%22%26-84281096-*.wav' | wc -l)" 3

step "Keys are shown to who asks for them"
check "not in what is printed, nor on pages" no_secret_in "$WORK"/*.json "$WORK"/*.txt "$WORK"/*/out.json "$WORK"/*.html
check "a page with keys" lemf page "$WORK/plain/x.hi2" --keys --out "$WORK/keys.html"
check "has them" not no_secret_in "$WORK/keys.html"
finish
