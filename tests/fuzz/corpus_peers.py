"""Seeds of make-corpus.py that are acts of a process's neighbours."""
from corpus_wire import u16, u8, view8, view16


# ---- fuzz_policy_peers.c ----

XK, X2, HI2, AUDIT, _, CLI, LATER, OTHER = range(8)
ALL = u8(6)  # all changes that there are
JOIN = u8(7 << 3 | AUDIT) + u8(0) + u8(5 << 3 | AUDIT) + u8(5)
NO, GONE = u8(7 << 3 | AUDIT) + u8(0x0f), u8(AUDIT)


def act(kind, what, *octets):
    return u8(what << 3 | kind) + bytes(octets)


def answered(n=1, how=1):
    return act(AUDIT, 7, how) * n


def handed_in(document, how=0x32, cli=0):
    return act(CLI, 16 + cli, document, how)


def client(proof=3, conn=0):
    return act(XK, conn) + act(XK, 4 + conn, proof)


def persons_and_policy():
    for document in range(22):
        both = handed_in(document)
        yield ALL + JOIN + both + answered(4)
        yield ALL + JOIN + handed_in(document, 0x30) + answered() + \
            handed_in(document, 0x31, 1) + answered(4) + both
        yield ALL + JOIN + handed_in(document, 0) + handed_in(document, 0x12)
        if document in (0, 2, 11, 12, 14):
            yield ALL + JOIN + both + NO * 4
            yield ALL + JOIN + both + answered() + GONE + GONE + JOIN + \
                answered(4)
            yield ALL + both + JOIN + answered(4)
            yield ALL + JOIN + handed_in(document, 0x30) + answered() + \
                handed_in(document, 0x33) + answered()
            yield ALL + JOIN + both + answered() + answered(1, 0) + \
                act(AUDIT, 5, 5) + answered(3)
    for how in (0x12, 0x14, 0x16, 0x26, 0x36, 0x46, 0x86, 0):
        yield u8(how) + JOIN + answered(4) + act(CLI, 8, 0) + act(CLI, 8, 1)
    for question in range(6):
        yield ALL + JOIN + act(CLI, 8, question)
        yield ALL + act(CLI, 8, question)
    yield ALL + JOIN + act(CLI, 12, 1) + answered() + act(CLI, 12, 0)
    yield ALL + JOIN + handed_in(10, 0x30) + answered() + act(LATER, 20) + \
        answered(2) + handed_in(10, 0x20)
    yield ALL + JOIN + act(OTHER, 0, 3) + handed_in(14) + answered(4) + \
        act(OTHER, 0, 1) + act(OTHER, 0, 0)
    yield ALL + JOIN + act(LATER, 31) + act(LATER, 24) + act(CLI, 12, 1) + \
        handed_in(15) + answered(6)
    yield ALL + JOIN + act(CLI, 4) + u8(2) + view16(b"bad") + act(CLI, 0)
    yield ALL + JOIN + act(AUDIT, 5, 16) + handed_in(0) + handed_in(11)


def neighbours_and_policy():
    for what in (0, 1, 2, 3, 4, 6, 0x10, 0x20):
        ask = act(XK, 16, what, 7)
        for proof in (3, 1, 0):
            yield ALL + JOIN + client(proof) + ask + answered()
        yield ALL + JOIN + client() + ask + NO
        yield ALL + JOIN + client() + ask + GONE
        yield ALL + JOIN + client() + ask + act(XK, 12) + answered()
        yield ALL + client() + ask
    yield ALL + JOIN + client() + client(3, 1) + act(XK, 0) + \
        act(XK, 17, 0, 1) + act(XK, 17, 1, 2) + answered(2, 2)
    yield ALL + JOIN + client() + handed_in(16) + answered(3) + \
        act(XK, 16, 0, 1) + answered()
    note = (1).to_bytes(4, "big") + (3).to_bytes(4, "big") + b"often"
    yield ALL + JOIN + client() + act(XK, 8, 1, 0) + view16(note) + answered()
    for what in range(0, 256, 5):
        yield ALL + JOIN + act(X2, 2, what) + answered(3)
    for word in (NO * 3, GONE, act(HI2, 0) + answered(3),
                 act(HI2, 21) + answered(3), answered(3, 4),
                 handed_in(2) + answered(6)):
        for what in (4, 5, 6, 36, 68):
            yield ALL + JOIN + act(X2, 2, what) + word
    yield ALL + JOIN + b"".join(act(X2, 1 + 4 * i) for i in range(6))
    yield ALL + JOIN + handed_in(0) + act(X2, 5) + answered(4) + act(X2, 5) + \
        handed_in(1) + answered(4) + act(X2, 5)
    counts = u8(2) + bytes(16)
    yield ALL + act(X2, 0, 2, 0) + view16(counts) + act(HI2, 2, 0, 0) + \
        view16(counts) + act(CLI, 8, 0)
    yield ALL + b"".join(act(HI2, 3, i) for i in (0, 5, 8, 77, 130)) + \
        act(CLI, 8, 5) + act(CLI, 8, 0) + act(HI2, 0) + act(HI2, 0)
    yield ALL + JOIN + act(X2, 2, 5) + act(X2, 20) + answered(3) + act(X2, 0) + \
        act(X2, 2, 5) + answered(3)


