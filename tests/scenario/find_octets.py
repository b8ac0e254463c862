#!/usr/bin/env python3
"""find_octets.py FILE...: is a word of standard input (one a line) in a file?

As it stands, and where it is hex also as the octets that it says.  Exit status
0 and the file's name if one is, 1 if none is, 2 if there was nothing to look for
or a file cannot be read.
"""
import mmap
import re
import sys


def main():
    words = []
    for line in sys.stdin.read().split("\n"):
        if line:
            words.append(line.encode())
            if re.fullmatch("([0-9a-f]{2})+", line):
                words.append(bytes.fromhex(line))
    if not words or len(sys.argv) < 2:
        return 2
    for name in sys.argv[1:]:
        with open(name, "rb") as f:
            if f.seek(0, 2) == 0:
                continue
            with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
                for word in words:
                    if m.find(word) != -1:
                        print(name)
                        return 0
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as e:
        print(e, file=sys.stderr)
        sys.exit(2)
