"""Downloads that go on where they stopped, are checked, and leave a whole folder or none."""

import email.utils
import hashlib
import http.client
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from dendnet.data.errors import DataError
from dendnet.data.lock import exclusive
from dendnet.data.progress import Progress
from dendnet.data.unpack import unpack

ATTEMPTS = 3
SECONDS = 30  # without a byte, until an attempt is given up
LONGEST = 120  # seconds that a busy server may ask us to wait
BUSY = 429, 503
BLOCK = 2**18
BY_HAND = "Or download and unpack it yourself, and give the folder as data_dir."


def cache():
    """The folder where the data are kept: ``datasets/dendnet`` where Keras caches (``KERAS_HOME``, or ~/.keras)."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")) / "datasets" / "dendnet"


def unwritable(path, error):
    """What is raised where the cache is full or shut."""
    return DataError(
        f"{path} could not be written ({error.strerror}). Make room there, or set KERAS_HOME to another folder."
    )


def fetch(archive):
    """The folder of an unpacked archive in the cache; downloaded, checked and unpacked where it is not there.

    The folder appears by a rename, all at once. While a download is under way, and after one that was cut off, its
    first part lies beside it as ``.part``; whatever fails a check is removed.
    """
    folder = cache() / archive.folder
    if not folder.is_dir():
        part = cache() / f"{archive.file}.part"
        unfinished = cache() / f"{archive.folder}.unfinished"
        with exclusive(cache() / f"{archive.folder}.lock"):
            if not folder.is_dir():  # another process may have fetched it meanwhile
                download(archive, part)
                try:
                    shutil.rmtree(unfinished, ignore_errors=True)
                    unpack(part, unfinished, archive)
                    os.rename(unfinished if archive.flat else unfinished / archive.folder, folder)
                except DataError:
                    part.unlink()
                    raise
                except OSError as error:
                    raise unwritable(folder, error) from error
                finally:
                    shutil.rmtree(unfinished, ignore_errors=True)
                part.unlink()
    return folder


def download(archive, path):
    """Fill ``path`` with the archive, from where it stops on, and check it."""
    resumed = path.exists()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if _complete(archive, path):
                break
            trouble = "the connection ended early"
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, DataError):
                raise
            trouble = str(error) or type(error).__name__
            if attempt < ATTEMPTS and getattr(error, "code", None) in BUSY:
                _wait(archive, error)
    else:
        raise DataError(
            f"{archive.url} could not be downloaded: {trouble}. Try again: it goes on where it stopped. {BY_HAND}"
        )
    found = _checksum(path, archive.checksum)
    if found != archive.checksum:
        path.unlink()
        if resumed:  # the part may be of another file than the rest
            return download(archive, path)
        raise DataError(
            f"{archive.file} from {archive.url} has the checksum {found} and not the official {archive.checksum}: it "
            f"is cut off or altered, and was removed. Try again later. {BY_HAND}"
        )


def _wait(archive, error):
    """Wait for as long as a busy server asks in ``Retry-After``, by seconds or a date; a second where it is silent."""
    asked = error.headers.get("Retry-After", "1").strip()
    date = email.utils.parsedate_tz(asked)
    seconds = float(asked) if asked.isdecimal() else email.utils.mktime_tz(date) - time.time() if date else 1.0
    if seconds > LONGEST:
        raise DataError(
            f"{archive.url} could not be downloaded: {error}, and the server asks to wait {seconds:.0f} s. Try again "
            f"then: it goes on where it stopped. {BY_HAND}"
        ) from error
    print(f"{archive.url} is busy: waiting for {max(0, seconds):.0f} s ...", file=sys.stderr)
    time.sleep(max(0, seconds))


def _complete(archive, path):
    """One attempt; whether the file is whole, as far as the server says."""
    start = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # nothing lies beyond the part's end: the checksum decides
            return True
        raise
    with response:
        if response.status != 206:
            start = 0
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        _receive(response, path, start, total, archive)
    if path.stat().st_size > archive.max_bytes:
        path.unlink()
        raise DataError(
            f"{archive.file} from {archive.url} is larger than {archive.max_bytes} bytes: it is not the official "
            f"archive, and was removed. {BY_HAND}"
        )
    return total is None or path.stat().st_size == total


def _receive(response, path, start, total, archive):
    """Write what comes at once: a kill loses none of it."""
    progress = Progress(f"Downloading {archive.url}", total, start)
    try:
        file = open(path, "ab" if start else "wb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise unwritable(path, error) from error
    with file:
        while block := response.read1(BLOCK):
            try:
                file.write(block)
            except OSError as error:
                raise unwritable(path, error) from error
            progress(file.tell())
            if file.tell() > archive.max_bytes:
                break


def _checksum(path, expected):
    """The file's MD5 or SHA-256, whichever the expected one is; None where none is expected."""
    if expected is None:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5" if len(expected) == 32 else "sha256").hexdigest()
