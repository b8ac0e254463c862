#!/usr/bin/env python3
"""Seeds for the fuzz targets, derived from tests/vectors/exchanges.json and
written by hand in corpus_*.py.

    make-corpus.py DIRECTORY

writes DIRECTORY/NAME/seed-N for each target.  What is in corpus/ is these and
what fuzzing found, minimised: see README.md.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus_calls as calls  # noqa: E402
import corpus_crl as crl  # noqa: E402
import corpus_decoders as decoders  # noqa: E402
import corpus_delivery as delivery  # noqa: E402
import corpus_media as media  # noqa: E402
import corpus_peers as peers  # noqa: E402
import corpus_records as records  # noqa: E402
import corpus_text as text  # noqa: E402
from corpus_wire import (  # noqa: E402
    Message, call_wire, changed_messages, changed_requests, der, der_items,
    inners, request_messages, u8, u16, u64, unhex, view16, view8)

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors", "exchanges.json")
PERSONS = os.path.join(HERE, "persons")


# ---- documents that persons sign ----

def cms(payload, signers, *options):
    name = os.path.join(PERSONS, payload)
    args = ["openssl", "cms", "-sign", "-binary", "-nosmimecap", "-outform",
            "DER", "-in", name]
    if "-md" not in options:
        args += ["-md", "sha256"]
    for s in signers:
        args += ["-signer", os.path.join(PERSONS, s + ".pem"),
                 "-inkey", os.path.join(PERSONS, s + ".key")]
    if "detached" in options:
        options = [o for o in options if o != "detached"]
    else:
        args.append("-nodetach")
    return subprocess.run(args + list(options), check=True,
                          capture_output=True).stdout


def again(document, signer):
    """The same document with one more signature."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(document)
        f.flush()
        return subprocess.run(
            ["openssl", "cms", "-resign", "-binary", "-inform", "DER",
             "-outform", "DER", "-nodetach", "-in", f.name, "-md", "sha256",
             "-signer", os.path.join(PERSONS, signer + ".pem"),
             "-inkey", os.path.join(PERSONS, signer + ".key")],
            check=True, capture_output=True).stdout


def documents():
    both = ["first", "second"]
    good = cms("payload-3", both, "-nocerts")
    yield good
    yield cms("payload-3", both)
    yield cms("payload-3", both, "-nocerts", "-keyid")
    yield cms("payload-3", both, "-nocerts", "-noattr")
    yield cms("payload-3", both, "-nocerts", "-md", "sha1")
    yield cms("payload-3", both, "-nocerts", "-md", "sha512")
    yield cms("payload-3", both, "-nocerts", "detached")
    yield cms("payload-3", both, "-nocerts", "-stream")
    yield cms("payload-3", ["second"], "-nocerts", "-keyopt",
              "rsa_padding_mode:pss")
    yield cms("payload-3", both + ["third"], "-nocerts")
    yield cms("payload-3", both, "-nocerts", "-econtent_type",
              "1.2.840.113549.1.9.16.1.4")
    one = cms("payload-1", ["first"], "-nocerts")
    yield one
    yield cms("payload-2", ["second"], "-nocerts")
    yield cms("payload-0", ["third"], "-nocerts")
    yield again(one, "first")
    yield again(cms("payload-3", ["second"], "-nocerts"), "first")
    # The content, a signature, and what stands behind the document.
    yield good.replace(b"LI-2026-0001", b"LI-2026-0002")
    yield good[:-1] + u8(good[-1] ^ 1)
    yield good + b"\0"
    yield certificate("first")


def certificate(name):
    with open(os.path.join(PERSONS, name + ".der"), "rb") as f:
        return f.read()


# ---- (target, seed), part by part ----

def exchange_parts(v):
    for e in v["exchanges"]:
        for part in (e, e.get("update")):
            if part is not None:
                yield e, part


def mikey_seeds(v):
    kinds = ["iMessage1", "rMessage1", "iMessage2", "rMessage2"]
    for i, (e, part) in enumerate(exchange_parts(v)):
        for n, kind in enumerate(kinds):
            if kind not in part:
                continue
            m = unhex(part[kind])
            name = u8(n if part is e else n + 4)
            yield "mikey", name + m
            if i == 0 or part is not e:
                for c in changed_messages(m):
                    yield "mikey", name + c
            for p in (22, 23):
                block = Message(m).envelope(p)
                if block:
                    yield "bf_block", block
    for e in v["exchanges"]:
        for kind, plain in inners(e):
            yield "inner", u8(kind) + plain


def request_seeds(messages, target):
    yield "call_get", call_wire(messages) + target
    yield "call_request", b"".join(view16(m or b"") for m in messages) + \
        view8(target)


