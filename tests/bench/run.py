"""Measures the daemon against the floor server, in turn, and prints one table of ratios.

usage: run.py DAEMON FLOOR LOAD STATIC [ROUNDS], in the project's directory

Each figure is taken from both servers in every round, one after the other, so that a machine whose
speed drifts slows both. What counts is the median of the rounds' ratios; the spread beside it tells how
noisy the machine was. Exit status 1 when a median misses its bound.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# Figure, its count, whether more is better, and the bound of daemon to floor.
LOADS = [
    ("health", 20000, False, 1.25, "health round trip"),
    ("echo64", 20000, False, 1.25, "echo of 64 bytes, round trip"),
    ("info", 10000, False, 1.4, "info round trip"),
    ("pipelined", 64 * 2000, True, 0.7, "replies a second, 64 requests in a write"),
    ("echo1m", 300, True, 0.8, "echo in frames of 1 MiB, bytes a second"),
    ("echo4k", 32 * 1000, True, 0.7, "echo in frames of 4 KiB, bytes a second"),
    ("four", 5000, True, 0.8, "four clients at once, replies a second"),
    ("connects", 3000, True, 0.5, "connect, call, close, a second"),
]

# Loads that are also measured with 1,000 rules that do not match, against the same daemon without.
RULED = ["health", "echo64", "pipelined", "echo4k"]

HEALTH = b"\0\0\0\1\x21"


class Server:
    """A running server, the daemon or the floor, with its socket in a directory of its own."""

    def __init__(self, binary, *options, under=(), **process):
        self.directory = tempfile.TemporaryDirectory(prefix="mp-bench-")
        self.path = os.path.join(self.directory.name, "s")
        self.process = subprocess.Popen(
            [*under, binary, "-socket", self.path, *options],
            stderr=subprocess.DEVNULL,
            **process,
        )
        self.first = self.connect()

    def connect(self):
        while True:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(self.path)
                return client
            except (FileNotFoundError, ConnectionRefusedError):
                client.close()
                if self.process.poll() is not None:
                    sys.exit(f"run.py: {self.process.args[0]} ended by itself")

    def memory(self, key):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(key):
                    return int(line.split()[1])
        return 0

    def end(self):
        """Ends the server; gives the seconds from SIGTERM to its end."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        took = time.monotonic() - start
        self.first.close()
        self.directory.cleanup()
        return took


def call(client):
    client.sendall(HEALTH)
    if not client.recv(4096):
        sys.exit("run.py: a client was not served")


def start_time(binary):
    begin = time.monotonic()
    server = Server(binary)
    call(server.first)
    took = time.monotonic() - begin
    server.end()
    return took


def crowd(binary):
    """KiB a client of a thousand, KiB of the idle server, seconds to end with them all."""
    server = Server(binary)
    call(server.first)
    idle = server.memory("VmRSS")
    clients = [server.connect() for _ in range(1000)]
    for client in clients:
        call(client)
    each = (server.memory("VmRSS") - idle) / 1000
    took = server.end()
    for client in clients:
        client.close()
    return each, idle, took


def flatness(daemon, load):
    """Ratio of a round trip beside 1,000 idle clients to one alone."""
    server = Server(daemon)
    figure = lambda: run_load(load, "health", server.path, 10000)
    alone = [figure() for _ in range(3)]
    clients = [server.connect() for _ in range(1000)]
    for client in clients:
        call(client)
    crowded = [figure() for _ in range(3)]
    server.end()
    return statistics.median(crowded) / statistics.median(alone)


def unmatched_rules(count):
    """A scenario with so many rules that look at every request and match none."""
    rules = [{"on": "*", "client": 1000000 + n} for n in range(count // 2)]
    rules += [
        {"on": ["send", "dial"], "when": {("conn", "port")[n % 2]: 60000 + n}}
        for n in range(count // 2)
    ]
    return json.dumps({"rules": rules})


def ruled(daemon, load, rounds):
    """Ratios of a daemon with 1,000 rules that do not match to one with none, for each load."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as scenario:
        scenario.write(unmatched_rules(1000))
        scenario.flush()
        servers = [Server(daemon, "--scenario", scenario.name), Server(daemon)]
    ratios = {mode: [] for mode in RULED}
    for number in range(rounds):
        order = servers if number % 2 == 0 else servers[::-1]
        for mode, count, *_ in LOADS:
            if mode in RULED:
                figures = {s: run_load(load, mode, s.path, count) for s in order}
                ratios[mode].append(figures[servers[0]] / figures[servers[1]])
    for server in servers:
        server.end()
    return ratios


def cold_build():
    """Seconds of a release build with nothing built before, dependencies included."""
    with tempfile.TemporaryDirectory(prefix="cold-", dir="target") as target:
        start = time.monotonic()
        cargo = os.environ.get("CARGO", "cargo")
        command = [cargo, "build", "--release", "--quiet", "--target-dir", target]
        subprocess.run(command, check=True)
        return time.monotonic() - start


def run_load(load, mode, path, count):
    output = subprocess.run(
        [load, mode, path, str(count)], check=True, capture_output=True, text=True
    )
    return float(output.stdout)


def main():
    daemon, floor, load, static = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 7
    rows = []
    missed = False

    def row(what, ratios, bound, at_most, unit=""):
        nonlocal missed
        middle = statistics.median(ratios)
        good = middle <= bound if at_most else middle >= bound
        missed = missed or not good
        rows.append(
            (
                what,
                f"{middle:.2f}{unit}",
                f"{min(ratios):.2f}-{max(ratios):.2f}",
                f"{'<=' if at_most else '>='} {bound}{unit}",
                "yes" if good else "NO",
            )
        )

    ratios = {mode: [] for mode, *_ in LOADS}
    servers = [Server(daemon), Server(floor)]
    for number in range(rounds):
        order = servers if number % 2 == 0 else servers[::-1]
        for mode, count, *_ in LOADS:
            figures = {s: run_load(load, mode, s.path, count) for s in order}
            ratios[mode].append(figures[servers[0]] / figures[servers[1]])
    for server in servers:
        server.end()
    for mode, _, more_is_better, bound, what in LOADS:
        row(what, ratios[mode], bound, not more_is_better)

    with_rules = ruled(daemon, load, rounds)
    for mode, _, more_is_better, _, what in LOADS:
        if mode in RULED:
            bound = 0.9 if more_is_better else 1.1
            row(f"1,000 rules: {what}", with_rules[mode], bound, not more_is_better)

    starts = [start_time(daemon) / start_time(floor) for _ in range(rounds)]
    row("fork to first reply", starts, 3, True)
    crowds = [(crowd(daemon), crowd(floor)) for _ in range(rounds)]
    row("memory a client", [d[0] / f[0] for d, f in crowds], 2, True)
    row("idle daemon", [d[1] / 1024 for d, _ in crowds], 4, True, " MiB")
    row("SIGTERM with 1,000 clients", [d[2] * 1000 for d, _ in crowds], 200, True, " ms")
    row("round trip beside 1,000 clients", [flatness(daemon, load)], 1.25, True)
    # 1024 before there were scenarios, a journal, a control socket and coverage in it.
    row("the binary", [os.path.getsize(daemon) / 1024], 1536, True, " KiB")
    row("the static binary", [os.path.getsize(static) / 1024], 3072, True, " KiB")
    row("cold release build", [cold_build()], 60, True, " s")

    heading = ("figure, daemon to floor", "median", "spread", "bound", "kept")
    widths = [max(len(r[n]) for r in [heading, *rows]) for n in range(5)]
    for r in [heading, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(r, widths)).rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
