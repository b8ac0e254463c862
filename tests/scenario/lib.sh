# shellcheck shell=bash
# lib: what the scenarios share.  Source it with BIN set to the folder of the
# built programs; everything happens in a temporary folder that goes again.
#
#	. lib.sh
#	kms_up            # PKI, configuration, init, keywardend running
#	subscriber alice  # enrolled by two security officers, seed known to the lab
#	warrant W         # for alice and client df2, signed by two officers
#	exchange x1 --time ...
#	ask x1 alice      # keywarden-df2; its exit code, $OUT, $ERR
#
# and of the DF2/MF, here being the scenarios' folder:
#	df2_up            # as kms_up, with two LEMFs, one for each form
#	hi2_warrant W LIID-1 "$(xid 1)" "$(uri alice)"
#	report x1 "$(xid 1)" alice                  # a CSCF hands a call over
#	keys_of LIID-1 "$(uri alice)" from x1       # what must come of it
#	all_there "a call"                          # that, once, and nothing else

set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${BIN:?set BIN to the folder of the built programs}"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/keywarden-scenario.XXXXXX")
KEEP=${KEEP:-0}
WORKERS=${WORKERS:-1}
CONF=$WORK/keywarden.conf
DAEMON=0
FAILURES=0
CHECKS=0

# ---- saying what happens ----
step() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
fail() {
	printf 'FAILED: %s\n' "$*"
	FAILURES=$((FAILURES + 1))
}
# check TEXT COMMAND...: the command must succeed
check() {
	local text=$1
	shift
	CHECKS=$((CHECKS + 1))
	if "$@"; then printf '   ok  %s\n' "$text"; else fail "$text"; fi
}
same() { [ "$1" = "$2" ] || { printf '   got "%s", expected "%s"\n' "$1" "$2"; return 1; }; }
not() { ! "$@"; }
finish() {
	local name
	daemon_stop
	[ "$CHECKS" -gt 0 ] || fail "nothing was checked"
	leak_canary
	for name in "${!DAEMON_OF[@]}"; do
		on "$name" daemon_stop
		on "$name" leak_canary
		[ "$FAILURES" -eq 0 ] || sed "s/^/$name: /" "$WORK/$name/daemon.log"
	done
	if [ "$FAILURES" -ne 0 ]; then
		printf '\n%d of %d checks failed; daemon log:\n' "$FAILURES" "$CHECKS"
		cat "$WORK/daemon.log" 2>/dev/null
		[ "$KEEP" = 1 ] || rm -rf "$WORK"
		exit 1
	fi
	printf '\nall %d checks passed\n' "$CHECKS"
	if [ "$KEEP" = 1 ]; then printf 'kept: %s\n' "$WORK"; else rm -rf "$WORK"; fi
	exit 0
}
# Not in a background job that a signal meets before it has its own program.
trap '[ $BASHPID != $$ ] || { daemon_kill_all; aside_end; [ "$KEEP" = 1 ] || rm -rf "$WORK"; }' EXIT
trap 'exit 130' INT TERM

# ---- what takes long to make, and is the same for many scenarios ----
MADE=$(dirname "$BIN")/scenario-made
# once NAME COMMAND PATTERN...: the command makes what these match in $WORK;
# whoever comes later has copies of it, for half a day.
once() {
	local name=$1 make=$2 lock code=0
	shift 2
	if ! { (umask 077 && mkdir -p "$MADE") && exec {lock}>"$MADE/lock"; } 2>/dev/null; then
		"$make"
		return
	fi
	flock "$lock"
	find "$MADE" -mindepth 1 -maxdepth 1 -mmin +720 ! -name lock -exec rm -rf {} +
	if [ -d "$MADE/$name" ]; then
		cp -a "$MADE/$name/." "$WORK"
	elif "$make"; then
		# shellcheck disable=SC2048,SC2086 # patterns
		rm -rf "$MADE/new" && mkdir "$MADE/new" &&
			(cd "$WORK" && cp -a $* "$MADE/new") && mv "$MADE/new" "$MADE/$name"
	else
		code=1
	fi
	exec {lock}>&-
	return $code
}

