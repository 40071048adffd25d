"""Folders of images in ImageNet's layout: train/CLASS/IMAGE and val/CLASS/IMAGE, or deeper within a class."""

import os
import warnings

import numpy as np

from dendnet.data import decoded, images
from dendnet.data.dataset import Dataset, Split, checksum
from dendnet.data.errors import DataError

SPLITS = "train", "val"
LITTER = (".ds_store", "thumbs.db", "desktop.ini")  # which systems leave in folders that were looked at


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
    found = {}
    for split in SPLITS:
        found[split] = _listing(folder / split)
    classes = sorted({of for of, _ in found["train"]})
    _check_classes(folder, found, official or dict.fromkeys(classes))
    files = {split: [path for _, path in found[split]] for split in SPLITS}
    home, digests = decoded.arrays(folder, files, size or _common_side(files))
    train, test = (
        Split(
            np.load(home / f"{split}.npy", mmap_mode="r"),
            np.array([classes.index(of) for of, _ in found[split]], np.int64),
        )
        for split in SPLITS
    )
    reencoded, provenance = _origin(files, official, from_archive)
    names = tuple((official or {}).get(each, each) for each in classes)
    total = checksum(train, test, known=digests)
    return Dataset(name, train, test, "classification", names, total, reencoded, provenance, source)


def holds(folder):
    """Whether the folder has ImageNet's layout."""
    return all(os.path.isdir(folder / split) for split in SPLITS)


def _listing(folder):
    """Every image with its class, by class and then by name; what is not used is named in a warning."""
    found, unused = [], []
    for each in sorted(_within(folder)):
        if not os.path.isdir(each) or each.name.startswith("."):
            unused.append(each)
            continue
        files = sorted(_files(each, set()))
        hidden = {path for path in files if any(part.startswith(".") for part in path.relative_to(each).parts)}
        taken = [path for path in files if path.suffix.lower() in images.SUFFIXES and path not in hidden]
        if not taken:
            raise DataError(f"{each} has no images ({', '.join(images.SUFFIXES)}). Add some or remove the folder.")
        found += [(each.name, path) for path in taken]
        unused += sorted(set(files) - set(taken))
    if not found:
        raise DataError(f"{folder} has no folders of images, one for each class.")
    _warn(folder, [path for path in unused if path.name.lower() not in LITTER])
    return found


def _files(folder, seen):
    """All files in the folder and in the folders within it; those that links lead to as well, once."""
    here = folder.resolve()
    if here in seen:
        return
    seen.add(here)
    for path in _within(folder):
        if os.path.isdir(path):
            yield from _files(path, seen)
        else:
            yield path


def _within(folder):
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}). Permit it, or move the folder.") from error


def _warn(folder, unused):
    if unused:
        few = ", ".join(str(path.relative_to(folder)) for path in unused[:3])
        more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
        warnings.warn(
            f"{len(unused)} in {folder} not used: {few}{more}. An image lies in the folder of its class, is not hidden "
            f"and ends in {', '.join(images.SUFFIXES)}.",
            stacklevel=5,
        )


def _check_classes(folder, found, classes):
    trained, validated = ({of for of, _ in found[split]} for split in SPLITS)
    if trained != set(classes):
        raise DataError(
            f"{folder / 'train'} must have the folders {', '.join(classes)}. Unpack the official archive anew, or "
            "give the folder's path as the name."
        )
    if strangers := validated - trained:
        raise DataError(f"{folder / 'val'} has classes that {folder / 'train'} has not: {', '.join(sorted(strangers))}")


def _common_side(files):
    """The side of the images where they are squares of one size."""
    sizes = set()
    for path in (path for split in files.values() for path in split):
        with images.opened(path) as image:
            sizes.add(image.size)
    size = sizes.pop()
    if sizes or size[0] != size[1]:
        raise ValueError(
            "image_size must be given for images that are not squares of one size. Received: image_size=None"
        )
    return size[0]


def _origin(files, official, from_archive):
    if from_archive:
        return False, "The archive has the official checksum."
    if not official:
        return False, "Not known: the folder is the user's own."
    strangers = [image for split in files.values() for image in split if image.suffix != ".JPEG"]
    if strangers:
        return True, f"The official archive has .JPEG files only, and this folder has {strangers[0].name}."
    return False, "Not known: .JPEG files as in the official archive, whose contents were not compared."
