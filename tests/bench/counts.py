"""Counts what each request costs the daemon and the floor server, and writes one table of each count.

usage: counts.py DAEMON FLOOR LOAD INTERPOSER FIGURES, in the project's directory

Instructions (in user mode) are those that valgrind counts, system calls those that strace counts, and
allocations those that INTERPOSER does: it is allocations.c, built. Each count is the difference of two runs
of which one has so many requests more (MOCKPILOT_ROUNDS, default 3,200), divided by these: start, warm-up and
end cancel out. Exit status 1 when a tool is missing or fails; what the others count is written all the same.
"""

import json
import os
import re
import shutil
import struct
import sys
import tempfile
import time

from run import Server, run_load, unmatched_rules

# Mode, what it is, whether the floor can do it, and how many times fewer rounds it takes.
LOADS = [
    ("health", "health", True, 1),
    ("pipelined", "health, 64 in a write", True, 1),
    ("info", "info", True, 1),
    ("echo64", "echo of 64 bytes", True, 1),
    ("echo4k", "echo in frames of 4 KiB", True, 1),
    ("echo1m", "echo in frames of 1 MiB", True, 160),
    ("joined64", "64 bytes to another client", False, 1),
    ("datagram64", "a datagram of 64 bytes", False, 1),
]

NOTES = [
    "The system calls depend on how busy the machine is where a thread writes what has gathered or a frame comes",
    "in pieces: with a journal file, to another client, and of 1 MiB. A ? is less than nothing: it came to fewer",
    "in the longer run. The other counts hardly depend on it.",
]

# Less than nothing by so much of a request is a thread's start or end: a call or two in the whole run.
SLACK = 0.01

# Requests of the shorter run: streams are open then, and buffers have their size.
SHORT = 960

# Rounds are multiples of the longest batch.
BATCH = 64


class Missing(Exception):
    """A tool that is not here, or does not work."""


def tool(name):
    if not shutil.which(name):
        raise Missing(f"{name} is not installed")
    return name


def instructions(start, load):
    """Instructions in user mode, kernel's not among them."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "callgrind")
        under = [tool("valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}"]
        server = start(under=under)
        load(server)
        server.end()
        if not os.path.exists(out):
            raise Missing("valgrind wrote no counts")
        with open(out) as counts:
            total = re.search(r"^(?:totals|summary): (\d+)", counts.read(), re.MULTILINE)
        return int(total[1])


def system_calls(start, load):
    """System calls of all threads."""
    read, write = os.pipe()
    # With -D the server is the child and strace its grandchild, which has ended when the pipe has.
    under = [tool("strace"), "-D", "-f", "-c", "-U", "name,calls", "-o", f"/dev/fd/{write}"]
    server = start(under=under, pass_fds=[write])
    os.close(write)
    load(server)
    server.end()
    with open(read) as summary:
        total = re.search(r"^total +(\d+)", summary.read(), re.MULTILINE)
    if not total:
        raise Missing("strace counted nothing: may it trace here?")
    return int(total[1])


def allocations(start, load):
    """Calls of malloc, calloc and realloc, and of what aligns."""
    with tempfile.NamedTemporaryFile() as counts:
        counted = {"LD_PRELOAD": INTERPOSER, "MOCKPILOT_ALLOCATIONS": counts.name}
        server = start(env={**os.environ, **counted})
        load(server)
        server.end()
        fresh, resized, _, _ = struct.unpack("4Q", counts.read(32))
        return fresh + resized


COUNTERS = [
    ("instructions", instructions, 0),
    ("system calls", system_calls, 2),
    ("allocations", allocations, 3),
]


def per_request(counter, binary, options, mode, rounds):
    def count(requests):
        def load(server):
            # The first client would get datagrams that it does not read.
            server.first.close()
            run_load(LOAD, mode, server.path, requests)

        def start(under=(), **how):
            try:
                return Server(binary, *options, under=under, **how)
            except SystemExit as why:
                raise Missing(why if not under else f"{under[0]} does not run here") from None

        return counter(start, load)

    short = SHORT if rounds > BATCH else rounds
    return (count(short + rounds) - count(short)) / rounds


def table(counter, decimals, columns, rounds):
    yield ["", *(name for name, _, _ in columns)]
    for mode, what, floor_can, fewer in LOADS:
        row = [what]
        for name, binary, options in columns:
            if name == "floor" and not floor_can:
                row.append("-")
            else:
                figure = per_request(counter, binary, options, mode, max(rounds // fewer, 1))
                row.append("?" if figure < -SLACK else f"{max(figure, 0):,.{decimals}f}")
        yield row


def main():
    rounds = int(os.environ.get("MOCKPILOT_ROUNDS", "3200"))
    rounds = max(rounds + BATCH - 1, BATCH * 2) // BATCH * BATCH
    begin = time.monotonic()
    large = max(rounds // 160, 1)
    report = [f"counts for each of {rounds} requests after {SHORT}; of 1 MiB: of {large} after {large}"]
    missing = []
    with tempfile.TemporaryDirectory() as directory:
        scenario = os.path.join(directory, "unmatched.json")
        with open(scenario, "w") as file:
            file.write(unmatched_rules(1000))
        matching = json.dumps({"rules": [{"on": "*"}]})
        columns = [
            ("floor", FLOOR, []),
            ("daemon", DAEMON, []),
            ("1,000 unmatched", DAEMON, ["--scenario", scenario]),
            ("one that matches", DAEMON, ["--scenario", matching]),
            ("control", DAEMON, ["--control", os.path.join(directory, "control")]),
            ("journal file", DAEMON, ["--journal", os.path.join(directory, "journal")]),
        ]
        for name, counter, decimals in COUNTERS:
            try:
                rows = list(table(counter, decimals, columns, rounds))
            except Missing as why:
                missing.append(f"{name} are not counted: {why}")
                report += ["", missing[-1]]
                continue
            rows[0][0] = name
            widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
            report.append("")
            for first, *cells in rows:
                cells = [cell.rjust(width) for cell, width in zip(cells, widths[1:])]
                report.append("  ".join([first.ljust(widths[0]), *cells]))
    report += ["", *NOTES, "", f"took {time.monotonic() - begin:.0f} s"]
    os.makedirs(os.path.dirname(FIGURES), exist_ok=True)
    with open(FIGURES, "w") as file:
        file.write("\n".join(report) + "\n")
    print("\n".join(report))
    print(FIGURES)
    for why in missing:
        print(f"counts.py: {why}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    DAEMON, FLOOR, LOAD, INTERPOSER, FIGURES = (os.path.abspath(path) for path in sys.argv[1:6])
    sys.exit(main())
