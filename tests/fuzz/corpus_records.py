"""Seeds of make-corpus.py that are records and messages: the audit log, the
registry, the lines between processes."""
import base64
import hashlib
import random

import corpus_text as text
from corpus_wire import u8, u16, u32, u64, unhex, view8, view16, view32


def leaves():
    """One leaf of each type, as audit_entry_encode() writes them."""
    text = view16(b"keywarden 0.1.0")
    call = u32(0x01020304) + u8(0) + u64(0xe98b98f6b9d891b2)
    client, target, liid = view8(b"df2-east"), \
        view8(b"sip:alice@example.com"), view8(b"LI-2026-0001")
    digest = hashlib.sha256(b"x").digest()
    change = u64(9) + u8(6) + target + view8(b"") + bytes(32) + digest + text
    bodies = [text, text, text, digest + text,
              client + target + liid + digest + digest + call + u8(1),
              u64(4) + u8(0) + u32(1),
              u8(2) + client + target + liid + call + text, change,
              u64(9) + digest + text, digest + text, target + digest + text,
              u64(4) + u8(0), u32(3) + client + text, text, u64(4),
              digest + text, digest + text, text]
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
    yield b"\1KEYWARDEN AUDIT1" + good[:-1] + b"?" + bytes(20)
    yield b"\1KEYWARDEN AUDIT1" + good[:-1]
    yield b"\1KEYWARDEN AUDIT1" + u32(0xffffffff) + bytes(10)
    yield b"\1KEYWARDEN AUDIT2" + good


def subscriber(devices, cert, number=7, test=0):
    body = u8(2) + u64(1770000000) + u64(number) + u8(test) + \
        view8(b"sip:alice@example.com") + \
        u8(len(devices)) + b"".join(map(view8, devices)) + \
        view8(b"label") + view8(bytes(range(40))) + view16(cert)
    return body + bytes(32)


def evidence(*documents):
    return u8(len(documents)) + b"".join(view32(d) for d in documents)


def change(number, kind, request=b"", signed=b"", time=1900000000):
    return u64(number) + u64(time) + u8(kind) + \
        hashlib.sha256(request).digest() + view32(request) + view32(signed)


def changes():
    """What change_put() and evidence_put() write."""
    for n in (0, 1, 8, 9):
        yield evidence(*[b"cms"] * n)
    yield evidence(b"", b"x") + b"\0"
    for number in (0, 1, 4194304, 4194305):
        yield change(number, 3, b"{}", evidence(b"one", b"two"))
    for kind in (0, 15, 16, 255):
        yield change(7, kind, b"", b"") + b"more"
    yield change(2, 1, b"r" * 70, b"\1\0\0\0\xff")


def histories():
    """Of each change u8 kind, faults, a, b, c: see fuzz_authority.c."""
    def all_of(*steps):
        return b"".join(bytes(s) for s in steps)

    warrant = (0, 0, 1, 200, 0)
    for kind in range(18):
        yield all_of((kind, 0, 1, 2, 0), (kind, 0, 1, 2, 0))
        yield all_of(warrant, (kind, 0, 1, 150, 1), (kind, 0, 1, 1, 2))
    for fault in (1, 2, 4, 8, 16, 32):
        yield all_of((0, fault, 1, 200, 5), (11, fault, 7, 0, 9))
    yield all_of(warrant, *((k, 0, 1, 99, k) for k in (1, 2, 3, 4, 3, 5, 4)))
    yield all_of((6, 0, 2, 2, 0), (8, 0, 2, 1, 0), (7, 0, 2, 1, 0),
                 (6, 0, 3, 2, 1), (6, 0, 0, 2, 0), (7, 0, 0, 0, 0))
    yield all_of((9, 0, 2, 2, 0), (9, 0, 2, 3, 0), (9, 0, 3, 1, 0),
                 (10, 0, 1, 0, 0), (10, 0, 1, 0, 0))
    yield all_of((12, 0, 1, 1, 0), (13, 0, 1, 1, 0), (13, 0, 1, 1, 0),
                 (14, 0, 1, 2, 0), (14, 0, 1, 9, 0))
    yield all_of((16, 0, 1, 1, 0), (16, 0, 2, 1, 1), (16, 0, 1, 2, 2),
                 (17, 0, 1, 0, 3), (17, 0, 1, 0, 4))
    yield b"\xff" + view16(change(1, 0, b"", b"")) + all_of(warrant)


