"""Seeds of make-corpus.py for decoders of their own: proofs, certificates of
LEMFs, addresses, the queue, integrity, the sealed head, security policies."""
import functools
import subprocess
import tempfile

from corpus_wire import u8, u16, u64, view8, view16

SCHEMES = ((0x0403,), (0x0503,), (0x0603,), (0x0804, 0x0805, 0x0806),
           (0x0809, 0x080a, 0x080b), (0x0807,))


def client_proofs():
    for i, list_ in enumerate(SCHEMES):
        for scheme in list_:
            for h in (0, 1):
                yield u8(i) + u8(i) + u16(scheme) + u8(h) + u8(0) + view8(b"x")
            for fault in (1, 2, 4, 8):
                yield u8(i) + u8(i) + u16(scheme) + u8(0) + u8(fault) + \
                    view8(b"hello")
        yield u8((i + 1) % 6) + u8(i) + u16(list_[0]) + u8(0) + u8(0)
        yield u8(i) + u8(99) + u16(list_[0]) + u8(0) + u8(0) + view8(b"") + \
            b"a signature"
    yield u8(0) + u8(99) + u16(0x0401) + u8(0) + u8(0)
    yield u8(0) + u8(99) + u16(0x0503) + u8(0) + u8(0)


def openssl(*args):
    return subprocess.run(["openssl", *args], check=True,
                          capture_output=True).stdout


@functools.lru_cache(maxsize=None)
def private_key(kind):
    """PEM of "rsa:BITS", "ed25519", or a curve: each once, they take long."""
    name, _, bits = kind.partition(":")
    args = {"rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:" + bits],
            "ed25519": ["ED25519"]}.get(
                name, ["EC", "-pkeyopt", "ec_paramgen_curve:" + name])
    return openssl("genpkey", "-algorithm", *args)


def with_key(kind, *args):
    with tempfile.NamedTemporaryFile() as f:
        f.write(private_key(kind))
        f.flush()
        return openssl(*args[:1], args[1], f.name, *args[2:],
                       "-outform", "DER")


def certificate(kind, *extensions):
    more = [a for e in extensions for a in ("-addext", e)]
    return with_key(kind, "req", "-key", "-x509", "-subj", "/CN=lemf",
                    "-days", "3650", *more)


def public_key(kind):
    return with_key(kind, "pkey", "-in", "-pubout")


def lemf_certs():
    end = "basicConstraints=critical,CA:FALSE"
    encipher, agree = "keyUsage=keyEncipherment", "keyUsage=keyAgreement"
    soon, late = u64(8 * 365 * 86400), u64(60 * 365 * 86400)
    good = certificate("P-256", end, agree)
    for der in (good, certificate("rsa:3072", end, encipher),
                certificate("rsa:2048", end, encipher),
                certificate("rsa:4104", end, encipher),
                certificate("P-256", "basicConstraints=CA:TRUE", agree),
                certificate("rsa:3072", end, agree),
                certificate("P-384", end, agree),
                certificate("P-521", end, agree),
                certificate("P-256", end, encipher),
                certificate("P-256", end),
                certificate("P-256", agree),
                certificate("P-256", end, agree,
                            "1.2.3.4=critical,DER:0500"),
                certificate("ed25519", end)):
        yield soon + der
        yield late + der
    yield u64(0) + good
    yield soon + good + b"\0"
    yield soon + good[:-1]
    yield soon


ADDRESSES = [
    "127.0.0.1:7300", "[::1]:7300", "[fe80::1%eth0]:1", "::1:7300", ":7300",
    "1.2.3.4:0", "1.2.3.4:65535", "1.2.3.4:65536", "1.2.3.4:007300",
    "1.2.3.4:", "1.2.3.4", "[]:1", "[::1:1", "[::1]1", "host:1", "1.2.3.4:+1",
    "a" * 127 + ":1", "a" * 128 + ":1", "[::ffff:1.2.3.4]:99", ""]

CONFINES = ["0 0 0", "1 1 4 1 65535 9004 9004", "0 0 1 0", "0 0 0 0 0 0", "6 1 1 1 997 997", "4 2 0 1 4294967295 4294967295",
            "6 3 0 0 0 0", "1 0 2 0 0 0", "1 0 0 2 0 0", "-1 0 0 0 0 0",
            "6  1 1 1 997 997", "6 1 1 1 997 997 ", "6 1 1 997 997",
            "06 1 1 1 1 1", ""]


def rules():
    def policy(*params, number=0, protocol=0):
        return u8(number) + u8(protocol) + \
            view16(b"".join(u8(t) + view8(v) for t, v in params))
    yield policy()
    for t in range(14):
        for v in (b"\0", b"\1", b"\4", b"\x10", b"\x20", b"\x0e", b"\x14",
                  b"\0\0\0\0\0\0\0\1", b"", bytes(9)):
            yield policy((t, v))
    yield policy((0, b"\1"), (1, b"\x20"), (11, b"\x04"), (7, b"\0"))
    yield policy(protocol=1)
    yield policy()[:-1]
    yield policy() + b"\0"
    yield policy((1, b"\x10"))[:-1]
    yield u8(0)
    yield b""


def queue_rows():
    def row(faults=0, table=0, name=b"police", record=b"record", more=b""):
        return u8(faults) + u8(table) + u64(7) + view8(name) + u64(3) + \
            u64(1800000000) + view8(record) + more
    for table in (0, 1):
        for fault in (0, 1, 2, 4, 8, 16):
            yield row(fault, table)
        for name in (b"", b"x" * 64, b"x" * 65):
            yield row(0, table, name)
        yield row(0, table, record=b"")
        for n in (1, 28, 29, 300):
            yield row(0, table, more=bytes(n))
    for der in (public_key("rsa:3072"), public_key("rsa:2048"),
                public_key("rsa:4104"), public_key("P-256"), b"", b"no key"):
        yield b"\x80" + der
    yield b"\x80" + public_key("rsa:3072") + b"\0"


def integrities():
    for h in range(5):
        for fault in (0, 1, 2, 4):
            yield bytes([0, h, 0, fault, 3]) + b"octets"
    for signature in range(3):
        for fault in (0, 1, 2, 4):
            yield bytes([1, 0, signature, fault, 3]) + b"octets"
        for der in (public_key("P-256"), public_key("rsa:2048"), b"",
                    b"no key", public_key("P-256") + b"\0"):
            yield bytes([1, 0, signature, 8, 0]) + der


def heads():
    def slot(number, what=1, hash_=0, time=5):
        return bytes([what, number, hash_, time])
    written = [b"", slot(5)[1:], slot(5, time=9)[1:], slot(4)[1:],
               slot(5, hash_=1)[1:], slot(6)[1:] + slot(5)[1:] + slot(7)[1:]]
    for n in range(1, 8):
        yield u8(n) + slot(5) + slot(4) + slot(6)[1:] + slot(7)[1:]
    for more in written:
        yield b"\0" + slot(5) + slot(4) + more
        yield b"\0" + slot(4) + slot(5) + more
        yield b"\0" + slot(5, time=4) + slot(5) + more
        for wrong in (3, 5, 9):
            yield b"\0" + slot(5) + slot(6, wrong) + more
            yield b"\0" + slot(6, wrong) + slot(5) + more
        yield b"\0" + slot(1, 3) + slot(2, 3) + more
    yield b"\0\0" + b"KWHEAD1\0" + bytes(80)
