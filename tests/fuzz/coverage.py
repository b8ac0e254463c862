#!/usr/bin/env python3
"""What coverage.sh has measured, for each decoder of decoders.txt.

    coverage.py --targets [NAME...]          the targets that they need
    coverage.py [-v] ROOT FOLDER [NAME...]   a line each, from FOLDER/TARGET.json
"""
import collections
import json
import os
import re
import sys

LEAST = 95.0
EVERYWHERE = []  # reasons in front of all decoders
HERE = os.path.dirname(os.path.abspath(__file__))


class Decoder:
    def __init__(self, name, targets, places):
        self.name = name
        self.targets = targets.split(",")
        self.places = []
        for place in places.split(","):
            file, _, names = place.partition(":")
            self.places.append((file, re.compile(names or ".*")))
        self.reasons = []  # (piece of a line, why)

    def has(self, file, function):
        return any(file == f and names.fullmatch(function)
                   for f, names in self.places)


def decoders(names):
    out = []
    with open(os.path.join(HERE, "decoders.txt"), encoding="utf-8") as f:
        for line in f:
            line = line.rstrip()
            if line.startswith("-"):
                piece, _, why = line[1:].partition("\t")
                (out[-1].reasons if out else EVERYWHERE).append(
                    (piece.strip(), why.strip()))
            elif line and not line.startswith("#"):
                out.append(Decoder(*line.split()))
    unknown = set(names) - {d.name for d in out}
    if unknown:
        sys.exit("no decoder: " + " ".join(sorted(unknown)))
    return [d for d in out if not names or d.name in names]


def edges_of(function):
    """Regions of code, and both ways of each condition, with their counts."""
    for line, column, to, end, count, file, _, kind in function["regions"]:
        if kind == 0:
            yield file, ("region", line, column, to, end), count
    for line, column, to, end, true, false, file, *_ in function["branches"]:
        yield file, ("true", line, column, to, end), true
        yield file, ("false", line, column, to, end), false


def measure(root, folder, wanted):
    """For each decoder: {(file, edge): count}."""
    found = {d.name: collections.Counter() for d in wanted}
    for target in sorted({t for d in wanted for t in d.targets}):
        with open(os.path.join(folder, target + ".json"),
                  encoding="utf-8") as f:
            functions = json.load(f)["data"][0]["functions"]
        for function in functions:
            # The first has the function; others are of lines in #include.
            files = [os.path.relpath(os.path.realpath(f), root)
                     for f in function["filenames"]]
            name = function["name"].rpartition(":")[2]
            for d in wanted:
                if target in d.targets and d.has(files[0], name):
                    for i, edge, count in edges_of(function):
                        found[d.name][files[i], edge] += count
    return found


def text_of(root, file, cache={}):
    if file not in cache:
        with open(os.path.join(root, file), encoding="utf-8") as f:
            cache[file] = f.read().split("\n")
    return cache[file]


def print_one(root, decoder, counts, verbose):
    """Its line; True if it is good enough."""
    explained, missed = set(), []
    used = set()
    for (file, edge), count in sorted(counts.items()):
        if count > 0:
            continue
        kind, line, column = edge[:3]
        lines = text_of(root, file)
        text = lines[line - 2].strip() + " " + lines[line - 1].strip()
        reason = [p for p, _ in decoder.reasons + EVERYWHERE if p in text]
        if reason:
            explained.add((file, edge))
            used.update(reason)
        else:
            missed.append(
                f"    {file}:{line}:{column}: {kind}: {lines[line - 1].strip()}")
    n = len(counts)
    taken = n - len(explained) - len(missed)
    percent = 100.0 * taken / max(n - len(explained), 1)
    print(f"{decoder.name:<12} {n:>5} edges, {taken:>5} taken, "
          f"{len(explained):>3} explained, {percent:6.1f} %")
    if verbose and missed:
        print("\n".join(missed))
    for piece, _ in decoder.reasons:
        if piece not in used:
            print(f"    explained, but reached or gone: {piece}")
    return n > 0 and percent >= LEAST


def main(args):
    if args[:1] == ["--targets"]:
        print("\n".join(sorted({t for d in decoders(args[1:])
                                for t in d.targets})))
        return 0
    verbose = args[:1] == ["-v"]
    root, folder, *names = args[1:] if verbose else args
    root = os.path.realpath(root)
    wanted = decoders(names)
    found = measure(root, folder, wanted)
    good = [print_one(root, d, found[d.name], verbose) for d in wanted]
    if not all(good):
        print(f"below {LEAST:.0f} %: " + ", ".join(
            d.name for d, g in zip(wanted, good) if not g), file=sys.stderr)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
