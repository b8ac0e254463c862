#!/usr/bin/env bash
# Delivery, whatever happens: calls go on while any process of the appliance is
# killed at any moment, the supervisor too, and while LEMFs are killed, flap, read
# slowly, fall silent, reset in mid-PDU, are half open, or are somebody else.  When
# all is well again, every record has reached every LEMF, in order, and nothing
# else has; no key lies on the disk in clear.
#
#	KILLS=N: so often (20; LONG=1: 500); SEED=N: of other processes, elsewhere
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-$([ "${LONG:-0}" = 1 ] && echo 500 || echo 20)}
RANDOM=${SEED:-1}
LEMFS=(north south west)
FORMS=([west]=/1)
A=$(xid 1) B=$(xid 2)
alice=$(uri alice) bob=$(uri bob)
AGENCY="north south west"

# ---- the agencies ----
# north is keywarden-lemf; south and west are the lab's, which can go wrong
agency_up() {
	if [ "$1" != north ]; then
		lemf_up "$@"
		return
	fi
	"$BIN/keywarden-lemf" receive --listen "127.0.0.1:${LEMF_PORT[north]}" \
		--cert "$WORK/lemf.pem" --key "$WORK/lemf.key" \
		--client-ca "$WORK/ca.pem" --out "$WORK/north" \
		--verify-key "$WORK/hi2.pub" >>"$WORK/north.lemf" 2>&1 &
	LEMF_PID[north]=$!
}
FAULTS=("--fault flap=1000" "--fault slow=20000" "--fault mute" "--fault reset=700"
	"--fault half-open" "--decline" "CERT=stranger" "")
# next_fault NAME: the next of them
declare -A FAULT_OF=([south]=0 [west]=3)
next_fault() {
	local fault=${FAULTS[${FAULT_OF[$1]}]}
	FAULT_OF[$1]=$(((FAULT_OF[$1] + 1) % ${#FAULTS[@]}))
	lemf_down "$1" KILL
	if [ "$fault" = CERT=stranger ]; then
		CERT=stranger lemf_up "$1"
	else
		# shellcheck disable=SC2086
		lemf_up "$1" $fault
	fi
}
# received NAME: what it has, whole PDUs alone, as lab-iri reads it
received() {
	local files=("$WORK/$1.hi2")
	[ "$1" != north ] || files=("$WORK"/north/LIID-*.hi2)
	: >"$WORK/records/$1.json"
	[ -e "${files[0]}" ] || return 0
	cat "${files[@]}" >"$WORK/records/$1.ber"
	"$BIN/lab-iri" --json "$WORK/records/$1.ber" >"$WORK/records/$1.json"
}
judged_there() {
	local lemf files=()
	for lemf in $AGENCY; do
		received "$lemf"
		files+=("$lemf=$WORK/records/$lemf.json")
	done
	"$here/judge_records.py" --received "$WORK/expected" "${files[@]}"
}

# kill_one: any process of the appliance, now and then the supervisor
kill_one() {
	local all
	if [ $((RANDOM % 25)) = 0 ]; then
		mapfile -t all < <(pgrep -P "$DAEMON")
		kill -KILL "$DAEMON"
		wait "$DAEMON" 2>/dev/null
		eventually 10 none_alive "${all[@]}" || fail "processes outlive the supervisor"
		daemon_start
		return
	fi
	mapfile -t all < <(pgrep -P "$DAEMON")
	[ ${#all[@]} -eq 0 ] || kill -KILL "${all[$((RANDOM % ${#all[@]}))]}" 2>/dev/null
}
none_alive() { ! kill -0 "$@" 2>/dev/null; }

step "An appliance with three LEMFs"
pki
leaf x2 "x2.lab.example" ca
leaf cscf "cscf.lab.example" ca
leaf hi2 "hi2.lab.example" ca
leaf lemf "lemf.lab.example" ca
self stranger "stranger.lab.example"
for n in $AGENCY; do LEMF_PORT[$n]=$(free_port); done
config
df2_config
sed -i '/^lemf /d' "$CONF"
TIMES="keep_alive_seconds = 2 answer_seconds = 1 dead_seconds = 2"
cat >>"$CONF" <<END
hi2 { certificate = "$WORK/hi2.pem" key = "$WORK/hi2.key" }
lemf north { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[north]}"
  server_ca = "$WORK/ca.pem" $TIMES acknowledge = "acknowledged" integrity = "signature"
  sign_seconds = 1 hash_ms = 200 }
lemf south { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[south]}"
  server_ca = "$WORK/ca.pem" $TIMES acknowledge = "acknowledged" }
lemf west { profile = "etsi-form1" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[west]}"
  server_ca = "$WORK/ca.pem" $TIMES acknowledge = "keep-alive" integrity = "hash" hash_ms = 200 }
END
mkdir "$WORK/records"
: >"$WORK/expected"
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
check "the key that signs" kw kms hi2-key --out "$WORK/hi2.pub"
subscriber alice
subscriber bob
check "for alice" hi2_warrant WA LIID-A "$A" "$alice"
check "for bob" hi2_warrant WB LIID-B "$B" "$bob"
exchange x alice bob
for n in $AGENCY; do agency_up "$n"; done
check "a call" report x "$A" alice
keys_of LIID-A "$alice" from x
check "reaches all of them" eventually 20 quiet judged_there

step "$KILLS processes are killed, and LEMFs go wrong"
pace() { sleep 0.1; }
flow first "$A" alice &
flows=$!
flow second "$B" bob &
flows="$flows $!"
for ((k = 1; k <= KILLS; k++)); do
	sleep "0.$((RANDOM % 8 + 1))"
	kill_one
	[ $((k % 5)) != 0 ] || next_fault south
	[ $((k % 5)) != 3 ] || next_fault west
	if [ $((k % 7)) = 0 ]; then
		lemf_down north KILL
		agency_up north
	fi
	[ $((k % 50)) != 0 ] || note "$k: $(wc -l <"$WORK/flow-first") calls of alice"
done
touch "$WORK/stop"
for n in south west; do
	lemf_down $n KILL
	agency_up $n
done
# shellcheck disable=SC2086
wait $flows
check "all serves again" eventually 60 serves
check "all calls were acknowledged" test ! -e "$WORK/lost"
flowed first LIID-A "$alice" from 5
flowed second LIID-B "$bob" to 5
eventually 120 quiet judged_there
judged_there >"$WORK/faults"
check "each record reached each LEMF, in order, and no other" same "$(head -n 8 "$WORK/faults")" ""
for n in $AGENCY; do
	note "$n: $(wc -l <"$WORK/records/$n.json") PDUs, $(sort -u "$WORK/records/$n.json" | wc -l) different"
done
empty() { kw delivery show --json | tr -d ' \n' | grep -qv '"waiting":[1-9]'; }
check "nothing waits" eventually 60 empty
check "nothing waits at x2" becomes 0 x2 waiting

step "What is left"
lemf_down north
check "north found hashes and signatures sound" \
	not grep -Eq "^WRONG: .*  (hash|signature) [0-9]" "$WORK/north.lemf"
for n in south west; do lemf_down $n; done
daemon_stop
check "every intent has its end" grep -q " 0 still open" <<<"$(kw audit verify)"
finish
