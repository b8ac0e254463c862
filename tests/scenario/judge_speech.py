#!/usr/bin/env python3
"""Judges what keywarden-lemf makes of records and captures.

    judge_speech.py said DIR SAID ulaw|alaw    DIR/*-SSRC.wav have the samples of
                                               SAID/ssrc-SSRC.raw, and no others
    judge_speech.py page FILE.html [TEXT...]           sound, and shows TEXT
"""
import html.parser
import os
import re
import struct
import sys


def ulaw(octet):
    """ITU-T G.711 as a table of decision values: independent of media/g711."""
    code = 255 - octet
    segment, step = code >> 4 & 7, code & 15
    value = 4 * ((33 + 2 * step) * 2**segment - 33)
    return -value if code & 128 else value


def alaw(octet):
    code = octet ^ 0x55
    segment, step = code >> 4 & 7, code & 15
    value = 16 * step + 8 if segment == 0 else (16 * step + 264) << segment - 1
    return value if code & 128 else -value


def wav(path, raw, law):
    data = open(path, "rb").read()
    want = [{"ulaw": ulaw, "alaw": alaw}[law](o) for o in open(raw, "rb").read()]
    head = struct.unpack("<4sI4s4sIHHIIHH4sI", data[:44])
    length = 2 * len(want)
    assert head == (b"RIFF", 36 + length, b"WAVE", b"fmt ", 16, 1, 1, 8000,
                    16000, 2, 16, b"data", length), head
    got = struct.unpack("<%dh" % len(want), data[44:])
    for i, (g, w) in enumerate(zip(got, want)):
        assert g == w, "sample %d is %d, said was %d" % (i, g, w)


def said(heard, raws, law):
    raws = {f[5:-4]: os.path.join(raws, f) for f in os.listdir(raws)}
    wavs = {f[-12:-4]: os.path.join(heard, f) for f in os.listdir(heard)
            if f.endswith(".wav")}
    assert raws.keys() == wavs.keys(), (sorted(raws), sorted(wavs))
    for ssrc, raw in raws.items():
        wav(wavs[ssrc], raw, law)


class Page(html.parser.HTMLParser):
    VOID = {"meta", "br", "link", "img", "input", "hr"}
    ALLOWED = set("""html head meta title style body header main footer nav section
        h1 h2 h3 h4 p ul li a code pre dl div dt dd time span details summary figure
        figcaption table caption thead tbody tr th td audio svg desc path rect circle
        text""".split())

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.targets, self.text = [], set(), set(), []
        self.audio = 0

    def handle_starttag(self, tag, attrs):
        assert tag in self.ALLOWED, "<%s>" % tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name == "id":
                assert value not in self.ids, "id %s twice" % value
                self.ids.add(value)
            if name == "href":
                assert value.startswith("#"), value
                self.targets.add(value[1:])
            if name == "src":
                assert tag == "audio" and value.startswith("data:audio/wav;base64,")
                self.audio += 1
            if name == "aria-labelledby":
                self.targets.update(value.split())
            assert name not in ("style", "xlink:href", "action", "srcset"), name
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "</%s> in %s" % (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError("a comment: %s" % data)


def page(path, texts):
    data = open(path, encoding="utf-8", newline="").read()
    p = Page()
    p.feed(data)
    p.close()
    assert not p.open, "left open: %s" % p.open
    assert p.targets <= p.ids, "no place: %s" % (p.targets - p.ids)
    assert not re.search(r"url\(|@import|https?:", data.split("<body>")[0])
    shown = "".join(p.text)
    for text in texts:
        assert text in shown, "not shown: %s" % text
    print(p.audio)


if sys.argv[1] == "said":
    said(*sys.argv[2:5])
else:
    page(sys.argv[2], sys.argv[3:])