# ---- certificates ----
# self NAME SUBJECT [DAYS]; leaf NAME SUBJECT CA [DAYS] [NOT_BEFORE NOT_AFTER]
self() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$WORK/$1.key" -out "$WORK/$1.pem" -days "${3:-30}" \
		-subj "/CN=$2" 2>/dev/null
	chmod 600 "$WORK/$1.key"
}
self_rsa() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/$1.key" \
		-out "$WORK/$1.pem" -days 30 -subj "/CN=$2" 2>/dev/null
	chmod 600 "$WORK/$1.key"
}
# KEY_KIND: other options for openssl req than those of P-256
leaf() {
	# shellcheck disable=SC2086
	openssl req -newkey ${KEY_KIND:-ec -pkeyopt ec_paramgen_curve:P-256} -nodes \
		-keyout "$WORK/$1.key" -out "$WORK/$1.csr" -subj "/CN=$2" 2>/dev/null
	printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >"$WORK/$1.ext"
	openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/$3.pem" -CAkey "$WORK/$3.key" \
		-set_serial "0x$(openssl rand -hex 8)" -days "${4:-30}" \
		-extfile "$WORK/$1.ext" -out "$WORK/$1.pem" 2>/dev/null
	chmod 600 "$WORK/$1.key"
}
# issue NAME ROLE: the CA signs the token's request of that role
issue() {
	[ -e "$WORK/token-$2.csr" ] || kw kms tls-request --for "$2" --out "$WORK/token-$2.csr" || return
	printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >"$WORK/$1.ext"
	openssl x509 -req -in "$WORK/token-$2.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" \
		-set_serial "0x$(openssl rand -hex 8)" -days 30 -extfile "$WORK/$1.ext" \
		-out "$WORK/$1.pem" 2>/dev/null
}
# pki: the same people for all scenarios
pki() { once pki pki_new {ca,xk,df2,df2b,officer-{one,two,three},sec-{one,two},engineer,auditor}'.*'; }
pki_new() {
	self ca "Lab CA"
	leaf xk "xk.lab.example" ca
	leaf df2 "df2.lab.example" ca
	leaf df2b "df2b.lab.example" ca
	for o in one two three; do self "officer-$o" "Officer $o"; done
	for o in one two; do self "sec-$o" "Security officer $o"; done
	self engineer "Engineer"
	self auditor "Auditor"
}

# crl NAME DAYS [CERT]: a list of the CA (or of $CRL_CA), with that certificate on
# it; of two days ago, or from and until $CRL_FROM and $CRL_UNTIL
crl() {
	local ca=$WORK/${CRL_CA:-ca}
	: >"$WORK/$1.index"
	printf '%02x\n' "${CRL_NUMBER:-1}" >"$WORK/$1.number"
	cat >"$WORK/$1.cnf" <<EOF
[ca]
default_ca = lab
[lab]
database = $WORK/$1.index
crlnumber = $WORK/$1.number
default_md = sha256
EOF
	if [ -n "${3:-}" ]; then
		openssl ca -config "$WORK/$1.cnf" -revoke "$WORK/$3.pem" \
			-cert "$ca.pem" -keyfile "$ca.key" 2>/dev/null || return 1
	fi
	openssl ca -config "$WORK/$1.cnf" -gencrl -out "$WORK/$1.crl" \
		-crl_lastupdate "$(date -u -d "${CRL_FROM:--2 days}" +%y%m%d%H%M%SZ)" \
		-crl_nextupdate "$(date -u -d "${CRL_UNTIL:-$2 days}" +%y%m%d%H%M%SZ)" \
		-cert "$ca.pem" -keyfile "$ca.key" 2>/dev/null
}

