#!/usr/bin/env bash
# What is installed for systemd has no line that it does not take, and leaves the
# service no more exposed than it was.  tests/long/systemd.sh runs it.
#
#	service.sh UNIT SYSUSERS
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
said=$(systemd-sysusers --root="$work" --dry-run - <"$2" 2>&1) || true
[ "$(grep -c "^Creating user" <<<"$said")" = "$(grep -c "^u " "$2")" ] || { echo "$said"; exit 1; }
