#!/usr/bin/env python3
"""Seeds for the fuzz targets, derived from tests/vectors/exchanges.json and
written by hand below.

    make-corpus.py DIRECTORY

writes DIRECTORY/NAME/seed-N for each target.  What is in corpus/ is these and
what fuzzing found, minimised: see README.md.
"""
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors", "exchanges.json")
OFFICERS = os.path.join(HERE, "officers")

unhex = bytes.fromhex


def u8(v):
    return struct.pack(">B", v)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v & (1 << 64) - 1)


def view8(b):
    return u8(len(b)) + b


def view16(b):
    return u16(len(b)) + b


def view32(b):
    return u32(len(b)) + b


def der_length(n):
    if n < 128:
        return u8(n)
    b = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return u8(0x80 | len(b)) + b


def der(tag, *parts):
    body = b"".join(parts)
    return u8(tag) + der_length(len(body)) + body


def der_items(b):
    """The elements of DER content: (tag, content)."""
    out, i = [], 0
    while i < len(b):
        tag, n, i = b[i], b[i + 1], i + 2
        if n >= 128:
            k = n & 127
            n, i = int.from_bytes(b[i:i + k], "big"), i + k
        out.append((tag, b[i:i + n]))
        i += n
    return out


# ---- MIKEY ----

