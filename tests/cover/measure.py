"""What all suites together reach of the daemon: `make cover`.

usage: measure.py DIRECTORY

Builds everything with coverage, runs the Rust tests, the C harness, the client suites and the examples under
`mockpilot cover run`, and prints a table by file and the functions that nothing reached. Fails when a suite
does, when less than 90 % of the lines are reached, or when LLVM's tools by themselves count otherwise.

What counts is every line of src/ that the program or the library has, and no line of a test. A daemon that
was forked, or that another one started, counts by a profile of its own, whatever ended it: only one that was
killed has none.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

import endings
import tracefile

LEAST = "90"
# The libpilot that is to be measured may have nothing beside it that the other suites need.
# A daemon that pilotctl starts gets another environment, and leaves its profile where it is.
SUITES = """make LIBPILOT= TEST_OPTIONS='-- --include-ignored' test clients examples && make harness
status=$?
for profile in default_*.profraw; do [ ! -e "$profile" ] || mv "$profile" "$GOCOVERDIR"; done
exit $status"""
# Beside the daemon, what has code of the library that the daemon has not.
WITH_LIBRARY = ("library", "example")
SOURCES = "src/"
FAILURE = re.compile(r"^FAIL|^not ok|FAILED|panicked at|^make.*\*\*\*|^error|^E  |^mockpilot: (?!process)")


class Failed(Exception):
    pass


def run(*words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        name = os.path.basename(words[0])
        raise Failed(f"{name} {words[1]}: status {done.returncode}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def build():
    """The daemon, the programs that have the library, and that of the unit tests."""
    told = run(os.environ.get("CARGO", "cargo"), "test", "--no-run",
               "--message-format=json-render-diagnostics")
    daemon, users, units = None, [], None
    for message in map(json.loads, told.splitlines()):
        path = message.get("executable")
        if path is None:
            continue
        kind, name = message["target"]["kind"], message["target"]["name"]
        if "test" in kind and name in WITH_LIBRARY:
            users.append(path)
        elif "lib" in kind:
            units = path
        elif "bin" in kind and not message["profile"]["test"]:
            daemon = path
    return daemon, users, units


class Llvm:
    """LLVM's tools without mockpilot: the pair that reads `raw`."""

    def __init__(self, raw, scratch):
        self.raw = raw
        self.scratch = scratch
        folders = glob.glob(os.path.join(run("rustc", "--print", "sysroot").strip(),
                                         "lib/rustlib/*/bin"))
        folders += os.get_exec_path()
        for name in ["llvm-profdata", *(f"llvm-profdata-{n}" for n in range(40, 14, -1))]:
            for folder in folders:
                self.profdata = os.path.join(folder, name)
                self.cov = os.path.join(folder, name.replace("profdata", "cov"))
                if all(map(os.path.exists, [self.profdata, self.cov])) and self.merge(raw[:1]):
                    return
        raise Failed("no llvm-profdata reads the profiles, see .ci/run for what to install")

    def merge(self, raw):
        """Whether that succeeded. A profile may be cut off, as that of a killed process."""
        names = os.path.join(self.scratch, "names")
        with open(names, "w", encoding="utf-8") as file:
            file.write("\n".join(raw))
        merged = subprocess.run(
            [self.profdata, "merge", "-failure-mode=all", "-o",
             os.path.join(self.scratch, "profdata"), "-f", names],
            stderr=subprocess.DEVNULL)
        return merged.returncode == 0

    def lines(self, raw, objects):
        if not self.merge(raw):
            raise Failed("llvm-profdata cannot merge the profiles")
        first, *others = objects
        text = run(self.cov, "export", "-format=lcov", "-instr-profile=" +
                   os.path.join(self.scratch, "profdata"), first,
                   *(f"-object={path}" for path in others))
        prefix = os.getcwd() + "/"
        return {path.removeprefix(prefix): file for path, file in tracefile.read(text).items()}


def total(files):
    return (sum(file.covered() for file in files.values()),
            sum(len(file.lines) for file in files.values()))


def percent(covered, lines):
    return f"{covered}/{lines} lines, {100 * covered / lines:.1f} %"


def unreached(files):
    """Places and names of functions of which no instance ran, closures left out."""
    for path, file in sorted(files.items()):
        source = read(path).splitlines()
        counts = {}
        for line, count in file.functions.values():
            counts[line] = counts.get(line, 0) + count
        for line, count in sorted(counts.items()):
            name = re.search(r"\bfn (\w+)", source[line - 1])
            if count == 0 and name:
                yield f"{path}:{line}", name[1]


def print_exports(log):
    table = re.search(r"^export  .*?(?=^\d+ passed)", log, re.MULTILINE | re.DOTALL)
    print("libpilot, exports by branch:\n\n" + (table[0] if table else "no table\n"))


