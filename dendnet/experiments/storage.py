"""A run's folder: one process at a time, and files that are there whole or not at all."""

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np


class Trouble(Exception):
    """What stops a run through no fault of the program, in one sentence for the user.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """


def write(path, content):
    """Write bytes so that a reader, or a restart, finds the file before or after, never between.

    Raises:
        Trouble: The disk is full, or cannot be written to. What the file held before is still there.
    """
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise Trouble(f"{path} could not be written ({error.strerror}); make room, and run the same command") from error


@contextlib.contextmanager
def exclusive(file, name, wait=False):
    """Hold an open file alone, until the block or the process ends, however it ends."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        raise Trouble(f"{name} is in use by another process; wait for it, or choose another folder") from error
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
        raise Trouble(f"{path} could not be made ({error.strerror})") from error
    with lock, exclusive(lock, path):
        yield path


def save(path, values, place):
    """A checkpoint: arrays in the order given, and a place, anything that JSON holds."""
    buffer = io.BytesIO()
    np.savez(buffer, place=np.array(json.dumps(place)), **{f"v{i}": value for i, value in enumerate(values)})
    write(path, buffer.getbuffer())


def load(path):
    """The arrays and the place of a checkpoint, or ``(None, None)`` where there is none."""
    if not path.exists():
        return None, None
    with np.load(path) as file:
        return [file[f"v{i}"] for i in range(len(file.files) - 1)], json.loads(str(file["place"]))