class Message:
    """A message of the vectors, by payloads."""

    def __init__(self, octets):
        self.octets = octets
        n_cs = octets[8]
        self.prf = octets[3] & 0x7f
        self.csb_id = octets[4:8]
        self.cs = octets[10:10 + 9 * n_cs]
        self.payloads = []
        kind, i = octets[2], 10 + 9 * n_cs
        while kind != 0:
            following, i = octets[i], i + 1
            if kind == 5:
                n = 9 if octets[i] < 2 else 5
            elif kind == 9:
                n = len(octets) - i
            elif kind in (10, 14):
                n = 4 + int.from_bytes(octets[i + 2:i + 4], "big")
            elif kind == 11:
                n = 1 + octets[i]
            elif kind == 21:
                n = 3 + int.from_bytes(octets[i + 1:i + 3], "big")
            else:
                n = 2 + int.from_bytes(octets[i:i + 2], "big")
            self.payloads.append((kind, octets[i:i + n]))
            self.mac_at = i + 1
            kind, i = following, i + n

    def all_of(self, kind):
        return [p for k, p in self.payloads if k == kind]

    def envelope(self, kind):
        found = self.all_of(kind)
        return found[0][2:] if found else None

    def wire(self):
        """As call_put() writes it."""
        out = u8(1) + u8(self.prf) + self.csb_id + u8(len(self.cs) // 9)
        out += self.cs
        t = self.all_of(5)[0]
        value = t[1:] if t[0] < 2 else \
            bytes(4) + t[1:] if t[0] == 2 else t[1:] + bytes(4)
        out += t[:1] + value
        out += (self.all_of(11) + [b"\0"])[0]
        for role in (1, 2):
            ids = [p[4:] for p in self.all_of(14) if p[0] == role]
            out += u8(1) + view16(ids[0]) if ids else u8(0)
        policies = self.all_of(10)
        out += u8(len(policies)) + b"".join(map(view16, policies))
        for kind in (22, 23):
            block = self.envelope(kind)
            if block is None:
                out += u8(0)
                continue
            _, point, v, w = der_items(der_items(block)[0][1])
            x, y = [c[1].lstrip(b"\0") for c in der_items(point[1])]
            out += b"\1\1" + b"".join(map(view16, (x, y, v[1], w[1])))
        v = self.all_of(9)
        if not v:
            return out + u8(0)
        return out + u8(1) + v[0][:1] + view16(v[0][1:]) + \
            view16(self.octets[:self.mac_at])


def call_wire(messages):
    """messages: the seven of a request, None for those that are not there."""
    first = messages[2] is not None
    old = not first and Message(messages[0]).envelope(22) is None
    return u8(0 if first else 2 if old else 1) + b"".join(
        u8(0) if m is None else Message(m).wire() for m in messages)


FIELDS = [1, 2, 3, 6, 4, 7, 8]  # tags in GetKeys, in the order of a call


def request_messages(pdu):
    body = der_items(der_items(pdu)[0][1])[2][1]
    fields = dict((t & 31, c) for t, c in der_items(der_items(body)[0][1]))
    return [fields.get(f) for f in FIELDS]


# ---- plaintexts of envelopes ----

def inner_id(role, name, following, idr):
    head = u8(following) + (u8(role) if idr else b"") + u8(1)
    return head + view16(name.encode())


def inner_point(curve, point, following, kv=b"\0"):
    pad = bytes((4 - (2 + len(point)) % 4) % 4)
    return u8(following) + u8(curve) + point + pad + b"\0\0\0" + kv


def inners(e):
    idr = e["innerIds"] == "IDR"
    form = 14 if idr else 6
    x, y, c = unhex(e["xP"]), unhex(e["yP"]), e["curve"]
    a = e["initiator"]["identity"]
    b = e["answering"]["identity"]
    spi = b"\1" + view8(b"MKI1")
    interval = b"\2" + view8(b"from") + view8(b"to")
    yield 0, inner_id(1, a, 25, idr) + inner_point(c, x, form) + \
        inner_id(2, b, 0, idr)
    yield 1, inner_id(1, a, 25, idr) + inner_point(c, x, form) + \
        inner_id(2, b, 25, idr) + inner_point(c, y, 0, spi)
    yield 1, inner_id(1, a, form, idr) + inner_id(2, b, 25, idr) + \
        inner_point(c, y, 0, interval)
    yield 2, inner_id(1, a, 25, idr) + inner_point(c, x, 0)
    yield 3, inner_id(1, a, 24, idr) + b"\0\x10" + view16(bytes(range(16))) \
        if idr else inner_id(1, a, 24, idr) + b"\0\x11" + \
        view16(bytes(range(16))) + view8(b"MKI1")


# ---- other formats ----

def leaves():
    """One leaf of each type, as audit_entry_encode() writes them."""
    text = view16(b"keywarden 0.1.0")
    call = u32(0x01020304) + u8(0) + u64(0xe98b98f6b9d891b2)
    client, target, liid = view8(b"df2-east"), \
        view8(b"sip:alice@example.com"), view8(b"LI-2026-0001")
    digest = hashlib.sha256(b"x").digest()
    bodies = [text, text, text, digest + text,
              client + target + liid + digest + digest + call,
              u64(4) + u8(0) + u32(1), u8(2) + client + target + liid + text,
              liid + digest + digest + text, liid + digest + digest + text,
              digest + text, target + text, u64(4) + u8(0),
              u32(3) + client + text, text, u64(4), digest + text, target]
    return [u8(1) + u8(i + 1) + u64(i) + u64(1770000000 * 10**9) +
            u64(1000 * i) + b for i, b in enumerate(bodies)]


def audit_logs():
    every = leaves()
    record = b"".join(view16(v) for v in every)
    yield b"\2" + view16(every[0]) + b"\0\0"
    yield b"\2" + record + b"\0\0"
    yield b"\2" + record + b"\0\0" + bytes(64)
    yield b"\2" + record + b"\0\0" + u32(100) + b"torn" + bytes(100)
    yield b"\0" + view16(every[0]) + view16(every[5]) + b"\0\0"
    yield b"\2" + view16(every[3]) + b"\0\0" + u32(0) + bytes(200) + b"behind"
    yield b"\1"
    leaf = every[0]
    good = view32(leaf) + hashlib.sha256(b"\0" + leaf).digest()
    yield b"\1KEYWARDEN AUDIT1" + good
    yield b"\1KEYWARDEN AUDIT1" + good + good
    yield b"\1KEYWARDEN AUDIT1" + good[:-1]
    yield b"\1KEYWARDEN AUDIT1" + u32(0xffffffff) + bytes(10)
    yield b"\1KEYWARDEN AUDIT2" + good


WARRANT = {
    "keywardenWarrant": 1, "liid": "LI-2026-0001",
    "reference": "court 12/2026", "issued": "2026-01-31T12:00:00Z",
    "target": {"identities": ["sip:alice@example.com", "tel:+15550100"]},
    "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z",
               "graceAfterEnd": 7200, "callsBefore": "2026-01-15T00:00:00Z"},
    "clients": ["df2-east", "df2-west"], "delivery": ["xk"]}


