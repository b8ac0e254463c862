"""What the seeds of make-corpus.py are made of: integers, DER, MIKEY messages
by payloads, calls between processes, plaintexts of envelopes."""
import struct

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

    def built(self, payloads, prf=None):
        """The octets again, with these payloads in their place."""
        chain = [k for k, _ in payloads] + [0]
        o = self.octets
        return o[:2] + u8(chain[0]) + (o[3:4] if prf is None else u8(prf)) + \
            o[4:10] + self.cs + b"".join(
                u8(n) + p for n, (_, p) in zip(chain[1:], payloads))

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


def policy(number, prot=0, *params):
    """An SP payload; a parameter is (type, value)."""
    return 10, u8(number) + u8(prot) + view16(
        b"".join(u8(t) + view8(v) for t, v in params))


AES_CM = (1, b"\x10"), (4, b"\0\x0e")


def with_policies(message, *policies):
    """SP payloads behind the last identity, a general extension at the end."""
    m = Message(message)
    at = max([i for i, (k, _) in enumerate(m.payloads) if k in (5, 14)]) + 1
    v = [p for p in m.payloads if p[0] == 9]
    rest = [p for p in m.payloads[at:] if p[0] != 9]
    return m.built(m.payloads[:at] + list(policies) + rest +
                   [(21, b"\0" + view16(b"ext"))] + v)


def with_time(message, kind, value):
    """T of another type: 0 and 1 have 64 bit, COUNTER and 3 have 32."""
    m = Message(message)
    t = u8(kind) + (u64(value) if kind < 2 else u32(value))
    return m.built([(5, t) if k == 5 else (k, p) for k, p in m.payloads])


def changed_messages(message):
    """One message with what those of the vectors have not."""
    m = Message(message)
    yield with_policies(message, policy(0, 0, *AES_CM))
    yield with_policies(message, policy(0), policy(7, 0, (0, b"\1")))
    yield with_policies(message, policy(3), policy(3))
    yield with_policies(message, policy(0, 1))
    yield with_policies(message, policy(0, 0, (1, b"\x20")))
    yield with_policies(message, policy(0, 0, (9, bytes(200))))
    for kind in (1, 2, 3):
        yield with_time(message, kind, 7)
    yield m.built(m.payloads, prf=2)
    yield m.built(m.payloads[::-1])
    yield m.built([p for p in m.payloads if p[0] != 14])


def changed_requests(messages):
    """The seven of a request, changed so that they still fit together."""
    def each(f):
        return [None if m is None else f(i, m)
                for i, m in enumerate(messages)]
    yield each(lambda i, m: with_policies(m, policy(0, 0, *AES_CM))
               if i in (0, 1, 4, 5) else m)
    order = [5, 5, 6, 6, 1, 1, 2]
    for kind in (1, 2, 3):
        yield each(lambda i, m: with_time(m, kind, order[i] << (
            32 if kind == 1 else 0)))
    yield each(lambda i, m: Message(m).built(Message(m).payloads, prf=2))
    for none in ((1,), (0, 1)):  # an update with the old keys has no IBAKE
        yield each(lambda i, m: m if i not in none else Message(m).built(
            [p for p in Message(m).payloads if p[0] != 22]))


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
