#!/usr/bin/env python3
"""find_octets.py [--all] FILE...: is a word of standard input (one a line) in a
file?

As it stands, and where it is hex also as the octets that it says.  With --all
also backwards, as hex in either case, and as base64 wherever it begins in that.
Each file in which one is, is named once, with the number of the word's line.
Exit status 0 if there is one, 1 if there is none, 2 if there was nothing to look
for or a file cannot be read.
"""
import base64
import mmap
import re
import sys


def base64_forms(octets):
    """What does not depend on the neighbours, for each place in three octets."""
    for before in range(3):
        padded = bytes(before) + octets
        padded += bytes(-len(padded) % 3)
        text = base64.b64encode(padded)
        first = -(-before * 8 // 6)
        last = (before + len(octets)) * 8 // 6
        for table in (None, (b"+/", b"-_")):
            form = text[first:last]
            yield form.translate(bytes.maketrans(*table)) if table else form


def forms(line, every):
    octets = [line.encode()]
    if re.fullmatch("([0-9a-f]{2})+", line):
        octets.append(bytes.fromhex(line))
    found = set(octets)
    for o in octets if every else []:
        found |= {o[::-1], o.hex().encode(), o.hex().upper().encode()}
        found.update(base64_forms(o))
    return found


def look(name, words):
    with open(name, "rb") as f:
        if f.seek(0, 2) == 0:
            return None
        with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
            for number, forms_of in words:
                if any(m.find(form) != -1 for form in forms_of):
                    return number
    return None


def main(args):
    every = args[:1] == ["--all"]
    files = args[1:] if every else args
    lines = sys.stdin.read().split("\n")
    words = [(n + 1, forms(line, every)) for n, line in enumerate(lines) if line]
    if not words or not files:
        return 2
    found = 1
    for name in files:
        number = look(name, words)
        if number is not None:
            print("%s (word %d)" % (name, number))
            found = 0
    return found


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as e:
        print(e, file=sys.stderr)
        sys.exit(2)
