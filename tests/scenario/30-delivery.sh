#!/usr/bin/env bash
# From the queue to LEMFs: one that is away misses nothing and keeps no other
# waiting, what waited over a restart is opened by the token, what is delivered
# is gone, and `keywarden delivery` says how it stands.  A queue that is brought
# back on another machine delivers what waits in it and begins its numbers anew.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

LEMFS=(north south)
FORMS=([south]=/1)
A=$(xid 1)
alice=$(uri alice)
TIMES="keep_alive_seconds = 1 answer_seconds = 1 dead_seconds = 2"

# delivery LEMF MEMBER: of keywarden delivery --json
delivery() {
	kw delivery show --json 2>/dev/null | python3 -c '
import json, sys
for row in json.load(sys.stdin):
    if row["lemf"] == sys.argv[1]:
        print(json.dumps(row[sys.argv[2]]).strip("\""))' "$@"
}
stands() { [ "$(delivery "$1" "$2")" = "$3" ]; }
# comes TEXT LEMF MEMBER VALUE
comes() {
	eventually 15 stands "$2" "$3" "$4" || note "$2 $3: $(delivery "$2" "$3")"
	check "$1" stands "$2" "$3" "$4"
}
# received LEMF: into $WORK/records
received() {
	: >"$WORK/records/$1.json"
	[ ! -e "$WORK/$1.hi2" ] || "$BIN/lab-iri" --json "$WORK/$1.hi2" >"$WORK/records/$1.json"
}
judged_there() {
	local lemf
	for lemf in "${LEMFS[@]}"; do received "$lemf"; done
	"$here/judge_records.py" --received "$WORK/expected" \
		"north=$WORK/records/north.json" "south=$WORK/records/south.json"
}
call() {
	check "a call" report x "$A" alice
	keys_of LIID-A "$alice" from x
}
alarms() { kw audit show --json | grep '"type":"alarm"' | grep -c -- "$1"; }
south_again() { kw audit show --json | grep -q "LEMF south is reached again"; }
has_alarm() { [ "$(alarms "$1")" -ge 1 ]; }

step "Two LEMFs, one of them away"
pki
leaf x2 "x2.lab.example" ca
leaf cscf "cscf.lab.example" ca
leaf hi2 "hi2.lab.example" ca
leaf lemf "lemf.lab.example" ca
for n in "${LEMFS[@]}"; do LEMF_PORT[$n]=$(free_port); done
config
df2_config
sed -i '/^lemf /d' "$CONF"
cat >>"$CONF" <<END
hi2 { certificate = "$WORK/hi2.pem" key = "$WORK/hi2.key" }
lemf north { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[north]}"
  server_ca = "$WORK/ca.pem" acknowledge = "acknowledged" integrity = "signature"
  sign_seconds = 1 hash_ms = 100 $TIMES }
lemf south { profile = "etsi-form1" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[south]}"
  server_ca = "$WORK/ca.pem" acknowledge = "keep-alive" $TIMES }
END
mkdir "$WORK/records"
: >"$WORK/expected"
check "keywarden init" init
lemf_up north
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
check "a warrant for both" hi2_warrant WA LIID-A "$A" "$alice"
exchange x alice bob
call
comes "north has it, and has confirmed it" north delivered 1
comes "nothing waits for north" north waiting 0
comes "it waits for south" south waiting 1
check "south is missed" eventually 15 stands south alarm true
check "and the log has it" eventually 15 has_alarm "LEMF south is not reached"
kw delivery >"$WORK/shown"
check "exit code 1" same $? 1
check "said in words" grep -q "^south ALARM: down since .*: Connection refused" "$WORK/shown"
check "and how many wait" grep -q "^  1 waiting, 0 sent, 0 delivered, 0 dropped; [0-9]* octets of 1073741824" "$WORK/shown"
check "no LIID in it" not grep -q LIID "$WORK/shown"
check "keywarden status counts it" same "$(counted hi2 alarms)" 1

step "What waits outlives the processes, and is opened by the token"
daemon_stop
check "keywardend serves again" up
call
comes "north is not kept waiting" north delivered 2
lemf_up south
comes "south gets both" south delivered 2
comes "nothing waits" south waiting 0
check "the token unwrapped the key of before" same "$(audit_count queueKeyIntent)" 1
check "south is well again" eventually 15 stands south alarm false
check "and the log has it" eventually 10 south_again
kw delivery show >/dev/null
check "exit code 0" same $? 0
check "each has each record once, in order" judged_there
check "the queue is empty" eventually 10 queued_are 0

step "A LEMF that falls silent"
lemf_down south
lemf_up south --fault mute
call
comes "it is missed" south alarm true
comes "its record waits, or is sent" south delivered 2
lemf_down south
lemf_up south
comes "it gets it again" south delivered 3

step "A queue that is brought back on another machine"
lemf_down north
lemf_down south
call
comes "a record waits" north waiting 1
daemon_stop
cp "$WORK/state/spool/spool.db" "$WORK/saved.db"
rm -f "$WORK"/state/spool/spool.db*
cp "$WORK/saved.db" "$WORK/state/spool/spool.db"
check "keywardend serves" up
call
lemf_up north
lemf_up south
comes "what waited, a reset and the new one" north delivered 6
comes "to south too" south delivered 6
received north
check "the reset is in its place" same \
	"$(grep -o '"tri": *"[A-Za-z]*"\|cINReset' "$WORK/records/north.json" | grep -c cINReset)" 1

step "Wrong usage, and without an appliance"
kw delivery shew >/dev/null 2>&1
check "no such verb" same $? 64
daemon_stop
kw delivery >/dev/null 2>&1
check "no appliance" same $? 69
finish
