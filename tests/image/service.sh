#!/usr/bin/env bash
# The unit as it is installed has no line that systemd does not know, and leaves the
# service no more exposed than it was.  tests/long/systemd.sh runs it.
#
#	service.sh UNIT
set -euo pipefail
command -v systemd-analyze >/dev/null || { echo "no systemd-analyze: left out"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What it starts need not be installed here.
sed 's,^ExecStart=.*,ExecStart=/bin/true,' "$1" >"$work/keywarden.service"
said=$(systemd-analyze verify --man=no "$work/keywarden.service" 2>&1)
[ -z "$said" ] || { echo "$said"; exit 1; }
systemd-analyze security --offline=true --threshold=36 --no-pager "$work/keywarden.service" |
	tail -n 1
