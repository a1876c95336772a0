"""LCOV tracefiles, as far as Rust's have anything in them: lines and functions."""


class File:
    def __init__(self):
        self.lines = {}
        # Line and count by name.
        self.functions = {}

    def covered(self):
        return sum(count > 0 for count in self.lines.values())


def read(text):
    """The files of a tracefile by path."""
    files = {}
    file = starts = None
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            file = files.setdefault(rest, File())
            starts = {}
        elif kind == "DA":
            number, count = map(int, rest.split(",")[:2])
            file.lines[number] = file.lines.get(number, 0) + count
        elif kind == "FN":
            number, name = rest.split(",", 1)
            starts[name] = int(number)
        elif kind == "FNDA":
            count, name = rest.split(",", 1)
            file.functions[name] = (starts[name], int(count))
    return files


def write(files):
    text = []
    for path, file in sorted(files.items()):
        text.append(f"SF:{path}")
        for name, (line, _) in file.functions.items():
            text.append(f"FN:{line},{name}")
        for name, (_, count) in file.functions.items():
            text.append(f"FNDA:{count},{name}")
        for line, count in sorted(file.lines.items()):
            text.append(f"DA:{line},{count}")
        text.append("end_of_record")
    return "\n".join(text) + "\n"


def part(files, of, folder):
    """What of `files` is in `folder` and has a line or a function there in `of` too."""
    found = {}
    for path, file in files.items():
        if not path.startswith(folder) or path not in of:
            continue
        kept = found[path] = File()
        kept.lines = {line: count for line, count in file.lines.items() if line in of[path].lines}
        starts = {line for line, _ in of[path].functions.values()}
        kept.functions = {name: value for name, value in file.functions.items() if value[0] in starts}
    return found
