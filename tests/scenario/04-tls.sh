#!/usr/bin/env bash
# Only TLS 1.3 with ALPN xk/1 and both certificates leads anywhere; whoever comes
# otherwise harms nobody else.  keywarden-df2 speaks to the right server only.
# SIGHUP changes the certificate, requests change clients; a broken configuration
# changes nothing, and another CA for clients releases nothing until approved.
# A client is served once it has proved to policy, by its signature, that it is
# there: with any kind of key, and again to each new policy.
# shellcheck disable=SC2317 # called by check
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

# dated NAME SUBJECT CA NOT_BEFORE NOT_AFTER: a leaf with these dates
dated() {
	local d=$WORK/$1.d
	mkdir -p "$d" && : >"$d/index"
	cat >"$d/conf" <<-END
		[ca]
		default_ca = here
		[here]
		database = $d/index
		new_certs_dir = $d
		rand_serial = yes
		default_md = sha256
		policy = any
		[any]
		commonName = supplied
	END
	leaf "$1" "$2" "$3"
	openssl ca -batch -notext -config "$d/conf" -cert "$WORK/$3.pem" \
		-keyfile "$WORK/$3.key" -in "$WORK/$1.csr" -extfile "$WORK/$1.ext" \
		-startdate "$(date -u -d "$4" +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d "$5" +%Y%m%d%H%M%SZ)" -out "$WORK/$1.pem" 2>/dev/null
}
# raw OPTIONS...: what the server says to a keepAlive over openssl s_client
KEEPALIVE='\x30\x0a\x80\x01\x01\x81\x01\x07\xa2\x02\x89\x00'
ALIVE=300a800101810107a2028a00
raw() {
	local pid n=0
	: >"$WORK/raw"
	# shellcheck disable=SC2059
	printf "$KEEPALIVE" | openssl s_client -quiet -connect "127.0.0.1:$PORT" \
		-CAfile "$WORK/ca.pem" "$@" >"$WORK/raw" 2>"$WORK/raw.err" &
	pid=$!
	while [ ! -s "$WORK/raw" ] && kill -0 $pid 2>/dev/null && [ $((n += 1)) -lt 400 ]; do
		sleep 0.05
	done
	if kill $pid 2>/dev/null; then RAW_END=open; else RAW_END=closed; fi
	wait $pid 2>/dev/null
	RAW=$(od -An -v -tx1 "$WORK/raw" | tr -d ' \n')
}
# no_answer TEXT WORDS OPTIONS...: closed without an octet, saying WORDS
no_answer() {
	local text=$1 said=$2
	shift 2
	raw "$@"
	check "$text: nothing" same "$RAW" ""
	check "$text: closed" same "$RAW_END" closed
	[ -z "$said" ] || check "$text: $said" grep -q "$said" "$WORK/raw.err"
}
# fails TEXT CODE WORDS OPTIONS...: keywarden-df2 ends so, with one line
fails() {
	local text=$1 code=$2 said=$3
	shift 3
	mapfile -t files < <(messages "$WORK/x")
	df2 --target "$(uri alice)" "${files[@]}" "$@" >"$WORK/out" 2>"$WORK/err"
	check "$text: exit $code" same $? "$code"
	check "$text: one line" same "$(wc -l <"$WORK/err")" 1
	check "$text: $said" grep -q "$said" "$WORK/err"
}
# impostor NAME OPTIONS...: openssl s_server on $FALSE_PORT until the next one
impostor() {
	local name=$1
	shift
	[ "$FALSE" = 0 ] || kill "$FALSE"
	FALSE_PORT=$(free_port)
	openssl s_server -quiet -accept "$FALSE_PORT" -cert "$WORK/$name.pem" \
		-key "$WORK/$name.key" "$@" >"$WORK/overheard" 2>/dev/null </dev/zero &
	FALSE=$!
	eventually 10 listens "$FALSE_PORT"
}
listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
FALSE=0
to_impostor() { PORT=$FALSE_PORT fails "$@"; }
serial() {
	: | openssl s_client -connect "127.0.0.1:$PORT" -alpn xk/1 \
		-cert "$WORK/df2.pem" -key "$WORK/df2.key" 2>/dev/null |
		openssl x509 -noout -serial
}