def policy_peers():
    yield from persons_and_policy()
    yield from neighbours_and_policy()


# ---- fuzz_audit_peers.c ----

COMMIT = act(7, 0)


def chain(how=1):
    return act(0, 7, how)


def worker(i=0, learns=0):
    """It has come and learnt what there is."""
    return act(4, i) + act(4, 9 + i, learns)


def asked(kind, how=0, ident=1):
    """2: a grant, 3: a task, 4: a change, 6: an entry."""
    return act(0, kind, *([how] if kind == 3 else [how, ident])) + COMMIT


def done(how, i=0, n=1):
    return (act(4, 15 + i, how) + COMMIT) * n


def audit_peers():
    ready = b"\0" + chain() + worker()
    for full in (0, 1, 20):
        ready = u8(full) + chain() + worker()
        for how in (0, 1, 2, 3, 4, 5, 0x44):
            yield ready + asked(2, how) + done(0, n=3)
            yield ready + asked(2, how) + done(3, n=2)
            yield ready + asked(2, how) + done(0) + done(5)
            yield ready + asked(2, how) + act(4, 0) + COMMIT
            yield ready + asked(2, how) + act(0, 0) + done(0, n=2)
        yield ready + asked(3, 1) + done(0) + asked(3, 2) + done(1)
        for how in range(18):
            yield ready + asked(4, how) + act(4, 9, 0) + COMMIT + asked(2)
        for how in (0, 3, 5):
            for word in (1, 2, 3, 8):
                yield ready + asked(4, how) + act(4, 9, word) + COMMIT + \
                    act(0, 0) + act(0, 0) + chain() + act(4, 9, 0)
            yield ready + asked(4, how) + act(4, 0) + COMMIT + worker() + \
                asked(4, how)
            yield ready + worker(1) + asked(4, how) + act(4, 9, 0) + \
                act(4, 10, 0) + COMMIT + asked(4, 0xc0 | how)
            yield u8(full) + chain() + asked(4, how) + worker() + \
                asked(2) + act(4, 9, 0)
        yield ready + b"".join(asked(6, i, i) for i in range(4))
    many = b"".join(act(0, 2, i % 3, i) for i in range(30))
    yield ready + many + COMMIT + done(0, n=40)
    yield b"\0" + chain() + worker() + worker(1) + many + COMMIT + \
        act(4, 0) + COMMIT + done(0, 1, 20)
    yield b"\0" + chain() + worker() + many + COMMIT + act(4, 0)
    for what in range(6):
        yield b"\0" + chain() + worker() + act(3, 0) + act(3, 2, what, 5) + \
            COMMIT + done(what)
        yield b"\0" + worker() + act(3, 0) + act(3, 3, what, 5) + COMMIT
        yield b"\0" + worker() + act(3, 0) + act(3, 2, what, 1) * 9 + \
            COMMIT + act(3, 0) + act(3, 0) + done(0, n=4)
        yield b"\0" + worker() + act(4, 6, what) + act(4, 0) + COMMIT
    yield b"\0" + act(0, 0) + act(0, 0) + chain(2) + act(0, 1, 2) + u8(0) + \
        view16(b"\1")


# ---- fuzz_worker.c ----


def said(kind, what=0, *octets):
    return bytes([kind, what, *octets])


def to_the_end(what, reason=0):
    """A job: to a worker, out of its thread, on disk."""
    return said(2, what) + said(4, reason << 2) + said(5, reason << 2 | 1) + \
        said(6)


