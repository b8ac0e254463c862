#!/usr/bin/env python3
"""What a sender of HI2 says to an LEMF, word by word, for the scenarios.

    feed_hi2.py --connect HOST:PORT --ca F --cert F --key F [--sign-key F] WORD...

Words, in order; A-B is a range of numbers, or one number:

    liid=TEXT  cin=N  form=0|1   of what follows (LIID-1, 1, 0)
    send=A-B        records; a number has the same octets each time
    other=A         a record of that number with other octets
    reset           cINReset; records behind it are new ones
    hash=A-B        a hash PDU over these records, with the next number
    badhash=A-B     one that is not theirs
    sign=A-B        a signature PDU over hash PDUs of these numbers
    badsign=A-B     one that is not theirs
    keepalive       and its answer is waited for
    option          optionRequest{pDUAcknowledgement}, its answer, optionComplete
    ack             pDUAcknowledgementRequest, and its answer
    message=TEXT    operatorLeaMessage
    raw=HEX         octets as they are
    half=A          the first half of a record, then the connection is reset
    deaf=SECONDS    keep-alives for so long, whose answers are not read
    until=SECONDS   records from 0 on, with a keep-alive behind each few; on
                    another connection, from the first that is not answered
                    for, whenever one ends

Each answer is a line of text: its name and its number; until says `answered N`:
all below N were answered for.  Exit status: 0; 1 the LEMF ended the connection
where it should not, or an answer is not one; 2 the connection cannot be had.

PS-PDUs of TS 102 232-1 by an encoder of its own, which knows nothing of ours.
"""

import argparse
import hashlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

TRI = ["integrityCheck", "testPDU", "paddingPDU", "keep-alive",
       "keep-aliveResponse", "firstSegmentFlag", "lastSegmentFlag", "cINReset",
       "operatorLeaMessage", "optionRequest", "optionResponse",
       "optionComplete", "pDUAcknowledgementRequest",
       "pDUAcknowledgementResponse"]


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        length = bytes([n])
    else:
        octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(octets)]) + octets
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + body


