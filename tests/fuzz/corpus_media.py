"""Seeds of fuzz_lemf_pcap: captures of SRTP under the target's keys.

The payloads are made up, so only tags are computed: with the session
authentication key that RFC 3711 appendix B.3 gives for its master key.
"""
import hashlib
import hmac
import struct

from corpus_wire import u8, u16, u32

AUTH = bytes.fromhex("cebe321f6ff7716b6fd4ab49af256a156d38baa4")
SSRC = 0xcafebabe


def srtp(seq, payload=b"\xa5" * 160, ssrc=SSRC, roc=0, ts=None, kind=0, first=0x80,
         extra=b"", mki=b"", tag=10):
    ts = 160 * seq if ts is None else ts
    p = u8(first) + u8(kind) + u16(seq % 65536) + u32(ts % 2**32) + u32(ssrc)
    p += extra + payload
    mac = hmac.new(AUTH, p + u32(roc % 2**32), hashlib.sha1).digest()
    return p + mki + mac[:tag]


def udp(payload, source=4000, to=4002):
    return u16(source) + u16(to) + u16(8 + len(payload)) + u16(0) + payload


def ip4(body, protocol=17, flags=0, options=b""):
    n = 20 + len(options)
    return (u8(0x40 | n // 4) + u8(0) + u16(n + len(body)) + u16(0) + u16(flags) +
            u8(64) + u8(protocol) + u16(0) + b"\x0a\0\0\1" + b"\x0a\0\0\2" + options +
            body)


def ip6(body, following=17):
    return (u32(6 << 28) + u16(len(body)) + u8(following) + u8(64) +
            b"\x20\1\x0d\xb8" + b"\0" * 12 + b"\x20\1\x0d\xb8" + b"\1" * 12 + body)


def ethernet(packet, *tags):
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"
    return b"\2" * 12 + b"".join(tags) + kind + packet


def pcap(link, frames, big=False, magic=0xa1b2c3d4, cut=0):
    order = ">" if big else "<"
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for i, f in enumerate(frames):
        us = 20000 * i
        out += struct.pack(order + "IIII", 1700000000 + us // 1000000, us % 1000000,
                           len(f), len(f) + cut) + f
    return out


def pcapng(link, frames):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        n = 12 + len(body)
        return struct.pack("<II", kind, n) + body + struct.pack("<I", n)
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 65535))
    for i, f in enumerate(frames):
        out += block(6, struct.pack("<IIIII", 0, 1 << 17, i, len(f), len(f)) + f)
    return out


