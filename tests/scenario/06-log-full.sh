#!/usr/bin/env bash
# No record, no act: with a log that is full, on a full disk or not writable,
# nothing is released and nothing entered; it can still be read, and service
# returns by itself when there is room.  A log that was cut off or changed is
# found, by keywarden audit verify and at start.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

LOG=$WORK/state/audit.log
# fails TEXT EXIT-CODE PART-OF-THE-LINE keywarden's words...
fails() {
	local text=$1 code=$2 part=$3
	shift 3
	kw "$@" >"$WORK/shown" 2>"$WORK/said"
	check "$text: exit $code" same $? "$code"
	check "$text: one line, $part" one_line "$part"
}
entries() { kw audit show --json | wc -l; }
unavailable() {
	ask x alice
	[ "$REASON" = unavailable ]
}
# Requests that nobody may make: long entries, until they are unavailable.
LONG=sip:$(printf 'x%.0s' {1..230})@lab.example
fill() { probe many 1000 "$LONG" "$WORK/x" | grep -q unavailable; }
# nothing_goes TEXT EXIT-CODE PART-OF-THE-LINE: what holds while nothing can be
# written; the last two are of request submit
nothing_goes() {
	local before released
	check "$1: a request is unavailable" eventually 10 unavailable
	before=$(entries)
	released=$(audit_count keyOutcome)
	refused "$1: one without a warrant too" unavailable x bob
	fails "$1: no warrant is entered" "$2" "$3" request submit "$WORK/V.cms"
	fails "$1: nobody is enrolled" "$2" "$3" request submit "$WORK/carol-add.cms"
	check "$1: no warrant was entered" same "$(kw warrant list --json | grep -c LIID-2)" 0
	check "$1: nothing was released" same "$(audit_count keyOutcome)" "$released"
	check "$1: the log can be read" same "$(entries)" "$before"
	check "$1: and verified" quiet kw audit verify
}
all_run() {
	kw status --json >"$WORK/status" 2>/dev/null
	grep -q '"workers": 1' "$WORK/status" && grep -q '"xk": true' "$WORK/status"
}
no_room() { all_run && grep -q '"logHasRoom": false' "$WORK/status"; }
# starts_full TEXT: and uses what little was left behind; then status tells
starts_full() {
	daemon_start
	check "$1" eventually 30 all_run
	check "$1: nothing goes in" eventually 60 fill
	check "$1: status tells" eventually 5 no_room
	check "$1: and does not call it serving" grep -q '"serving": false' "$WORK/status"
	check "$1: for people too" grep -q "^AUDIT LOG FULL" <(kw status)
}
# begin: an appliance, a call of Alice that it serves, a warrant in hand
begin() {
	kms_up
	subscriber alice
	subscriber bob
	check "a warrant for Alice" warrant W
	LIID=LIID-2 TARGETS='"sip:bob@lab.example"' document V
	sign V one two
	request carol-add sec-one subscriber add --identity "$(uri carol)" --seed-file "$WORK/bob.seed"
	sign carol-add sec-one sec-two
	exchange x alice bob
	granted "the call" x alice
}

# ---- in a mount namespace of its own, from below ----
if [ "${FULL_DISK:-}" = 1 ]; then
	mkdir "$WORK/state" && mount -t tmpfs -o size=4m,mode=700 tmpfs "$WORK/state" || exit 77
	begin
	cat /dev/zero >"$WORK/state/filler" 2>/dev/null
	check "requests use what is left of the log's space" eventually 60 fill
	nothing_goes "disk full" 1 "log is full"
	daemon_stop
	starts_full "it starts on a full disk"
	nothing_goes "started on it" 1 "log is full"
	rm "$WORK/state/filler"
	check "room on the disk: service returns" eventually 10 served
	check "a warrant can be entered" quiet kw request submit "$WORK/V.cms"
	daemon_stop
	check "the log is sound" quiet kw audit verify
	cp -a "$WORK/state" "$WORK/copy" && umount "$WORK/state" && rmdir "$WORK/state" &&
		mv "$WORK/copy" "$WORK/state"
	finish
fi

step "An appliance, a call, and a warrant in hand"
AUDIT_EXTRA="most_mib = 1"
begin