def warrants():
    yield WARRANT
    for name in ("reference", "liid", "issued", "target", "period",
                 "clients", "delivery", "keywardenWarrant"):
        yield {k: v for k, v in WARRANT.items() if k != name}
    for change in ({"keywardenWarrant": 2}, {"keywardenWarrant": 1.0},
                   {"liid": "L" * 26}, {"liid": "with blank"},
                   {"liid": "f\u00fcr"}, {"reference": 7}, {"more": []},
                   {"clients": []}, {"clients": ["a", "a"]},
                   {"clients": ["n" * 65]}, {"delivery": ["hi2"]},
                   {"delivery": "xk"}, {"target": []},
                   {"target": {"identities": ["sip:*@example.com"]}},
                   {"target": {"identities": ["tel:+1-555"]}},
                   {"target": {"identities": ["sips:a@[2001:db8::1]:5070"]}},
                   {"target": {"identities": ["sip:a;b=c"], "x": 1}},
                   {"issued": "2026-02-30T00:00:00Z"}):
        yield {**WARRANT, **change}
    for change in ({"graceAfterEnd": -1}, {"graceAfterEnd": 604800},
                   {"graceAfterEnd": 604801}, {"graceAfterEnd": 1e3},
                   {"graceAfterEnd": 10**30}, {"end": "2026-02-01T00:00:00Z"},
                   {"callsBefore": "2026-02-01T00:00:01Z"}, {"more": 0}):
        yield {**WARRANT, "period": {**WARRANT["period"], **change}}
    plain = {k: v for k, v in WARRANT["period"].items()
             if k in ("start", "end")}
    yield {**WARRANT, "period": plain}
    yield {**WARRANT, "target": {"identities": [
        "tel:+%d" % (10**14 + i) for i in range(65)]}}


def revocations():
    good = {"keywardenRevocation": 1, "warrant": "0f" * 32}
    return [good, {**good, "reason": "court order"},
            {**good, "warrant": "0F" * 32}, {**good, "warrant": "0g" * 32},
            {**good, "warrant": "0f" * 31}, {**good, "keywardenRevocation": 2},
            {**good, "more": 1}, [], {}]


IDENTITIES = ["sip:alice@example.com", "sips:b@[2001:db8::1]:5070",
              "tel:+15550100", "tel:+", "tel:15550100", "tel:+155501001234567",
              "tel:+1555010012345678", "sip:", "sip:a;user=phone", "sip:a?b=c",
              "sip:*@example.com", "sips:", "mailto:a@b", "sip:a b", "",
              "sip:" + 251 * "x", "sip:" + 252 * "x", "sip:a\0b", "tel:+1\x7f"]

TIMES = ["2026-01-31T12:00:00Z", "2024-02-29T23:59:59Z",
         "2023-02-29T00:00:00Z", "1970-01-01T00:00:00Z",
         "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z",
         "2026-01-31T12:00:60Z", "2026-01-31T24:00:00Z", "2026-13-01T00:00:00Z",
         "2026-01-31 12:00:00Z", "2026-01-31T12:00:00z", ""]

CONFIGS = ["", "# nothing\n", """
state_dir = "/var/lib/keywarden"
control_socket = "/run/keywarden/control"
log_level = "debug"
xk {
  listen = {"192.0.2.1:7300", "[2001:db8::1]:7300"}
  certificate = "/etc/keywarden/xk.pem"
  key = "/etc/keywarden/xk.key"
  client_ca = "/etc/keywarden/ca.pem"
  max_connections = 64
  idle_seconds = 120
}
client "df2-east" { certificate = "/etc/keywarden/df2-east.pem" }
client "df2-west" { certificate = "/etc/keywarden/df2-west.pem" }
token {
  module = "/usr/lib/softhsm/libsofthsm2.so"
  label = "keywarden"
  pin_file = "/etc/keywarden/pin"
  workers = 2
  environment = {"SOFTHSM2_CONF=/x"}
}
kms { scheme = "ss512" uri = "kms.example.com" period = "week" }
audit { chunk_mib = 8 most_mib = 1024 }
""", 'client "a" { }\n', 'client "a" {certificate="x"}\nclient "a" {}\n',
    "xk { listen = {} }\n", "xk { max_queued = 1 }\n", "token { workers = 0 }",
    'token { environment = {"novalue"} }', 'state_dir = "relative"\n',
    "audit { chunk_mib = 99999999999999999999 }\n", "xk {\n",
    'token { label = "' + 33 * "x" + '" }\n', "unknown = 1\n",
    "/* comment */ // more\n# and\n", "xk { listen += {\"x\"} }\n",
    'state_dir = "${NOTSET:-/x}"\n', "state_dir = '/single'\n",
    'client "" {certificate="x"}\n', "log_level = {a, b}\n"]


