"""A folder's images, decoded once into arrays that are memory-mapped ever after."""

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dendnet.data import images
from dendnet.data.dataset import digest
from dendnet.data.errors import DataError
from dendnet.data.fetch import cache, unwritable
from dendnet.data.lock import exclusive
from dendnet.data.progress import Progress

CHUNK = 256  # images decoded side by side
MEANING = 2  # grows whenever the same file comes to mean other pixels


def arrays(folder, listing, side):
    """The folder with an array of pixels for each split, and the SHA-256 of each.

    Arrays that are not, number by number, what was written are made anew. Those that are may lie where nothing can be
    written.

    Args:
        folder: The folder of images.
        listing: For each split the paths of its images.
        side: Side in pixels.
    """
    home = cache() / "decoded" / f"{folder.name[:40]}-{side}-{_key(folder, listing, side)}"
    found = _digests(home, listing, side)
    if found is None:
        with exclusive(home.with_name(home.name + ".lock")):
            found = _digests(home, listing, side)  # another process may have made them meanwhile
            if found is None:
                try:
                    found = _made(home, listing, side)
                except DataError:
                    raise
                except OSError as error:
                    raise unwritable(home, error) from error
    return home, found


def _key(folder, listing, side):
    """What tells one state of the files from another without reading them; a copied time of change does not do."""
    states = []
    for image in (image for split in listing.values() for image in split):
        try:
            state = image.stat()
        except OSError as error:
            raise images.damaged(image, error.strerror) from error
        states.append((str(image.relative_to(folder)), state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    text = json.dumps([MEANING, str(folder), side, states])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def _digests(home, listing, side):
    """SHA-256 of each array; None where one is missing, cut or altered."""
    found = []
    try:
        for split, files in listing.items():
            array = np.load(home / f"{split}.npy", mmap_mode="r")
            if array.shape != (len(files), side, side, 3) or array.dtype != np.uint8:
                return None
            found.append(digest(array))
        return found if found == json.loads((home / "digests.json").read_text()) else None
    except (OSError, ValueError, EOFError):
        return None


def _made(home, listing, side):
    unfinished = home.with_name(home.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        found = [_decode(files, side, unfinished / f"{split}.npy") for split, files in listing.items()]
        (unfinished / "digests.json").write_text(json.dumps(found))
        shutil.rmtree(home, ignore_errors=True)
        os.rename(unfinished, home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def _decode(files, side, path):
    """Write all images into an .npy file and return the SHA-256 of its numbers."""
    found, progress = hashlib.sha256(), Progress(f"Decoding {files[0].parents[1]}", len(files))
    # Written from front to back: a full disk is then an error that can be read, which a mapped file's is not.
    with open(path, "wb") as file, ThreadPoolExecutor() as pool:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), side, side, 3)}
        np.lib.format.write_array_header_2_0(file, header)
        for start in range(0, len(files), CHUNK):
            chunk = files[start : start + CHUNK]
            for pixels in pool.map(lambda image: images.pixels(image, side), chunk):
                file.write(pixels)
                found.update(pixels)
            progress(start + len(chunk))
    return found.hexdigest()
