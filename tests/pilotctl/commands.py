"""Which commands pilotctl has, by its own help, and what came of each.

The list is taken from `context`, from the usage texts of the groups and from
`--help`, so that a command that no check runs is seen.
"""

import json
import re

# Words in a usage that stand for a value, not for a sub-command.
VALUES = {"address", "hostname", "pilot", "app-id"}
GROUPS = ("network", "managed", "policy", "member-tags", "gateway")
WORD = re.compile(r"[a-z][a-z-]*$")


def alternatives(usage):
    """The sub-commands that a usage begins with: `<enroll|recover> ...`."""
    choice = re.match(r"[<\[]?([a-z][a-z-]*(?:\|[a-z-]+)*)", usage)
    words = choice.group(1).split("|") if choice else []
    bare = usage[:1] not in "<[" or len(words) > 1
    return words if bare and not VALUES & set(words) else []


def listed(run):
    """Every command by name; `run` gives what a command line prints."""
    context = json.loads(run("context"))
    names = set()
    for name, entry in context["commands"].items():
        names.add(name)
        for usage in entry["args"][:1]:
            names.update(f"{name} {word}" for word in alternatives(usage))
    names.update(context["extras"]["commands"])
    names.update(f"gateway {word}"
                 for word in context["pilot_gateway"]["commands"])
    names.update(f"appstore {word}"
                 for word in context["app_store"]["subcommands"])
    for group in GROUPS:
        hint = re.search("available: (.*)", run("extras", group))
        names.update(f"{group} {word}" for word in hint.group(1).split(", "))
    for line in run("--help").splitlines():
        found = re.match(r"  pilotctl (.*)", line)
        words = found.group(1).split() if found else []
        if words and words[0] != "extras":
            add_of_help(names, words)
    # A group that only shows its usage is no command of its own.
    return sorted(name for name in names
                  if name not in ("recovery", "trusted"))


def add_of_help(names, words):
    """One line of the help: its first word, and a second one that is a
    sub-command."""
    first = words[0]
    if not any(name == first or name.startswith(first + " ")
               for name in names):
        names.add(first)
    if first in ("skills", "appstore", "daemon", "update"):
        for word in words[1:2]:
            names.update(f"{first} {part}" for part in word.split("|")
                         if WORD.match(part))


def documented(run):
    """By command, the keys that `context` says it returns."""
    keys = {}
    for name, entry in json.loads(run("context"))["commands"].items():
        text = re.sub(r"\[[^\]]*\]|\([^)]*\)", "", entry.get("returns") or "")
        keys[name] = {word for word in re.split(r"[,|]\s*|\s+", text)
                      if re.match(r"[a-z][a-z_]*$", word)}
    return keys


class Table:
    """Command by form: `ok`, or why it cannot be driven further."""

    FORMS = ("json", "text")

    def __init__(self, names, keys):
        self.rows = {name: {} for name in names}
        self.asked = {name: set() for name in names}
        self.documented = keys
        self.seen = {name: set() for name in names}

    def name(self, arguments):
        """The command of a command line, `extras` left out."""
        words = []
        for word in arguments:
            if word in ("--json", "extras"):
                continue
            if not WORD.match(word):
                break
            words.append(word)
        while words and " ".join(words) not in self.rows:
            words.pop()
        return " ".join(words) or None

    def enter(self, arguments, form, result, data=None):
        name = self.name(arguments)
        if name is None:
            return
        old = self.rows[name].get(form)
        # What failed once is not ok; ok wins over a reason.
        if old != "FAILED" and not (old == "ok" and result != "FAILED"):
            self.rows[name][form] = result
        if isinstance(data, dict):
            self.seen[name].update(data)

    def ask(self, arguments, requests):
        name = self.name(arguments)
        if name is not None:
            self.asked[name].update(requests)

    def judge(self, checks, missing):
        """No command without both forms, and of the documented keys only
        those missing that are known to be."""
        bare = [f"{name} ({form})" for name, row in self.rows.items()
                for form in self.FORMS if form not in row]
        checks.equal("every command in both forms", bare, [])
        gone = {name: sorted(keys - self.seen[name])
                for name, keys in self.documented.items()
                if name in self.rows and self.rows[name].get("json") == "ok"
                and self.seen[name] and keys - self.seen[name]}
        checks.equal("documented keys that pilotctl itself leaves out", gone,
                     missing)

    def lines(self):
        """The table, and at last the counts."""
        width = max(map(len, self.rows))
        yield f"{'command':{width}}  json  text  what it asks the daemon for"
        facing = driven = 0
        for name, row in self.rows.items():
            asked = ", ".join(sorted(self.asked[name]))
            facing += bool(asked)
            reasons = {row.get(form) for form in self.FORMS} - {"ok"}
            driven += bool(asked) and not reasons
            marks = ["ok" if row.get(form) == "ok" else "-"
                     for form in self.FORMS]
            why = "; ".join(sorted(map(str, reasons)))
            note = " | ".join(part for part in (asked, why) if part)
            yield (f"{name:{width}}  {marks[0]:4}  {marks[1]:4}  "
                   f"{note or 'nothing'}")
        yield (f"{len(self.rows)} commands, {facing} of them ask the daemon, "
               f"{driven} of those ok in both forms")
