"""What the tests with real clients share: a network namespace of their own, a
fresh daemon in a private directory, and checks with a line PASS or FAIL each.

A run is one process, which re-executes itself with `unshare -n`: the clients
have no network but the loopback interface, and a HOME of their own. However
that process ends, the daemon and the directory go: a shell that reads a pipe
(the keeper) sees its end even after SIGKILL.
"""

import atexit
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
INSIDE = "MOCKPILOT_TEST_NAMESPACE"
DEADLINE = 5.0

KEEPER = """
trap '' HUP INT TERM
pid=0 directory=
while read -r p d; do pid=$p directory=$d; done
if [ "$pid" -gt 0 ]; then
    kill -TERM "$pid"; n=0
    while [ -e "$directory/s" ] && kill -0 "$pid" && [ $n -lt 20 ]; do
        sleep 0.05; n=$((n+1))
    done
    kill -KILL "$pid"
fi
[ -z "$directory" ] || rm -rf -- "$directory"
"""


def libpilot_directory():
    """Where libpilot.so and, if it came from the wheel, pilotctl are."""
    given = os.environ.get("LIBPILOT")
    return os.path.abspath(
        given or os.path.join(ROOT, "target", "libpilot", "1.18.0"))


def package_directory():
    """Where the Python package is: in what was fetched, else, for a LIBPILOT
    that is the package's own bin, two above it; else None."""
    here = libpilot_directory()
    for directory in (here, os.path.dirname(os.path.dirname(here))):
        if os.path.isfile(os.path.join(directory, "pilotprotocol",
                                       "client.py")):
            return directory
    return None


def mockpilot():
    """The daemon's program: the first argument, else $MOCKPILOT, else what
    cargo builds."""
    arguments = sys.argv[1:]
    given = arguments[0] if arguments else os.environ.get("MOCKPILOT")
    return os.path.abspath(
        given or os.path.join(ROOT, "target", "debug", "mockpilot"))


def raise_loopback():
    """Sets the loopback interface up, as `ip link set lo up` does."""
    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        request = fcntl.ioctl(any_socket, get_flags, request)
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(any_socket, set_flags,
                    struct.pack("16sh14x", b"lo", flags | up))


def enter_namespace():
    """Goes on in a network namespace of its own; where none can be had the
    suite fails and says so."""
    if os.environ.get(INSIDE):
        raise_loopback()
        return
    for options in (["-n"], ["-r", "-n"]):
        try:
            allowed = subprocess.run(
                ["unshare", *options, "true"], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL).returncode == 0
        except FileNotFoundError:
            allowed = False
        if allowed:
            sys.stdout.flush()
            os.execvpe("unshare",
                       ["unshare", *options, sys.executable, *sys.argv],
                       {**os.environ, INSIDE: "1"})
    raise SystemExit(f"{sys.argv[0]}: no network namespace of its own can be "
                     "had here (unshare -n, unshare -rn): nothing was run")


def environment(home, socket_path):
    """The environment of a client: a HOME of its own, one daemon, and no
    registry but one that nobody is."""
    keep = {key: value for key, value in os.environ.items()
            if not key.startswith(("PILOT_", "MOCKPILOT_"))
            and "proxy" not in key.lower()}
    return {**keep, "HOME": home, "PILOT_SOCKET": socket_path,
            "PILOT_REGISTRY": "127.0.0.1:1"}


class Control:
    """A daemon's control socket: a verb and its keys, and the answer."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(2 * DEADLINE)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.seen = 0

    def ask(self, verb, **keys):
        self.socket.sendall(json.dumps({"verb": verb, **keys}).encode()
                            + b"\n")
        return json.loads(self.lines.readline())

    def push(self, **kind):
        """One push; to how many clients it went."""
        return self.ask("push", push=kind).get("sent")

    def wait(self, on, count=1, **when):
        """Until so many such requests have come since `fresh` was called."""
        return self.ask("await", on=on, when=when, count=count,
                        since=self.seen, timeout="10s").get("ok", False)

    def fresh(self):
        """The journal's entries that this has not given yet."""
        entries = self.ask("journal", since=self.seen)["entries"]
        self.seen = entries[-1]["seq"] if entries else self.seen
        return entries


def same(got, expected):
    """Equal, and of the same types: True is not 1."""
    def text(value):
        return json.dumps(value, sort_keys=True, default=repr)
    return got == expected and text(got) == text(expected)


class Checks:
    """Lines PASS and FAIL, and the summary."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, good, expected="", got=""):
        """One line; `expected` and `got` are shown when it is not good."""
        if good:
            self.passed += 1
            print(f"PASS {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}: expected {expected}, got {str(got)[:600]}",
                  flush=True)
        return good

    def equal(self, name, got, expected):
        return self.check(name, same(got, expected), repr(expected)[:600],
                          repr(got))

    def includes(self, name, got, expected):
        """The mapping has at least these keys with these values."""
        part = {key: got.get(key) for key in expected} if isinstance(
            got, dict) else got
        return self.check(name, same(part, expected), repr(expected),
                          repr(got))

    def raises(self, name, kind, text, call):
        """The call fails with this exception, whose text has this in it."""
        try:
            got = call()
        except kind as error:
            return self.check(name, text in str(error), repr(text),
                              repr(str(error)))
        return self.check(name, False, repr(text), repr(got))

    def finish(self):
        """Prints the last line; the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.passed and not self.failed else 1


class Daemon:
    """A mockpilot in a private directory, which is also the clients' HOME."""

    def __init__(self, *options):
        self.process = None
        self.keeper = subprocess.Popen(
            ["sh", "-c", KEEPER], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.directory = tempfile.mkdtemp(prefix="mockpilot-")
        self.hold(0)
        atexit.register(self.abandon)
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, lambda n, frame: sys.exit(128 + n))
        self.home = os.path.join(self.directory, "home")
        os.mkdir(self.home)
        self.socket = os.path.join(self.directory, "s")
        control = os.path.join(self.directory, "c")
        try:
            self.process = subprocess.Popen(
                [mockpilot(), "-socket", self.socket, "--control", control,
                 "-q", *options], stdin=subprocess.DEVNULL)
        except OSError as error:
            raise SystemExit(f"{mockpilot()}: {error.strerror.lower()}")
        self.hold(self.process.pid)
        self.wait_for_socket()
        self.control = Control(control)

    def hold(self, pid):
        self.keeper.stdin.write(f"{pid} {self.directory}\n".encode())
        self.keeper.stdin.flush()

    def wait_for_socket(self):
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                if stat.S_ISSOCK(os.stat(self.socket).st_mode):
                    return
            except FileNotFoundError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"{mockpilot()}: it ended with status "
                                 f"{self.process.returncode}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{mockpilot()}: no socket within 5 s")
            time.sleep(0.002)

    def environment(self):
        return environment(self.home, self.socket)

    def stop(self, checks):
        """Ends it with SIGTERM and checks how it ended."""
        self.process.terminate()
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            status = "no end within 5 s"
        checks.equal("daemon: exit status", status, 0)
        checks.equal("daemon: what is left", sorted(os.listdir(
            self.directory)), ["home"])
        self.abandon()

    def abandon(self):
        """Ends and removes whatever is there; may be called twice."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.keeper.poll() is None:
            self.keeper.stdin.write(b"0\n")
            self.keeper.stdin.close()
            self.keeper.wait()
