"""One process at a time, by a lock that the system takes back when its holder dies."""

import contextlib
import sys
import time

from dendnet.data.errors import DataError


@contextlib.contextmanager
def exclusive(path):
    """Wait until no other process is inside a block on the same file, and keep the others out meanwhile.

    The file stays: one that was removed while another process waited for it would let two in.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise DataError(
            f"{path.parent} cannot be written to ({error.strerror}). Set KERAS_HOME to a folder that can."
        ) from error
    with open(path, "a") as file:
        try:
            if not taken(file):
                print(f"Another process is at work: waiting for {path} ...", file=sys.stderr)
                while not taken(file):
                    time.sleep(0.2)
        except OSError as error:
            raise DataError(
                f"{path} cannot be locked there ({error.strerror}). Set KERAS_HOME to a folder on a local disk."
            ) from error
        yield


if sys.platform == "win32":
    import msvcrt

    def taken(file):
        """Whether an open file could be locked, until it is closed or the process ends, however it ends."""
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def taken(file):
        """Whether an open file could be locked, until it is closed or the process ends, however it ends."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