def frame(kind, ident, body):
    return u32(6 + len(body)) + u16(kind) + u32(ident) + body


def signers():
    """What is said to the signer: channel, octets."""
    good = [frame(160, i, bytes([i] * n)) for i, n in ((1, 32), (2, 48))]
    yield b"".join(u8(i) + view8(f) for i in range(4) for f in good)
    yield u8(0) + view8(good[0] * 5) + u8(1) + view8(good[1])
    yield b"".join(u8(i % 4) + view8(good[1][i:i + 1]) for i in range(58))
    yield b"".join(u8(2) + view8(good[0][i:i + 7]) for i in range(0, 42, 7))
    for kind, n in ((160, 31), (160, 33), (160, 47), (160, 49), (161, 32),
                    (40, 32), (160, 0)):
        yield u8(0) + view8(good[0] + frame(kind, 7, bytes(n))) + \
            u8(1) + view8(good[0])
    yield u8(0) + view8(u32(5) + bytes(9)) + u8(3) + view8(u32(1 << 31))


def signed():
    """What the signer says: commands of fuzz_tls_asks.c."""
    def act(kind, place=0, octets=b""):
        return u8(8 * place + kind) + view8(octets)
    yield b"".join(act(0, i) for i in range(3)) + \
        b"".join(act(4, i) for i in (2, 0, 1))
    yield act(0) + act(2, 0, b"no signature") + act(4) + act(1)
    yield act(0) + act(3, 0, b"of another") + act(4) + act(4)
    yield act(0) + act(0, 1) + act(1) + act(4) + act(5) + act(0) + act(4)
    yield act(0) + act(2, 0, bytes(72)) + act(0, 1) + act(2, 1, bytes(73))
    yield act(0) + act(2) + act(4)
    yield act(0) + act(6, 20, bytes(70)) + act(4)
    yield act(0) + act(7, 0, frame(161, 1, bytes(70))[:9]) + act(4)
    yield act(0) + act(7, 0, frame(161, 1, bytes(70))) + act(1)


def kms_state(params, persons, clients=(), config=b"kms.period = month\n"):
    """persons: (name, certificate, role); clients: (name, certificate)."""
    return u32(0x4b57535a) + u16(5) + u64(1770000000) + u32(1) + \
        view8(b"ss512") + view16(b"kms.example.com") + u8(1) + \
        view16(params) + view16(b"SubjectPublicKeyInfo") + \
        view16(b"of the queue") + view16(b"of HI2") + \
        b"".join(view16(b"key") + view16(b"request") for _ in range(4)) + \
        view16(config) + \
        u8(len(persons)) + b"".join(
            view8(n) + u8(r) + view16(c) for n, c, r in persons) + \
        u16(len(clients)) + b"".join(
            view8(n) + view16(c) for n, c in clients) + bytes(32)


def told_changes(cms):
    return [change(1, 0), change(2, 5, b"{}", evidence(cms)), change(3, 12),
            change(4, 15, b"{}")]


