#!/usr/bin/env bash
# A relay stands in front of each process of an appliance that is complete.  It
# keeps all that passes on the channels: known keys, seeds, PIN and identities are
# looked for in it, in memory, after crashes, in files and logs.  Then it says
# every message that there is, from each neighbour, to each process: what a
# neighbour that was taken over can say.  Before that it says again, to those of
# another start and after a revocation, what was said.
#
#	LONG=1: every number from everybody, each octet another
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

LEMFS=(north)
A=$(xid 1)
alice=$(uri alice)
LEMF_PORT[north]=$(free_port)
PROGRAMS=(xk policy audit hsm x2 hi2 xkc hi2c signer)

daemon_start() {
	local p
	if [ ! -d "$WORK/bin" ]; then
		mkdir -p "$WORK/bin/true"
		cp "$BIN/keywardend" "$WORK/bin"
		for p in "${PROGRAMS[@]}"; do
			cp "$BIN/keywarden-$p" "$WORK/bin/true"
			ln "$BIN/attack-relay" "$WORK/bin/keywarden-$p" 2>/dev/null ||
				cp "$BIN/attack-relay" "$WORK/bin/keywarden-$p"
		done
	fi
	(cd "$WORK" && ulimit -Sc unlimited 2>/dev/null
		exec "$WORK/bin/keywardend" --config "$CONF") >>"$WORK/daemon.log" 2>&1 &
	DAEMON=$!
}
delivered() { kw delivery show --json | tr -d ' \n' | sed -n 's/.*"delivered":\([0-9]*\).*/\1/p'; }
delivered_are() { [ "$(delivered)" = "$1" ]; }
true_pid() { pgrep -P "$(pid_of "keywarden-$1")"; }
# hidden FILE... -- WORD...: in none of them, in no form
hidden() {
	local files=()
	while [ "$1" != -- ]; do files+=("$1") && shift; done
	shift
	printf '%s\n' "$@" | "$here/find_octets.py" --all "${files[@]}"
	[ $? -eq 1 ]
}
# order PROGRAM WORD: what comes of it
order() {
	python3 - "$WORK/bin/keywarden-$1.socket" "$2" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
for line in s.makefile():
    print(line, end="", flush=True)
END
}
# sweep PROGRAM, with LONG=1 every number from everybody
HOW=sweep
((${LONG:-0})) && HOW="sweep all"
sweep() {
	local how what since=$SECONDS
	order "$1" "$HOW" >"$WORK/sweep-$1"
	while read -r how what; do
		case $how in
		ok) check "$what" true ;;
		done) ;;
		*) fail "$how $what" ;;
		esac
	done <"$WORK/sweep-$1"
	note "$((SECONDS - since)) s"
	check "$1: and the log has it" quiet grep -a "keywarden-$1\[.* not permitted" "$WORK/daemon.log"
	check "$1: all was said" grep -qx "done" "$WORK/sweep-$1"
}

# replay PROGRAM: what it said on channels of before
replay() {
	local how what since=$SECONDS
	log_mark
	order "$1" replay >"$WORK/replay-$1"
	kill -HUP "$DAEMON"
	check "after $1 the appliance serves" eventually 20 serves
	while read -r how what; do
		case $how in
		ok) check "$what" true ;;
		done) ;;
		*) fail "$how $what" ;;
		esac
	done <"$WORK/replay-$1"
	note "$((SECONDS - since)) s"
	check "$1: all was said" grep -qx "done" "$WORK/replay-$1"
}
log_after() { tail -n "+$REPLAYED" "$WORK/daemon.log" | grep -q "$1"; }
# whom PROGRAM: as its neighbours call it
whom() {
	case $1 in
	hsm) echo "hsm worker" ;;
	hi2c) echo "the process of LEMF slot 0" ;;
	*) echo "$1" ;;
	esac
}
has_link() { kw delivery show --json | tr -d ' \n' | grep -q '"state":"\(open\|up\)"'; }

