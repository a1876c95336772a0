"""Runs a command many times in a row while the machine is busy with something else, and counts what fails.

repeat.py FIGURES COMMAND...: MOCKPILOT_ROUNDS times, 20 by default, beside two busy loops a processor
(MOCKPILOT_LOAD of them). FIGURES gets the seconds of each round and every test of Cargo's that failed, by
name, with the rounds; what a failed round printed is kept beside it. Status 1 when a round failed.
"""

import collections
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

# Ends with the process that started it, however that ends.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(1000000):\n        pass"

SUITE = re.compile(r"^\s+(?:Running|Doc-tests) (?:unittests )?(\S+)", re.M)
FAILED = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. FAILED", re.M)


def number(variable, default):
    text = os.environ.get(variable) or str(default)
    if not text.isdigit():
        sys.exit(f"repeat: {variable}: expected a number, got {text!r}")
    return int(text)


def failures(text):
    """The tests that failed, with their suite before them."""
    suites = [(found.start(), found.group(1)) for found in SUITE.finditer(text)]
    names = []
    for found in FAILED.finditer(text):
        suite = [name for at, name in suites if at < found.start()]
        names.append(" ".join(suite[-1:] + [found.group(1)]))
    return names


def rounds(count, command, kept):
    """Gives for each round its seconds and what failed in it."""
    # The tests have rounds of their own by that name.
    environment = {name: value for name, value in os.environ.items() if name != "MOCKPILOT_ROUNDS"}
    for number in range(1, count + 1):
        begun = time.monotonic()
        run = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, check=False
        )
        seconds = time.monotonic() - begun
        text = run.stdout.decode(errors="replace")
        failed = failures(text)
        if run.returncode != 0:
            failed = failed or [f"(no test: status {run.returncode})"]
            kept.with_name(f"{kept.stem}-{number}.txt").write_text(text)
        print(f"round {number} of {count}: {seconds:.1f} s, {'; '.join(failed) or 'all passed'}", flush=True)
        yield seconds, failed


def report(command, load, results):
    seconds = [took for took, _ in results]
    counts = collections.Counter(name for _, failed in results for name in failed)
    where = {name: [n for n, (_, failed) in enumerate(results, 1) if name in failed] for name in counts}
    lines = [
        f"command: {' '.join(command)}",
        f"rounds: {len(results)}, beside {load} busy loops on {os.cpu_count()} processors",
        f"seconds: {' '.join(f'{took:.1f}' for took in seconds)}",
        f"min {min(seconds):.1f}, median {statistics.median(seconds):.1f}, max {max(seconds):.1f}",
        f"rounds with a failure: {sum(1 for _, failed in results if failed)}",
    ]
    for name, count in counts.most_common():
        lines.append(f"  {count}  {name}, in round {', '.join(map(str, where[name]))}")
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) < 3:
        sys.exit("repeat: expected a file for the figures and a command")
    figures, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
    count = number("MOCKPILOT_ROUNDS", 20)
    load = number("MOCKPILOT_LOAD", 2 * os.cpu_count())
    if count == 0:
        sys.exit("repeat: MOCKPILOT_ROUNDS: expected at least 1")
    figures.parent.mkdir(parents=True, exist_ok=True)
    for old in figures.parent.glob(f"{figures.stem}-*.txt"):
        old.unlink()
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(load)]
    try:
        results = list(rounds(count, command, figures))
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()
    text = report(command, load, results)
    figures.write_text(text)
    print(f"{text}figures: {figures}")
    sys.exit(1 if any(failed for _, failed in results) else 0)


if __name__ == "__main__":
    main()
