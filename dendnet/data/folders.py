"""Folders of images in ImageNet's layout: train/CLASS/IMAGE and val/CLASS/IMAGE."""

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dendnet.data.dataset import Dataset, Split, checksum
from dendnet.data.errors import DataError
from dendnet.data.fetch import cache
from dendnet.data.lock import exclusive
from dendnet.data.progress import Progress

SPLITS = "train", "val"
IMAGES = (".jpeg", ".jpg", ".png", ".bmp", ".gif", ".webp")
CHUNK = 256  # images decoded side by side


def read(name, folder, size, source, official=None, from_archive=False):
    """The :class:`Dataset` of a folder, decoded once into arrays that are memory-mapped ever after.

    Args:
        name: What the data set is called.
        folder: The folder, with train and val in it.
        size: Side in pixels, or None.
        source: Where the folder comes from.
        official: Names {folder: class} where it has to be that data set; None for a user's own.
        from_archive: Whether it was unpacked from the official archive just so.
    """
    listing = {split: _listing(folder / split) for split in SPLITS}
    classes = sorted({image.parent.name for image in listing["train"]})
    _check_classes(folder, listing, official or dict.fromkeys(classes))
    decoded, digests = _decoded(folder, listing, size or _common_side(listing))
    train, test = (
        Split(
            np.load(decoded / f"{split}.npy", mmap_mode="r"),
            np.array([classes.index(image.parent.name) for image in listing[split]], np.int64),
        )
        for split in SPLITS
    )
    reencoded, provenance = _origin(listing, official, from_archive)
    names = tuple((official or {}).get(each, each) for each in classes)
    total = checksum(train, test, known=digests)
    return Dataset(name, train, test, "classification", names, total, reencoded, provenance, source)


def holds(folder):
    """Whether the folder has ImageNet's layout."""
    return all((folder / split).is_dir() for split in SPLITS)


def _listing(folder):
    """Every image, by class and then by name."""
    found = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        images = sorted(image for image in each.iterdir() if image.suffix.lower() in IMAGES and image.name[0] != ".")
        if not images:
            raise DataError(f"{each} has no images ({', '.join(IMAGES)}). Add some or remove the folder.")
        found += images
    if not found:
        raise DataError(f"{folder} has no folders of images, one for each class.")
    return found


def _check_classes(folder, listing, classes):
    found, validated = ({image.parent.name for image in listing[split]} for split in SPLITS)
    if found != set(classes):
        raise DataError(
            f"{folder / 'train'} must have the folders {', '.join(classes)}. Unpack the official archive anew, or "
            "give the folder's path as the name."
        )
    if strangers := validated - found:
        raise DataError(f"{folder / 'val'} has classes that {folder / 'train'} has not: {', '.join(sorted(strangers))}")


def _decoded(folder, listing, side):
    """The folder with an array for each split, and the arrays' SHA-256; decoded where that has not been done."""
    states = [
        (str(image.relative_to(folder)), (state := image.stat()).st_size, state.st_mtime_ns)
        for images in listing.values()
        for image in images
    ]
    key = hashlib.sha256(json.dumps([str(folder), side, states]).encode()).hexdigest()[:16]
    home = cache() / "decoded" / f"{folder.name}-{side}-{key}"
    with exclusive(home.with_name(home.name + ".lock")):
        if not home.is_dir():
            unfinished = home.with_name(home.name + ".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                digests = [_decode(listing[split], side, unfinished / f"{split}.npy") for split in SPLITS]
                (unfinished / "digests.json").write_text(json.dumps(digests))
                os.rename(unfinished, home)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return home, json.loads((home / "digests.json").read_text())


def _decode(images, side, path):
    """Write all images into an .npy file and return the SHA-256 of its numbers."""
    digest, progress = hashlib.sha256(), Progress(f"Decoding {images[0].parents[1]}", len(images))
    # Written from front to back: a full disk is then an error that can be read, which a mapped file's is not.
    with open(path, "wb") as file, ThreadPoolExecutor() as pool:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(images), side, side, 3)}
        np.lib.format.write_array_header_2_0(file, header)
        for start in range(0, len(images), CHUNK):
            chunk = images[start : start + CHUNK]
            for pixels in pool.map(lambda image: _pixels(image, side), chunk):
                file.write(pixels)
                digest.update(pixels)
            progress(start + len(chunk))
    return digest.hexdigest()


def _pixels(path, side):
    """An image's central square, scaled to (side, side): its shorter side resized, the longer one's ends cut off."""
    image = _open(path)
    try:
        image = image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(path, error) from error
    short = min(image.size)
    left, top = (image.width - short) / 2, (image.height - short) / 2
    lanczos = _pillow().Resampling.LANCZOS
    return np.asarray(image.resize((side, side), lanczos, box=(left, top, left + short, top + short))).tobytes()


def _common_side(listing):
    """The side of the images where they are squares of one size."""
    sizes = {_open(image).size for images in listing.values() for image in images}
    size = sizes.pop()
    if sizes or size[0] != size[1]:
        raise ValueError(
            "image_size must be given for images that are not squares of one size. Received: image_size=None"
        )
    return size[0]


def _open(path):
    pillow = _pillow()
    try:
        image = pillow.open(path)
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
        raise _damaged(path, error) from error
    pixels = image.width * image.height
    if pillow.MAX_IMAGE_PIXELS and pixels > pillow.MAX_IMAGE_PIXELS:  # of which Pillow only warns
        raise _damaged(path, f"it has {pixels} pixels")
    return image


def _damaged(path, error):
    return DataError(f"{path} is no image that can be read ({error}). Replace or remove it.")


def _pillow():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("Folders of images need Pillow: pip install pillow") from error
    return Image


def _origin(listing, official, from_archive):
    if from_archive:
        return False, "The archive has the official checksum."
    if not official:
        return False, "Not known: the folder is the user's own."
    strangers = [image for images in listing.values() for image in images if image.suffix != ".JPEG"]
    if strangers:
        return True, f"The official archive has .JPEG files only, and this folder has {strangers[0].name}."
    return False, "Not known: .JPEG files as in the official archive, whose contents were not compared."
