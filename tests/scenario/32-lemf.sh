#!/usr/bin/env bash
# keywarden-lemf receives: from a sender that is not ours, everything a sender
# can do right or wrong.  What it has answered for is there, whenever it is
# killed; what is wrong is said, with the exit status too; what it shows is what
# a reader made of the ETSI modules reads.
#
#	SEED=N: killed at other times; KILLS=N: so often (10)
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
RANDOM=${SEED:-1}
LEMF=0
OUT=$WORK/out
LOG=$WORK/lemf.log

# lemf_up [options]: at the port $AT or another, one that receives into $OUT and says so in $LOG
# shellcheck disable=SC2120 # check passes them
lemf_up() {
	LPORT=${AT:-$(free_port)}
	: >"$LOG"
	"$BIN/keywarden-lemf" receive --listen "127.0.0.1:$LPORT" --cert "$WORK/lemf.pem" \
		--key "$WORK/lemf.key" --client-ca "$WORK/ca.pem" --out "$OUT" \
		--verify-key "$WORK/sign.pub" "$@" >"$LOG" 2>"$WORK/lemf.err" &
	LEMF=$!
	eventually 10 grep -q listening "$LOG"
}
# lemf_down: its exit status
lemf_down() {
	kill -TERM "$LEMF" 2>/dev/null
	wait "$LEMF"
}
feed() {
	"$here/feed_hi2.py" --connect "127.0.0.1:$LPORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/${SENDER:-sender}.pem" --key "$WORK/${SENDER:-sender}.key" \
		--sign-key "$WORK/sign.key" "$@" >"$WORK/feed.out" 2>&1
}
# A pDUAcknowledgementRequest with the number 7.
UNASKED=3024a11c80070400020205012b81012da30ba006800446454544810100840107a204a2028c00
says() { grep -q -- "$1" "$LOG"; }
fed() { same "$(tr '\n' ';' <"$WORK/feed.out")" "$1"; }
# down TEXT STATUS
down() {
	lemf_down
	check "$1: exit status $2" same $? "$2"
}

step "Keys"
self ca "Lab CA"
self stranger "Stranger"
leaf lemf "lemf.lab.example" ca
leaf sender "sender.lab.example" ca
openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/sign.key"
openssl ec -in "$WORK/sign.key" -pubout -out "$WORK/sign.pub" 2>/dev/null

step "All that is right"
check "it listens" lemf_up
check "records, hashes, a signature, answers" feed option send=0-3 hash=0-3 ack \
	send=4-5 hash=4-5 sign=0-1 keepalive cin=2 form=1 send=0-2 reset send=0-1 \
	liid=a/b.c send=0 ack
check "are answered by their numbers" fed \
	"optionResponse accepted;pDUAcknowledgementResponse 2;keep-aliveResponse 3;pDUAcknowledgementResponse 4;"
check "a hash holds" says "LIID-1  CIN 1  hash 1 of 2 records holds"
check "the signature holds" says "signature 0 of 2 hashes holds"
check "numbers begin anew" says "CIN 2  cINReset 0: numbers begin anew"
check "repeated on a new connection" feed send=3-6 hash=3-6 keepalive
check "it is seen as that" says "CIN 1  number 3 again"
check "another process is kept away" same \
	"$("$BIN/keywarden-lemf" receive --listen "127.0.0.1:$(free_port)" --cert "$WORK/lemf.pem" \
		--key "$WORK/lemf.key" --client-ca "$WORK/ca.pem" --out "$OUT" >/dev/null 2>&1; echo $?)" 66
down "nothing was wrong" 0
check "a file for each LIID" same "$(cd "$OUT" && echo *)" "LIID-1.hi2 a%2fb.c.hi2"
check "for its owner alone" same "$(stat -c %a "$OUT" "$OUT/LIID-1.hi2" | tr '\n' ' ')" "700 600 "
check "check says so too" "$BIN/keywarden-lemf" check "$OUT"/LIID-1.hi2 --verify-key "$WORK/sign.pub"
check "not all is signed" same \
	"$("$BIN/keywarden-lemf" check "$OUT/LIID-1.hi2" --needs hash >/dev/null; echo $?)" 1

