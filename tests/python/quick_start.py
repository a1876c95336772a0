"""The quick starts of the SDK: that of its README and that of its module, and
its console entry for pilotctl, as a user runs them: without PILOT_LIB_PATH."""

import os
import subprocess
import sys

import clientkit

# Every Driver() without an argument talks to this daemon.
PREPARE = """
import sys
sys.path.insert(0, sys.argv[1])
from pilotprotocol import Driver
Driver.__init__.__defaults__ = (sys.argv[2],)
sys.argv[1:] = sys.argv[3:]
"""

README = """
from pilotprotocol import Driver, PilotError

try:
    with Driver() as d:
        info = d.info()
        print(f"address={info['address']}")

        d.set_hostname("my-python-agent")

        peer = d.resolve_hostname("other-agent")
        with d.dial(f"{peer['address']}:1000") as conn:
            conn.write(b"hello")
            print(conn.read(4096))
except (PilotError, FileNotFoundError) as e:
    # Raised when libpilot isn't installed or no daemon is running.
    # Start one with: pilotctl daemon start --hostname my-agent
    print(f"pilot daemon unavailable: {e}")
"""

# Its second example: a refusal.
README_ERROR = """
from pilotprotocol import Driver, PilotError

try:
    with Driver() as d:
        d.resolve_hostname("unknown")
except (PilotError, FileNotFoundError) as e:
    print(f"error: {e}")
"""

MODULE = """
from pilotprotocol import Driver

d = Driver()                # connects to /tmp/pilot.sock
info = d.info()             # returns dict
d.close()

with Driver() as d:
    print(d.info()["hostname"])
"""

CONSOLE = "from pilotprotocol.cli import run_pilotctl; run_pilotctl()"


def run(checks, package):
    daemon = clientkit.Daemon("--profile", "lenient")

    def printed(name, program, *arguments):
        environment = daemon.environment()
        environment["PATH"] = os.environ.get("PATH", "")
        done = subprocess.run(
            [sys.executable, "-c", PREPARE + program, package, daemon.socket,
             *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8", timeout=60,
            env=environment)
        checks.equal(f"quick start: {name}: exit status", done.returncode, 0)
        return done.stdout or done.stderr

    checks.equal("quick start: README", printed("README", README),
                 "address=0:0000.1234.5678\nb'hello'\n")
    checks.equal("quick start: module", printed("module", MODULE),
                 "my-python-agent\n")
    checks.check("quick start: console entry", '"hostname":"my-python-agent"'
                 in printed("console entry", CONSOLE, "--json", "info"),
                 "the hostname", "something else")
    daemon.stop(checks)
    gone = subprocess.run(
        [sys.executable, "-c", PREPARE + README, package, "/nonexistent/s"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
        timeout=60, env=dict(os.environ))
    checks.check("quick start: without a daemon", gone.stdout.startswith(
        "pilot daemon unavailable: "), "the text", gone.stdout)
    daemon = clientkit.Daemon("--profile", "faithful")
    checks.equal("quick start: README, a refusal",
                 printed("a refusal", README_ERROR),
                 "error: resolve_hostname: daemon: resolve_hostname: "
                 'registry: hostname "unknown" not found\n')
    daemon.stop(checks)