def df2_bodies(call):
    """Of the DF2/MF, in the order of fuzz_proto.c."""
    xid = bytes(range(16))
    to = u64(77) + view8(b"LI-1") + u8(2) + view8(b"police") + \
        view8(b"court") + u8(1) + view8(b"sip:alice@example.com")
    lemf = view8(b"police") + view8(b"etsi")
    link = u32(1024) + u32(30) + b"\1\77" + u32(60)
    return [u64(1) + b"\0" + xid + b"\1\0" + u8(1) + u64(77) + view32(call),
            u64(1) + u8(2) + u64(77) + u64(78), u64(1) + u64(77) + b"\2",
            u64(1) + u64(6) + bytes(24) + u64(1770000000) + u32(999999999) + b"\2" +
            view32(b"BYE sip:a SIP/2.0\r\n"), u64(1) + u64(77),
            u64(1) + b"\0" + to + b"\0\1" + view32(b"keys") + u8(2) +
            bytes(10) + view16(b"first") + view16(b"second"),
            u64(1) + b"\2" + to,
            u8(3) + u64(1) + u64(2) + u64(3), b"".join(map(u32, range(8))),
            view16(b"/spool.db") + u64(1 << 30) + u8(2) + lemf + u8(0) + link + lemf + u8(1) +
            view8(b"form") + view8(b"ps") + link, *delivery_bodies(lemf, link)]


def delivery_bodies(lemf, link):
    """Of delivery, in the order of fuzz_proto.c."""
    task = b"\0" + u64(3) + view32(b"wrapped")
    times = b"".join(map(u32, (120, 30, 60, 1000, 1000, 15, 30)))
    return [b"\2" + u32(7) + view8(b""), u32(7) + u64(9), b"\0signature",
            view8(b"police") + b"\1\0" + u64(1770000000) + view8(b"refused") +
            b"".join(map(u64, range(6))) + u64(1770000000) + u64(1 << 30) +
            b"\1",
            lemf + u8(0) + link + view8(b"192.0.2.7:35530") + view8(b"l.example") +
            b"\1\1" + u8(2) + bytes(64) + b"\1\2\2\1" + times,
            u32(7) + u64(9) + b"\x30\0", task, u32(5) + task,
            b"\3" + view8(b"police") + u64(44) + view8(b"too old")]


def intake_bodies():
    """Those of proto_intake.h, in the order of fuzz_proto.c."""
    row = u64(9) + u64(8) + b"\0" + u64(1770000000) + view32(b"a PDU")
    return [u64(3) + row, u64(4) + u64(8) + u64(9),
            b"\1" + u16(2) + bytes(range(48)) + u64(0) + row]


def intakes():
    """Acts of fuzz_intake.c, the usual ones more often."""
    usual = [b"\3", b"\x09\0", b"\x09\1", b"\3\x09\0"]
    dice = random.Random(4711)
    for n in (4, 20, 60, 120, 200):
        for rare in (4, 7, 6, 8, 5):
            acts = [b"\3\x09\0\3"]
            for _ in range(n):
                acts.append(dice.choice([
                    u8(0) + u8(dice.randrange(256)),
                    u8(1) + u8(dice.randrange(256)),
                    u8(2) + u8(dice.randrange(256)), *usual,
                    u8(rare) + (u8(dice.randrange(8)) if rare == 5 else b"")]))
            yield b"".join(acts)