def pcaps():
    def raw(*packets):
        return [ip4(udp(p)) for p in packets]
    plain = [srtp(n) for n in range(1, 6)]
    yield pcap(101, raw(*plain))
    yield pcap(101, raw(*plain), big=True)
    yield pcap(101, raw(*plain), magic=0xa1b23c4d)
    yield pcapng(1, [ethernet(ip4(udp(p))) for p in plain])
    yield pcap(1, [ethernet(ip6(udp(p)), b"\x88\xa8\0\1", b"\x81\0\0\7") for p in plain])
    yield pcap(1, [ethernet(ip6(u8(43) + u8(0) + b"\0" * 6 + u8(17) + u8(1) + b"\0" * 14 +
                                udp(p), 0)) for p in plain])
    yield pcap(1, [ethernet(ip6(udp(plain[0]), k)) for k in (44, 6, 60)])
    yield pcap(113, [b"\0" * 14 + b"\x08\0" + ip4(udp(p)) for p in plain])
    yield pcap(276, [b"\x08\0" + b"\0" * 18 + ip4(udp(p)) for p in plain])
    yield pcap(0, [b"\2\0\0\0" + ip4(udp(p)) for p in plain])
    yield pcap(228, [ip4(udp(plain[0]), options=b"\1" * 8)])
    yield pcap(101, [ip4(udp(plain[0]), flags=f) for f in (0x2000, 1, 0x4000)])
    yield pcap(101, [ip4(udp(p))[:60] for p in plain], cut=200)
    # over the end of the numbers, reordered, repeated, lost
    yield pcap(101, raw(*(srtp(n, roc=n // 65536) for n in (65534, 65536, 65535, 65537,
                                                            65537, 65540, 70000))))
    # kinds, extension, CSRCs, padding in the clear
    yield pcap(101, raw(srtp(1, kind=8), srtp(2, kind=97), srtp(3, kind=0x80),
                        srtp(4, first=0x92, extra=b"\0" * 8 + b"\xbe\xde\0\1abcd"),
                        srtp(5, b"", kind=13)))
    yield pcap(101, raw(*(srtp(n, b"abc\0\0\3", ssrc=7, tag=4, first=0xa0) for n in (1, 2))))
    yield pcap(101, raw(srtp(1, b"abc\0\0\xff", ssrc=7, tag=4, first=0xa0),
                        srtp(2, b"abc\0\0\3", ssrc=7, tag=4, first=0xa0)))
    # MKIs, a later ROC, a key with a ROC that ends
    yield pcap(101, raw(*(srtp(n, mki=b"mki1") for n in range(4))))
    yield pcap(101, raw(*(srtp(n, roc=5) for n in range(4))))
    # one key has a known MKI: then others, none, too few octets
    known = [srtp(n, ssrc=0xdecade, mki=b"mki1") for n in range(4)]
    for last in (srtp(4, ssrc=0xdecade, mki=b"mki2"), srtp(4, ssrc=0xdecade),
                 srtp(4, b"", ssrc=0xdecade), srtp(4, b"", ssrc=0xdecade)[:20],
                 srtp(4, ssrc=0xdecade, mki=b"mki1"), srtp(3, ssrc=0xdecade)):
        yield pcap(101, raw(*known, last, known[0]))
    yield pcap(101, raw(*(srtp(n, ssrc=0xdecade, mki=b"mki1")
                          for n in (1, 3000, 1, 2999, 5))))
    yield pcap(101, raw(*(srtp(n, roc=n // 65536 - 1, tag=16)
                          for n in (65534, 65535, 65536))))
    # another key in between, other SSRCs, junk, RTCP, timestamps that jump
    yield pcap(101, raw(srtp(1), srtp(2, roc=-1, tag=16), srtp(3), srtp(4, ssrc=9),
                        srtp(5, ssrc=9, tag=4), srtp(6)[:-1] + b"x", srtp(7, kind=72)))
    yield pcap(101, raw(*(srtp(n, ts=t) for n, t in enumerate(
        (0, 160, 2**31, 5, 2**32 - 160, 10**9, 160)))))
    sip = (b"INVITE sip:<b> SIP/2.0\r\nFrom: \"\xc3\xbc\xe2\x80\xae\"\r\n\r\nv=0\r\n"
           b"m=audio 1 RTP/SAVP 0 97\r\na=rtpmap:97 PCMA/8000/1\r\na=rtpmap:0 X/8000\r\n"
           b"a=rtpmap:200 Y/1\r\na=rtpmap:9\r\n")
    yield pcap(101, raw(sip, srtp(1), b"a=rtpmap:8 " + b"z" * 40, b""))
    for line in (b"9  X/1", b"1234 X", b"97", b"9\t", b"9 \x7f", b"9 ", b" 9 X", b"9 X"):
        yield pcap(101, raw(sip + b"a=rtpmap:" + line + b"\r\n"))
    yield pcap(101, raw(sip + b"a=rtpmap:9 X"))
    four, six = ip4(udp(plain[0])), ip6(udp(plain[0]))
    for link, frame in ((101, four), (101, six), (1, ethernet(four)),
                        (1, ethernet(six, b"\x81\0\0\1")), (0, b"\0\0\0\2" + four),
                        (113, 14 * b"\0" + b"\x08\0" + four)):
        for n in range(80):
            yield pcap(link, [frame[:n]])
    for n in range(16):
        yield pcap(101, raw(plain[0][:n]))
        yield pcap(101, raw(bytes([0x9f]) + plain[0][1:12 + 4 * n]))
    yield pcap(147, raw(srtp(1)))
