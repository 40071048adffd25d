"""How far a run is, and how long it has to go."""

import sys
import time


def say(text):
    """A line of its own on standard error."""
    print(text, file=sys.stderr, flush=True)


def duration(seconds):
    """``"1 h 05 min"``, ``"3 min 20 s"`` or ``"8 s"``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


class Progress:
    """Tells, in a terminal, every step of a run in a line that moves; elsewhere one line for each epoch.

    Args:
        title: What is trained.
        epochs: Epochs of the run.
        file: Where to write; standard error by default.
    """

    def __init__(self, title, epochs, file=None):
        self.title, self.epochs, self.file = title, epochs, file or sys.stderr
        self.moves = self.file.isatty()
        self.first, self.began, self.told = -1, 0.0, 0.0

    def __call__(self, epoch, step, steps, logs):
        """After a step of an epoch, counted from 0."""
        done, now = epoch * steps + step, time.monotonic()
        if self.first < 0:  # the first step compiles, and would mislead
            self.first, self.began = done, now
        over = step == steps
        if not over and (not self.moves or now - self.told < 0.2):
            return
        self.told = now
        told = " ".join(f"{name} {value:.4f}" for name, value in logs.items())
        left = ""
        if done > self.first:
            left = f", {duration((now - self.began) / (done - self.first) * (self.epochs * steps - done))} left"
        filled = 20 * step // steps
        line = f"{self.title} {epoch + 1}/{self.epochs} [{'#' * filled:20}] {told}{left}"
        self.file.write(f"\r\033[K{line}" + ("\n" if over else "") if self.moves else line + "\n")
        self.file.flush()
