#!/usr/bin/env bash
# A token that stands elsewhere: a network HSM over TCP, a daemon of this machine
# behind a local socket, a device.  Its processes reach it with their filter and
# all other layers around them, and whom else they would call they do not reach;
# what is behind the network may go and come back.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

FAULT=$BIN/../tests/p11fault/p11fault.so
[ -e "$FAULT" ] || { echo "no p11fault.so beside $BIN"; exit 77; }
SOFTHSM=/usr/lib/softhsm/libsofthsm2.so
# stands WHERE [CALLS]: the token is there, and the configuration lets it be called
stands() {
	TOKEN_EXTRA="module = \"$FAULT\" environment = {\"KW_P11_REAL=$SOFTHSM\",
  \"KW_P11_SERVER=$1\", \"SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf\"}
  calls = {${2:-}}"
	config
}
# answers KIND WHERE: whoever keeps the token, in the background
answers() {
	SAID=$WORK/server-$RANDOM
	: >"$SAID"
	"$here/token_server.py" "$@" >"$SAID" &
	SERVER=$!
	eventually 5 grep -q ready "$SAID"
}
leaves() { kill "$SERVER" && wait "$SERVER"; }
asked_of() { grep -c ^asked "$SAID"; }
begin() {
	daemon_stop
	log_mark
	daemon_start
}
serves_with() { eventually 20 workers 1; }
# ends WORDS: the worker does not come to serve, and says why
ends() { eventually 20 log_says "$1" && not workers 1; }

step "An appliance, its token here, and a call"
kms_up
subscriber alice
subscriber bob
check "a warrant" warrant W
exchange x alice bob
granted "a request" x alice

step "A network HSM"
HSM=$(free_port)
OTHER=$(free_port)
answers tcp "$HSM"
stands "127.0.0.1:$HSM" "\"127.0.0.1:$HSM\""
check "whom the module calls is approved" approve_config
begin
check "it serves" serves_with
granted "a request" x alice
check "by the HSM" test "$(asked_of)" -gt 0
check "the log says whom it may call" log_says "the token's module may call 127.0.0.1:$HSM"
PID=$(pid_of keywarden-hsm)
check "with its filter" grep -qE '^Seccomp:\s*2$' "/proc/$PID/status"

step "Somebody else without a restart"
# Else a worker that was started meanwhile would keep what was taken back.
stands "127.0.0.1:$HSM" "\"127.0.0.1:$HSM\", \"127.0.0.1:$OTHER\""
check "a reload does not take it" reload "token, .*: these need a restart: the configuration in use stays"
stands "127.0.0.1:$HSM"
check "nor less" reload "token, .*: these need a restart: the configuration in use stays"
granted "a request, as before" x alice
stands "127.0.0.1:$HSM" "\"127.0.0.1:$HSM\""
check "the same is taken" reload

step "The network fails, and comes back"
leaves
refused "while the HSM is away" unavailable x alice
check "the log says it" eventually 10 log_says "CKR_DEVICE_ERROR"
answers tcp "$HSM"
check "it serves again" serves_with
granted "a request" x alice

step "Another port than it may call"
NETWORK_HSM=$SERVER
answers tcp "$OTHER"
if kw status | grep -qE "Landlock ([4-9]|[1-9][0-9])"; then
	stands "127.0.0.1:$OTHER" "\"127.0.0.1:$HSM\""
	begin
	check "it is not reached" ends "CKR_DEVICE_ERROR"
	check "nobody was asked" same "$(asked_of)" 0
else
	note "this kernel's Landlock knows no ports: not tried"
fi
stands "127.0.0.1:$HSM" "\"127.0.0.1:$HSM\""
begin
check "it serves again" serves_with
stands "127.0.0.1:$OTHER"
check "that it may call nobody is approved" approve_config
begin
check "nobody is reached" ends "CKR_DEVICE_ERROR"
check "nobody was asked either" same "$(asked_of)" 0
leaves
SERVER=$NETWORK_HSM
leaves

step "A daemon of this machine"
answers local "$WORK/daemon.socket"
stands "$WORK/daemon.socket"
begin
check "without a word in the configuration it is not reached" ends "CKR_DEVICE_ERROR"
check "nobody was asked" same "$(asked_of)" 0
stands ""
begin
check "a token that is here serves" serves_with
stands "$WORK/daemon.socket" "\"$WORK/daemon.socket\""
check "whom the module calls is approved" approve_config
begin
check "it serves" serves_with
granted "a request" x alice
check "by the daemon" test "$(asked_of)" -gt 0
PID=$(pid_of keywarden-hsm)
check "without the machine's network" not same "$(readlink "/proc/$PID/ns/net")" \
	"$(readlink /proc/self/ns/net)" >/dev/null

step "A daemon whose folder is named, and another"
# token.files of these tests has all of WORK
OUT=$(mktemp -d)
mkdir "$OUT/vendor"
NEIGHBOUR=$SERVER
answers local "$OUT/vendor/socket"
CALLS="\"$OUT/vendor\", \"127.0.0.1:$HSM\", \"/dev/random\""
stands "$OUT/vendor/socket" "$CALLS"
check "it is approved" approve_config
begin
check "it serves" serves_with
granted "a request" x alice
leaves
SERVER=$NEIGHBOUR
leaves
rm "$OUT/vendor/socket"
answers local "$OUT/vendor/socket"
VENDOR=$SERVER
check "when the daemon was started again, it serves again" serves_with
granted "a request" x alice
answers local "$OUT/socket"
if kw status | grep -q "namespaces: none"; then
	note "no namespaces: another daemon is not tried"
else
	stands "$OUT/socket" "$CALLS"
	begin
	check "another daemon is not reached" ends "CKR_DEVICE_ERROR"
	check "nobody was asked" same "$(asked_of)" 0
fi
leaves
SERVER=$VENDOR
stands ""
begin
check "a token that is here serves" serves_with

step "A device"
stands /dev/random '"/dev/random"'
check "it is approved" approve_config
leaves
begin
check "it serves" serves_with
granted "a request" x alice
rm -r "$OUT"

step "The probe"
daemon_stop
answers tcp "$HSM"
probe() {
	KW_P11_REAL=$SOFTHSM KW_P11_SERVER=127.0.0.1:$HSM SOFTHSM2_CONF=$WORK/state/token/softhsm2.conf \
		"$BIN/keywarden" token probe --module "$FAULT" --label keywarden --quick --idle 0 \
		--pin-file "$WORK/pin" "$@" >"$WORK/said" 2>&1
}
probe
check "a worker that calls nobody has no token there" same $? 69
check "it says so" grep -q "^LOST .*filter: .*CKR_DEVICE_ERROR" "$WORK/said"
probe --calls "127.0.0.1:$HSM"
check "one that calls it has" same $? 0
leaves
finish