def sips(exchanges):
    for e in exchanges:
        for m in e.get("sip", {}).get("messages", []):
            yield unhex(m["hex"])
    head = b"INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\n" \
        b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1@h\r\n" \
        b"CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
    sdp = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n"
    for lines in (b"a=key-mgmt:mikey AAAA\r\n",
                  b"a=key-mgmt:mikey AA==\r\na=key-mgmt:mikey AA==\r\n",
                  b"a=key-mgmt:mikey A===\r\n", b"a=key-mgmt:MIKEY AAAA\r\n",
                  b"m=audio 1 RTP/SAVP 0\r\na=key-mgmt:mikey  AAAA \r\n",
                  b"".join(b"a=key-mgmt:mikey AAA%c\r\n" % c
                           for c in b"ABCDEFGHIJKLMNOPQR"), b""):
        body = sdp + lines
        yield head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        yield head + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body
    part = b"--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp + \
        b"a=key-mgmt:mikey AAAA\r\n\r\n--b--\r\n"
    yield head.replace(b"application/sdp", b"multipart/mixed;boundary=b") + \
        b"Content-Length: %d\r\n\r\n" % len(part) + part
    yield b"SIP/2.0 200 OK\nCall-ID: x\n\n"


def subscriber(devices, cert):
    body = u8(1) + u64(1770000000) + view8(b"sip:alice@example.com") + \
        u8(len(devices)) + b"".join(map(view8, devices)) + \
        view8(b"label") + view8(bytes(range(40))) + view16(cert)
    return body + bytes(32)


def kms_state(params, officers):
    return u32(0x4b57535a) + u16(1) + u64(1770000000) + u32(1) + \
        view8(b"ss512") + view16(b"kms.example.com") + u8(1) + \
        view16(params) + view16(b"SubjectPublicKeyInfo") + \
        u8(len(officers)) + b"".join(
            view8(n) + view16(c) for n, c in officers) + bytes(32)


def protos(call, cms):
    leaf = leaves()[4]
    client = hashlib.sha256(b"c").digest()
    target, liid = view8(b"sip:alice@example.com"), view8(b"LI-1")
    device = u8(2) + view8(b"tel:+1") + view8(b"sip:d")
    key = b"\1\2\3\4\1" + bytes(16) + bytes(14)
    many = u16(2) + 2 * (view8(b"df2") + client)
    bodies = [u64(1) + client + b"\0\0" + target + liid + view32(call),
              u64(1) + u8(2) + view8(b"no warrant"),
              client + u32(3) + view8(b"handshake"),
              u64(1) + u32(2) + view16(leaf) + view32(cms) +
              view16(subscriber([], b"")) + view32(call),
              b"\1\0", view16(leaf) + view32(cms), b"\0" + u32(1),
              b"\0" + view16(leaf) + view32(b"body"), b"\0" + view32(b"r"),
              target + device + view8(b"label") + view16(b"c") + view16(b""),
              view16(b"record") + view16(b"seed"),
              view16(b"record") + target + u64(1770000000),
              u64(1) + u64(2) + view16(cms), target + target + u64(3),
              u64(1) + u8(2) + key + u8(3) + u32(7) + u32(0) +
              view16(b"\0\0\0\3\1\1\20") + view8(b"mki") + key + u8(0) +
              u32(0) + u32(0) + view16(b"") + view8(b"") + u8(1) + bytes(16),
              u8(5) + view16(b"text"), b"".join(map(u32, range(7))),
              view16(b"/var/lib/x.db") + many,
              u32(0) + u32(10) + view16(b"/lib.so") + view8(b"label"),
              b"\1" + view16(b"/lib.so") + view8(b"label"), u64(1) + u64(0)]
    return [u8(i) + b for i, b in enumerate(bodies)]