# ---- the appliance ----
# Below those that Linux gives to whoever connects (ip_local_port_range).
free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 12000))
		(: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo $p; return; }
	done
}
# A worker sees nothing but what it is given: here where p11fault has its files.
fault_files() { [[ "${TOKEN_EXTRA:-}" != *p11fault* ]] || echo "files = {\"$WORK\"}"; }
# config [EXTRA for section xk] -- token and audit extras, and section sandbox, by variables
config() {
	PORT=${PORT:-$(free_port)}
	cat >"$CONF" <<EOF
state_dir = "$WORK/state"
control_socket = "$WORK/control"
xk {
  listen = {"127.0.0.1:$PORT"}
  certificate = "$WORK/xk.pem"
  key = "$WORK/xk.key"
  client_ca = "$WORK/ca.pem"
  ${XK_EXTRA:-}
}
token { pin_file = "$WORK/pin" workers = $WORKERS ${TOKEN_EXTRA:-} $(fault_files) }
audit { chunk_mib = 1 ${AUDIT_EXTRA:-} }
sandbox { memory_locked = "try" ${SANDBOX:-landlock = 0 namespaces = "try" users = "no"} }
kms { uri = "https://kms.lab.example" period = "${PERIOD:-day}" }
EOF
	chmod 600 "$CONF"
}
kw() { "$BIN/keywarden" "$@" --config "$CONF"; }
# init: with the clients of $ENROL.  The token's keys take seconds, so where nothing
# that the appliance is made of is the scenario's own, they are copies: of others
# there are as many sorts as of settings that init writes down.
init() {
	if [ "${ENROL-df2}" != df2 ] || ! grep -q '^sandbox .*users = "no"' "$CONF" ||
		grep -q 'module =\|address =\|connect =\|key = "token"' "$CONF"; then
		init_new
		return
	fi
	once "init-$(init_takes | sha256sum | cut -c1-32)" init_new state pin || return
	sed -i "s,^directories.tokendir = .*,directories.tokendir = $WORK/state/token/tokens," \
		"$WORK/state/token/softhsm2.conf"
}
init_takes() {
	echo "${ENROL-df2 df2b}"
	cat "$BIN/keywarden" "$BIN/keywarden-hsm" "$WORK"/{ca,df2,df2b,officer-*,sec-*,engineer,auditor}.pem
	sed -n "s,$WORK,,g; /client_ca\|crl\|^x2\|^lemf\|^token\|^kms\|^audit\|^production/p" "$CONF"
}
init_new() {
	local c code clients=()
	for c in ${ENROL-df2 df2b}; do clients+=(--client "$c=$WORK/$c.pem"); done
	kw init --officer one="$WORK/officer-one.pem" --officer two="$WORK/officer-two.pem" \
		--officer three="$WORK/officer-three.pem" \
		--security-officer sec-one="$WORK/sec-one.pem" \
		--security-officer sec-two="$WORK/sec-two.pem" \
		--engineer engineer="$WORK/engineer.pem" --auditor auditor="$WORK/auditor.pem" \
		"${clients[@]}" >"$WORK/init.log" 2>&1
	code=$?
	[ $code -eq 0 ] || cat "$WORK/init.log"
	return $code
}
daemon_start() {
	"${PROGRAMS_IN:-$BIN}/keywardend" --config "$CONF" >>"$WORK/daemon.log" 2>&1 &
	DAEMON=$!
}
# puppet x2|hi2: attack-puppet stands in the place of that process
puppet() {
	PROGRAMS_IN=$WORK/bin
	mkdir "$PROGRAMS_IN"
	cp "$BIN"/keywardend "$BIN"/keywarden-* "$PROGRAMS_IN"
	cp "$BIN/attack-puppet" "$PROGRAMS_IN/keywarden-$1"
}
# up: start and wait until it serves
up() {
	daemon_start
	kw status --wait $((${1:-20} * ${SLOW:-1})) >"$WORK/status" 2>&1
}
# cannot_start WORDS: with the configuration as it is, for this reason
cannot_start() {
	local code
	log_mark
	daemon_start
	eventually 20 gone "$DAEMON" || daemon_kill
	wait "$DAEMON"
	code=$?
	DAEMON=0
	same $code 78 && log_new | grep -qF -- "$1" && return 0
	log_new
	return 1
}
gone() { ! kill -0 "$1" 2>/dev/null; }
daemon_stop() {
	[ "$DAEMON" -ne 0 ] || return 0
	kill -TERM "$DAEMON" 2>/dev/null
	wait "$DAEMON" 2>/dev/null
	DAEMON=0
}
daemon_kill() {
	[ "$DAEMON" -ne 0 ] && kill -KILL "$DAEMON" 2>/dev/null
	DAEMON=0
	return 0
}
daemon_kill_all() {
	local name
	daemon_kill
	for name in "${!DAEMON_OF[@]}"; do on "$name" daemon_kill; done
}
# aside_end: what was started beside it ends with it
aside_end() {
	local pid
	for pid in $(jobs -p); do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}
# on NAME COMMAND...: by another appliance, all of whose files are in $WORK/NAME
declare -A DAEMON_OF PORT_OF
on() {
	local name=$1 top=$WORK code
	local WORK=$top/$name CONF=$top/$name/keywarden.conf
	local DAEMON=${DAEMON_OF[$name]:-0} PORT=${PORT_OF[$name]:-}
	shift
	mkdir -p "$WORK"
	"$@"
	code=$?
	DAEMON_OF[$name]=$DAEMON
	PORT_OF[$name]=$PORT
	return $code
}
pid_of() { pgrep -P "$DAEMON" -x "${1:0:15}" | head -n "${2:-1}" | tail -n 1; }
kms_up() {
	pki
	config
	check "keywarden init" init
	check "keywardend serves" up
	kw kms params --out "$WORK/params.der"
}

