"""Seeds about delivery: PDUs of the transport, and commands of fuzz_deliver."""
import glob
import hashlib
import os

from corpus_wire import der, u16, u8, view16, view8

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "../../docs/samples/*.ber")

NULLS = (1, 3, 4, 5, 6, 7, 11, 12, 13)


def indefinite(tag, *parts):
    return u8(tag) + b"\x80" + b"".join(parts) + b"\0\0"


def header(sequence=b"\7", *more):
    network = der(0xa0, der(0x80, b"OP"), der(0x81, b"E"))
    return der(0xa1, der(0x80, bytes.fromhex("0400020205012b")),
               der(0x81, b"L-1"), der(0x82, b"--"),
               der(0xa3, network, der(0x81, b"\x05")), der(0x84, sequence),
               *more)


def pdu(tri, *more, sequence=b"\7"):
    return der(0x30, header(sequence, *more), der(0xa2, der(0xa2, tri)))


def integrity(kind, *numbers, last=b""):
    return der(0xa0, der(0xa0, *(der(2, n) for n in numbers)),
               der(0x81, u8(kind)), der(0x82, b"\1"), der(0x83, b"value"), last)


def tris():
    micro = der(0xa7, der(0x80, b"\x65\x53\xf1\0"), der(0x81, b"\1\xd6\x88"))
    yield b"".join(pdu(der(0x80 | k)) for k in NULLS)
    yield b"".join(pdu(der(0x80 | k), micro) for k in NULLS)
    for t in (b"20231114221320.12Z", b"20231114221320Z", b"20240229235959Z",
              b"20231114221320+0100", b"20231301000000Z"):
        yield pdu(der(0x83), der(0x85, t))
        yield pdu(der(0x83), der(0x85, t), micro)
    for option in (b"", b"\x80\0", b"\x81\0", b"\x81\0\x80\0"):
        yield pdu(der(0xa9, der(0xa0, option)))
        yield pdu(der(0xaa, der(0xa0, option), der(0xa1, b"\x80\0")))
    yield pdu(integrity(1, b"\0", b"\x7f", b"\0\x80", last=der(0x84, b"\2")),
              micro)
    yield pdu(integrity(2, b"\0", last=der(0x85, b"\2")), micro)
    yield pdu(integrity(3, b"\0"), micro)
    yield pdu(der(0xa8, der(0x80, b"\1"), der(0x81, b"text")), micro)
    yield pdu(der(0x82, b"padding")) + pdu(der(0x9e, b""))
    for sequence in (b"\0\xff\xff\xff\xff", b"\1\0\0\0\0", b"\x80", b"",
                     b"\0\0\0\0\0\0\0\0\1"):
        yield pdu(der(0x83), sequence=sequence)
    yield der(0x30, header(), der(0xa2, der(0xa0, der(0x30, b""))))
    short = indefinite(0x30, indefinite(0xa1, der(0x84, b"\7")),
                       indefinite(0xa2, indefinite(0xa2, der(0x84))))
    yield short + pdu(der(0x83)) + short
    yield b"\x30\x80" * 17
    yield b"\x30\x82\x0f\xfc\x04"
    yield b"\x30\x83\0\0\x12\xa1\x81\5\x84\3\0\0\7\xa2\x84\0\0\0\4\xa2\2\x83\0"


def umts(*more):
    return der(0x80, b"oid") + der(0x81, b"L-1") + b"".join(more)


def iri(number, *more, form=0):
    fields = der(0xa1, der(0xa4, umts(*more))) if form else \
        der(0xa0, umts(*more))
    return der(0x30, header(u8(number)), der(0xa2, der(0xa0, der(
        0x30, der(0xa2, der(0xa4, fields))))))


def long(tag, *parts):
    """der() with a tag of two octets."""
    return u8(tag >> 8) + der(tag & 0xff, *parts)


def key(*fields):
    return long(0xbf24, der(0x30, *fields))


