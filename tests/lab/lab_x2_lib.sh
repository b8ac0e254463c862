# shellcheck shell=sh
# lab_x2_lib: certificates and a receiver of X2 for the laboratory's scripts.
# Source it with bin and work set; x2_done at the end and in the exit trap.
# What the functions leave behind is used by who sources this.
# shellcheck disable=SC2034,SC2154
sink_pid=
cscf_pid=

fail()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

x2_done()
{
	[ -z "$cscf_pid" ] || kill "$cscf_pid" 2>/dev/null || :
	[ -z "$sink_pid" ] || kill "$sink_pid" 2>/dev/null || :
}

# A CA, and certificates of the CSCF and of who receives.
x2_pki()
{
	pki=$work/pki
	mkdir -p "$pki"
	printf 'subjectAltName=IP:127.0.0.1\n' > "$pki/ext"
	ec='ec -pkeyopt ec_paramgen_curve:P-256'
	# shellcheck disable=SC2086
	openssl req -x509 -newkey $ec -nodes -keyout "$pki/ca.key" \
		-out "$pki/ca.pem" -days 3 -subj /CN=lab-ca 2>/dev/null
	for who in cscf sink; do
		# shellcheck disable=SC2086
		openssl req -newkey $ec -nodes -keyout "$pki/$who.key" \
			-out "$pki/$who.csr" -subj "/CN=$who" 2>/dev/null
		openssl x509 -req -in "$pki/$who.csr" -CA "$pki/ca.pem" \
			-CAkey "$pki/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
			-days 3 -extfile "$pki/ext" -out "$pki/$who.pem" 2>/dev/null
	done
	tls="--ca $pki/ca.pem --cert $pki/cscf.pem --key $pki/cscf.key"
}

# wait_for FILE PID: until the program has made the file
wait_for()
{
	n=0
	until [ -s "$1" ] || { [ -e "$1" ] && [ "${3:-}" = empty ]; }; do
		kill -0 "$2" 2>/dev/null || fail "no $1: its program has ended"
		n=$((n + 1))
		[ "$n" -lt 200 ] || fail "no $1 after 10 seconds"
		sleep 0.05
	done
}

# sink_up [option...]: a receiver; sink_port, and lines in $work/x2.log
sink_up()
{
	rm -f "$work/sink.ready"
	"$bin/lab-x2-sink" --ca "$pki/ca.pem" --cert "$pki/sink.pem" \
		--key "$pki/sink.key" --ready "$work/sink.ready" \
		--out "$work/x2.log" "$@" > "$work/sink.count" &
	sink_pid=$!
	wait_for "$work/sink.ready" "$sink_pid"
	read -r sink_port < "$work/sink.ready"
}

sink_down()
{
	kill "$sink_pid"
	wait "$sink_pid" || fail "the receiver failed"
	sink_pid=
}

# count PATTERN: lines of the receiver's log
count()
{
	grep -c -E "$1" "$work/x2.log" || :
}
