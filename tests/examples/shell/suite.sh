#!/bin/sh
# The suite itself: it finds pilotctl and mockpilot on the PATH, and the daemon by PILOT_SOCKET and
# MOCKPILOT_CONTROL, which `mockpilot exec` has set. `mockpilot ctl` exits 1 when its answer is not
# "ok", so that `set -e` ends the suite there.
set -eu

printed=$(mktemp)
trap 'rm -f "$printed"' EXIT

fail() {
	echo "not ok: $*; it printed:" >&2
	cat "$printed" >&2
	exit 1
}

has() { grep -qF "$1" "$printed"; }

# A datagram that nobody asked for. No sleep: `await` answers once the listener has come.
pilotctl listen 6000 --count 1 --timeout 20s >"$printed" 2>&1 &
mockpilot ctl await '{"on": "connect", "timeout": "20s"}'
mockpilot ctl push '{"push": {"recv_from": {
	"from": "0:0000.0000.0002:4000", "to_port": 6000, "data": "ping"}}}'
wait $! || fail "listen: status $?"
has ping || fail "listen: no ping"
echo "ok: a datagram"

# An inbound connection, which says hello and is closed a little later: pilotctl overlooks a close that
# comes before it has taken the stream, and would then wait for its own time-out.
pilotctl recv 5000 --timeout 20s >"$printed" 2>&1 &
mockpilot ctl await '{"on": "bind", "when": {"port": 5000}, "timeout": "20s"}'
mockpilot ctl push '{"push": [
	{"accept": {"port": 5000, "from": "0:0000.0000.0002:4000", "say": "hello"}},
	{"close": {"conn": "last"}, "after": "200ms"}]}'
wait $! || fail "recv: status $?"
has hello || fail "recv: no hello"
echo "ok: an inbound connection"

# A refusal that the node would not come to by itself, for as long as the rule is there.
mockpilot ctl rule_add '{"rule": {
	"name": "taken", "on": "set_hostname", "error": "hostname \"web\" is taken"}}'
if pilotctl set-hostname web >"$printed" 2>&1; then
	fail "set-hostname: a name that is taken was accepted"
fi
has 'is taken' || fail "set-hostname: no reason"
mockpilot ctl rule_remove '{"name": "taken"}'
pilotctl set-hostname web >"$printed" 2>&1 || fail "set-hostname: status $?"
echo "ok: a name that is taken for a while"

# `exec` verifies when this ends; this shows the failures earlier.
mockpilot ctl verify
