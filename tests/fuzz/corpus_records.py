"""Seeds of make-corpus.py that are records and messages: the audit log, the
registry, the lines between processes."""
import hashlib

from corpus_wire import u8, u16, u32, u64, view8, view16, view32


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
    yield b"\1KEYWARDEN AUDIT1" + good[:-1] + b"?" + bytes(20)
    yield b"\1KEYWARDEN AUDIT1" + good[:-1]
    yield b"\1KEYWARDEN AUDIT1" + u32(0xffffffff) + bytes(10)
    yield b"\1KEYWARDEN AUDIT2" + good


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
              u32(0) + u32(10) + u32(3) + view16(b"/lib.so") +
              view8(b"label"), b"\1" + view16(b"/lib.so") + view8(b"label"),
              u64(1) + u64(0), u32(2) + b"\1\0"]
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
    yield b"\xff" + packet(2, 2, 0) + packet(3, 2, 0) + packet(1, 2, 0)
