#!/usr/bin/env bash
# A client of Xk and an LEMF, each with a good certificate, that send what they
# should not: another client and another LEMF are served meanwhile, what xk and
# hi2c hold stays within bounds, it is told of, and no key and no record comes of
# it.  (For X2 see 28.)
#
#	SEED=N: other octets; LONG=1: 20,000 PDUs of each, not 1,000
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# many N: of N, a twentieth will do where time is short
many() { echo $(($1 / (${LONG:-0} ? 1 : 20))); }
LEMFS=(north south)
A=$(xid 1)
alice=$(uri alice)
LEMF_PORT=([north]=$(free_port) [south]=$(free_port))
# What a process may hold beside what it has when it has served once: one PDU of
# 128 KiB in, and one of 16 KiB in TLS, of each connection that is being lost,
# and the allocator's share.
XK_BOUND_KIB=4096
HI2C_BOUND_KIB=2048

# delivered LEMF; records that wait for it
delivery() {
	kw delivery show --json | tr -d ' \n' | grep -o '{[^{}]*"lemf":"'"$1"'"[^{}]*}' |
		sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"
}
delivery_is() { [ "$(delivery "$1" "$2")" = "$3" ]; }
# hostile_ended PID TEXT: its lines, and how it ended
hostile_ended() {
	local ok=0 how what
	wait "$1" || ok=1
	while read -r how what; do
		check "$what" same "$how" ok
	done <"$WORK/hostile"
	check "$2: all of it was taken" same "$ok" 0
}
# same_process PROGRAM PID FIRST BOUND: and no more memory
same_process() {
	check "$1 is the same" same "$(pid_of "keywarden-$1")" "$2"
	note "$1 holds $(memory_of "$2") KiB, at first $3"
	check "  within its bound" test "$(memory_of "$2")" -lt $(($3 + $4))
}

step "An appliance with two clients and two LEMFs"
pki
for n in x2 cscf lemf; do leaf $n "$n.lab.example" ca; done
XK_EXTRA="address_rate = 0 client_rate = 0" config # each of many PDUs costs a connection
df2_config
sed -i '/^lemf /d' "$CONF"
echo "hi2 { certificate = \"$WORK/x2.pem\" key = \"$WORK/x2.key\" }" >>"$CONF"
for n in "${LEMFS[@]}"; do
	cat >>"$CONF" <<END
lemf $n { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[$n]}"
  server_ca = "$WORK/ca.pem" acknowledge = "acknowledged"
  keep_alive_seconds = 1 answer_seconds = 1 dead_seconds = 2 } # so long a PDU may be unfinished
END
done
lemf_up south
check "keywarden init" init
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
subscriber alice
subscriber bob
check "a warrant for a client" warrant W
check "one for LEMFs" hi2_warrant V LIID-V "$A" "$alice"
exchange x alice bob
granted "its call" x alice
check "a call for the LEMFs" report x "$A" alice
check "is delivered to south" eventually 20 delivery_is south delivered 1

step "A client that means no good"
XK=$(pid_of keywarden-xk)
FIRST=$(memory_of "$XK")
ENTRIES=$(($(audit_count clientEvent) + $(audit_count keyRefused)))
"$BIN/attack-client" "127.0.0.1:$PORT" "$WORK" df2b "$alice" "$WORK/x" "${SEED:-1}" \
	others "$(many 3000)" changed "$(many 8000)" spoilt "$(many 4000)" \
	noise "$(many 3000)" halves "$(many 2000)" >"$WORK/hostile" 2>&1 &
PID=$!
sleep 0.5
granted "another client is served meanwhile" x alice
hostile_ended $PID "a client"
granted "and afterwards" x alice
same_process xk "$XK" "$FIRST" $XK_BOUND_KIB
ENTRIES=$(($(audit_count clientEvent) + $(audit_count keyRefused) - ENTRIES))
note "$ENTRIES entries"
check "the audit log has it" test "$ENTRIES" -gt "$(many 3000)"
check "nobody has ended" not grep -q "was ended\|ended with\|was killed" "$WORK/daemon.log"

step "An LEMF that means no good"
HI2C=$(pid_of keywarden-hi2c) # north's, the first
FIRST=$(memory_of "$HI2C")
log_mark
"$BIN/attack-lemf" "${LEMF_PORT[north]}" "$WORK" "${SEED:-1}" "$(many 20000)" >"$WORK/hostile" 2>&1 &
PID=$!
sleep 0.5
check "another call" report x "$A" alice
check "is delivered to south meanwhile" eventually 20 delivery_is south delivered 2
hostile_ended $PID "an LEMF"
same_process hi2c "$HI2C" "$FIRST" $HI2C_BOUND_KIB
check "the log says that it is no LEMF" log_says "no connection to the LEMF north: it"
check "no record is delivered by it" delivery_is north delivered 0
check "they all wait" delivery_is north waiting 2
check "nobody has ended" not grep -q "was ended\|ended with\|was killed" "$WORK/daemon.log"

step "A good one in its place"
lemf_up north
check "it has them all" eventually 40 delivery_is north delivered 2
check "the log is whole" quiet kw audit verify
check "few lines" test "$(wc -l <"$WORK/daemon.log")" -lt 300
finish
