#!/usr/bin/env bash
# Makes the records of docs/samples again and compares: the octets, and what
# lab-iri says of them.  Then: the keys taken out are those of the record, and
# a file cut short is refused.
#
#	samples.sh BIN WORK [--update]	--update: writes docs/samples instead
set -eu
bin=$1
work=$2
docs=$(cd "$(dirname "$0")/../../docs/samples" && pwd)

rm -rf "$work"
mkdir -p "$work"
"$bin/iri-samples" "$work"
for f in "$work"/*.ber; do
	"$bin/lab-iri" --keys "$f" >"${f%.ber}.txt"
done
if [ "${3:-}" = --update ]; then
	cp "$work"/*.ber "$work"/*.txt "$docs"
	exit 0
fi
count=0
for f in "$docs"/*.ber "$docs"/*.txt; do
	cmp "$f" "$work/${f##*/}"
	count=$((count + 1))
done
made=("$work"/*)
[ "$count" -eq 12 ] && [ "${#made[@]}" -eq 12 ] || {
	echo "not the same files in $docs and $work" >&2
	exit 1
}

# All in one file, as they come from a connection.
cat "$docs"/*.ber >"$work/all"
"$bin/lab-iri" --json --keys-out "$work/keys.json" --sip-out "$work/sip" \
	"$work/all" >"$work/json"
python3 - "$work" <<'END'
import json, sys
work = sys.argv[1]
rows = [json.loads(line) for line in open(work + "/json")]
assert [r["event"] for r in rows] == ["keys"] * 2 + ["noKeys"] * 2 + ["sip"] * 2
for r in rows:
    assert r["liid"] == "SAMPLE-0001" and r["cin"] == 0x1234
    assert r["correlation"] == "0000000100001234"
    assert sorted(r["targets"]) == ["sip:alice@example.com", "tel:+15555550100"]
    assert r["sip"].startswith("INVITE sip:bob@example.net SIP/2.0\r\n")
    assert r["initiator"] == "originating-Target"
    assert len(r["keys"]) == (1 if r["event"] == "keys" else 0)
assert [r["sequence"] for r in rows] == [0, 0, 1, 1, 2, 2]
assert [r["form"] for r in rows] == [0, 1] * 3
keys = json.load(open(work + "/keys.json"))["keys"]
assert len(keys) == 2
for k, r in zip(keys, rows):
    for name in "cryptoSessionId", "sessionKey", "salt":
        assert k[name] == r["keys"][0][name], name
    assert (len(k["sessionKey"]), len(k["salt"])) == (32, 28)
sip = open(work + "/sip", newline="").read()
assert sip == "".join(r["sip"] for r in rows)
END
[ "$(stat -c %a "$work/keys.json")" = 600 ]

# No key is shown unless it is asked for.
key=$(sed -n 's/.*"sessionKey":"\([0-9a-f]*\)".*/\1/p' "$work/json" | head -n 1)
[ "${#key}" -eq 32 ]
"$bin/lab-iri" --keys "$work/all" | grep -q "$key"
if "$bin/lab-iri" "$work/all" | grep -q "$key"; then
	echo "lab-iri shows a key" >&2
	exit 1
fi

# Each cut end is refused, and an octet behind.
f=$docs/keys-form0.ber
size=$(stat -c %s "$f")
for n in 1 2 3 10 100 300 $((size - 1)); do
	head -c "$n" "$f" >"$work/cut"
	if "$bin/lab-iri" "$work/cut" >/dev/null 2>&1; then
		echo "$n octets of $size were taken" >&2
		exit 1
	fi
done
{ cat "$f" && printf x; } >"$work/cut"
if "$bin/lab-iri" "$work/cut" >/dev/null 2>&1; then
	echo "an octet behind was taken" >&2
	exit 1
fi