# ---- requests and who signs them ----
# The file of a person: officer-NAME, or NAME
person() { if [ -e "$WORK/officer-$1.pem" ]; then echo "$WORK/officer-$1"; else echo "$WORK/$1"; fi; }
# sign NAME PERSON...: NAME.json to NAME.cms
sign() {
	local name=$1 how=-sign in=$WORK/$1.json p
	shift
	for p in "$@"; do
		p=$(person "$p")
		if [ $how = -sign ]; then
			openssl cms -sign -binary -nodetach -md sha256 -in "$in" \
				-signer "$p.pem" -inkey "$p.key" -outform DER -out "$WORK/$name.cms"
			how=-resign
		else
			openssl cms -resign -nocerts -md sha256 -in "$WORK/$name.cms" -inform DER \
				-signer "$p.pem" -inkey "$p.key" \
				-outform DER -out "$WORK/$name.tmp" && mv "$WORK/$name.tmp" "$WORK/$name.cms"
		fi
	done
}
# request NAME REQUESTER keywarden's words...: the request is in NAME.json
request() {
	local name=$1 who=$2
	shift 2
	rm -f "$WORK/$name.json"
	kw "$@" --requester "$who" --out "$WORK/$name.json" >"$WORK/$name.added" 2>&1
}
# submit NAME [options]: NAME.cms handed in; what is said is in NAME.added
submit() {
	local name=$1
	shift
	kw request submit "$WORK/$name.cms" "$@" >"$WORK/$name.added" 2>&1
}
# approve NAME PERSON...: NAME.json signed by them in one document, handed in
approve() { sign "$@" && submit "$1"; }
# asked NAME keywarden's words...: by the first security officer, approved by both
asked() {
	request "$1" sec-one "${@:2}" && approve "$1" sec-one sec-two || {
		cat "$WORK/$1.added"
		return 1
	}
}
# client NAME: NAME.pem is enrolled; client_gone NAME
client() { asked "client-$1" client add "$1" --cert "$WORK/$1.pem"; }
client_gone() { asked "client-$1" client remove "$1"; }
# approve_config: what the configuration says now may be used from the next start
approve_config() { asked "config-$RANDOM" config approve; }

