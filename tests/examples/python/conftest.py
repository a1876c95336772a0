"""What the tests share: a client of the daemon, and a line to the daemon itself.

`mockpilot exec` has started a daemon for this run, and says in the environment
where it is. Without it the tests fail, and do not skip: a suite that did not
run has not passed.
"""

import json
import os
import socket

import pytest
from pilotprotocol import Driver


class Control:
    """The daemon's control socket: a line of JSON there, a line back."""

    def __init__(self):
        self.rules = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.environ["MOCKPILOT_CONTROL"])
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def ask(self, verb, **keys):
        """The answer to a request; one that is not "ok" fails the test."""
        line = json.dumps({"verb": verb, **keys}) + "\n"
        self.socket.sendall(line.encode())
        answer = json.loads(self.lines.readline())
        assert answer.pop("ok"), f"{verb}: {answer}"
        return answer

    def rule(self, **keys):
        """Adds a rule for this test. Scoped, it goes with the connection even
        when this process is killed, some time after that: so that the next
        test does not meet it, `close` takes it away first."""
        answer = self.ask("rule_add", scoped=True, rule=keys)
        self.rules.append(answer["name"])

    def close(self):
        for name in self.rules:
            self.ask("rule_remove", name=name)
        self.lines.close()
        self.socket.close()


@pytest.fixture
def control():
    """A line to the daemon; the rules that a test adds end with it."""
    control = Control()
    yield control
    control.close()


@pytest.fixture
def driver():
    """A client: the real SDK, as an application uses it. Once the daemon has
    answered it, it can be sent what it did not ask for."""
    with Driver(os.environ["PILOT_SOCKET"]) as driver:
        driver.health()
        yield driver