step "Cut off"
daemon_stop
cp "$LOG" "$WORK/good"
kw audit head >"$WORK/head"
number() { od -An -tu1 -j "$1" -N 4 "$WORK/good" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'; }
at=16 AT=()
while n=$(number $at) && [ "$n" -gt 0 ]; do
	AT+=("$at")
	at=$((at + 4 + n + 32))
done
LAST=$((${#AT[@]} - 1))
check "its records can be counted" same "$(entries)" $((LAST + 1))
truncate -s $((at - 10)) "$LOG"
fails "within the last entry" 2 "entry $LAST .*cut off" audit verify
check "at start this entry goes, the service comes" up
check "which is in the log" grep -q "unfinished by a crash" <<<"$(kw audit show --from $LAST)"
check "the log is sound" quiet kw audit verify
granted "the call" x alice
daemon_stop
# shellcheck disable=SC2046
fails "a head noted before tells" 2 "the log was changed" audit verify $(cat "$WORK/head")
truncate -s "${AT[$LAST]}" "$LOG"
# shellcheck disable=SC2046
fails "between two entries too" 2 "entries are missing" audit verify $(cat "$WORK/head")

step "Changed"
# changed TEXT OCTET NEW-VALUE PART-OF-THE-LINE
changed() {
	cp "$WORK/good" "$LOG"
	# shellcheck disable=SC2059
	printf "$3" | dd of="$LOG" bs=1 seek="$2" conv=notrunc 2>/dev/null
	fails "$1" 2 "$4" audit verify
}
# not_as_it_is OCTET: another value than it has there
not_as_it_is() { printf '\\%o' $((255 - $(od -An -tu1 -j "$1" -N 1 "$WORK/good"))); }
middle=$((LAST / 2))
changed "the header" 3 x "not an audit log"
changed "a length" $((AT[middle] + 3)) '\0' "octets behind its end"
changed "the first entry" $((AT[0] + 30)) "$(not_as_it_is $((AT[0] + 30)))" "entry 0 "
changed "a hash" $((AT[middle + 1] - 1)) "$(not_as_it_is $((AT[middle + 1] - 1)))" "entry $middle "
for n in $middle $LAST; do
	changed "entry $n of $LAST" $((AT[n] + 20)) "$(not_as_it_is $((AT[n] + 20)))" "entry $n "
	fails "show stops there" 2 "entry $n " audit show --json
	check "what is before it is shown" same "$(wc -l <"$WORK/shown")" "$n"
	cp "$LOG" "$WORK/changed"
	log_mark
	daemon_start
	check "at start it is refused" eventually 20 log_says "entry $n .*send SIGHUP"
	check "a request is unavailable" eventually 20 unavailable
	fails "no warrant is entered" 69 "out of service" request submit "$WORK/V.cms"
	check "the log was left as it is" cmp -s "$LOG" "$WORK/changed"
	cp "$WORK/good" "$LOG"
	kill -HUP "$DAEMON"
	check "the true one back and SIGHUP: service returns" eventually 20 served
	daemon_stop
done

step "Full: audit.most_mib is reached"
check "it starts" up
check "requests fill it, then they are unavailable" eventually 60 fill
nothing_goes "full" 1 "log is full"
check "it has audit.most_mib" same "$(wc -c <"$LOG")" 1048576
daemon_stop
log_mark
starts_full "it starts with a full log"
check "and says so" eventually 5 log_says "log is full"
nothing_goes "started full" 1 "log is full"
kw audit head >"$WORK/head"
AUDIT_EXTRA="most_mib = 3" config
check "more is allowed, SIGHUP" reload
check "service returns" eventually 10 served
# shellcheck disable=SC2046
check "what was in it still is" quiet kw audit verify $(cat "$WORK/head")

step "A write fails"
log_mark
prlimit --pid "$(pid_of keywarden-audit)" --fsize=65536
refused "a request" unavailable x alice
check "audit ends itself" eventually 5 log_says "cannot be written"
check "and is started again: service returns" eventually 20 served

step "Not writable"
if [ "$(id -u)" -ne 0 ]; then chmod 400 "$LOG"; else chattr +i "$LOG" 2>/dev/null; fi
if (: >>"$LOG") 2>/dev/null; then
	note "left out: root's files are always writable here"
else
	kill -KILL "$(pid_of keywarden-audit)"
	log_mark
	check "the daemon says which file" eventually 20 log_says "audit log .*$LOG"
	nothing_goes "not writable" 69 "out of service"
	if [ "$(id -u)" -ne 0 ]; then chmod 600 "$LOG"; else chattr -i "$LOG"; fi
	check "writable again: service returns" eventually 40 served
fi
check "the warrant can be entered now" quiet kw request submit "$WORK/V.cms"
granted "and serves" x bob
check "the log is sound" quiet kw audit verify

step "A full disk"
if unshare -m true 2>/dev/null; then spaces=-m; else spaces=-rm; fi
if unshare $spaces true 2>/dev/null; then
	check "the same" env FULL_DISK=1 unshare $spaces "$0"
else
	note "left out: no mount namespace for this user"
fi
finish