step "An appliance, with a relay in front of each process"
pki
for n in cscf lemf; do leaf $n "$n.lab.example" ca; done
config
echo 'log_level = "debug"' >>"$CONF"
df2_config
sed -i '/^lemf /d' "$CONF"
sed -i 's,^  key = .*,  key = "token",' "$CONF"
# Its own clients' side is where it has keys for HI2 made.
cat >>"$CONF" <<END
xk_client { connect = "127.0.0.1:$PORT" certificate = "$WORK/df2mf.pem"
  key = "token" server_ca = "$WORK/ca.pem" }
hi2 { certificate = "$WORK/hi2.pem" key = "token" }
lemf north { profile = "etsi" operator_id = "LAB" address = "127.0.0.1:${LEMF_PORT[north]}"
  server_ca = "$WORK/ca.pem" acknowledge = "acknowledged" integrity = "signature"
  sign_seconds = 1 hash_ms = 100 keep_alive_seconds = 1 answer_seconds = 1 dead_seconds = 2 }
END
ENROL=df2 check "keywarden init" init
for n in xk x2 hi2; do check "a certificate for $n" issue $n $n; done
check "one for xk_client" issue df2mf xk_client
lemf_up north
check "keywardend serves" up
kw kms params --out "$WORK/params.der"
check "its xk_client is a client" client df2mf
subscriber alice
subscriber bob

step "All that it does"
LIID=LIID-X CLIENTS='"df2", "df2mf"' check "a warrant for clients" warrant X
check "one for LEMFs" hi2_warrant W LIID-A "$A" "$alice"
exchange x alice bob
granted "a client has its call's keys" x alice
ask x bob
check "and none without a warrant" same "$REASON" noAuthorisation
check "a call for the LEMF" report x "$A" alice
check "is delivered" eventually 20 delivered_are 1
self_rsa device carol
request carol sec-one subscriber add --identity "$(uri carol)" --device-cert "$WORK/device.pem"
sign carol sec-one sec-two
check "a subscriber whose seed the token makes" submit carol --seed-out "$WORK/carol.seed-cms"
check "  has a private key" quiet kw subscriber key --identity "$(uri carol)" --out "$WORK/carol.cms-key"

step "Secrets, once they have been used"
# A worker's own memory and SoftHSM's are the same; a hardware token's is not.
mapfile -t SESSION < <(grep -o '"\(sessionKey\|salt\)": *"[0-9a-f]*"' "$WORK/x/keys.json" |
	grep -o '[0-9a-f]\{28,\}')
SEEDS=("$(cat "$WORK/alice.seed")" "$(cat "$WORK/bob.seed")")
PIN=$(cat "$WORK/pin")
if [ -r "/proc/$(true_pid xk)/mem" ] && "$here/memory_of.py" "$(true_pid xk)" "$WORK/memory" 2>/dev/null; then
	"$here/memory_of.py" "$(true_pid policy)" "$WORK/memory"
	check "what policy has in memory is found" not hidden "$WORK/memory" -- "$alice" >"$WORK/found"
	for p in "${PROGRAMS[@]}"; do
		"$here/memory_of.py" "$(true_pid "$p")" "$WORK/memory" ||
			fail "the memory of $p cannot be read"
		check "no session key, seed or PIN is in the memory of $p" \
			hidden "$WORK/memory" -- "${SESSION[@]}" "${SEEDS[@]}" "$PIN"
		rm -f "$WORK/memory"
	done
else
	note "memory of the processes is not looked into: only root may"
fi

step "Crashes"
for p in x2 hi2 hi2c xkc hsm policy xk signer audit; do
	PID=$(pid_of "keywarden-$p")
	SIGNAL=ABRT
	case $p in x2 | hi2c | hsm | audit) SIGNAL=SEGV ;; esac
	kill -$SIGNAL "$(true_pid "$p")"
	check "$p ends by SIG$SIGNAL and is started again" up_again "keywarden-$p" "$PID"
done
check "  and each was seen" same \
	"$(grep -c "was ended by signal \(6\|11\)" "$WORK/daemon.log")" "${#PROGRAMS[@]}"
check "  without a core file" same "$(find "$WORK" -name 'core*' | wc -l)" 0
check "a call after it" report x "$A" alice
check "is delivered" eventually 20 delivered_are 2
granted "and a client's" x alice
check "a warrant is revoked" quiet revoke X
ask x alice
check "and counts no longer" same "$REASON" noAuthorisation

