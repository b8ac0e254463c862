#!/usr/bin/env bash
# Rules that a compiler does not hold: formatting, banned calls, doors for
# foreign headers, lengths, words that mean unfinished work.
#
#	tools/check-style.sh        exit 1 and one line for each fault
set -u
cd "$(dirname "$0")/.." || exit 1
FAULTS=0

fault() {
	echo "$1" >&2
	FAULTS=$((FAULTS + 1))
}
# none TEXT PATTERN FILE...: no line of the files matches
none() {
	local text=$1 pattern=$2 hits
	shift 2
	hits=$(grep -nE "$pattern" "$@" /dev/null | head -n 5)
	[ -z "$hits" ] || fault "$text:
$hits"
}
# door HEADER-PATTERN FOLDER...: included from these folders alone
door() {
	local pattern=$1 folders hits
	shift
	folders=$(printf '^%s/|' "$@")
	hits=$(printf '%s\n' "${product[@]}" | grep -vE "${folders%|}" |
		xargs -r grep -lE "^#include [<\"]$pattern" | head -n 5)
	[ -z "$hits" ] || fault "<$pattern> belongs in $*: $hits"
}

mapfile -t every < <(git ls-files '*.c' '*.h')
mapfile -t product < <(git ls-files 'base/*.[ch]' 'xk/*.[ch]' 'hi2/*.[ch]' \
	'policy/*.[ch]' 'hsm/*.[ch]' 'appliance/*.[ch]' 'tools/lemf/*.[ch]' \
	'tools/media/*.[ch]')
mapfile -t scripts < <(git ls-files | grep -E '\.sh$|^\.ci/run$')

# many COMMAND...: over the files that are read, on all processors
many() { xargs -P "$(nproc)" -n 16 "$@"; }

printf '%s\n' "${every[@]}" | many clang-format --dry-run -Werror 2>&1 | sed -n 's/: error:.*//p' |
	sed 's/:[0-9]*:[0-9]*$//' | sort -u | grep . &&
	fault "run: clang-format -i \$(git ls-files '*.c' '*.h')"
printf '%s\n' "${scripts[@]}" |
	many shellcheck --external-sources --severity=warning || fault "shellcheck"

none "banned call" \
	'(^|[^a-zA-Z_>.])(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|atoi|atol|strtok|gets|alloca|system|popen|tmpnam|mktemp|rand|srand|setjmp|longjmp)\(' \
	"${product[@]}"
none "memset does not erase: explicit_bzero or OPENSSL_cleanse" \
	'memset\([^,]*(key|secret|seed|pin|sk)[^,]*, *0' "${product[@]}"
none "unfinished" '\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b' "${every[@]}" "${scripts[@]}"
none "an include that climbs" '#include "\.\./' "${every[@]}"
none "code that is switched off" '^#if 0' "${every[@]}"

door 'p11-kit/|pkcs11' hsm
door '(seccomp|confuse|sqlite3)\.h' appliance
door 'uv\.h' appliance tools/lemf
door 'openssl/ssl\.h' appliance tools/lemf
door 'openssl/' appliance hsm xk hi2 policy tools/lemf tools/media
door 'jansson\.h' appliance policy tools/lemf
door 'osipparser2/' hi2
door '(pcap|srtp2)/' tools/media

for f in "${every[@]}"; do
	case $f in
	tests/unit/* | tests/asn1/*) continue ;; # lists of promises
	esac
	[ "$(wc -l <"$f")" -le 520 ] || fault "$f: over 500 lines, look for the seam"
	awk -v f="$f" '/^[{]/ { from = NR } /^}/ { if (from && NR - from > 65) {
		printf "%s:%d: a function of %d lines\n", f, from, NR - from
		bad = 1 } from = 0 } END { exit bad }' "$f" >&2 || FAULTS=$((FAULTS + 1))
done

# What the code has, the documents have.
# documented DOCUMENT WHAT: each line of standard input, and there are some, is in it
documented() {
	local line text n=0
	text=$(<"$1")
	while IFS= read -r line; do
		n=$((n + 1))
		[[ $text == *"$line"* ]] || fault "$1: no $2 \"$line\""
	done
	[ "$n" -gt 0 ] || fault "$1: no $2 was looked for: where are they now?"
}
documented docs/PROTOCOL.md message < <(
	sed -nE 's/^\tMSG_([A-Z0-9_]+) = ([0-9]+).*/| \2 | \1 |/p' appliance/proto*.h)
documented <(cat appliance/proto*.h) "message of docs/PROTOCOL.md" < <(
	sed -nE 's/^\| ([0-9]+) \| ([A-Z][A-Z0-9_]{2,}) \|.*/MSG_\2 = \1/p' docs/PROTOCOL.md)
documented docs/PRIVSEP.md process < <(
	grep -ohE '"keywarden-[a-z0-9]+"' appliance/sup_children.c | tr -d '"' | sed 's/^/| /')
documented docs/THREATS.md "key of the token" < <(
	grep -ohE '"keywarden-[a-z0-9-]+-[0-9]"' hsm/hsm_key.c | tr -d '"')
documented docs/PROTOCOL.md "entry of the log" < <(
	sed -nE 's/^ *\[AUDIT_[A-Z_]+\] = \{"([a-zA-Z]+)".*/| \1 |/p' policy/audit_entry.c)
documented <(tr -s ' \n' ' ' <docs/OPERATING.md) "message of docs/OPERATING.md" < <(
	git ls-files 'appliance/*.c' | grep -v '/cli_' | xargs tools/logged.py | sort -u)

[ "$FAULTS" -eq 0 ] || {
	echo "check-style: $FAULTS faults" >&2
	exit 1
}
