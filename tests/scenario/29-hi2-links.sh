#!/usr/bin/env bash
# Connections to LEMFs: one process for each that has an address, made again
# when they are lost, ended and begun by SIGHUP.  An LEMF is one that shows the
# right certificate, and nobody else is.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

# lemf NAME [options of lab-lemf]: listens at PORT_NAME, says what in NAME.lemf
lemf() {
	local name=$1
	shift
	lemf_gone "$name"
	rm -f "$WORK/$name.ready"
	: >"$WORK/$name.lemf"
	lemf_up "$name" "$@"
	eventually 5 test -s "$WORK/$name.ready"
}
lemf_gone() {
	[ -z "${LEMF_PID[$1]:-}" ] || lemf_down "$1"
	LEMF_PID[$1]=
}
lemf_says() { grep -q -- "$2" "$WORK/$1.lemf"; }
# lemfs [NAME "SETTINGS"]...: the sections of these, in place of all others
lemfs() {
	sed -i '/^lemf /d' "$CONF"
	while [ $# -gt 0 ]; do
		echo "lemf $1 { profile = \"etsi\" operator_id = \"LAB\" $2 }" >>"$CONF"
		shift 2
	done
}
at() { echo "address = \"127.0.0.1:${LEMF_PORT[$1]}\""; }
by_ca() { echo "$(at "$1") server_ca = \"$WORK/ca.pem\""; }
connected() { eventually "${2:-10}" log_says "keywarden-hi2c.* connected to the LEMF $1"; }
refused() { eventually 10 log_says "no connection to the LEMF $1: $2"; }
links() { pgrep -c -P "$DAEMON" -x keywarden-hi2c; }
is_link() { pgrep -P "$DAEMON" -x keywarden-hi2c | grep -qx "$1"; }
are_links() { [ "$(links)" -eq "$1" ]; }
in_filter() {
	grep -q "without its seccomp filter" "$WORK/daemon.log" ||
		grep -q "^Seccomp:.*2" "/proc/$(pid_of keywarden-hi2c)/status"
}
pin() { openssl x509 -in "$WORK/$1.pem" -outform DER | sha256sum | cut -c1-64; }
ups() { [ "$(grep -c '^up:' "$WORK/$1.lemf")" -ge "$2" ]; }

step "What cannot be started with"
pki
leaf x2 "x2.lab.example" ca
leaf hi2 "hi2.lab.example" ca
leaf lemf "lemf.lab.example" ca
self stranger "stranger.lab.example"
for n in north south; do LEMF_PORT[$n]=$(free_port); done
config
df2_config
echo "hi2 { certificate = \"$WORK/hi2.pem\" key = \"$WORK/hi2.key\" }" >>"$CONF"
lemfs north "$(by_ca north)" south "$(by_ca south)" quiet ""
check "keywarden init" init
lemfs north "address = \"localhost:1\" server_ca = \"$WORK/ca.pem\""
check "a name for an address" cannot_start "lemf north.address: localhost:1 is not ADDRESS:PORT"
lemfs north "$(at north)"
check "nobody to trust" cannot_start "lemf north: address needs server_ca, or pin, or both"
lemfs north "$(by_ca north) crl = \"$WORK/ca.pem\""
check "no list in crl" cannot_start "lemf north.crl: no PEM CRL in it"
lemfs north "$(by_ca north) certificate = \"$WORK/x2.pem\" key = \"$WORK/hi2.key\""
check "a key of another certificate" cannot_start "lemf north.key"
lemfs north "$(by_ca north) certificate = \"$WORK/none\" key = \"$WORK/hi2.key\""
check "a file that is not there" cannot_start "lemf north.certificate $WORK/none"

step "Connections"
lemfs north "$(by_ca north)" south "$(by_ca south)" quiet ""
lemf north
check "keywardend serves" up
check "a LEMF that is there is connected" connected north
check "one that is not is told of" refused south "Connection refused"
check "a process for each that has an address" are_links 2
check "without leave for more" grep -q "^NoNewPrivs:.*1" "/proc/$(pid_of keywarden-hi2c)/status"
check "in its filter" in_filter
check "TLS 1.3" lemf_says north "up: TLSv1.3"
sleep 1.5
check "told once" same "$(grep -c "LEMF south: Connection refused" "$WORK/daemon.log")" 1
log_mark
lemf south
check "it comes, and is found" connected south 20

step "SIGHUP"
LINKS=$(pgrep -P "$DAEMON" -x keywarden-hi2c)
check "with nothing new" reload
lemfs north "$(by_ca north)"
check "without south" reload
check "its process ends" eventually 5 are_links 1
check "and its connection" eventually 5 lemf_says south "down:"
NORTH=$(pid_of keywarden-hi2c)
check "that of north stays" grep -qx "$NORTH" <<<"$LINKS"
check "and so does its connection" ups north 1
check "made once" not ups north 2
lemfs south "$(by_ca south)" north "$(by_ca north) keep_alive_seconds = 1 answer_seconds = 1 dead_seconds = 2"
check "south again, other times for north" reload
check "south is connected" connected south
check "north anew" connected north
check "by the same process" is_link "$NORTH"

step "Connections that are lost"
log_mark
kill -KILL "$NORTH"
check "a process that is killed is started again" connected north
log_mark
lemf south --fault flap=1200
check "an LEMF that flaps is connected each time" eventually 10 ups south 3
lemf north --fault mute
check "one that does not answer is told of" \
	eventually 10 log_says "the LEMF north does not answer in time"
check "and given up" refused north "it has not answered for 2 s"

step "Who is not the LEMF"
crl revoked 1 lemf
crl none 1
crl old -1
CERT=stranger lemf south
lemf north
log_mark
lemfs south "$(by_ca south)" north "$(by_ca north) name = \"other.example\""
check "another name" reload
check "is not taken" refused north "hostname mismatch"
check "nor is a certificate of nobody" eventually 10 grep -q "LEMF south: self-signed certificate" "$WORK/daemon.log"
lemfs south "$(at south) pin = {\"sha256:$(pin lemf)\"}" \
	north "$(by_ca north) crl = \"$WORK/revoked.crl\""
check "pins, and lists" reload
check "one that is not pinned" refused south "its certificate is none of those that are pinned"
check "one that is revoked" refused north "certificate revoked"
lemfs south "$(at south) pin = {\"sha256:$(pin lemf)\", \"sha256:$(pin stranger)\"}" \
	north "$(by_ca north) crl = \"$WORK/old.crl\""
check "another pin, another list" reload
check "one that is pinned is connected" connected south
check "a list that has expired is none" refused north "CRL has expired"
cp "$WORK/none.crl" "$WORK/old.crl"
check "a new list" reload
check "lets it in" connected north
log_mark
CRL_NUMBER=2 crl later 1 lemf
mv "$WORK/later.crl" "$WORK/old.crl"
check "one that comes by itself ends the connection" refused north "certificate revoked"
CRL_NUMBER=1 crl earlier 1
mv "$WORK/earlier.crl" "$WORK/old.crl"
check "an older one does not count" eventually 5 log_says "lower number.*the lists in use stay"
CRL_NUMBER=3 crl latest 1
mv "$WORK/latest.crl" "$WORK/old.crl"
check "the next one lets it in" connected north 40

step "Another port"
LEMF_PORT[north]=$(free_port)
lemf north
lemfs south "$(at south) pin = {\"sha256:$(pin stranger)\"}" north "$(by_ca north)"
check "for north" reload
check "north is connected there" connected north
if [ "$(kw status --json | sed -n 's/.*"landlock": *\([0-9]*\).*/\1/p')" -ge 4 ]; then
	check "by a process that is new" log_says "another port: this process ends"
else
	note "this kernel does not hold ports: the process stays"
fi

step "TLS 1.2"
lemf south --tls 1.2
lemf north --tls 1.2
lemfs south "$(by_ca south) tls = \"1.2\"" north "$(by_ca north)"
check "where it is allowed" reload
check "is spoken" connected south
check "with AEAD" lemf_says south "up: TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"
check "and elsewhere is not" refused north "tlsv1 alert protocol version"
lemf south --tls 1.2 --ciphers ECDHE-ECDSA-AES128-SHA256
log_mark
check "a suite of CBC is refused" refused south ".*handshake failure"
for n in north south; do lemf_gone "$n"; done
finish