def call_seeds(v):
    rows = [(xk, e, part is not e) for e, part in exchange_parts(v)
            for xk in part["xk"]]
    for n, (xk, e, update) in enumerate(rows):
        for name in ("getKeys", "getKeysResponse", "getEcValuesResponse",
                     "getSecret", "getSecretResponse"):
            if name in xk and n % 3 == 0:
                yield "xk_pdu", unhex(xk[name])
        messages = request_messages(unhex(xk["getKeys"]))
        target = xk["target"].encode()
        yield from request_seeds(messages, target)
        if update:  # with all of the first exchange
            messages[5:] = [unhex(e["rMessage1"]), unhex(e["iMessage2"])]
            yield from request_seeds(messages, target)
        for c in changed_requests(messages):
            yield from request_seeds(c, target)
        if update:  # asking for keys of the old secret
            row = u16([r[1] for r in rows].index(e))
            yield "regen", u8(n) + b"\x95" + row + b"\1\x96" + row + \
                b"\2\x80\0\0\2\x81\0\0\2"
        yield "regen", u8(n)
        for kind in range(16):
            yield "regen", u8(n) + u8(kind << 4 | n % 7) + u16(7 * n) + u8(1)
    call = call_wire(request_messages(unhex(rows[0][0]["getKeys"])))
    one = cms("payload-1", ["first"], "-nocerts")
    for p in records.protos(call, one):
        yield "proto", p


def pdu_seeds():
    null = der(0x30, b"\x80\1\1\x81\1\7", der(0xa2, b"\x89\0"))
    yield null
    yield null.replace(b"\x89", b"\x8a")
    for reason in (b"\1", b"\2", b"\0", b"\x7f"):
        yield der(0x30, b"\x80\1\1\x81\5\0\xff\xff\xff\xff",
                  der(0xa2, der(0xa8, der(0x80, reason), der(0x81, b"no"))))
    yield der(0x30, b"\x80\1\1\x81\1\7", der(0xa2, der(0xa8, b"\x80\1\2")))
    period = der(0x30, der(0x80, b"sip:a"), der(0x81, b"20240229000000Z"),
                 der(0x82, b"20240301000000Z"), der(0x83, b"key"))
    yield der(0x30, b"\x80\1\1\x81\1\7",
              der(0xa2, der(0xa5, der(0xa0, period, period))))