def protos(call, cms):
    leaf = leaves()[4]
    head = u64(3) + hashlib.sha256(b"h").digest()
    target = view8(b"sip:alice@example.com")
    liid = view8(b"LI-1")
    every = told_changes(cms)
    key = b"\1\2\3\4\1" + bytes(16) + bytes(14)
    bodies = [u64(1) + u32(5) + b"\0\0" + target + liid + view32(call),
              u64(1) + u8(2) + view8(b"no warrant"),
              u32(5) + u32(3) + view8(b"handshake"),
              u8(1) + u64(1) + u32(2) + view16(leaf) + u64(3) + view32(b"{}") +
              view32(u8(1) + view32(cms)) + view16(subscriber([], b"")) +
              view32(call),
              b"\1\0", view16(leaf) + every[1], b"\0" + u32(1),
              b"\0" + view16(leaf) + view32(b"body"), b"\0" + view32(b"r"),
              u64(3) + view32(b"{}") + view16(subscriber([b"tel:+1"], b"")),
              view16(b"record") + view16(b"seed"),
              view16(b"record") + target + u64(1770000000),
              u64(1) + u64(2) + view16(cms), target + target + u64(3),
              u64(1) + u8(2) + key + u8(3) + u32(7) + u32(0) +
              view16(b"\0\0\0\3\1\1\20") + view8(b"mki") + key + u8(0) +
              u32(0) + u32(0) + view16(b"") + view8(b"") + u8(1) + bytes(16),
              u8(5) + view16(b"text"), b"".join(map(u32, range(7))),
              view16(b"/var/lib/x.db") + view16(b"kms.period = month\n") +
              b"\1",
              u32(0) + u32(10) + u32(3) + view16(b"/lib.so") +
              view8(b"label"), b"\1" + view16(b"/lib.so") + view8(b"label"),
              u64(1) + u64(0), u32(2) + b"\1\0\1" + u64(1770000000),
              b"\1" + u16(0x0403) + view16(b"signature") +
              view32(b"certificate") + view32(b"transcript"),
              b"\0\1" + view16(b""), b"\1" + b"".join(every),
              u64(1770000000) + b"\0" + b"".join(every[:2]),
              b"\0\1" + head + view8(bytes(32)) + view16(b""),
              b"".join(every), *df2_bodies(call), *intake_bodies()]
    more = [(5, view16(b"") + every[0]), (5, view16(b"") + every[0] * 2),
            (23, b"\6\0" + view16(b"refused")), (24, b"\0"), (25, bytes(9)),
            (25, bytes(8) + b"\1" + every[3]), (27, change(0, 0)),
            (27, change(1, 16)), (27, change(1 << 22, 9, b"r", b"e")),
            (26, b"\x0a\0" + head + view8(b"") + view16(b"behind")),
            (28, u64(1) + b"\2" + bytes(16) + b"\0\0\0" + u32(0)),
            (29, u64(1) + u8(65) + bytes(8 * 65)),
            (30, u64(1) + u64(2) + b"\0"),
            (31, bytes(40) + u64(1) + u32(10 ** 9) + b"\0" + u32(0)),
            (33, u64(1) + b"\7" + u64(1) + view8(b"L") + b"\1\1a\1\1b" +
             u32(0) + b"\0"),
            (33, u64(1) + b"\0" + u64(1) + view8(b"L") + b"\1\1a\1\1b" +
             b"\1" + u32(0) + u8(1) + bytes(5) + view16(b"sealed")),
            (44, b"\1" + u64(0) + u32(0)), (40, b"\1"),
            (34, u64(1) + b"\0" + u64(1) + view8(b"L") + b"\1\1a\1\1b"),
            (35, u8(33) + bytes(8 * 33)), (37, view16(b"/s") + u64(1) + u8(0)), (38, b"\0" + u32(1) + view8(b"why"))]
    return [u8(i) + b for i, b in [*enumerate(bodies), *more]]


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


def x2s():
    def attr(kind, value):
        return u16(kind) + view16(value)

    def pdu(kind, attrs, payload=b"", form=9, direction=2, header=None):
        header = 40 + len(attrs) if header is None else header
        return b"\0\5" + u16(kind) + u32(header) + u32(len(payload)) + \
            u16(form) + u16(direction) + bytes(range(24)) + attrs + payload
    stamp = attr(8, u32(7)) + attr(9, u32(1 << 30) + u32(999999999))
    every = stamp + attr(6, b"nf") + attr(7, b"ip") + \
        attr(17, b"sip:a@h") + attr(99, b"x") + attr(99, b"y")
    keepalive = pdu(3, attr(8, u32(1)), b"", 0, 0)
    stream = pdu(1, every, b"OPTIONS sip:a SIP/2.0\r\n") + keepalive + \
        pdu(1, b"", b"x", 9, 3) + pdu(2, stamp, b"rtp", 8)
    for sizes in (b"", b"\0" * 20, b"\x0b\x27\1\xff", b"\x50" * 8):
        yield view8(sizes) + stream
    yield view8(b"\2") + stream + b"\1\0" + stream
    for attrs in (attr(8, b"123"), attr(8, u32(1)) * 2, attr(9, b"1234567"),
                  attr(9, u32(1) + u32(1000000000)), attr(6, b"") * 2,
                  attr(7, b"a") * 2, attr(17, b"a") * 2, b"\0\6\0\2a",
                  b"\0\6\0", attr(18, b"a") * 2, attr(32774, b"a")):
        yield view8(b"") + pdu(1, attrs, b"x") + keepalive
    yield view8(b"") + pdu(1, b"", b"", header=39)
    yield view8(b"") + pdu(1, b"", b"", header=262145)
    yield view8(b"") + pdu(3, b"", b"", 0, 0) + pdu(4, stamp) + pdu(500, b"")
    yield view8(b"") + keepalive[:-1]