def workers():
    for how in (4, 2, 0, 5):
        begin = u8(how)
        for what in (0, 1, 2, 4, 5, 6, 8, 12, 0x10, 0x20, 0x30, 0x40, 0x50,
                     0x60):
            yield begin + to_the_end(what)
        for reason in range(1, 9):
            yield begin + to_the_end(0, reason) + to_the_end(5, reason)
    learnt = u8(4)
    for what in (0, 5):
        job = said(2, what)
        out = said(4, 0) + said(5, 1)
        for change in (said(11, what & 1), said(12), said(14, 200),
                       said(15, 255), said(15, 40),
                       said(0, 1 | 16, 0x80), said(0, 1 | 16, 0x82),
                       said(0, 15, 0)):
            yield learnt + change + job + out + said(6)
            yield learnt + job + change + out + said(6)
            yield learnt + job + out + change + said(6)
    yield learnt + said(2, 0) * 8 + (said(4, 0) + said(5, 1) + said(6)) * 8
    for at in range(0, 600, 7):
        yield learnt + said(2, 0) + said(10, 255) + u16(at) + u8(1 << at % 8) + \
            (said(4, 0) + said(5, 1) + said(6)) * 2
    for rule in (0, 1):
        yield learnt + said(2, 0) + said(10, rule) + view16(bytes(40)) + u8(1)
    yield learnt + said(10, 1) + view16(b"") + u8(9)
    for document in range(22):
        for form in (0x00, 0x40, 0x80, 0xc0):
            yield learnt + said(0, 1 | 16, form | document)
        yield learnt + said(0, 1, 0x80 | document)
    for what in (7, 6, 15, 8 | 3, 16 | 7, 128 | 7, 128 | 16 | 1):
        yield u8(0) + said(0, what, 0) + said(0, what, 0)
    for what in (0, 1, 2, 3, 4, 5, 6, 7, 0x80):
        yield learnt + said(8, what) + said(9, what)
        yield u8(0) + said(8, what) + said(11, 1) + said(9, what)
    remote = u8(5)
    for what in (2, 3, 0x12, 1, 0):
        yield remote + said(13) + said(2, 5) + said(13, what) + view8(b"no") + \
            said(6)
    yield remote + said(2, 5) + said(6) + said(13) + said(2, 4) + \
        said(15, 1) + said(14, 0) + said(6)
    for rule in (2, 3, 4):
        yield learnt + said(10, 0, rule) + view16(bytes(20))


# ---- fuzz_hi2_links.c ----

TURN = act(6, 0)


def link(op, how=0, slot=0):
    """0: comes, 1: a state, 3: sent, 4: delivered, 6: sign, 7: any frame."""
    return act(0, 2 * op + slot, how)


def hi2_links():
    for slot in (0, 1):
        opened = link(0, 0, slot) + link(1, 6, slot) + TURN + \
            act(3, 2, 0) + TURN
        yield opened + link(3, 0, slot) + link(4, 0, slot) + TURN
        yield opened + link(4, 0, slot) + act(4, 30) + TURN
        for number in (128, 129, 130, 135, 143):
            yield opened + link(3, number, slot) + link(4, number, slot) + TURN
            yield opened + link(3, 0, slot) + link(4, number, slot) + TURN * 2
        for state in range(8):
            yield opened + link(1, state, slot) + TURN + link(4, 0, slot)
        yield opened + link(6, 5, slot) + act(3, 2, 0)
        yield opened + b"".join(link(6, i, slot) for i in range(8)) + \
            act(3, 2, 200) * 3 + act(3, 0)
        yield opened + link(6, 5, slot) + link(0, 0, slot) * 2 + act(3, 2, 0)
        yield opened + act(5, 3) + link(4, 0, slot) + TURN + link(6, 1, slot)
        yield opened + link(0, 0, slot) + act(4, 31) * 3 + act(3, 1, 0)
        for rule in range(4):
            yield opened + link(7, 0, slot) + u8(rule) + u8(1) + \
                view16(bytes(12))
    for how in (0, 130, 165, 200):
        yield link(0) + link(1, 6) + TURN + act(3, 2, how) + TURN + \
            act(4, 31) * 3 + TURN + act(3, 2, 0) + TURN
    yield act(3, 0) + link(0) + link(1, 6) + TURN + act(3, 0) + TURN
    yield act(4, 31) * 4 + act(3, 1, 0) + act(4, 31)
