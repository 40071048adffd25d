"""Ctrl-C, and the signal by which schedulers announce that they will kill: first the checkpoint, then the end."""

import contextlib
import signal
import threading

from dendnet.experiments import storage
from dendnet.experiments.progress import say

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal ended a training where its checkpoint was saved.

    Args:
        number: Number of the signal.
        saved: What was saved, in words.
    """

    def __init__(self, number, saved):
        super().__init__(f"{signal.Signals(number).name}: {saved}")
        self.number, self.saved = number, saved


@contextlib.contextmanager
def awaited():
    """Signals wait for a place at which to stop.

    Gives a list to which the first signal's number is appended; the second signal stops at once. Where the block ends
    with a signal still waiting, :class:`Interrupted` is raised. Other threads than the main one have no signals.
    """
    asked: list = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number, frame):
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        say(f"dendnet: {signal.Signals(number).name}: saving a checkpoint after this step; once more stops at once")

    # What the process was told to ignore, as in the background of a shell, it goes on to ignore.
    before = {number: signal.getsignal(number) for number in NUMBERS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    except storage.Trouble as error:
        if asked:
            raise Interrupted(asked[0], str(error)) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise Interrupted(asked[0], "the run had just come to its end")
