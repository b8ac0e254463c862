"""Seeds of lists of revoked certificates: DER that nobody has signed."""

import base64


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, "big") + body


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([40 * first + second])
    for v in rest:
        part = [v & 0x7f]
        while v := v >> 7:
            part.insert(0, v & 0x7f | 0x80)
        out += bytes(part)
    return tlv(6, out)


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def utc(text):
    return tlv(0x17, text.encode())


def name(cn):
    return tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(12, cn))))


def ext(which, value, critical=False):
    return tlv(0x30, oid(which), tlv(1, b"\xff") if critical else b"",
               tlv(4, value))


NUMBER = ext("2.5.29.20", integer(6))
SHA256 = tlv(0x30, oid("1.2.840.10045.4.3.2"))
SHA1 = tlv(0x30, oid("1.2.840.10045.4.1"))
FROM, UNTIL = utc("261231000000Z"), utc("280101000000Z")


def entry(serial, *exts):
    return tlv(0x30, integer(serial), FROM,
               tlv(0x30, *exts) if exts else b"")


def crl(cn=b"Root", exts=(NUMBER,), entries=(), alg=SHA256, version=1,
        since=FROM, until=UNTIL):
    """A list; version None: 1, without extensions."""
    tbs = tlv(0x30, integer(version) if version is not None else b"", alg,
              name(cn), since, until,
              tlv(0x30, *entries) if entries else b"",
              tlv(0xa0, tlv(0x30, *exts)) if exts else b"")
    return tlv(0x30, tbs, alg, tlv(3, b"\0" + tlv(0x30, integer(7), integer(9))))


def lists():
    yield crl()
    yield crl(entries=(entry(77), entry(78, ext("2.5.29.21", b"\x0a\1\1"))))
    yield crl(entries=(entry(77, ext("2.5.29.29", b"\x30\0", True)),))
    yield crl(exts=(NUMBER, ext("2.5.29.35", tlv(0x30, tlv(0x80, b"key")))))
    yield crl(exts=(NUMBER, ext("2.5.29.35", b"\x30\1")))
    yield crl(exts=(NUMBER, ext("2.5.29.27", integer(3), True)))
    yield crl(exts=(NUMBER, ext("2.5.29.28", tlv(0x30, b"\x84\1\xff"), True)))
    yield crl(exts=(NUMBER, ext("1.2.3.4", b"\5\0", True)))
    yield crl(exts=(NUMBER, ext("1.2.3.4", b"\5\0")))
    yield crl(exts=(NUMBER, NUMBER))
    yield crl(exts=(ext("2.5.29.20", tlv(2, b"\xff")),))
    yield crl(exts=(ext("2.5.29.20", tlv(2, b"\1" * 21)),))
    yield crl(exts=())
    yield crl(exts=(), version=None)
    yield crl(until=b"")
    yield crl(since=UNTIL, until=FROM)
    yield crl(until=tlv(0x18, b"20990101000000Z"))
    yield crl(until=utc("9913"))
    yield crl(alg=SHA1)
    yield crl(alg=tlv(0x30, oid("1.2.3")))
    yield crl(cn=b"Another")


def behind(der):
    return len(der).to_bytes(2, "big") + der


def pem(der):
    text = base64.encodebytes(der)
    return b"-----BEGIN X509 CRL-----\n" + text + b"-----END X509 CRL-----\n"


def seeds():
    for der in lists():
        yield b"\0" + behind(der)
        yield b"\1" + behind(der)
    low = crl(exts=(ext("2.5.29.20", integer(2)),))
    yield b"\1" + behind(low)
    yield b"\0" + behind(low) + behind(crl()) + behind(crl(cn=b"Another"))
    yield b"\0" + b"".join(behind(crl(cn=b"CA %d" % i)) for i in range(65))
    yield b"\2" + b"a text\n" + pem(crl()) + pem(low)
    yield b"\2" + pem(crl())[:60]
    yield b"\3"
    yield b"\1"
    yield b"\2" + pem(crl())[:-20]