step "An appliance, a call, and one connection that stays open through all of it"
XK_EXTRA='handshake_seconds = 2'
kms_up
subscriber alice
subscriber bob
CLIENTS='"df2", "df2c"' check "a warrant" warrant W
exchange x alice bob
touch "$WORK/open"
probe get 1 "$(uri alice)" "$WORK/x" answer until-gone "$WORK/open" \
	get 2 "$(uri alice)" "$WORK/x" answer >"$WORK/long" &
LONG=$!
exec 3<>"/dev/tcp/127.0.0.1/$PORT"

step "What is no TLS 1.3 with ALPN xk/1 and both certificates"
IDENTITY=(-cert "$WORK/df2.pem" -key "$WORK/df2.key")
raw -alpn xk/1 "${IDENTITY[@]}"
check "with all of it: an answer" same "$RAW" $ALIVE
no_answer "no certificate" "certificate required" -alpn xk/1
no_answer "TLS 1.2" "alert protocol version" -tls1_2 -alpn xk/1 "${IDENTITY[@]}"
no_answer "another ALPN" "no application protocol" -alpn http/1.1 "${IDENTITY[@]}"
no_answer "no ALPN" "" "${IDENTITY[@]}"
check "a client that says nothing: closed" timeout 10 cat <&3
exec 3>&-
check "each is in the daemon's log" same \
	"$(grep -c 'TLS handshake failed\|does not ask for ALPN' "$WORK/daemon.log")" 4

step "Client certificates"
before=$(audit_count keyRefused)
leaf df2c "df2c.lab.example" ca
leaf again "df2.lab.example" ca
self otherca "Another CA"
leaf foreign "df2.lab.example" otherca
self twin "Lab CA"
leaf forged "df2.lab.example" twin
dated old "df2.lab.example" ca '-2 days' '-1 day'
dated early "df2.lab.example" ca '+1 day' '+2 days'
CLIENT=old fails "expired" 69 "certificate expired"
CLIENT=early fails "not yet valid" 69 "certificate"
CLIENT=foreign fails "of another CA" 69 "unknown ca"
CLIENT=forged fails "of a CA with the name of ours" 69 "alert"
check "no request, no entry" same "$(audit_count keyRefused)" "$before"
CLIENT=df2c fails "of our CA, not enrolled" 1 "noAuthorisation"
CLIENT=again fails "with the name of an enrolled client, not its own" 1 "noAuthorisation"
check "a request, an entry" same "$(audit_count keyRefused)" $((before + 2))
check "that says which certificate" grep -q "\"client\":\"$(openssl x509 -in \
	"$WORK/again.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : |
	tr A-F a-f)\".*not enrolled" <<<"$(audit_last)"
granted "others meanwhile" x alice

step "keywarden-df2 and the wrong server"
fails "the wrong name" 69 "hostname mismatch" --server-name kms.lab.example
granted "the right name" x alice --server-name localhost
fails "a CA that is not the server's" 69 "self-signed\|local issuer" \
	--ca "$WORK/otherca.pem"
impostor foreign -alpn xk/1
to_impostor "a server of another CA" 69 "local issuer"
printf 'subjectAltName=IP:127.0.0.2,DNS:elsewhere\n' >"$WORK/xk.ext"
openssl x509 -req -in "$WORK/xk.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" \
	-set_serial 77 -extfile "$WORK/xk.ext" -out "$WORK/elsewhere.pem" 2>/dev/null
cp "$WORK/xk.key" "$WORK/elsewhere.key"
impostor elsewhere -alpn xk/1
to_impostor "a server of another address" 69 "IP address mismatch"
impostor xk -alpn xk/1 -tls1_2
to_impostor "a server of TLS 1.2" 69 "protocol version"
impostor xk
to_impostor "a server without xk/1" 69 "does not speak xk/1"
check "none has heard a request" test ! -s "$WORK/overheard"
kill "$FALSE"
wait "$FALSE" 2>/dev/null
to_impostor "nobody" 69 "Connection refused"