def streams():
    """What an agency receives."""
    samples = [open(f, "rb").read() for f in sorted(glob.glob(SAMPLES))]
    yield from samples
    yield b"".join(samples)
    yield iri(0) + iri(2) + iri(1) + iri(1, der(0x9d, b"\1"))
    yield iri(0) + pdu(der(0x87)) + iri(0, form=1) + pdu(der(0x87)) + iri(1)
    cms = der(0x30, der(6, bytes.fromhex("2a864886f70d0109100117")), der(0xa0))
    for fields in ((der(0x81, b"abcde"), der(0x82, cms)),
                   (der(0x81, b"abcde"), der(0x82, cms), der(0x83, b"salt")),
                   (der(0x81, b"abcde"), der(0x82, b"k" * 65)),
                   (der(0x82, b"k"),), (der(0x81, b"a"),) * 2):
        yield iri(0, der(0x9d, b"\3"), key(*fields))
    for value in (b"\0", b"\3", b"\x80"):
        yield iri(0, der(0x84, value), der(0x9d, value))
    party = der(0x30, der(0xa1, der(0x89, b"tel:1")))
    yield iri(0, der(0xa9, party * 11))
    yield iri(0, der(0xa9, party + der(0x30, der(0xa1))),
              long(0xbf23, der(0xa2, der(0x81, b"c"))), long(0x9f2c, b"\0"))
    yield iri(0, der(0x9e, b"BYE sip:a SIP/2.0\r\n"), der(0x9e, b"x"))
    one = iri(0) + iri(1)
    good = der(0x83, hashlib.sha256(one).digest())
    for value in good, der(0x83, b"x"):
        check = der(0xa0, der(0xa0, der(2, b"\0"), der(2, b"\1")),
                    der(0x81, b"\1"), value, der(0x84, b"\2"))
        yield one + pdu(check) + pdu(integrity(2, b"\7", last=der(0x85, b"\2")))
        yield one + pdu(der(0x87)) + pdu(check)
    yield der(0x30, header(), der(0xa2, der(0xa4, b"sealed")))
    yield der(0x30, header(), der(0xa2, der(0xa0, der(0x30), der(0x30))))


# Commands; n is their argument.
PUT, WRITE, NEXT, ANSWER, SAY, TICK, SIGN, CONNECT = range(8)


def do(what, n=0):
    return u8(n << 3 | what)


def delivers():
    round_ = do(PUT, 3) + do(WRITE, 31) + do(NEXT) + do(TICK, 7) + \
        do(WRITE, 31) + do(NEXT) + do(TICK, 9) + do(TICK, 11) + do(SIGN, 1) + \
        do(WRITE, 31) + do(NEXT) + do(TICK, 7) + do(WRITE, 31) + do(NEXT)
    accept = do(WRITE, 31) + do(ANSWER, 10) + u8(1)
    decline = do(WRITE, 31) + do(ANSWER, 10) + u8(2)
    for config in range(9):
        for groups in (0, 0x12, 0x4f):
            start = u8(config) + u8(groups) + do(CONNECT)
            for option in (accept, decline, do(TICK, 15) * 2):
                yield start + option + round_ * 3 + do(CONNECT) + option + \
                    round_
        yield u8(0xf0 + config) + b"\xff" + do(CONNECT) + accept + \
            do(PUT, 31) * (28 if config % 3 == 1 else 1) + do(WRITE, 31) * 8 + do(NEXT) + \
            do(SIGN, 1) * 4 + do(TICK, 7) + do(NEXT) * 2
    for text in (pdu(der(0x83)), pdu(der(0x83)) * 3, pdu(der(0x84)),
                 b"\x30\x80", b"\x30\x84\0\1\0\0", b"1", pdu(der(0xa8))):
        yield u8(1) + u8(0) + do(CONNECT) + do(PUT, 3) + do(WRITE, 9) + \
            do(SAY) + view8(text) + do(WRITE, 31) + do(SAY) + view8(text)
    yield u8(1) + u8(0) + do(CONNECT) + do(PUT) + do(TICK, 14) * 9


# Acts of fuzz_hi2c; n is their argument.
(UP, DOWN, WRITES, ANSWERS, TELLS, SAYS, PASS, SET, SIGNED, ANY, LEAVES, FULL,
 LATE, GIVE, _, COMES) = range(16)


def act(what, n=0):
    return u8(n << 4 | what)


