# shellcheck shell=bash
# lib_df2: what lib.sh has for scenarios of the DF2/MF.  CSCFs report, records
# wait for LEMFs.
# shellcheck disable=SC2154 # lib.sh has set here

X2PORT=0
LEMFS=(lemf-0 lemf-1) # one for each form of UMTSIRI
# df2_config [more of section x2]: behind what config has written
df2_config() {
	[ "$X2PORT" != 0 ] || X2PORT=$(free_port)
	cat >>"$CONF" <<EOF
x2 {
  listen = {"127.0.0.1:$X2PORT"}
  certificate = "$WORK/x2.pem"
  key = "$WORK/x2.key"
  client_ca = "$WORK/ca.pem"
  wait_ms = ${WAIT_MS:-300}
  $*
}
lemf lemf-0 { profile = "etsi" operator_id = "LAB" }
lemf lemf-1 { profile = "etsi-form1" operator_id = "LAB" }
EOF
}
# df2_up [more of section x2]: as kms_up, with the role of the DF2/MF
df2_up() {
	pki
	leaf x2 "x2.lab.example" ca
	leaf cscf "cscf.lab.example" ca
	config
	df2_config "$@"
	mkdir "$WORK/records"
	: >"$WORK/expected"
	check "keywarden init" init
	check "keywardend serves" up
	kw kms params --out "$WORK/params.der"
	serves || finish
}
quoted() {
	local text
	text=$(printf ', "%s"' "$@")
	echo "${text:2}"
}
# xid N: an XID
xid() { printf '%08x-2222-4333-8444-555555555555' "$1"; }
# hi2_document NAME LIID XIDS IDENTITY...: a request for such a warrant, in
# NAME.json; from the variables TO (LEMFs) PRODUCTS DELIVERY START END MORE REST too
hi2_document() {
	local name=$1 liid=$2 xids=$3
	shift 3
	# shellcheck disable=SC2086
	cat >"$WORK/$name.body" <<EOF
{ "liid": "$liid", "reference": "$name",
  "targets": [ { "identities": [$(quoted "$@")], "xids": [$(quoted $xids)] } ],
  "period": { "start": "${START:-$(rfc3339 '-1 hour')}", "end": "${END:-$(rfc3339 '+1 day')}"${MORE:-} },
  "products": [${PRODUCTS:-\"keys\"}], "delivery": [${DELIVERY:-\"hi2\"}],
  "lemfs": [$(quoted ${TO:-${LEMFS[*]}})]${REST:-} }
EOF
	request "$name" one warrant new "$WORK/$name.body"
}
# hi2_warrant NAME LIID XIDS IDENTITY...: and in force
hi2_warrant() { hi2_document "$@" && approve "$1" one two; }
# lemf_up NAME [options of lab-lemf]: at the port ${LEMF_PORT[NAME]}, as $CERT; what it
# has is in NAME.hi2, what it says in NAME.lemf, NAME.ready is there when it listens
declare -A LEMF_PORT LEMF_PID
lemf_up() {
	"$BIN/lab-lemf" --port "${LEMF_PORT[$1]}" --ca "$WORK/ca.pem" \
		--cert "$WORK/${CERT:-lemf}.pem" --key "$WORK/${CERT:-lemf}.key" \
		--out "$WORK/$1.hi2" --ready "$WORK/$1.ready" "${@:2}" >>"$WORK/$1.lemf" 2>&1 &
	LEMF_PID[$1]=$!
}
# lemf_down NAME [SIGNAL]
lemf_down() {
	kill "-${2:-TERM}" "${LEMF_PID[$1]}" 2>/dev/null
	wait "${LEMF_PID[$1]}" 2>/dev/null
}
# cscf [options of lab-x2]: to the appliance, as $CSCF
cscf() {
	"$BIN/lab-x2" --connect "127.0.0.1:$X2PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/${CSCF:-cscf}.pem" --key "$WORK/${CSCF:-cscf}.key" \
		--wait-ack "${WAIT_ACK:-30}" "$@" >"$WORK/cscf-$BASHPID.out" 2>"$WORK/cscf-$BASHPID.err"
}
# report DIR XID TARGET [options of lab-x2]: a call of its own, from alice to
# bob or from $FROM to $CALLED, around the messages in DIR.  CALL_ID is its
# Call-ID, $WORK/sip/$CALL_ID its SIP messages; SENT is how many these were.
# report_again: more of the call that CALL_ID says.
CALLS=0 REPORTS=0 SENT=0
report() {
	CALLS=$((CALLS + 1))
	CALL_ID=${CALL_NAME:-call}-$CALLS@lab.example
	report_again "$@"
}
report_again() {
	local dir=$1 of=$2 target=$3
	shift 3
	local made=(--from "$(uri "${FROM:-alice}")" --to "$(uri "${CALLED:-bob}")"
		--call-id "$CALL_ID" "$@" --call "$WORK/$dir")
	"$BIN/lab-x2" "${made[@]}" --print-dir "$WORK/printed-$BASHPID" && keep_printed &&
		cscf --xid "$of" --target "$(uri "$target")" "${made[@]}"
}
keep_printed() {
	local f
	mkdir -p "$WORK/sip/$CALL_ID"
	REPORTS=$((REPORTS + 1)) SENT=0
	for f in "$WORK/printed-$BASHPID"/*.sip; do
		[ -e "$f" ] || return 0
		mv "$f" "$WORK/sip/$CALL_ID/$(printf %05d $REPORTS)-${f##*/}"
		SENT=$((SENT + 1))
	done
}
# expect EVENT LIID TARGETS INITIATOR KEYS SIP: a record for each LEMF of $TO is
# to come of the call of $CALL_ID; INITIATOR: from or to the target, or none;
# the rest as judge_records.py says.  MAY=?: or none.
declare -A FORMS=([lemf-1]=/1)
expect() {
	local lemf word=not-Available
	[ "$4" != from ] || word=originating-Target
	[ "$4" != to ] || word=terminating-Target
	for lemf in ${TO:-${LEMFS[*]}}; do
		printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
			"${MAY:-}$lemf${FORMS[$lemf]:-}" "$2" "$1" \
			"$CALL_ID" $word "$3" "$5" "$6" >>"$WORK/expected"
	done
}
# keys_of LIID TARGETS INITIATOR DIR [KEYS I1]: the set of DIR/keys.json, with the
# message that held DIR/i1.bin
keys_of() {
	expect keys "$1" "$2" "$3" "$WORK/$4/${5:-keys.json}" \
		"$WORK/sip/$CALL_ID:$WORK/$4/${6:-i1.bin}"
}
# no_keys_of LIID TARGETS INITIATOR DIR [I1]: none can be had
no_keys_of() {
	expect noKeys "$1" "$2" "$3" - "$WORK/sip/$CALL_ID:$WORK/$4/${5:-i1.bin}"
}
# sip_of LIID TARGETS NAME: each SIP message of the call of target NAME, in order
sip_of() {
	local f way who
	for f in "$WORK/sip/$CALL_ID"/*.sip; do
		way=to
		who=$(sed -n 's/^From: <sip:\([^@]*\)@.*/\1/p' "$f")
		if [ "$who" = "$3" ]; then
			grep -q "^SIP/2.0" "$f" || way=from
		else
			! grep -q "^SIP/2.0" "$f" || way=from
		fi
		expect sip "$1" "$2" $way - "$f"
	done
}
# spool [options of lab-spool]
spool() {
	SOFTHSM2_CONF="$WORK/state/token/softhsm2.conf" "$BIN/lab-spool" \
		--spool "$WORK/state/spool/spool.db" --kms-state "$WORK/state/kms-state" \
		--module /usr/lib/softhsm/libsofthsm2.so --label keywarden \
		--pin-file "$WORK/pin" "$@"
}
# queued: how many records wait
queued() { spool --list 2>/dev/null | wc -l; }
queued_are() { [ "$(queued)" -eq "$1" ]; }
queued_at_least() { [ "$(queued)" -ge "$1" ]; }
# records LEMF: those in the queue, in $WORK/records/LEMF.json
records() {
	: >"$WORK/records/$1.json"
	spool --list --lemf "$1" >/dev/null 2>&1 || return 0 # none
	spool --lemf "$1" --out "$WORK/records/$1.ber" >/dev/null &&
		"$BIN/lab-iri" --json "$WORK/records/$1.ber" >"$WORK/records/$1.json"
}
# judged [--at-least-once]: what is in the queue is what was expected
judged() {
	local lemf files=()
	for lemf in $(cut -f1 "$WORK/expected" | tr -d '?' | cut -d/ -f1 | sort -u) "${LEMFS[@]}"; do
		[[ " ${files[*]} " != *" $lemf="* ]] || continue
		records "$lemf" || return 1
		files+=("$lemf=$WORK/records/$lemf.json")
	done
	"$here/judge_records.py" "$@" "$WORK/expected" "${files[@]}"
}
# all_there TEXT [SECONDS]: the records that were expected, and no others; once
# something is missing it is not waited for again
all_there() {
	local n seconds=${2:-20}
	n=$(wc -l <"$WORK/expected")
	[ "$FAILURES" -eq 0 ] || seconds=2
	check "$1: $n records wait" eventually "$seconds" queued_are "$n"
	check "$1: each is the one that must be there" judged
}
# all_at_least TEXT: the records that were expected, each perhaps more than once
all_at_least() {
	eventually "$([ "$FAILURES" -eq 0 ] && echo "${2:-30}" || echo 5)" \
		quiet judged --at-least-once
	check "$1: each is there" judged --at-least-once
}
# counted x2|hi2 NAME; becomes N x2|hi2 NAME
counted() {
	kw status --json | tr -d ' \n' |
		sed -n "s/.*\"$1\":{\([^}]*\)}.*/\1/p" | tr , '\n' | sed -n "s/\"$2\"://p"
}
count_is() { [ "$(counted "$2" "$3")" = "$1" ]; }
becomes() {
	eventually "${BECOMES:-20}" count_is "$@" ||
		same "$3: $(counted "$2" "$3")" "$3: $1"
}
# killed PROGRAM...: all at once, and they come again
killed() {
	local p pids=()
	for p in "$@"; do pids+=("$(pid_of "keywarden-$p")"); done
	kill -KILL "${pids[@]}"
	for p in "$@"; do
		check "keywarden-$p comes back" up_again "keywarden-$p" "${pids[0]}"
		pids=("${pids[@]:1}")
	done
}
# flow NAME XID TARGET: one call after the other until $WORK/stop is there, with
# the options that pace prints; the Call-ID of each goes to $WORK/flow-NAME
flow() {
	local CALL_NAME=$1 CALLS=0
	while [ -d "$WORK" ] && [ ! -e "$WORK/stop" ]; do
		# shellcheck disable=SC2046
		WAIT_ACK=120 report x "$2" "$3" $(pace) || touch "$WORK/lost"
		echo "$CALL_ID" >>"$WORK/flow-$1"
	done
}
pace() { :; }
# flowed NAME LIID IDENTITY WAY LEAST: each has its record, of so many or more
flowed() {
	while read -r CALL_ID; do keys_of "$2" "$3" "$4" x; done <"$WORK/flow-$1"
	check "$(wc -l <"$WORK/flow-$1") calls" test "$(wc -l <"$WORK/flow-$1")" -ge "$5"
}
