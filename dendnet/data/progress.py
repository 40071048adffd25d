"""A line that says how far a long piece of work has come."""

import sys
import time


class Progress:
    """Show ``what`` with the share done and the time left on stderr: in place on a terminal, else every tenth.

    Args:
        what: What is being done.
        total: Steps, files or bytes, in all; None where that is not known.
        start: How many were done before.
    """

    def __init__(self, what, total, start=0):
        self.what, self.total, self.start, self.begun = what, total, start, time.monotonic()
        self.shown = None
        self(start)

    def __call__(self, done):
        """Show that so many are done."""
        live = sys.stderr.isatty()
        if self.total is None:
            step, text = done // 2**22, f"{done / 2**20:.0f} MiB"
        else:
            share = done / max(1, self.total)
            step, text = int(share * (1000 if live else 10)), f"{share:.0%}"
            if self.start < done < self.total:
                left = (time.monotonic() - self.begun) * (self.total - done) / (done - self.start)
                text += f", {left:.0f} s left"
        if step == self.shown:
            return
        self.shown = step
        # Spaces cover what a longer text has left on the line.
        end = "\n" if not live else "          \n" if done == self.total else "          \r"
        print(f"{self.what}: {text}", end=end, file=sys.stderr, flush=True)
