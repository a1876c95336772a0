"""A blocking call beside others."""

import threading

import clientkit


class Aside:
    """A call in a thread of its own; its result, or what it raised."""

    def __init__(self, call):
        self.results = []

        def run():
            try:
                self.results.append(call())
            except Exception as error:  # the main thread judges it
                self.results.append(error)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def result(self):
        self.thread.join(2 * clientkit.DEADLINE)
        return self.results[0] if self.results else "no end within 10 s"

    def is_over(self, within):
        self.thread.join(within)
        return not self.thread.is_alive()
