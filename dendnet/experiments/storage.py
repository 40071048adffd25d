"""A run's folder: one process at a time, and files that are there whole or not at all."""

import contextlib
import errno
import os
import time
from pathlib import Path

from dendnet.data import DataError
from dendnet.data.lock import taken


class Trouble(Exception):
    """What stops a run through no fault of the program, in one sentence for the user.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """


def trouble(path, done, error):
    """What is raised where a path could not be read, written or made: the path, why, and what to do."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "make room" if full else "permit it, or choose another folder"
    return Trouble(f"{path} could not be {done} ({error.strerror}); {remedy}, and run the same command")


def sentence(error):
    """An error in a sentence for the user; of the system's own the path, why, and what to do."""
    if not isinstance(error, OSError) or isinstance(error, DataError):
        return str(error)
    where = f"{error.filename} cannot be used" if error.filename else "The system refuses"
    return f"{where} ({error.strerror or error}); permit it, or give another place"


def remove(path):
    """Remove a file, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise trouble(path, "removed", error) from error


def write(path, content, keep=None):
    """Write bytes so that a reader, or a restart, finds the file before or after, never between.

    Args:
        path: Path of the file.
        content: The bytes.
        keep: Where the file that was there goes; None lets it go. Between its leaving and the new one's coming, a
            crash leaves it there.

    Raises:
        Trouble: The disk is full, or cannot be written to. What the file held before is still there.
    """
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            os.replace(path, keep)
        os.replace(part, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise trouble(path, "written", error) from error


@contextlib.contextmanager
def exclusive(file, name, wait=False):
    """Hold an open file alone, until it is closed or the process ends, however it ends."""
    try:
        while not taken(file):
            if not wait:
                raise Trouble(f"{name} is in use by another process; wait for it, or choose another folder")
            time.sleep(0.02)
    except OSError as error:
        raise Trouble(f"{name} cannot be locked there ({error.strerror}); choose a folder on a local disk") from error
    yield


@contextlib.contextmanager
def folder_of(run, root):
    """The folder of a run under a root, made if need be and held alone."""
    path = Path(root) / run.id
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = open(path / "lock", "w")  # noqa: SIM115
    except OSError as error:
        raise trouble(path, "made", error) from error
    with lock, exclusive(lock, path):
        yield path