def number(tag, v):
    return der(tag, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def take(data):
    """The first element: tag, content, what is behind it."""
    tag, at = data[:1], 1
    n = data[at]
    at += 1
    if n & 0x80:
        octets = n & 0x7f
        n = int.from_bytes(data[at:at + octets], "big")
        at += octets
    return tag[0], data[at:at + n], data[at + n:]


class Sender:
    def __init__(self, args):
        self.args = args
        self.liid, self.cin, self.form = "LIID-1", 1, 0
        self.tri, self.hashes, self.signatures = 0, {}, {}
        self.values, self.era = {}, 0
        self.connect()

    def connect(self):
        args = self.args
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(args.ca)
        context.load_cert_chain(args.cert, args.key)
        if args.tls == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if args.suite:
            context.set_ciphers(args.suite)
        host, port = args.connect.rsplit(":", 1)
        tcp = socket.create_connection((host, int(port)), 10)
        self.tls = context.wrap_socket(tcp)
        self.have = b""

    # ---- PDUs ----
    def header(self, sequence, liid=None):
        liid = self.liid if liid is None else liid
        return der(0xa1,
                   der(0x80, bytes([4, 0, 2, 2, 5, 1, 43])),
                   der(0x81, liid.encode()), der(0x82, b"--"),
                   der(0xa3, der(0xa0, der(0x80, b"FEED")),
                       number(0x81, self.cin if liid != "-" else 0)),
                   number(0x84, sequence), der(0x85, b"20240229235950.25Z"))

    def record(self, n, salt=b""):
        sip = b"INVITE sip:bob@example.net SIP/2.0\r\nCSeq: %d INVITE\r\n\r\n" % n
        cs = struct.pack(">IB", self.cin, 1)
        key = hashlib.sha256(b"%d %d %d" % (self.cin, n, self.era) + salt)
        key = key.digest()
        fields = b"".join([
            der(0x80, bytes([4, 0, 2, 2, 4, 1, 15, 5])), number(0x97, 8),
            der(0x81, self.liid.encode()),
            der(0xa3, der(0xa0, der(0x80, b"20240229235950.25Z"),
                          number(0x81, 0))),
            number(0x84, 1),
            der(0xa9, der(0x30, number(0x80, 3),
                          der(0xa1, der(0x88, b"sip:alice@example.com")))),
            number(0x9d, 3), der(0x9e, sip),
            der(0xbf23, der(0x81, struct.pack(">Q", self.cin))),
            der(0xbf24, der(0x30, der(0x81, cs), der(0x82, key[:16]),
                            der(0x83, key[16:30])))])
        umts = der(0xa1, der(0xa4, fields)) if self.form else der(0xa0, fields)
        return der(0x30, self.header(n),
                   der(0xa2, der(0xa0, der(0x30, number(0x80, 4),
                                           der(0xa2, der(0xa4, umts))))))

    def tri_pdu(self, sequence, content, liid=None):
        return der(0x30, self.header(sequence, liid),
                   der(0xa2, der(0xa2, content)))

    def check(self, sequence, numbers, kind, value):
        algorithm = number(0x84, 2) if kind == 1 else number(0x85, 2)
        return self.tri_pdu(sequence, der(
            0xa0, der(0xa0, *[number(2, n) for n in numbers]),
            number(0x81, kind), number(0x82, 1), der(0x83, value), algorithm))

    def hash(self, numbers, good):
        key = (self.liid, self.cin)
        n = self.hashes.get(key, 0)
        self.hashes[key] = n + 1
        value = hashlib.sha256(b"".join(self.record(i) for i in numbers))
        value = value.digest() if good else bytes(32)
        self.values[key + (n,)] = value
        return self.check(n, numbers, 1, value)

    def sign(self, numbers, good):
        key = (self.liid, self.cin)
        n = self.signatures.get(key, 0)
        self.signatures[key] = n + 1
        octets = b"".join(self.values[key + (i,)] for i in numbers)
        with tempfile.NamedTemporaryFile() as f:
            f.write(octets if good else octets + b"x")
            f.flush()
            value = subprocess.check_output(
                ["openssl", "dgst", "-sha256", "-sign", self.args.sign_key,
                 f.name])
        return self.check(n, numbers, 2, value)

    # ---- answers ----
    def answer(self, want, sequence):
        while len(self.have) < 2 or len(self.have) < 2 + self.have[1]:
            more = self.tls.recv(65536)
            if not more:
                raise ConnectionError("the LEMF has ended the connection")
            self.have += more
        # Answers are shorter than 128 octets.
        _, pdu, self.have = take(self.have)
        name, got, content = self.read(pdu)
        if name != want or got != sequence:
            raise ValueError("%s %d, not %s %d" % (name, got, want, sequence))
        return content

    def read(self, pdu):
        _, header, rest = take(pdu)
        while header:
            tag, content, header = take(header)
            if tag == 0x84:
                sequence = int.from_bytes(content, "big")
        _, payload, _ = take(rest)
        _, tri, _ = take(payload)
        tag, content, _ = take(tri)
        return TRI[tag & 0x1f], sequence, content

    def ask(self, kind, want):
        n = self.tri
        self.tri += 1
        self.tls.sendall(self.tri_pdu(n, der(0x80 | kind), "-"))
        self.answer(want, n)
        return n

    # ---- words ----
    def word(self, name, value):
        span = []
        if value and name in ("send", "hash", "badhash", "sign", "badsign"):
            first, _, last = value.partition("-")
            span = range(int(first), int(last or first) + 1)
        if name == "liid":
            self.liid = value
        elif name in ("cin", "form"):
            setattr(self, name, int(value))
        elif name == "send":
            self.tls.sendall(b"".join(self.record(n) for n in span))
        elif name == "other":
            self.tls.sendall(self.record(int(value), b"other"))
        elif name == "reset":
            self.tls.sendall(self.tri_pdu(0, der(0x87)))
            self.era += 1
        elif name in ("hash", "badhash"):
            self.tls.sendall(self.hash(list(span), name == "hash"))
        elif name in ("sign", "badsign"):
            self.tls.sendall(self.sign(list(span), name == "sign"))
        elif name == "keepalive":
            print("keep-aliveResponse", self.ask(3, "keep-aliveResponse"))
        elif name == "option":
            self.option()
        elif name == "ack":
            print("pDUAcknowledgementResponse",
                  self.ask(12, "pDUAcknowledgementResponse"))
        elif name == "message":
            self.tls.sendall(self.tri_pdu(0, der(
                0xa8, number(0x80, 1), der(0x81, value.encode())), "-"))
        elif name == "raw":
            self.tls.sendall(bytes.fromhex(value))
        elif name == "half":
            octets = self.record(int(value))
            self.tls.sendall(octets[:len(octets) // 2])
            time.sleep(0.2)
            self.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
            self.tls.close()
        elif name == "deaf":
            self.deaf(float(value))
        elif name == "until":
            self.until(float(value))
        else:
            sys.exit("no such word: " + name)

    def option(self):
        n = self.tri
        self.tri += 1
        self.tls.sendall(self.tri_pdu(n, der(0xa9, der(0xa0, der(0x80))), "-"))
        content = self.answer("optionResponse", n)
        _, accepted, _ = take(content)
        print("optionResponse", "accepted" if accepted else "declined")
        self.tls.sendall(self.tri_pdu(self.tri, der(0x8b), "-"))
        self.tri += 1

    def deaf(self, seconds):
        end = time.monotonic() + seconds
        octets = self.tri_pdu(0, der(0x83), "-") * 100
        self.tls.settimeout(0.2)
        while time.monotonic() < end:
            try:
                self.tls.sendall(octets)
            except TimeoutError:
                pass
        self.tls.close()

    def until(self, seconds):
        end = time.monotonic() + seconds
        answered = 0
        while time.monotonic() < end:
            try:
                for n in range(answered, answered + 7):
                    self.tls.sendall(self.record(n))
                self.ask(3, "keep-aliveResponse")
                answered += 7
            except OSError:
                self.tls.close()
                time.sleep(0.02)
                try:
                    self.connect()
                except OSError:
                    pass
        print("answered", answered)


def main():
    p = argparse.ArgumentParser()
    for option in "connect", "ca", "cert", "key":
        p.add_argument("--" + option, required=True)
    p.add_argument("--sign-key")
    p.add_argument("--tls")
    p.add_argument("--suite")
    p.add_argument("word", nargs="+")
    args = p.parse_args()
    try:
        sender = Sender(args)
    except (OSError, ssl.SSLError) as e:
        print(e)
        sys.exit(2)
    try:
        for word in args.word:
            name, _, value = word.partition("=")
            sender.word(name, value)
        if not args.word[-1].startswith(("half", "deaf")):
            sender.tls.unwrap()
    except (OSError, ssl.SSLError, ConnectionError, ValueError) as e:
        print(e)
        sys.exit(1)


if __name__ == "__main__":
    main()