step "What went where"
# those_with WORD...: the processes between which it passed, from and to
those_with() {
	printf '%s\n' "$@" | "$here/find_octets.py" --all "$WORK"/bin/keywarden-*.from.* |
		sed 's,.*/keywarden-,,; s/\.from.*//; s/\./ -> /' | sort -u | paste -sd';'
}
check "session keys: from the worker to who is to have them" same "$(those_with "${SESSION[@]}")" \
	"hi2 -> hi2c;hsm -> hi2;hsm -> xk;xkc -> hsm"
check "seeds and PIN: nowhere" same "$(those_with "${SEEDS[@]}" "$PIN")" ""
check "LIIDs: neither to x2 nor to xkc" same "$(those_with LIID-X LIID-A)" \
	"audit -> hsm;hi2 -> hi2c;hsm -> hi2;policy -> audit"
# With an x2 that starts while a call is up also hi2 -> x2.
check "the target's name: who reports, asks, decides, makes and delivers" same \
	"$(those_with "$alice" | sed 's/hi2 -> x2;//')" \
	"audit -> hsm;audit -> policy;hi2 -> hi2c;hsm -> audit;hsm -> hi2;hsm -> xkc;policy -> audit;x2 -> hi2;x2 -> policy;x2 -> xkc;xk -> policy"

step "What is left behind"
mapfile -t STATE < <(find "$WORK/state" -type f)
check "no key, seed or PIN in the state" hidden "${STATE[@]}" -- "${SESSION[@]}" "${SEEDS[@]}" "$PIN"
mapfile -t STATE < <(find "$WORK/state" -type f ! -name 'registry.db*' ! -name audit.log)
check "no identity, no LIID but in registry and log" hidden "${STATE[@]}" -- "$alice" LIID-X LIID-A
check "nothing of it in the daemon's log, at level debug" hidden "$WORK/daemon.log" -- \
	"${SESSION[@]}" "${SEEDS[@]}" "$PIN" "$alice" LIID-X LIID-A "$A"
for p in "$DAEMON" $(pgrep -P "$(pgrep -P "$DAEMON" -d ,)"); do
	cat "/proc/$p/cmdline" "/proc/$p/environ"
done >"$WORK/words-of-all" 2>/dev/null
check "nor in arguments and environment of a process" hidden "$WORK/words-of-all" -- \
	"${SESSION[@]}" "${SEEDS[@]}" "$PIN" "$alice" LIID-X LIID-A

step "What was said before, again"
# Of warrants that are revoked since, to an appliance that has been started anew.
released() { kw audit show --json | grep -c '"type":"keyOutcome".*"result":"released"'; }
check "the other warrant is revoked too" quiet revoke W
daemon_stop
check "keywardend serves" up
check "and the LEMF is connected" eventually 20 has_link
REPLAYED=$(wc -l <"$WORK/daemon.log")
RELEASED=$(released)
SIZE=$(stat -c %s "$WORK/north.hi2")
check "there were keys" test "$RELEASED" -gt 3
# hi2 can say again what it has said to a hi2c: that is the queue's to remember.
for p in xk policy audit hsm x2 xkc signer hi2c; do replay "$p"; done
check "the LEMF has nothing of it" same "$(stat -c %s "$WORK/north.hi2")" "$SIZE"
replay hi2
check "no key is released" same "$(released)" "$RELEASED"
check "who has taken over xk: an old proof is an alarm" quiet grep \
	"ALARM: a proof that this client is there does not hold" <(kw audit show --json)
check "policy: a state of before is an alarm" quiet grep \
	"the warrant state that policy goes by is not the last one" <(kw audit show --json)
check "audit: the worker does not do it" log_after "a request is refused that policy had granted"
for p in xk policy audit hsm hi2c; do
	check "$p: the log says that it is not permitted" \
		log_after "$(whom "$p") sent \(a message that is\|what is\) not permitted"
done
check "the log is whole" quiet kw audit verify

step "All that could be said"
for p in "${PROGRAMS[@]}"; do sweep "$p"; done
check "the appliance serves" eventually 40 serves
check "its log is whole" quiet kw audit verify
finish