step "A client comes and goes; SIGHUP: a new certificate"
cp "$CONF" "$WORK/without"
# ends REASON: so does a request; an entry comes before its effect
ends() {
	ask x alice
	[ "$REASON" = "$1" ]
}
was=$(serial)
before=$(audit_count config)
# across NAME: a client's connection, with a request before $WORK/NAME.wait goes
across() {
	touch "$WORK/$1.wait"
	CLIENT=df2c aside "$1" get 1 "$(uri alice)" "$WORK/x" answer \
		until-gone "$WORK/$1.wait" get 2 "$(uri alice)" "$WORK/x" answer
	check "$1: its first answer" eventually 10 has_said "$1" "1 $2"
}
across stranger noAuthorisation
check "two security officers enrol a client" client df2c
CLIENT=df2c granted "which has what is its due" x alice
leaf xk "xk.lab.example" ca
check "it is read again" reload
rm "$WORK/stranger.wait"
check "not on a connection from before" all_said stranger "1 noAuthorisation;2 noAuthorisation;"
check "the log says why" grep -q "has not proved itself on this connection" <<<"$(audit_last)"
across leaver keys
check "the new certificate" test "$(serial)" != "$was"
check "it is in the audit log" same "$(audit_count config)" $((before + 1))
check "and take it out" client_gone df2c
CLIENT=df2c refused "the client" noAuthorisation x alice
rm "$WORK/leaver.wait"
check "nor on a connection from before" all_said leaver "1 keys;2 noAuthorisation;"

step "SIGHUP: nothing of a broken configuration is taken"
was=$(serial)
before=$(audit_count config)
# broken TEXT WORDS: after the damage
broken() {
	check "$1: refused" reload "$2"
	check "$1: in one line" same "$(log_new | wc -l)" 1
	check "$1: the certificate stays" same "$(serial)" "$was"
	granted "$1: it goes on" x alice
	cp "$WORK/without" "$CONF"
}
sed -i 's/^audit/audti/' "$CONF"
broken "a word that there is not" "audti.*stays"
sed -i 's/workers = 1/workers = 2/' "$CONF"
broken "what needs a restart" "need a restart.*stays"
sed -i "s/listen = .*/listen = {\"127.0.0.1:$(free_port)\"}/" "$CONF"
broken "another address" "need a restart.*stays"
echo 'client "df2c" { certificate = "/x" }' >>"$CONF"
broken "a client, as they stood there once" "client \"df2c\".*keywarden client add.*stays"
sed -i 's/xk.pem/absent.pem/' "$CONF"
broken "a certificate that is not there" "xk.certificate.*stays"
sed -i 's/xk.key/df2.key/' "$CONF"
broken "a key that does not fit" "xk.key.*stays"
sed -i 's/client_ca = .*/client_ca = "\/dev\/null"/' "$CONF"
broken "a CA file without one" "xk.client_ca.*stays"
chmod 644 "$WORK/xk.key"
broken "a key that others may read" "xk.key.*others may read.*stays"
chmod 600 "$WORK/xk.key"
chmod 666 "$CONF"
broken "a configuration that others may write" "others may write.*stays"
chmod 600 "$CONF"
check "no entry: nothing was changed" same "$(audit_count config)" "$before"

step "Another CA for clients"
cp "$WORK/ca.pem" "$WORK/ca.was"
cat "$WORK/otherca.pem" >>"$WORK/ca.pem"
check "config show: the file is not approved" grep -q "THE FILE IS NOT APPROVED" <(kw config show)
check "it is read again" reload
check "not approved: nothing is released" eventually 5 ends unavailable
check "status says why" grep -q "NOT APPROVED" <(kw status)
check "config show too" grep -q "NOT APPROVED" <(kw config show)
check "two security officers approve it" approve_config
check "service returns" eventually 5 ends granted
CLIENT=foreign refused "who comes with a certificate of it is known, and not enrolled" \
	noAuthorisation x alice