step "What it shows is what lab-iri reads"
if [ -x "$BIN/lab-iri" ]; then
	cat "$OUT"/*.hi2 >"$WORK/all"
	"$BIN/lab-iri" --json "$WORK/all" >"$WORK/lab.json"
	"$BIN/keywarden-lemf" show --json --keys "$OUT"/*.hi2 >"$WORK/show.json"
	check "show --json --keys" same $? 0
	sed -i 's/,"time":"[^"]*"//' "$WORK/show.json"
	check "the same, octet by octet" python3 - "$WORK/show.json" "$WORK/lab.json" <<'END'
import json, sys
rows = [[json.loads(line) for line in open(name)] for name in sys.argv[1:]]
sys.exit(rows[0] != rows[1] or len(rows[0]) < 20)
END
fi
check "no key unless asked for" not grep -q sessionKey <<END
$("$BIN/keywarden-lemf" show --json "$OUT"/*.hi2)
END

step "All that is wrong"
rm -r "$OUT"
check "it listens" lemf_up --json
quiet feed send=0 send=3 send=1 other=3 hash=0 hash=0-1 badhash=0-1 badsign=0-1 cin=2 send=1 \
	keepalive
for word in gap late other-octets hash-bad signature-bad; do
	check "$word" says "\"event\":\"$word\",\"wrong\":true"
done
check "two are missing" says '"number":1,"count":2'
quiet feed message=trouble keepalive
check "an error of the operator" says '"event":"message","wrong":true.*trouble'
feed raw=$UNASKED keepalive
check "an acknowledgement that was not agreed is not given" fed "keep-aliveResponse 0;"
check "and said" says '"event":"acknowledgement","wrong":true'
quiet feed raw=3003020100 keepalive
check "a PDU that is none is kept" test -s "$OUT/%unreadable.hi2"
check "and said" says '"event":"unreadable","wrong":true'
check "no PDU at all ends the connection" not feed raw=1703030000 keepalive
check "nor one too long" not feed raw=3084ffffffff keepalive
check "is said" says "a PDU is too long"
quiet feed send=4 half=5
check "half a PDU and a reset" says '"event":"closed"'
check "the next is served" feed send=5 keepalive
down "something was wrong" 1
"$BIN/keywarden-lemf" check "$OUT"/LIID-1.hi2 >"$WORK/checked"
check "check finds it too" same $? 1
check "check: missing" grep -q "2 records are missing from number 1 on" "$WORK/checked"

step "Who does not read its answers"
rm -r "$OUT"
check "it listens" lemf_up --no-acknowledge
feed deaf=1.5 &
DEAF=$!
sleep 0.7
check "another is served meanwhile" feed option send=0-9 keepalive
check "acknowledgements are declined" fed "optionResponse declined;keep-aliveResponse 2;"
wait $DEAF
check "it holds little" test "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$LEMF/status)" -lt 100000
for ((i = 0; i < 100; i++)); do exec {fd}<>"/dev/tcp/127.0.0.1/$LPORT" && FDS+=("$fd"); done
check "nor are a hundred who say nothing in its way" feed send=10 keepalive
for fd in "${FDS[@]}"; do exec {fd}>&-; done
down "nothing was wrong" 0

step "TLS"
check "it listens" lemf_up
SENDER=stranger feed keepalive
check "a stranger is refused" not grep -q keep-aliveResponse "$WORK/feed.out"
check "TLS 1.2 is refused" not feed --tls 1.2 keepalive
down "that is not its fault" 0
check "TLS 1.2 where it may be" lemf_up --tls 1.2
check "is served" feed --tls 1.2 keepalive
check "but not without AEAD" not feed --tls 1.2 --suite ECDHE-ECDSA-AES128-SHA256 keepalive
check "TLS 1.3 is served too" feed keepalive
down "nothing was wrong" 0

step "The disk is full"
rm -r "$OUT"
LPORT=$(free_port)
(
	ulimit -f 4
	exec "$BIN/keywarden-lemf" receive --listen "127.0.0.1:$LPORT" --cert "$WORK/lemf.pem" \
		--key "$WORK/lemf.key" --client-ca "$WORK/ca.pem" --out "$OUT"
) >"$LOG" 2>&1 &
LEMF=$!
check "it listens" eventually 10 grep -q listening "$LOG"
check "what it can store is answered" feed send=0-2 keepalive
check "what it cannot is not" not feed send=3-99 keepalive
check "it says so" says "no room on the disk"
check "another LIID has room" feed liid=LIID-2 send=0 keepalive
down "something was wrong" 1
check "no part of a record is there" "$BIN/keywarden-lemf" check "$OUT"/*.hi2

step "Killed at any time"
rm -r "$OUT"
KILLS=${KILLS:-10}
check "it listens" lemf_up
feed until=$((2 + KILLS * 6 / 10)) &
FEED=$!
check "records come" eventually 20 says "number 0"
for ((i = 0; i < KILLS; i++)); do
	sleep "0.$((1 + RANDOM % 6))$((RANDOM % 10))"
	kill -KILL "$LEMF"
	wait "$LEMF" 2>/dev/null
	AT=$LPORT lemf_up || fail "it does not listen again"
done
wait $FEED
lemf_down
check "nothing was wrong" same $? 0
answered=$(sed -n 's/^answered //p' "$WORK/feed.out")
head -c 100 "$OUT/LIID-1.hi2" >>"$OUT/LIID-1.hi2"
check "it cuts what was not whole" lemf_up --once 1
check "and says so" says "cut: LIID-1.hi2: 100 octets"
check "more" feed "send=$answered-$((answered + 20))" keepalive
check "and it ends" eventually 10 not kill -0 "$LEMF"
[ $FAILURES -eq 0 ] || finish
wait "$LEMF"
check "by itself, and nothing was wrong" same $? 0
note "$answered records were answered for"
check "some were" test "$answered" -gt 50
check "they are there, in order" "$BIN/keywarden-lemf" check "$OUT/LIID-1.hi2"
"$BIN/keywarden-lemf" show --json "$OUT/LIID-1.hi2" |
	sed -n 's/.*"sequence":\([0-9]*\).*/\1/p' | sort -nu >"$WORK/numbers"
check "each of them" same "$(head -n "$answered" "$WORK/numbers" | tail -n 1)" $((answered - 1))
finish