def ipcs():
    def frame(kind, number, body):
        return u32(6 + len(body)) + u16(kind) + u32(number) + body
    stream = frame(20, 1, b"") + frame(20, 2, bytes(range(40))) + \
        frame(22, 1, b"four") + frame(24, 2, b"")
    yield u8(255) + view8(b"\xff") + stream
    yield u8(16) + view8(b"\0\1\2\7") + stream
    yield u8(16) + view8(b"") + stream + frame(99, 3, b"unknown")
    yield u8(1) + view8(b"\5") + frame(20, 1, b"longer than four")
    yield u8(255) + view8(b"\xff\1") + frame(20, 0, bytes(1020)) * 3
    yield u8(4) + view8(b"\0") + u32(5) + b"short"


def ctls():
    def packet(fds, kind, number, body=b""):
        p = u32(6 + len(body)) + u16(kind) + u32(number) + body
        return u8(fds) + view16(p)
    yield b"\xff" + packet(1, 2, 0) + packet(1, 4, 0x100) + \
        packet(0, 6, 0, view16(b"/x.db") + u16(0)) + packet(0, 8, 0) + \
        packet(0, 10, 0)
    yield b"\xff" + packet(0, 14, 0, b"order") + packet(1, 4, 0x33f)
    yield b"\xff" + packet(0, 2, 0) + packet(1, 6, 0) + packet(1, 2, 99)
    yield b"\0" + packet(0, 6, 0) + packet(0, 1000, 0)
    yield b"\xff" + u8(0) + view16(u32(7) + u16(10) + u32(0))
    yield b"\xff" + u8(0) + view16(b"abc")


def cms(payload, signers, *options):
    name = os.path.join(OFFICERS, payload)
    args = ["openssl", "cms", "-sign", "-binary", "-nosmimecap", "-outform",
            "DER", "-in", name]
    if "-md" not in options:
        args += ["-md", "sha256"]
    for s in signers:
        args += ["-signer", os.path.join(OFFICERS, s + ".pem"),
                 "-inkey", os.path.join(OFFICERS, s + ".key")]
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
             "-signer", os.path.join(OFFICERS, signer + ".pem"),
             "-inkey", os.path.join(OFFICERS, signer + ".key")],
            check=True, capture_output=True).stdout


def documents():
    both = ["first", "second"]
    yield cms("payload-3", both)
    yield cms("payload-3", both, "-nocerts")
    yield cms("payload-3", both, "-nocerts", "-keyid")
    yield cms("payload-3", both, "-nocerts", "-noattr")
    yield cms("payload-3", both, "-nocerts", "-md", "sha1")
    yield cms("payload-3", both, "-nocerts", "-md", "sha512")
    yield cms("payload-3", both, "-nocerts", "detached")
    yield cms("payload-3", ["second"], "-nocerts", "-keyopt",
              "rsa_padding_mode:pss")
    yield cms("payload-3", both + ["third"], "-nocerts")
    yield cms("payload-3", both, "-nocerts", "-econtent_type",
              "1.2.840.113549.1.9.16.1.4")
    yield cms("payload-1", ["first"], "-nocerts")
    yield cms("payload-2", ["second"], "-nocerts")
    yield cms("payload-0", ["third"], "-nocerts")
    one = cms("payload-1", ["first"], "-nocerts")
    yield again(one, "first")
    yield again(cms("payload-3", ["second"], "-nocerts"), "first")
    der_of = os.path.join(OFFICERS, "first.der")
    yield open(der_of, "rb").read()


