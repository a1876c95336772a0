#!/bin/sh
# Runs suite.sh against a daemon of its own, and then shows what happens when a suite succeeds and yet
# did not ask for what its scenario expects.
set -eu
cd "$(dirname "$0")"

mockpilot exec --timeout 60s --scenario scenario.json -- sh suite.sh

# Everything that pilotctl does here succeeds, and yet the status is 3. A scenario can be given as text.
report=$(mktemp)
trap 'rm -f "$report"' EXIT
unmet='{"expect": [{"on": "resolve_hostname", "when": {"hostname": "beta"}}]}'
status=0
mockpilot exec --timeout 60s --scenario "$unmet" -- pilotctl find gamma >"$report" 2>&1 || status=$?
cat "$report"
if [ "$status" -ne 3 ]; then
	echo "not ok: expected status 3, got $status" >&2
	exit 1
fi
grep -qF 'hostname: expected "beta", got "gamma"' "$report"
echo "ok: an expectation that is not met is status 3"
