#!/usr/bin/env python3
"""Drives every command of pilotctl 1.18.0 against mockpilot.

    run.py [MOCKPILOT]

pilotctl is the one beside the fetched libpilot (tests/c/fetch-libpilot), or
the one in LIBPILOT. It may look for a registry, so it only runs in a network
namespace of its own; where none can be had the suite fails. Prints a line PASS
or FAIL for each check, a table of commands and forms, and at last "N passed, M
failed".
"""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "python"))
import clientkit  # noqa: E402
import commands  # noqa: E402
import elsewhere  # noqa: E402
import lifecycle  # noqa: E402
import node  # noqa: E402
import refusals  # noqa: E402
import relations  # noqa: E402
import streams  # noqa: E402
import verifier  # noqa: E402
from pilotctl import Pilotctl  # noqa: E402

# What `context` says that a command returns, and pilotctl does not print,
# whatever the daemon answers.
NEVER_PRINTED = {
    # `current configuration as JSON` are words, and so is `new public_key`.
    "config": ["as", "configuration", "current"],
    "rotate-key": ["new"],
    # It prints the daemon's reply as it came, which has another key: `type`,
    # `accepted`, `visibility`, `nodes`.
    "deregister": ["status"],
    "network list": ["total"],
    "network accept": ["status"],
    "network invite": ["status"],
    "network join": ["status"],
    "network leave": ["status"],
    "network members": ["members", "total"],
    "network reject": ["status"],
    "set-private": ["status"],
    "set-public": ["status"],
    # Only where there is a file in ~/.pilot, which the real daemon writes.
    "inbox": ["dir"],
    "received": ["dir"],
    "send-message": ["reply", "reply_to"],
    # Only where SIGTERM was not enough.
    "daemon stop": ["forced"],
    # It prints `submitted` and `subject`.
    "review": ["ok", "target"],
    # It prints the daemon's reply; the others come from the registry.
    "verify": ["address", "issuer", "submitted", "verified"],
}


def printed_by(program):
    """What a command line prints, without a daemon."""
    def run(*arguments):
        done = subprocess.run(
            [program, *arguments], stdin=subprocess.DEVNULL, timeout=30,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
            env={"HOME": "/nonexistent", "PILOT_SOCKET": "/nonexistent/s"})
        return done.stdout
    return run


def lenient(checks, table):
    daemon = clientkit.Daemon("--profile", "lenient")
    ctl = Pilotctl(checks, daemon, table)
    node.state(ctl)
    node.names(ctl)
    node.keys(ctl)
    node.signing(ctl)
    node.badges(ctl, daemon.directory)
    relations.trust(ctl)
    relations.asked_by_others(ctl)
    relations.networks(ctl)
    relations.managed(ctl)
    relations.broadcasts(ctl)
    streams.measurements(ctl)
    streams.streams(ctl)
    streams.messages(ctl, daemon.directory)
    streams.sent_to_recv(ctl)
    streams.pushed_to_recv(ctl)
    streams.sent_to_listen(ctl)
    streams.pushed_to_listen(ctl)
    streams.published_to_subscribe(ctl)
    policy = elsewhere.write_policy(daemon.directory)
    elsewhere.registry(ctl, policy)
    elsewhere.internet(ctl)
    elsewhere.programs(ctl)
    elsewhere.local(ctl, policy)
    elsewhere.apps(ctl, policy)
    ctl.json("deregister", {"type": "deregister_ok"})
    ctl.text("deregister", "deregister_ok")
    daemon.stop(checks)


def main():
    clientkit.enter_namespace()
    program = os.path.join(clientkit.libpilot_directory(), "pilotctl")
    if not os.access(program, os.X_OK):
        print(f"run.py: {program}: not there: run tests/c/fetch-libpilot",
              file=sys.stderr)
        return 1
    checks = clientkit.Checks()
    run = printed_by(program)
    table = commands.Table(commands.listed(run), commands.documented(run))
    waiting = verifier.start(checks, table)
    lenient(checks, table)
    verifier.finish(*waiting)
    refusals.run(checks)
    lifecycle.start_and_stop(checks, table)
    table.judge(checks, NEVER_PRINTED)
    print(*table.lines(), sep="\n")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