cp "$WORK/ca.was" "$WORK/ca.pem"
check "back, and read again" reload
check "again nothing is released" eventually 5 ends unavailable
check "until that is approved" approve_config
check "service returns" eventually 5 ends granted
cat "$WORK/otherca.pem" >>"$WORK/ca.pem"
check "approved beforehand" approve_config
check "config show says so" grep -q "the file is approved" <(kw config show)
check "for scripts too" grep -q '"fileApproved": true' <(kw config show --json)
granted "what is in use stays good" x alice
cp "$WORK/ca.was" "$WORK/ca.pem"
check "not any more: taken back" approve_config

step "Through all of it"
rm "$WORK/open"
wait $LONG
check "the connection that was open still serves" same "$(cat "$WORK/long")" "1 keys;2 keys;"
granted "and so does a new one" x alice

step "Each kind of key that a client may have"
while read -r name kind; do
	KEY_KIND=$kind leaf "$name" "$name.lab.example" ca
	check "$name is enrolled" client "$name"
done <<-END
	rsa rsa:2048
	pss rsa-pss -pkeyopt rsa_keygen_bits:2048
	ed25519 ed25519
	p384 ec -pkeyopt ec_paramgen_curve:P-384
	p521 ec -pkeyopt ec_paramgen_curve:P-521
END
CLIENTS='"rsa", "pss", "ed25519", "p384", "p521"' check "they have a warrant" warrant V
# A share of a group that the server has not comes first: it asks again.
cat >"$WORK/groups.conf" <<-END
	openssl_conf = a
	[a]
	ssl_conf = b
	[b]
	system_default = c
	[c]
	Groups = P-384:X25519
END
for name in rsa pss ed25519 p384 p521 df2; do
	CLIENT=$name granted "$name" x alice
	OPENSSL_CONF=$WORK/groups.conf CLIENT=$name granted "$name, after HelloRetryRequest" x alice
	raw -alpn xk/1 -cert "$WORK/$name.pem" -key "$WORK/$name.key" -groups P-384:X25519 \
		-msg -msgfile "$WORK/messages"
	check "$name, with s_client" same "$RAW" $ALIVE
	check "$name: two ClientHellos" same "$(grep -c ClientHello "$WORK/messages")" 2
done
for suite in TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256; do
	{ cat "$WORK/groups.conf" && echo "Ciphersuites = $suite"; } >"$WORK/suite.conf"
	OPENSSL_CONF=$WORK/suite.conf granted "$suite, after HelloRetryRequest" x alice
done
KEY_KIND=ed448 leaf ed448 "ed448.lab.example" ca
CLIENT=ed448 fails "a key that policy could not verify" 69 "certificate required"

step "Another policy knows nobody: who is connected has to come again"
aside there get 1 "$(uri alice)" "$WORK/x" answer answer
check "a connection that is served" eventually 10 has_said there "1 keys"
kill -KILL "$(pid_of keywarden-policy)"
check "it is closed" all_said there "closed;1 keys;"
check "a new one is served" eventually 20 served
# away: policy has just ended, and will not be there for some 1.6 s
away() {
	kill -KILL "$(pid_of keywarden-policy)" 2>/dev/null
	log_says "next try in 1600 ms"
}
log_mark
check "policy ends again and again" eventually 20 away
aside meanwhile get 1 "$(uri alice)" "$WORK/x" answer answer
check "without it a client is told unavailable, and closed when it is there" \
	all_said meanwhile "closed;1 unavailable;"
check "a new one is served" eventually 20 served
freeze keywarden-policy
ask x alice
check "policy says nothing: no handshake" same "${REASON%%:*}" "exit 69"
thaw keywarden-policy
check "and then it does" eventually 20 served
check "the log is sound" kw audit verify
finish
