#!/usr/bin/env python3
"""memory_of.py PID OUT: what a process has in memory that it can write, as a
file.  Root alone may; what goes while it is read is left out.
"""
import sys


def main(pid, out):
    with open("/proc/%s/maps" % pid) as maps, \
            open("/proc/%s/mem" % pid, "rb", 0) as mem, open(out, "wb") as f:
        for line in maps:
            span, mode, *rest = line.split()
            if not mode.startswith("rw") or rest[-1] in ("[vvar]", "[vsyscall]"):
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(start)
                f.write(mem.read(end - start))
            except (OSError, ValueError):
                pass


if __name__ == "__main__":
    main(*sys.argv[1:])