def measure(directory):
    def at(name):
        return os.path.join(directory, name)

    started = time.monotonic()
    # Build scripts are instrumented too, and the mockpilot that measures: neither counts.
    os.environ["LLVM_PROFILE_FILE"] = os.devnull
    os.environ["CARGO_TARGET_DIR"] = at("build")
    flags = os.environ.get("RUSTFLAGS", "")
    os.environ["RUSTFLAGS"] = f"{flags} -Cinstrument-coverage".strip()
    os.environ.pop("MAKEFLAGS", None)
    for name in ("raw", "libpilot", "scratch"):
        shutil.rmtree(at(name), ignore_errors=True)
    os.makedirs(at("scratch"))
    daemon, users, units = build()
    objects = [daemon, *users, units]
    for ending in endings.lost(daemon, at("scratch")):
        raise Failed(f"a daemon that is ended by {ending} leaves no profile")

    def cover(*words, **more):
        action, *words = words
        return run(daemon, "cover", action, "--strip-prefix", os.getcwd(), *words, **more)

    def named(objects):
        return [word for path in objects for word in ("--object", path)]

    print(f"running all suites, see {os.path.relpath(at('suites.log'))}", flush=True)
    with open(at("suites.log"), "w", encoding="utf-8") as log:
        ran = subprocess.run(
            [daemon, "cover", "run", "--strip-prefix", os.getcwd(), "--keep", at("raw"),
             "-o", at("all.lcov"), *named(objects), "--", "sh", "-c", SUITES],
            stdout=log, stderr=subprocess.STDOUT)
    log = read(at("suites.log"))
    if ran.returncode != 0:
        print("\n".join(line for line in log.splitlines() if FAILURE.search(line)))
        raise Failed(f"the suites: status {ran.returncode}")

    # One run that does nothing: the lines that there are, and how the daemon's profiles are called.
    run(daemon, "--version", env={**os.environ, "LLVM_PROFILE_FILE": at("scratch/%m.profraw")})
    (lines,) = glob.glob(at("scratch/*.profraw"))
    cover("merge", "-o", at("scratch/program.lcov"), *named(objects[:-1]), lines)
    program = tracefile.read(read(at("scratch/program.lcov")))
    reached = tracefile.part(tracefile.read(read(at("all.lcov"))), program, SOURCES)
    with open(at("scratch/part.lcov"), "w", encoding="utf-8") as file:
        file.write(tracefile.write(reached))
    report = ["report", "-o", at("coverage.lcov"), at("scratch/part.lcov")]
    print(cover(*report))
    missed = list(unreached(reached))
    print(f"{len(missed)} functions that nothing reached:")
    for place, name in missed:
        print(f"  {place:40} {name}")
    print()

    print_exports(log)
    go = [name for name in os.listdir(at("raw")) if name.startswith(("covmeta.", "covcounters."))]
    if go:
        os.mkdir(at("libpilot"))
        for name in go:
            os.rename(os.path.join(at("raw"), name), os.path.join(at("libpilot"), name))
        print("libpilot, statements by function:\n")
        print(cover("report", "--by", "function", "-o", at("libpilot.out"), at("libpilot")))

    # The same again without mockpilot, and what there is without the daemons that were children.
    raw = sorted(glob.glob(os.path.join(at("raw"), "*.profraw")))
    own = os.path.basename(lines).removesuffix(".profraw")
    llvm = Llvm(raw, at("scratch"))
    counts = json.loads(cover("merge", "--format", "json", at("coverage.lcov")))["total"]
    merged = counts["covered"], counts["total"]
    direct = total(tracefile.part(llvm.lines(raw, objects), program, SOURCES))
    parents = [path for path in raw if own not in os.path.basename(path)]
    without = total(tracefile.part(llvm.lines(parents, objects), program, SOURCES))
    no_units = total(tracefile.part(llvm.lines(raw, objects[:-1]), program, SOURCES))
    for label, counted in [
            ("reached", merged),
            ("as LLVM's tools count", direct),
            ("without the unit tests", no_units),
            (f"without {len(raw) - len(parents)} daemons", without)]:
        print(f"{label:24} {percent(*counted)}")
    print(f"in {time.monotonic() - started:.0f} s, {log.count('ended without writing')} processes were killed")
    if merged != direct:
        raise Failed("LLVM's tools count otherwise")
    if without >= merged:
        raise Failed("the daemons' own profiles add nothing")
    cover("report", "--fail-under", LEAST, at("coverage.lcov"))
    for name in ("raw", "scratch"):
        shutil.rmtree(at(name))


def main():
    (directory,) = sys.argv[1:]
    try:
        measure(os.path.abspath(directory))
    except (Failed, OSError) as error:
        sys.exit(f"measure: {error}")


if __name__ == "__main__":
    main()
