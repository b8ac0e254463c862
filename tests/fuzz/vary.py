#!/usr/bin/env python3
"""Small changes to each input of a corpus: cut off behind each octet, and each
octet set to another.  What of it reaches more, merge-corpus.sh finds.

    vary.py CORPUS/NAME FOUND/NAME
"""
import hashlib
import os
import sys

LONGEST = 400  # octets; of longer inputs only cuts, and of those so many


def varied(octets):
    step = 1 + len(octets) // LONGEST
    for i in range(0, len(octets), step):
        yield octets[:i]
        if step == 1:
            for new in {0, 1, 255, octets[i] ^ 1, octets[i] ^ 32}:
                yield octets[:i] + bytes([new]) + octets[i + 1:]
            yield octets[:i] + octets[i + 1:]


def main(source, target):
    seen = set()
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(source)):
        with open(os.path.join(source, name), "rb") as f:
            seen.update(varied(f.read()))
    for octets in seen:
        name = hashlib.sha1(octets).hexdigest()[:16]
        with open(os.path.join(target, name), "wb") as f:
            f.write(octets)


if __name__ == "__main__":
    main(*sys.argv[1:])
