#!/usr/bin/env python3
"""judge_records: are the records in the queue those that must be there?

	judge_records.py [--at-least-once | --keys-alone | --received] EXPECTED NAME=FILE...

FILE is what lab-iri --json says of the records of the LEMF NAME.  A line of
EXPECTED is one record, in fields that a tab separates:

	LEMF  LIID  event  Call-ID  initiator  targets  keys  SIP

targets: identities, separated by blanks.  keys: a file of lab-exchange, or -.
SIP: a file; or DIR:FILE, the one message in DIR that holds the MIKEY message
FILE; or - for none.  LEMF may be NAME/form,
with a ? before it where the record may be missing.

All records must be expected and all that is expected must be there, as often
as it stands there, or with --at-least-once no less often; --keys-alone looks at
no records of another event.  What a record says
of the call (CIN, correlation) must be that Call-ID's, and the sequence numbers
of a LEMF, LIID and CIN must be 0, 1, 2 and so on.  --received: the files are
what a LEMF has received: other PDUs may be among the records, and records may
come again, the same ones, behind which all is in order again.  SIP messages that go out by
themselves must have them in the order of EXPECTED.  Exit code 1 otherwise, with
a line for each thing that is wrong; no key is printed.
"""
import base64
import collections
import functools
import hashlib
import json
import os
import re
import sys

Record = collections.namedtuple(
    "Record", "lemf form liid event correlation cin initiator targets keys sip")


def keys_of(path):
    if path == "-":
        return ()
    return keys_in(json.load(open(path))["keys"])


def keys_in(keys):
    names = ("cryptoSessionId", "sessionKey", "salt")
    return tuple(sorted(tuple(k[n] for n in names) for k in keys))


@functools.lru_cache(None)
def messages_of(folder):
    """The first SIP message that holds each MIKEY message, by its base64."""
    of = {}
    for name in sorted(os.listdir(folder)):
        octets = open(os.path.join(folder, name), "rb").read()
        for word in re.findall(rb"mikey ([A-Za-z0-9+/=]+)\r\n", octets):
            of.setdefault(word, octets.decode("latin-1"))
    return of


def sip_of(spec):
    if spec == "-":
        return ""
    if ":" not in spec:
        return open(spec, "rb").read().decode("latin-1")
    folder, mikey = spec.split(":")
    word = base64.b64encode(open(mikey, "rb").read())
    if word not in messages_of(folder):
        sys.exit("%s is in no message of %s" % (mikey, folder))
    return messages_of(folder)[word]


def expected(path):
    for line in open(path):
        lemf, liid, event, call, initiator, targets, keys, sip = \
            line.rstrip("\n").split("\t")
        must = not lemf.startswith("?")
        lemf, _, form = lemf.lstrip("?").partition("/")
        digest = hashlib.sha256(call.encode()).hexdigest()[:16]
        yield must, Record(lemf, int(form or 0), liid, event, digest,
                           int(digest[8:], 16), initiator,
                           tuple(targets.split()), keys_of(keys), sip_of(sip))


def found(lemf, path):
    for line in open(path):
        r = json.loads(line)
        if "form" not in r:  # of the transport
            continue
        yield r["sequence"], Record(
            lemf, r["form"], r["liid"], r["event"], r["correlation"], r["cin"],
            r["initiator"], tuple(r["targets"]), keys_in(r["keys"]),
            r.get("sip", ""))


def name(r):
    return "%s %s %s of call %s (%s, to %s, form %d, %d keys, %s)" % (
        r.lemf, r.liid, r.event, r.correlation, r.initiator,
        " ".join(r.targets), r.form, len(r.keys), r.sip.split("\r\n")[0][:40])


def nearly(r, among):
    """What is different in one that is all but this."""
    for o in among:
        if o.correlation == r.correlation and o.lemf == r.lemf:
            bad = [f for f, a, b in zip(Record._fields, r, o) if a != b]
            if bad and len(bad) <= 3:
                return "; like one that is there but for " + ", ".join(bad)
    return ""


def only_sip(records):
    order = collections.defaultdict(list)
    for r in records:
        if r.event == "sip":
            order[r.lemf, r.liid, r.cin].append(r.sip)
    return order


def first_ones(there, faults):
    """Those that were not there before; gaps and changed ones are faults."""
    by = {}
    ones = []
    for sequence, r in there:
        had = by.setdefault((r.lemf, r.liid, r.cin), [])
        if sequence > len(had):
            faults.append("%d before %d: %s" % (sequence, len(had), name(r)))
        elif sequence == len(had):
            had.append(r)
            ones.append((sequence, r))
        elif had[sequence] != r:
            faults.append("not the one that came before: %s" % name(r))
    return ones


def main(words):
    at_least = words[:1] in (["--at-least-once"], ["--received"])
    received = words[:1] == ["--received"]
    keys_alone = words[:1] == ["--keys-alone"]
    words = words[1:] if at_least or keys_alone else words
    wanted = list(expected(words[0]))
    may = collections.Counter(r for must, r in wanted if not must)
    wanted = [r for must, r in wanted if must]
    there = []
    for word in words[1:]:
        lemf, path = word.split("=", 1)
        there += found(lemf, path)
    want = collections.Counter(wanted)
    have = collections.Counter(
        r for _, r in there if not keys_alone or r.event == "keys")
    numbers = collections.defaultdict(list)
    faults = []
    if received:
        there = first_ones(there, faults)
        have = collections.Counter(r for _, r in there)
    for sequence, r in there:
        numbers[r.lemf, r.liid, r.cin].append(sequence)
    for r, n in (want - have).items():
        faults.append("%d missing: %s%s" % (n, name(r), nearly(r, have)))
    for r, n in (have - want - may).items():
        if not (at_least and (r in want or r in may)):
            faults.append("%d too many: %s" % (n, name(r)))
    for of, list_ in numbers.items():
        if sorted(list_) != list(range(len(list_))):
            faults.append("sequence numbers of %s: %s" % (of, list_))
    there.sort(key=lambda n: n[0])
    if not at_least and not keys_alone and want == have and \
            only_sip(wanted) != only_sip(r for _, r in there):
        faults.append("SIP messages are not in their order")
    for f in faults:
        print("   " + f)
    return 1 if faults else 0


sys.exit(main(sys.argv[1:]))
