"""`daemon start` and `daemon stop`, with mockpilot under the name that pilotctl
looks for, and every command without a daemon."""

import os
import shutil
import tempfile

import clientkit
from pilotctl import Pilotctl

# pilotctl starts PILOT_DAEMON_BIN with the real daemon's flags, of which the
# socket is the one that counts here; and it stops nothing but a process that
# is called pilot-daemon.
LAUNCHER = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --socket) socket=$2 ;; esac
    shift
done
exec "$(dirname "$0")/pilot-daemon" -socket "$socket" -q
"""


class Nobody:
    """What Pilotctl needs of a daemon, where there is none."""

    def __init__(self, directory):
        self.directory = directory
        self.socket = os.path.join(directory, "s")
        self.control = None

    def environment(self):
        return clientkit.environment(self.directory, self.socket)


def start_and_stop(checks, table):
    directory = tempfile.mkdtemp(prefix="mockpilot-")
    try:
        launcher = os.path.join(directory, "start")
        with open(launcher, "w", encoding="ascii") as file:
            file.write(LAUNCHER)
        os.chmod(launcher, 0o755)
        os.symlink(clientkit.mockpilot(),
                   os.path.join(directory, "pilot-daemon"))
        ctl = Pilotctl(checks, Nobody(directory), table)
        ctl.environment["PILOT_DAEMON_BIN"] = launcher
        without_daemon(ctl)
        start = "daemon start --email a@example.test"
        ctl.text(start, "Daemon running", "0:0000.1234.5678")
        ctl.text("daemon stop", "daemon stopped")
        begun = ctl.json(f"{start} --transport udp", {
            "node_id": 0x12345678, "address": "0:0000.1234.5678",
            "hostname": "mock-daemon", "socket": ctl.daemon.socket,
            "transport": "udp"})
        ctl.refused(start, "already_exists", "daemon is already running")
        ctl.json("daemon status", {"running": True, "pid": begun.get("pid")})
        ctl.json("daemon stop", {"pid": begun.get("pid")})
        ctl.json(f"{start} --transport auto --proxy off", {
            "transport_auto": True, "proxy": "off"})
        ctl.json("daemon stop", {})
        ctl.json("daemon status", {"running": False, "responsive": False})
        checks.equal("daemon stop: the socket is gone",
                     os.path.exists(ctl.daemon.socket), False)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def without_daemon(ctl):
    ctl.text("daemon status --check", status=1)
    ctl.refused("info", "not_running", "daemon is not running")
    ctl.refused("daemon stop", "not_running", "daemon is not running")
    for command in ("health", "peers", "find alice", "pending", "trust",
                    "network list", "send 0:0000.0000.0009 7 --data x"):
        ctl.json(command, {"code": "not_running", "status": "error"},
                 status=1)