def x2_sip(start, cseq, mikey=(), call="1@h", tag="1"):
    sdp = "" if not mikey else "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\n" + \
        "t=0 0\r\n" + "".join("a=key-mgmt:mikey %s\r\n" % base64.b64encode(m)
                            .decode() for m in mikey)
    return ("%s\r\nVia: SIP/2.0/UDP h;branch=z\r\n"
            "From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=%s\r\nCall-ID: %s\r\n"
            "CSeq: %s\r\nContent-Type: application/sdp\r\n"
            "Content-Length: %d\r\n\r\n%s" %
            (start, tag, call, cseq, len(sdp), sdp)).encode()


def x2_call(e, **how):
    """Its SIP messages, with an update if it has one."""
    m = [unhex(e[n]) for n in ("iMessage1", "rMessage1", "iMessage2")]
    r2 = [unhex(e["rMessage2"])] if "rMessage2" in e else []
    out = [x2_sip("INVITE sip:b@h SIP/2.0", "1 INVITE", m[:1], **how),
           x2_sip("SIP/2.0 183 Session Progress", "1 INVITE", m[1:2], **how),
           x2_sip("PRACK sip:b@h SIP/2.0", "2 PRACK", m[2:3], **how),
           x2_sip("SIP/2.0 200 OK", "1 INVITE", r2, **how)]
    if "update" in e:
        u = [unhex(e["update"][n]) for n in ("iMessage1", "rMessage1")]
        out += [x2_sip("UPDATE sip:b@h SIP/2.0", "3 UPDATE", u[:1], **how),
                x2_sip("SIP/2.0 200 OK", "3 UPDATE", u[1:], **how)]
    return out + [x2_sip("BYE sip:b@h SIP/2.0", "4 BYE", **how)]


def x2_takes(exchanges):
    def stream(messages, tenths=1):
        return b"".join(
            b"\0" + u8(tenths) + u16(1) + u32(40) + u32(len(m)) + u16(9) +
            u16(2 + i % 2) + bytes(24) + m for i, m in enumerate(messages))
    for e in exchanges:
        yield stream(x2_call(e))
        if "sip" in e:
            yield stream(unhex(m["hex"]) for m in e["sip"]["messages"])
    for e in exchanges[:1] + [e for e in exchanges if "update" in e][:1]:
        call = x2_call(e)
        yield stream(reversed(call))
        yield stream(m for m in call for _ in range(2))
        yield stream(call, 20)
        for i in range(len(call) - 1):
            yield stream(call[:i] + call[i + 1:])
        yield stream(call[:1] + [call[1].replace(b"BF", b"BG", 1)] + call[2:])
    one, two = exchanges[0], exchanges[1]
    yield stream(m for pair in zip(x2_call(one), x2_call(two, call="2@h"))
                 for m in pair)
    for sip in (*text.sips([]), b""):
        yield stream([sip])
    yield stream(x2_call(one)).replace(u16(9) + u16(2), u16(9) + u16(7))
    forked = x2_call(one), x2_call(two, tag="2")
    yield stream(forked[0][:2] + forked[1][1:3] + forked[0][2:])
    yield stream(forked[0] + forked[1])


