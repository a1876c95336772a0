"""Counts the calls of every public method, so that one that no check makes is
seen. The list is taken from the classes themselves."""

import functools


def methods(cls):
    """Its public methods, and what makes it a context manager."""
    return [name for name, value in vars(cls).items() if callable(value)
            and (not name.startswith("_")
                 or name in ("__init__", "__enter__", "__exit__"))]


class Touched:
    """Wraps the methods of some classes."""

    def __init__(self, *classes):
        self.calls = {}
        for cls in classes:
            for name in methods(cls):
                self.wrap(cls, name)

    def wrap(self, cls, name):
        counts = self.calls[f"{cls.__name__}.{name}"] = [0, 0]
        method = getattr(cls, name)

        @functools.wraps(method)
        def counted(*arguments, **keys):
            try:
                result = method(*arguments, **keys)
            except Exception:
                counts[1] += 1
                raise
            counts[0] += 1
            return result
        setattr(cls, name, counted)

    def judge(self, checks, never):
        """Every method has returned, and every one has raised but those that
        `never` do."""
        checks.equal("every public method has returned", [
            name for name, (good, _) in self.calls.items() if not good], [])
        checks.equal("every public method but these has raised", [
            name for name, (_, bad) in self.calls.items() if not bad],
            sorted(never, key=list(self.calls).index))

    def lines(self):
        width = max(map(len, self.calls))
        yield f"{'method':{width}}  returned  raised"
        for name, (good, bad) in self.calls.items():
            yield f"{name:{width}}  {good:8}  {bad:6}"
        yield f"{len(self.calls)} methods"