def xkc_seeds():
    """A script of steps, then what the server says."""
    def pdu(id_, body):
        number = id_.to_bytes(id_.bit_length() // 8 + 1, "big")
        return der(0x30, b"\x80\1\1", der(0x81, number), der(0xa2, body))

    def keys(id_, n=1, sk=b""):
        one = der(0x30, der(0x80, b"CSB_\0"), der(0x81, b"k" * 16),
                  der(0x82, b"s" * 14), der(0x83, b"\5"), der(0x86, b"mki"))
        return pdu(id_, der(0xa1, der(0xa0, one * n), sk))

    def refusal(id_, reason):
        return pdu(id_, der(0xa8, der(0x80, u8(reason)), der(0x81, b"no")))

    alive, response = der(0x89), der(0x8a)
    # Numbers of requests: the first keepAlive's place again, then the next.
    first, second, third = 513, 2, 3
    ask = b"\2\1\3\2"  # messages of ticket 1, a fetch by worker 0
    other = b"\2\2\4\5"  # messages of ticket 2, a fetch by worker 1
    for script, said in (
            (ask, keys(first)), (b"\3\2\2\1", keys(first, 3)),
            (ask + other, keys(second) + keys(first, 2)),
            (ask + ask + other, keys(third) + refusal(second, 4) + keys(first)),
            (ask + b"\0\7\0\1\0\4\1\0", keys(first)),
            (ask + b"\6\x32\3\2", keys(first) + keys(second)),
            (ask + b"\7\0\3\2", keys(first) + keys(second)),
            (ask + b"\5\1\3\2\6\x0a", keys(first)),
            (ask, keys(first, 1, der(0x81, b"S" * 16))),
            (ask, keys(first) + keys(first)), (ask, keys(77)),
            (ask, refusal(0, 1)), (ask, refusal(first, 1)),
            (ask, refusal(first, 9)), (ask, pdu(first, response)),
            (ask, pdu(first, alive)), (b"\6\xff\6\xff\6\xff", pdu(513, response)),
            (b"", b"\x30\x83\xff\xff\xff"), (b"", b"\x16\3\3\0\1"),
            (ask, keys(first)[:-1])):
        yield view16(script) + said
    yield view16(b"\2\0" + b"\3\0" * 260) + keys(first) + keys(second)


def changed_der(octets):
    """Each element left out, twice, or with its last octet changed."""
    items = [(t, c) for t, c in der_items(der_items(octets)[0][1])]
    for i, (t, c) in enumerate(items):
        for new in ([], [(t, c)] * 2, [(t, c[:-1] + u8(c[-1] ^ 1))],
                    [(t, b"\x80" + c)]):
            yield der(0x30, *(der(*p) for p in items[:i] + new + items[i + 1:]))
    yield octets + b"\0"


def kms_seeds(v):
    cert = [certificate(n) for n in ("first", "second", "third")]
    persons = [(n, c, r) for n, c, r in zip((b"a", b"b", b"c"), cert, range(3))]
    for i, m in enumerate(v["ibe"]):
        params = unhex(m["publicParametersDER"])
        yield "bf_der", params
        yield "kms_state", records.kms_state(params, persons[:i])
    for d in changed_der(params):
        yield "bf_der", d
    clients = [(b"df2", cert[0]), (b"mf", b"another")]
    for p, c in ((persons, clients), ([], clients), ([], clients[:1] * 2),
                 (persons[:1] * 2, []), (persons[:1], [(b"n" * 70, b"c")]),
                 ([(b"n" * 70, cert[0], 0)], []), ([(b"x", b"none", 3)], []),
                 ([(b"x", cert[0], 4)], []),
                 (persons[:1] + [(b"z", cert[0], 1)], [])):
        yield "kms_state", records.kms_state(b"p", p, c)
    yield "kms_state", records.kms_state(b"p", [], [], b"")
    for devices in ([], [b"tel:+1"], [b"sip:device%d" % i for i in range(16)]):
        yield "subscriber", records.subscriber(devices, cert[0])
    for test in (1, 2):
        yield "subscriber", records.subscriber([], b"", 1 << 63, test)


def date_seeds(v):
    for k in v["kat"]["period"]:
        c = unhex(k["t"])
        for p in range(3):
            yield u8(p) + u64(1770000000) + u8(0) + c + u64(7) + b"id"
    for t in (0, -1, 951782399, 951782400, 1 << 63, (1 << 63) - 1, 253402300800,
              -30610224000):
        yield u8(2) + u64(t) + u8(2) + u64(5) + u64(6) + u64(t)


def plain_seeds(v):
    """Targets whose seeds need nothing of the others."""
    return {"xk_pdu": pdu_seeds(), "audit_leaf": records.leaves(),
            "audit_log": records.audit_logs(), "ipc": records.ipcs(),
            "ctl": records.ctls(), "dates": date_seeds(v),
            "request": text.requests(), "change": records.changes(),
            "authority": records.histories(),
            "rfc3339": text.TIMES, "identity": text.IDENTITIES,
            "config": text.CONFIGS, "iri": text.iris(),
            "hi2_records": records.hi2_words(),
            "sip_event": text.sips(v["exchanges"]), "x2_pdu": records.x2s(),
            "x2_take": records.x2_takes(v["exchanges"]),
            "calls": calls.seeds(), "crl": crl.seeds(), "intake": records.intakes(),
            "xkc": xkc_seeds(), "signer": records.signers(),
            "tls_asks": records.signed(),
            "tri": delivery.tris(), "deliver": delivery.delivers(),
            "hi2c": delivery.hi2c(), "order": delivery.orders(),
            "state_seen": delivery.entries(),
            "lemf_record": delivery.streams(),
            "lemf_pcap": media.pcaps(),
            "policy_peers": peers.policy_peers(),
            "audit_peers": peers.audit_peers(),
            "worker": peers.workers(), "hi2_links": peers.hi2_links(),
            "client_proof": decoders.client_proofs(),
            "lemf_cert": decoders.lemf_certs(),
            "address": decoders.ADDRESSES, "confine": decoders.CONFINES,
            "rules": decoders.rules(), "queue_seal": decoders.queue_rows(),
            "integrity": decoders.integrities(), "head": decoders.heads(),
            "persons": (u8(f) + d for i, d in enumerate(documents())
                        for f in ((0, 1, 2, 4, 8) if i == 0 else (0,)))}


def main():
    with open(VECTORS, encoding="ascii") as f:
        v = json.load(f)
    pairs = [*mikey_seeds(v), *call_seeds(v), *kms_seeds(v)]
    for name, list_ in plain_seeds(v).items():
        pairs += [(name, s) for s in list_]
    seeds = {}
    for name, octets in pairs:
        if isinstance(octets, str):
            octets = octets.encode("latin-1")
        if octets not in seeds.setdefault(name, []):
            seeds[name].append(octets)
    for name, list_ in seeds.items():
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        for i, octets in enumerate(list_):
            with open(os.path.join(folder, "seed-%d" % i), "wb") as f:
                f.write(octets)


main()
