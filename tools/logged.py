#!/usr/bin/env python3
"""What the processes say on the log as a warning or an error, or before they end.

	tools/logged.py FILE.c...    one line for each: how its longest fixed part begins
"""
import re
import sys

CALL = re.compile(r'\b(?:log_warning|log_error|fatal)\(\s*((?:"(?:[^"\\]|\\.)*"|\s|PRI\w+)+)')
PART = re.compile(r'"((?:[^"\\]|\\.)*)"')
CONVERSION = re.compile(r"%[-+ #0-9.*]*(?:ll|l|z|j|hh|h)?[a-zA-Z]")
# Said of many things, and explained once.
GENERAL = ("no channel to", "own bound")
ENOUGH = 24
LEAST = 8

for name in sys.argv[1:]:
	with open(name, encoding="utf-8") as f:
		calls = CALL.findall(f.read())
	for call in calls:
		text = "".join(PART.findall(call)).replace('\\"', '"')
		fixed = max(CONVERSION.split(text), key=len).strip(" :;,.()")
		for general in GENERAL:
			if general in fixed:
				fixed = general
		if len(fixed) >= LEAST:
			print(fixed[:ENOUGH].rstrip())
