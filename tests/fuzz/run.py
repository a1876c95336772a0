"""Runs every fuzz target for a while, two at a time, and says what came of it.

    run.py CORPORA FIGURES [TARGET...]
"""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
from seeds import ROOT, SEEDS, WORDS, plant

SECONDS = int(os.environ.get("MOCKPILOT_SECONDS") or 120)
SEED = int(os.environ.get("MOCKPILOT_SEED") or time.time_ns() % 2**31 + 1)
JOBS = int(os.environ.get("MOCKPILOT_JOBS") or 2)
CARGO = os.environ.get("CARGO") or "cargo"
BUILT = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve() / "fuzz/built"

# Where there is a disk of memory the target that writes files is quicker on it.
SHARED = Path("/dev/shm")
SURROUNDINGS = {**os.environ, "RUST_BACKTRACE": "1", **({"TMPDIR": str(SHARED)} if SHARED.is_dir() else {})}

# An input that takes so many seconds, or so many MiB, is a finding.
TIMEOUT, MEMORY = 25, 2048

# Without a sanitizer stable Rust does; the crate's own code has next to nothing for one to find.
BUILD = [CARGO, "fuzz", "build", "--fuzz-dir", "tests/fuzz", "--target-dir", str(BUILT), "--sanitizer", "none"]


def build():
    present = subprocess.run([CARGO, "fuzz", "--version"], capture_output=True, cwd=ROOT)
    if present.returncode != 0:
        sys.exit("fuzz: cargo-fuzz is missing: cargo install cargo-fuzz --locked")
    if subprocess.run(BUILD, cwd=ROOT).returncode != 0:
        sys.exit("fuzz: the targets cannot be built")


def program(target):
    return max(BUILT.glob(f"*/release/{target}"), key=lambda path: path.stat().st_mtime)


def run(target, corpora, findings):
    """A row of the table, and the paths of what was found."""
    corpus, found = corpora / target, findings / target
    plant(target, corpus)
    found.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    options = [f"-max_total_time={SECONDS}", f"-seed={SEED}", f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY}",
               f"-artifact_prefix={found}/", "-print_final_stats=1", "-len_control=20", "-max_len=4096"]
    if target in WORDS:
        words = findings / f"{target}.dict"
        words.write_text("".join(f'"{word}"\n' for word in sorted(set(WORDS[target]()))))
        options.append(f"-dict={words}")
    started = time.monotonic()
    with (findings / f"{target}.log").open("w") as log:
        command = [program(target), *options, corpus]
        status = subprocess.run(command, cwd=ROOT, env=SURROUNDINGS, stdout=log, stderr=subprocess.STDOUT).returncode
    took = time.monotonic() - started
    text = (findings / f"{target}.log").read_text(errors="replace")

    def last(pattern):
        values = re.findall(pattern, text)
        return values[-1] if values else "-"

    new = sorted(set(found.iterdir()) - before)
    row = [target, f"{took:.0f}", last(r"number_of_executed_units:\s+(\d+)"), last(r"average_exec_per_sec:\s+(\d+)"),
           last(r"corp: (\d+)/"), last(r"cov: (\d+)"), last(r"ft: (\d+)"), last(r"peak_rss_mb:\s+(\d+)"), str(len(new))]
    print("  ".join(row), flush=True)
    return row, new, status


def main(corpora, figures, *targets):
    unknown = [target for target in targets if target not in SEEDS]
    if unknown:
        sys.exit(f"fuzz: no target {unknown[0]}: there are {' '.join(SEEDS)}")
    targets, corpora = targets or tuple(SEEDS), Path(corpora).resolve()
    findings = corpora.parent / "findings"
    build()
    print(f"{len(targets)} targets, {SECONDS} s each, {JOBS} at a time, seed {SEED}", flush=True)
    with ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda target: run(target, corpora, findings), targets))
    head = ["target", "seconds", "executions", "per s", "corpus", "edges", "features", "MiB", "findings"]
    rows = [head, *(row for row, _, _ in results)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [f"fuzz: {SECONDS} s a target (MOCKPILOT_SECONDS), {JOBS} at a time, seed {SEED} (MOCKPILOT_SEED), "
             f"{TIMEOUT} s and {MEMORY} MiB an input at most"]
    lines += ["  ".join(word.rjust(width) if at else word.ljust(width)
                        for at, (word, width) in enumerate(zip(row, widths))) for row in rows]
    failed = False
    for target, (_, new, status) in zip(targets, results):
        for path in new:
            failed = True
            again = (os.path.relpath(file, ROOT) for file in (program(target), path))
            lines.append(f"{target}: to replay what was found: {' '.join(again)}")
        if status != 0 and not new:
            failed = True
            lines.append(f"{target}: ended with status {status}, see {os.path.relpath(findings, ROOT)}/{target}.log")
    Path(figures).parent.mkdir(parents=True, exist_ok=True)
    Path(figures).write_text("\n".join(lines) + "\n")
    print("\n".join(lines) + f"\n\nfigures: {figures}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