def hi2c():
    round_ = act(GIVE, 3) + act(WRITES, 15) + act(ANSWERS) + act(PASS, 6) + \
        act(WRITES, 15) + act(SIGNED, 1) + act(PASS, 9) + act(WRITES, 15) + \
        act(ANSWERS) + act(PASS, 8) + act(WRITES, 15) + act(ANSWERS)
    accept = act(TELLS, 10) + u8(1)
    decline = act(TELLS, 10) + u8(2)
    frame = u8(0) + u8(0) + view16(bytes(11) + b"\1" + pdu(der(0x83)))
    for config in (*range(9), *range(128, 137)):
        start = u8(config) + u8(0x12) + act(UP) + act(PASS, 9) + \
            act(WRITES, 15)
        for option in (accept, decline, act(PASS, 13)):
            yield start + option + round_ * 3 + act(DOWN) + act(LATE) + \
                act(UP) + act(PASS, 9) + act(WRITES, 15) + option + round_
        up = start + accept + round_
        yield up + act(LEAVES) + round_ + act(COMES) + act(UP) + round_
        yield up + act(COMES) + act(UP) + act(PASS, 9) + round_
        yield up + act(SET) + u8(config + 1) + u8(0x21) + act(SIGNED, 1) + \
            act(UP) + act(PASS, 9) + act(WRITES, 15) + accept + round_
        yield up + act(FULL, 1) + round_
        yield up + act(PASS, 13) * 4 + round_
        yield up + act(GIVE, 15) * 4 + act(WRITES, 12) * 9 + act(ANSWERS)
        yield up + act(SIGNED, 0) + act(PASS, 10) + round_
        yield up + act(ANY) + frame + round_
        yield up + act(ANY) + u8(1) + u8(0) + view16(b"signature") + round_
        yield up + act(ANY) + u8(9) + b"\xff\xff" + u8(0) + view16(b"")
        yield up + act(SAYS) + view8(pdu(der(0x83))) + act(WRITES, 15) + \
            act(SAYS) + view8(b"1")


def judged(what, stream=0, how=0, *octets):
    """A PDU of fuzz_order."""
    return bytes([how << 5 | stream << 3 | what, *octets])


def orders():
    """Of fuzz_order: u8 whether the key is known, and PDUs."""
    for key in (0, 1):
        for stream in (0, 3):
            some = u8(key) + judged(2, stream, 3)
            hashes = b"".join(judged(4, stream, n, 1 + 2 * n, 1)
                              for n in range(4))
            for faults in range(8):
                yield some + judged(4, stream, 1, 1, faults << 3 | 3) + \
                    judged(5, stream, 1, 0)
                yield some + hashes + judged(5, stream, 0, faults << 3 | 3)
            for turn in (judged(3, stream), judged(3, stream) * 2,
                         judged(3, stream) + judged(2, stream, 3),
                         judged(3, stream) + judged(2, stream, 3) +
                         judged(3, stream, 1), judged(7, stream, 1)):
                yield some + hashes + turn + judged(5, stream, 0, 3) * 2
                yield some + turn + judged(4, stream, 2, 1, 128 | 3) + \
                    judged(5, stream, 2, 0)
                yield some + turn + hashes + judged(5, stream, 0, 2) + \
                    judged(5, stream, 0, 3)
                yield some + turn + judged(0, stream, 0, 3) + \
                    judged(0, stream, 1, 3) + judged(0, stream, 0, 3)
            jump = judged(1, stream) + u16(7999)
            yield some + hashes + jump * 3 + judged(5, stream, 0, 3) + \
                judged(4, stream, 1, 1, 3) + judged(0, stream, 0, 2)
            yield some + judged(1, stream) + u16(9999) + \
                judged(0, stream, 0, 2) + judged(5, stream, 0, 3)
            yield some + judged(0, stream, 0, 90) + judged(0, stream, 0, 80)
            yield some + judged(7, stream, 7) + judged(5, stream, 0, 7)
            for what in range(10):
                for names in (b"", b"\2\1", b"\2\1\1",
                              bytes.fromhex("02050000000001")):
                    yield some + judged(6, stream) + u8(what) + view8(names) + \
                        view8(bytes(32))


def entries():
    """Of fuzz_state_seen."""
    for stop in (0, 8):
        one = bytes([stop, 5, 0x11, 9])
        for then in (bytes([4, 4, 0, 9]), bytes([12, 4, 0, 9]),
                     bytes([4, 5, 0x11, 9]), bytes([5, 5, 0x11, 0]),
                     bytes([5, 5, 0x12, 0]), bytes([4, 7, 0, 9])):
            yield one + then + one
            yield one * 12 + then * 2
    for number, which in ((6, 1), (6, 2), (5, 1), (7, 1)):
        yield bytes([2, 6, 1, 99, 4 | 8, number, which, 20])
    yield bytes([3, 200, 1, 1, 3 | 248, 9, 2, 5, 6, 1, 1, 1, 7, 0, 3, 3,
                 15, 0, 3, 3])
    yield bytes([0, 0, 1, 1, 4, 1, 1, 1, 0, 1, 1, 1, 0, 2, 17, 1])