def main():
    out = sys.argv[1]
    v = json.load(open(VECTORS))
    seeds = {}

    def seed(name, octets):
        if isinstance(octets, str):
            octets = octets.encode("latin-1")
        if octets not in seeds.setdefault(name, []):
            seeds[name].append(octets)

    rows = []
    for e in v["exchanges"]:
        for part in (e, e.get("update")):
            if part is None:
                continue
            for n, (kind, name) in enumerate(
                    [("iMessage1", 0), ("rMessage1", 1), ("iMessage2", 2),
                     ("rMessage2", 3)]):
                if kind not in part:
                    continue
                m = unhex(part[kind])
                seed("mikey", u8(name if part is e else n + 4) + m)
                for p in (22, 23):
                    block = Message(m).envelope(p)
                    if block:
                        seed("bf_block", block)
            rows += [(e, xk) for xk in part["xk"]]
        for kind, plain in inners(e):
            seed("inner", u8(kind) + plain)
    for n, (e, xk) in enumerate(rows):
        for name in ("getKeys", "getKeysResponse", "getEcValuesResponse",
                     "getSecret", "getSecretResponse"):
            if name in xk and n % 3 == 0:
                seed("xk_pdu", unhex(xk[name]))
        messages = request_messages(unhex(xk["getKeys"]))
        call = call_wire(messages)
        seed("call_get", call + xk["target"].encode())
        seed("call_request", b"".join(view16(m or b"") for m in messages) +
             view8(xk["target"].encode()))
        seed("regen", u8(n))
        for kind in range(16):
            seed("regen", u8(n) + u8(kind << 4 | n % 4) + u16(7 * n) + u8(1))
    null = der(0x30, b"\x80\1\1\x81\1\7", der(0xa2, b"\x89\0"))
    seed("xk_pdu", null)
    seed("xk_pdu", null.replace(b"\x89", b"\x8a"))
    seed("xk_pdu", der(0x30, b"\x80\1\1\x81\5\0\xff\xff\xff\xff",
                       der(0xa2, der(0xa8, b"\x80\1\2", der(0x81, b"no")))))
    period = der(0x30, der(0x80, b"sip:a"), der(0x81, b"20240229000000Z"),
                 der(0x82, b"20240301000000Z"), der(0x83, b"key"))
    seed("xk_pdu", der(0x30, b"\x80\1\1\x81\1\7",
                       der(0xa2, der(0xa5, der(0xa0, period, period)))))
    for i, m in enumerate(v["ibe"]):
        params = unhex(m["publicParametersDER"])
        seed("bf_der", params)
        cert = [(n.encode(), open(os.path.join(OFFICERS, n + ".der"),
                                  "rb").read()) for n in ("first", "second")]
        seed("kms_state", kms_state(params, cert[:i]))
    seed("kms_state", kms_state(b"p", [cert[0], cert[0]]))
    for devices in ([], [b"tel:+1"], [b"sip:device%d" % i for i in range(16)]):
        seed("subscriber", subscriber(devices, cert[0][1]))
    for octets in leaves():
        seed("audit_leaf", octets)
    for octets in audit_logs():
        seed("audit_log", octets)
    for w in warrants():
        seed("warrant", json.dumps(w))
    for r in revocations():
        seed("revocation", json.dumps(r))
    for t in TIMES:
        seed("rfc3339", t)
    for i in IDENTITIES:
        seed("identity", i)
    for c in CONFIGS:
        seed("config", c)
    for s in sips(v["exchanges"]):
        seed("sip_mikey", s)
    for s in ipcs():
        seed("ipc", s)
    for s in ctls():
        seed("ctl", s)
    for k, d in enumerate(documents()):
        for flags in range(4):
            if k < 4 or flags == 0:
                seed("officers", u8(flags) + d)
    one = cms("payload-1", ["first"], "-nocerts")
    for p in protos(call_wire(request_messages(unhex(
            rows[0][1]["getKeys"]))), one):
        seed("proto", p)
    for k in v["kat"]["period"]:
        c = unhex(k["t"])
        for p in range(3):
            seed("dates", u8(p) + u64(1770000000) + u8(0) + c + u64(7) + b"id")
    for t in (0, -1, 951782399, 951782400, 1 << 63, (1 << 63) - 1, 253402300800,
              -30610224000):
        seed("dates", u8(2) + u64(t) + u8(2) + u64(5) + u64(6) + u64(t))
    for name, list_ in seeds.items():
        os.makedirs(os.path.join(out, name), exist_ok=True)
        for i, octets in enumerate(list_):
            with open(os.path.join(out, name, "seed-%d" % i), "wb") as f:
                f.write(octets)


main()