# ---- people, warrants, calls ----
uri() { echo "sip:$1@lab.example"; }
# subscriber NAME [options of 'subscriber add']: the lab knows the seed
subscriber() {
	local name=$1
	shift
	(umask 077 && openssl rand -hex 32 >"$WORK/$name.seed")
	asked "$name-add" subscriber add --identity "$(uri "$name")" \
		--seed-file "$WORK/$name.seed" "$@"
}
subscriber_gone() { asked "$1-gone" subscriber remove "$(uri "$1")"; }
rfc3339() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }
# body NAME: what a warrant says, in NAME.body, from the variables LIID TARGETS
# CLIENTS START END MORE REST; the request is asked for by $REQUESTER
body() {
	cat >"$WORK/$1.body" <<EOF
{ "liid": "${LIID:-LIID-1}", "reference": "$1",
  "targets": [ { "identities": [${TARGETS:-\"sip:alice@lab.example\"}] } ],
  "period": { "start": "${START:-$(rfc3339 '-1 hour')}", "end": "${END:-$(rfc3339 '+1 day')}"${MORE:-} },
  "clients": [${CLIENTS:-\"df2\"}], "products": ["keys"], "delivery": ["xk"]${REST:-} }
EOF
}
# document NAME: the request to enter such a warrant, in NAME.json
document() {
	body "$1"
	request "$1" "${REQUESTER:-one}" warrant new "$WORK/$1.body"
}
# warrant NAME: document, two signatures, entered
warrant() { document "$1" && approve "$1" one two; }
warrant_id() { sed -n 's/^warrant  //p' "$WORK/$1.added"; }
# about NAME VERB [options]: a request about that warrant, in NAME-VERB.json
about() { request "$1-$2" two warrant "$2" "$(warrant_id "$1")" "${@:3}"; }
revoke() {
	about "$1" revoke && sign "$1-revoke" two &&
		kw request submit "$WORK/$1-revoke.cms"
}
# exchange DIR FROM TO [options of lab-exchange]
exchange() {
	local dir=$1 from=$2 to=$3
	shift 3
	mkdir -p "$WORK/$dir"
	"$BIN/lab-exchange" --params "$WORK/params.der" --period "${PERIOD:-day}" \
		--initiator "$(uri "$from")" --initiator-seed "$WORK/$from.seed" \
		--responder "$(uri "$to")" --responder-seed "$WORK/$to.seed" \
		--keys "$WORK/$dir/keys.json" --out "$WORK/$dir" "$@"
}
df2() {
	"$BIN/keywarden-df2" get-keys --connect "127.0.0.1:$PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/${CLIENT:-df2}.pem" --key "$WORK/${CLIENT:-df2}.key" --json "$@"
}
# messages DIR: how keywarden-df2 is told of what is in there
messages() {
	if [ -e "$1/u-i1.bin" ]; then
		printf '%s\n' --i1 "$1/u-i1.bin" --r1 "$1/u-r1.bin" --first-i1 "$1/i1.bin" \
			--first-r1 "$1/r1.bin" --first-i2 "$1/i2.bin"
	else
		printf '%s\n' --i1 "$1/i1.bin" --r1 "$1/r1.bin" --i2 "$1/i2.bin"
		[ ! -e "$1/r2.bin" ] || printf '%s\n' --r2 "$1/r2.bin"
	fi
}
# ask DIR TARGET [options]: the answer in $WORK/out, said in $REASON
ask() {
	local dir=$WORK/$1 target=$2 code words
	shift 2
	mapfile -t words < <(messages "$dir")
	df2 --target "$(uri "$target")" "${words[@]}" "$@" >"$WORK/out" 2>"$WORK/err"
	code=$?
	REASON=$(sed -n 's/.*"refusal":"\([^"]*\)".*/\1/p' "$WORK/out")
	[ $code -eq 0 ] && REASON=granted
	[ -n "$REASON" ] || REASON="exit $code: $(cat "$WORK/err")"
	return 0
}
# refused TEXT REASON DIR TARGET [options]
refused() {
	local text=$1 reason=$2
	shift 2
	ask "$@"
	check "$text: $reason" same "$REASON" "$reason"
}
# granted TEXT DIR TARGET [options]: and the keys are those of $KEYS (keys.json)
granted() {
	local text=$1
	shift
	ask "$@"
	check "$text: keys" same "$REASON" granted
	[ "$REASON" = granted ] || return 0
	check "$text: the true ones" same "$(key_facts "$WORK/out")" \
		"$(key_facts "$WORK/$1/${KEYS:-keys.json}")"
}
# Every member of every key, in an order of its own.
key_facts() {
	tr -d ' \n' <"$1" | grep -o '"[a-zA-Z]*":["0-9a-f]*' | sort | grep . ||
		echo "no keys in $1"
}
audit_count() { kw audit show --json | grep -c "\"type\":\"$1\""; }
changes() { kw audit show --json | grep -c "\"kind\":\"$1\""; }
audit_last() { kw audit show --json | tail -n 1; }

# ---- what came of it ----
# memory_of PID: KiB
memory_of() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
# up_again PROGRAM OLD-PID: it has been started anew, and all serves
is_new() { [ -n "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ]; }
# workers N: as many serve
workers() { [ "$(kw status --json | sed -n 's/.*"workers": *\([0-9]*\).*/\1/p')" = "$1" ]; }
serves() { kw status >/dev/null 2>&1; }
up_again() { eventually 20 is_new "$@" && eventually 20 serves; }

# No seed, key, PIN or identity in what anybody may read.
leak_canary() {
	local f word
	[ -s "$WORK/daemon.log" ] || return 0
	for f in "$WORK"/*.seed "$WORK/pin"; do
		[ -s "$f" ] || continue
		word=$(cat "$f")
		check "$(basename "$f") is in no log" not_in_logs "$word"
	done
	check "no identity in the daemon's log" not_in_logs "@lab.example"
	check "no LIID in the daemon's log" not_in_logs "LIID-"
	[ ! -e "$WORK/state/spool/spool.db" ] || spool_canary
	if [ -s "$WORK/out" ]; then
		while IFS= read -r word; do
			check "a released key is in no log" not_in_logs "$word"
			check "a released key is nowhere in the state" not_in_state "$word"
		done < <(grep -o '"sessionKey": *"[0-9a-f]*"' "$WORK/out" | grep -o '[0-9a-f]\{32\}')
	fi
}
# Of a call the daemon's log has nothing, and the queue nothing in clear.
spool_canary() {
	# none so short that ciphertext has it by chance
	local word words=("@lab.example" "LIID-" "CSeq: " "INVITE" "key-mgmt")
	for word in "CSeq" "INVITE" "key-mgmt" "2222-4333"; do
		check "no \"$word\" in the daemon's log" not_in_logs "$word"
	done
	check "no identity, LIID or SIP in the queue" not_in_queue "${words[@]}"
	mapfile -t words < <(find "$WORK" -path "$WORK/state" -prune -o -name '*keys.json' -print0 |
		xargs -0r grep -ho '"\(sessionKey\|salt\)": *"[0-9a-f]*"' | grep -o '[0-9a-f]\{28,\}' | sort -u)
	[ ${#words[@]} -gt 0 ] || return 0
	check "none of ${#words[@]} keys and salts is in a log" \
		quiet not grep -qF -f <(printf '%s\n' "${words[@]}") "$WORK/daemon.log"
	check "nor in the queue" not_in_queue "${words[@]}"
}
# nowhere FILES... -- WORD...: as text and, where it is hex, as octets
nowhere() {
	local files=()
	while [ "$1" != -- ]; do files+=("$1") && shift; done
	shift
	printf '%s\n' "$@" | "$here/find_octets.py" "${files[@]}"
	[ $? -eq 1 ]
}
# not_in_queue WORD...: in it and its journals
not_in_queue() { nowhere "$WORK"/state/spool/spool.db* -- "$@"; }
not_in_logs() { ! grep -qF "$1" "$WORK/daemon.log"; }
not_in_state() {
	local files
	mapfile -t files < <(find "$WORK/state" -type f)
	nowhere "${files[@]}" -- "$1"
}

# eventually SECONDS COMMAND...: until it succeeds, or the time is over; SLOW times
# that where the machine is slow
eventually() {
	local end=$((SECONDS + $1 * ${SLOW:-1} + 1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
# What the daemon has logged since the last log_mark.
LOG_MARK=0
log_mark() { LOG_MARK=$(cat "$WORK/daemon.log" 2>/dev/null | wc -l); }
log_new() { tail -n "+$((LOG_MARK + 1))" "$WORK/daemon.log"; }
log_says() { log_new | grep -q -- "$1"; }
# reload [WORDS]: SIGHUP, and what came of it is in the log
reload() {
	log_mark
	kill -HUP "$DAEMON"
	eventually 10 log_says "${1:-configuration read again}"
}
# one_line PART: one line is in $WORK/said, and that is in it
one_line() {
	[ "$(wc -l <"$WORK/said")" = 1 ] && grep -q "$1" "$WORK/said" || {
		cat "$WORK/said"
		return 1
	}
}
# probe COMMAND...: xk-probe as client df2 (or $CLIENT), answers joined by ";"
probe() {
	"$BIN/xk-probe" --connect "127.0.0.1:$PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/${CLIENT:-df2}.pem" --key "$WORK/${CLIENT:-df2}.key" "$@" 2>&1 |
		tr '\n' ';'
}
# aside NAME COMMAND...: a probe in the background, what it says in $WORK/NAME
declare -A ASIDE
aside() {
	local name=$1
	shift
	: >"$WORK/$name"
	"$BIN/xk-probe" --connect "127.0.0.1:$PORT" --ca "$WORK/ca.pem" \
		--cert "$WORK/${CLIENT:-df2}.pem" --key "$WORK/${CLIENT:-df2}.key" \
		"$@" >"$WORK/$name" 2>&1 &
	ASIDE[$name]=$!
}
said() { tr '\n' ';' <"$WORK/$1"; }
has_said() { grep -q "$2" "$WORK/$1"; }
# all_said NAME TEXT: it has ended, and these were its answers in order of ids
all_said() {
	wait "${ASIDE[$1]}"
	same "$(sort -n "$WORK/$1" | tr '\n' ';')" "$2"
}
# served: is the call x granted just now?
served() {
	ask x alice
	[ "$REASON" = granted ]
}
# more_of TYPE N: entries of that type in the audit log
more_of() { [ "$(audit_count "$1")" -gt "$2" ]; }
# freeze PROGRAM, thaw PROGRAM: one that does not go on
freeze() { kill -STOP "$(pid_of "$1")"; }
thaw() { kill -CONT "$(pid_of "$1")"; }
# quiet COMMAND...: without its output, so that check still says how it went
quiet() { "$@" >/dev/null; }

# shellcheck source=tests/scenario/lib_df2.sh
. "$here/lib_df2.sh"