def ctls():
    def packet(fds, kind, number, body=b""):
        p = u32(6 + len(body)) + u16(kind) + u32(number) + body
        return u8(fds) + view16(p)
    yield b"\xff" + packet(1, 2, 0) + packet(1, 4, 0x100) + \
        packet(0, 6, 0, view16(b"/x.db") + view16(b"")) + packet(0, 8, 0) + \
        packet(0, 10, 0)
    yield b"\xff" + packet(0, 14, 0, b"order") + packet(1, 4, 0x33f)
    yield b"\xff" + packet(0, 2, 0) + packet(1, 6, 0) + packet(1, 2, 99)
    yield b"\0" + packet(0, 6, 0) + packet(0, 1000, 0)
    for kind in (170, 172, 182, 190):
        for flags in 0, 255:
            for fds in 0, 1:
                yield u8(flags) + packet(fds, kind, 0, b"body")
    yield b"\xff" + u8(0) + view16(u32(7) + u16(10) + u32(0))
    yield b"\xff" + u8(0) + view16(b"abc")
    yield b"\xff" + packet(2, 2, 0) + packet(3, 2, 0) + packet(1, 2, 0)


# ---- fuzz_hi2_records ----

def hi2_destination(leg, lemfs=(b"north",), liid=b"LIID-1",
                    targets=(b"sip:alice@example.com",)):
    return u64(leg) + view8(liid) + u8(len(lemfs)) + \
        b"".join(view8(v) for v in lemfs) + u8(len(targets)) + \
        b"".join(view8(v) for v in targets)


def hi2_keys(epoch, leg, n=1, reason=0, hows=b"\0", **other):
    """hows: for each LEMF 0 in clear, 1 sealed, 2 none."""
    session = bytes([0, 0, 0, 7, 1]) + bytes(30) + u8(0) + bytes(8) + \
        view16(b"") + view8(b"")
    answer = u64(epoch) + u8(n) + session * n + u8(0) + bytes(16)
    return view16(u64(epoch) + u8(reason) + hi2_destination(leg, **other) +
                  (hows + view32(answer if 0 in hows else b"")
                   if reason == 0 else view32(b"")) +
                  (u8(n) + bytes(5 * n) + view16(b"sealed") * n *
                   hows.count(1) if reason == 0 and 1 in hows else u8(0)))


def hi2_words():
    """Content, words of a worker and of policy, ends of turns."""
    def content(ticket, epoch=1, sip=b"INVITE", seconds=1800000000):
        return bytes([0, ticket, epoch]) + u64(seconds) + view16(sip)

    def keys(ticket, *args, **other):
        return bytes([2, ticket]) + hi2_keys(*args, **other)

    def order(ticket, epoch, leg, kind=1):
        return bytes([3, ticket]) + view16(u64(epoch) + u8(kind) +
                                           hi2_destination(leg))

    end, gone = bytes([5, 0]), bytes([1, 0])
    yield content(0) + keys(0, 1, 1) + end
    both = (b"north", b"south")
    for hows in (b"\0\1", b"\1\1", b"\1\2", b"\2\0"):
        yield content(0) + keys(0, 1, 1, n=2, hows=hows, lemfs=both) + end
    yield content(0) + keys(0, 1, 1, n=3, hows=b"\0\0", lemfs=both) + \
        keys(0, 1, 2) + end + keys(0, 1, 1) + order(0, 1, 1) + end
    yield content(0) + keys(0, 1, 1, reason=4) + end + order(0, 1, 2, 2)
    yield content(0) + order(0, 1, 1, 2) + gone + end + order(0, 1, 1)
    yield keys(0, 1, 1) + content(1, 2) + keys(1, 1, 1) + keys(1, 2, 1)
    yield content(0, sip=b"") + order(0, 1, 1, 2) + end
    yield content(0, seconds=(1 << 64) - 1) + keys(0, 1, 1) + end
    yield content(0) + bytes([4, 0, 1, 7, 0, 4, 0, 1, 7, 1]) + end + \
        content(0) + bytes([4, 0, 1, 7, 0]) + content(0, 2) + end
