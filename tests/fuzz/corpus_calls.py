"""Seeds of fuzz_calls: calls in commands of a few octets."""
TAGS = {"": 0, "a": 1, "b": 2, "c": 3}
METHODS = ["", "INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"]
STATUS = [0, 183, 200, 486]
UPDATE, IBAKE, ESK = 1, 2, 4

SHORT, LONG, ASK = b"\xca", b"\xef", b"\xf0\x00"  # time, and asking again
ROOM, LITTLE = bytes([7, 200]), bytes([0, 0])  # limits


def mikey(kind, csb, t, flags, idrr="b", sound=True, salt=0):
    return bytes([kind - 22 | (0 if sound else 0x80), csb | t << 2,
                  flags | TAGS[idrr] << 3, salt])


def put(method, cseq, tags, *messages, status=0, call=0, xid=0):
    start, to = tags
    return bytes([len(messages),
                  STATUS.index(status) | METHODS.index(method) << 2 | cseq << 5,
                  TAGS[start] | TAGS[to] << 2 | call << 4 | xid << 6]) + \
        b"".join(messages)


I1, R1 = mikey(22, 1, 1, IBAKE), mikey(23, 1, 1, IBAKE)
I2, R2 = mikey(24, 1, 2, IBAKE), mikey(25, 1, 2, 0)


def call(esk=0, **where):
    return [put("INVITE", 1, ("a", ""), I1, **where),
            put("INVITE", 1, "ab", R1, status=183, **where),
            put("PRACK", 2, "ab", mikey(24, 1, 2, IBAKE | esk), **where),
            put("INVITE", 1, "ab", status=200, **where)]


def update(t):
    return [put("UPDATE", 3, "ba", mikey(22, 1, t, UPDATE | IBAKE, "")),
            put("UPDATE", 3, "ba", mikey(23, 1, t, UPDATE | IBAKE, ""),
                status=200)]


def fork():
    return [call()[0], put("INVITE", 1, "ab", R1, status=183),
            put("INVITE", 1, "ac", mikey(23, 1, 1, IBAKE, "c"), status=183),
            put("PRACK", 2, "ac", mikey(24, 1, 2, IBAKE, "c")),
            put("INVITE", 1, "ac", status=200)]


def bundles():
    return [put("INVITE", 1, ("a", ""),
                *[mikey(22, n, 1, IBAKE) for n in (1, 2, 3)]),
            put("INVITE", 1, "ab", R1, mikey(23, 2, 1, IBAKE), status=200),
            put("ACK", 1, "ab", I2, mikey(24, 2, 2, IBAKE))]


def seeds():
    one, many = call(), [call(call=n)[0] for n in range(4)]
    yield ROOM + b"".join(one) + SHORT + ASK + put("BYE", 4, "ab") + LONG
    yield ROOM + b"".join(reversed(one + update(3))) + SHORT + ASK
    yield ROOM + b"".join(call(esk=ESK)) + SHORT + ASK
    yield ROOM + b"".join(call(esk=ESK)) + put("", 4, "ba", R2) + ASK
    yield ROOM + b"".join(one + update(3) + update(4)) + ASK
    yield ROOM + b"".join(update(3)) + SHORT
    yield ROOM + b"".join(fork()) + SHORT + ASK
    yield ROOM + one[0] + put("INVITE", 1, "ab", status=486) + LONG
    yield ROOM + one[0] + put("CANCEL", 1, ("a", "")) + LONG
    yield ROOM + b"".join(one[:2] + one[3:]) + SHORT + LONG
    yield ROOM + put("INVITE", 1, ("a", ""), mikey(22, 1, 1, IBAKE, "b",
                                                   False)) + \
        b"".join(one[1:]) + SHORT
    yield LITTLE + b"".join(many * 3)
    yield LITTLE + b"\xf8" + b"".join(many * 6) + b"\xf9" + SHORT
    yield ROOM + b"".join(b"".join(call(call=n, xid=x)) for n in range(2)
                          for x in range(3)) + ASK + b"\xf0\x01"
    yield ROOM + b"".join(bundles()) + SHORT
    yield ROOM + b"".join(
        put("", 1, "ab", *[mikey(22, 1, 1, IBAKE, salt=3 * k + n)
                           for n in range(3)]) for k in range(60)) + SHORT
    yield ROOM + b"".join(one) + b"".join(
        put("UPDATE", 3, "ba", *[mikey(k, 1, n % 8, UPDATE | IBAKE, "", True, n)
                                 for k in (22, 23)])
        for n in range(100)) + SHORT
