"""Archives unpacked with distrust: files and folders only, inside the target, within limits."""

import gzip
import hashlib
import itertools
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import Any

from dendnet.data.errors import DataError


class Refused(Exception):
    """Why an archive is not unpacked; :func:`unpack` says what to do."""


def unpack(path, folder, archive):
    """Unpack a .tar.gz or .zip file into a new folder, where it holds nothing but files and folders of its own.

    Args:
        path: The file.
        folder: The folder to make. It is left to the caller to remove where this fails.
        archive: The :class:`dendnet.data.catalogue.Archive`, with its limits and the checksums of files in it.

    Raises:
        DataError: The archive is torn, holds a link, a device, a path that climbs out, the same path twice, or more
            than the limits allow; or a file in it is missing or has another checksum.
    """
    folder.mkdir(parents=True)
    try:
        members = _zip_members if archive.file.endswith(".zip") else _tar_members
        with open(path, "rb") as file:
            _write(members(file, archive), folder, archive)
        _check(folder, archive)
    except Refused as error:
        raise DataError(
            f"{archive.file} is refused: {error}. It is cut off, altered or hostile, and was removed. Download it "
            f"anew from {archive.url}."
        ) from error


def _write(members, folder, archive):
    """Write the members (name, is it a folder, its bytes as a file) out, counting what is really there."""
    left = archive.max_bytes
    for count in itertools.count():
        member = _read(next, members, None)
        if member is None:
            break
        name, is_folder, content = member
        if count >= archive.max_files:
            raise Refused(f"it has more than {archive.max_files} files")
        target = folder / _inside(name)
        try:
            (target if is_folder else target.parent).mkdir(parents=True, exist_ok=True)
            if not is_folder:
                target.touch(exist_ok=False)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise Refused(f"it has {name!r} twice") from error
        if is_folder:
            continue
        with open(target, "wb") as out:
            while block := _read(content.read, min(left + 1, 2**20)):
                left -= out.write(block)
                if left < 0:
                    raise Refused(f"it unpacks to more than {archive.max_bytes} bytes")


def _read(step, *arguments):
    """A step of reading; whatever it raises is a reason to refuse, since torn archives raise nearly anything."""
    try:
        return step(*arguments)
    except Refused:
        raise
    except Exception as error:
        raise Refused(str(error) or "it ends too early") from error


def _inside(name):
    """The member's path, where it stays inside on every system."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(letter in name for letter in "\\:\0"):
        raise Refused(f"the path {name!r} leads out of it")
    if any(len(part.encode(errors="replace")) > 255 for part in path.parts) or len(name) > 1000:
        raise Refused(f"the path {name[:60]!r}... is too long")
    return path


def _tar_members(file, archive):
    # Read as a stream, of which even the headers count.
    plain: Any = _Limited(gzip.GzipFile(fileobj=file), archive)
    with tarfile.open(fileobj=plain, mode="r|") as tar:
        for member in tar:
            if not (member.isdir() or member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
                raise Refused(f"{member.name!r} is neither a file nor a folder, but a link or a device")
            yield member.name, member.isdir(), None if member.isdir() else tar.extractfile(member)
    while plain.read(2**20):  # up to the end, where gzip checks what it has read
        pass


def _zip_members(file, archive):
    with zipfile.ZipFile(file) as packed:
        for member in packed.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Refused(f"{member.filename!r} is neither a file nor a folder, but a link or a device")
            if member.is_dir():
                yield member.filename, True, None
            else:
                with packed.open(member) as content:
                    yield member.filename, False, content


class _Limited:
    """A stream that refuses to give more than an archive's bytes and headers can be."""

    def __init__(self, stream, archive):
        # Each file takes a header of 512 bytes, is padded to 512, and may have an extended header of two blocks more.
        self.stream, self.archive = stream, archive
        self.left = archive.max_bytes + 2048 * archive.max_files

    def read(self, size):
        block = self.stream.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise Refused(f"it unpacks to more than {self.archive.max_bytes} bytes")
        return block


def _check(folder, archive):
    root = folder if archive.flat else folder / archive.folder
    if not root.is_dir():
        raise Refused(f"it has no folder {archive.folder}")
    for name, expected in archive.files.items():
        path = root / name
        found = hashlib.md5(path.read_bytes()).hexdigest() if path.is_file() else None
        if found != expected:
            raise Refused(f"{name} in it has the MD5 {found} and not the official {expected}")
