"""Runs pilotctl against one daemon, each run as a check."""

import json
import os
import subprocess

import clientkit

# What any one command may take.
PATIENCE = 30


class Pilotctl:
    """Runs commands, each as a check of its status and of what it prints."""

    def __init__(self, checks, daemon, table=None):
        self.checks = checks
        self.daemon = daemon
        self.control = daemon.control if daemon else None
        self.environment = daemon.environment() if daemon else {}
        self.table = table
        self.beside = ()
        self.program = os.path.join(clientkit.libpilot_directory(), "pilotctl")

    def run(self, *arguments, **variables):
        # What came before is of the command that goes on beside this one.
        self.note(self.beside)
        try:
            done = subprocess.run(
                [self.program, *arguments], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                encoding="utf-8", timeout=PATIENCE,
                env={**self.environment, **variables})
        except subprocess.TimeoutExpired:
            done = subprocess.CompletedProcess(
                arguments, "no end within 30 s", "", "")
        self.note(arguments)
        return done

    def note(self, arguments):
        """Enters what the command asked the daemon for."""
        entries = self.control.fresh() if self.control else []
        if self.table:
            self.table.ask(arguments, {
                row["cmd"] if row["dir"] == "in" else "connect"
                for row in entries
                if row["dir"] == "in" or row.get("event") == "connect"})

    def data(self, *arguments, **variables):
        """The data of a command's JSON, or {}; no check."""
        return decode(self.run("--json", *arguments, **variables).stdout)

    def enter(self, arguments, form, good, data=None, reason=None):
        if self.table:
            self.table.enter(arguments, form,
                             (reason or "ok") if good else "FAILED", data)

    def text(self, command, *wanted, status=0, reason=None, **variables):
        """One check: the status, and every wanted text in what it prints."""
        arguments = words(command)
        done = self.run(*arguments, **variables)
        output = done.stdout + done.stderr
        missing = [word for word in wanted if word not in output]
        good = done.returncode == status and not missing
        self.checks.check(" ".join(arguments), good,
                          f"status {status} and {missing or wanted}",
                          f"status {done.returncode} and {output!r}")
        if status == 0 or reason:
            self.enter(arguments, "text", good, reason=reason)

    def json(self, command, wanted, status=0, **variables):
        """One check: the status, and the keys that are wanted; the data.
        Where a function is wanted, the value is what it must accept."""
        arguments = words(command)
        done = self.run("--json", *arguments, **variables)
        data = decode(done.stdout if status == 0 else done.stderr)
        good = done.returncode == status and all(
            value(data.get(key)) if callable(value) else
            key in data and clientkit.same(data[key], value)
            for key, value in wanted.items())
        self.checks.check("--json " + " ".join(arguments), good,
                          f"status {status} and {wanted}",
                          f"status {done.returncode} and "
                          f"{(done.stdout + done.stderr).strip()}")
        if status == 0:
            self.enter(arguments, "json", good, data)
        return data

    def refused(self, command, code, text, reason=None, **variables):
        """Two checks: the command fails in both forms, with this code and
        with this in its text."""
        self.text(command, text, status=1, reason=reason, **variables)
        arguments = words(command)
        done = self.run("--json", *arguments, **variables)
        data = decode(done.stderr)
        said = f"{data.get('error')} {data.get('hint')}"
        good = (done.returncode, data.get("status"), data.get("code"),
                text in said) == (1, "error", code, True)
        self.checks.check("--json " + " ".join(arguments), good,
                          f"status 1, code {code} and {text!r}",
                          f"status {done.returncode} and {done.stderr!r}")
        if reason:
            self.enter(arguments, "json", good, reason=reason)

    def start(self, *arguments):
        """A command that goes on beside others."""
        self.note(self.beside)
        self.beside = arguments
        return subprocess.Popen(
            [self.program, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", env=self.environment)

    def ended(self, receiver, judge):
        """One check: a command that was started ends well, and `judge` likes
        what it printed: the text, or the data with --json."""
        try:
            output, _ = receiver.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            receiver.kill()
            output, _ = receiver.communicate()
        arguments = receiver.args[1:]
        self.note(arguments)
        self.beside = ()
        form = "json" if "--json" in arguments else "text"
        data = decode(output) if form == "json" else None
        good = receiver.returncode == 0 and judge(
            output if data is None else data)
        self.checks.check(" ".join(arguments), good,
                          "status 0 and what was sent",
                          f"status {receiver.returncode} and {output!r}")
        self.enter(arguments, form, good, data)

    def both(self, *arguments):
        """The command started in text and in JSON form, one by one."""
        for options in ([], ["--json"]):
            yield self.start(*options, *arguments)


def words(command):
    return command.split() if isinstance(command, str) else list(command)


def decode(text):
    """The data of an answer, or the whole of an error."""
    for line in text.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict) and "status" in answer:
            return answer.get("data", answer)
        if not isinstance(answer, dict):
            return {"answer": answer}
    return {}
