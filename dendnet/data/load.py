"""Every data set by one function."""

import os
import re
from pathlib import Path

from dendnet.data import cifar, folders, tables
from dendnet.data.catalogue import ARCHIVES, CLASSES, IMAGE_FOLDERS, NAMES
from dendnet.data.fetch import fetch
from dendnet.ops.arguments import positive


def load(name, data_dir=None, image_size=None):
    """Training and test data by name, downloaded once from their official home or read from a local folder.

    ============  ==================  ==========================  ======================================
    name          x                   y                           from
    ============  ==================  ==========================  ======================================
    cifar10       (N, 32, 32, 3)      10 classes                  50,000 + 10,000 images, binary version
    cifar100      (N, 32, 32, 3)      100 classes                 50,000 + 10,000 images, binary version
    imagenette    (N, s, s, 3)        10 classes                  9,469 + 3,925 photographs
    imagewoof     (N, s, s, 3)        10 breeds of dogs           9,025 + 3,929 photographs
    sgemm         (N, 14)             (N, 1), log of a run time   UCI, 241,600 rows, a fifth for the test
    digits        (N, 8, 8, 1)        10 classes                  scikit-learn, a quarter for the test
    a path        (N, s, s, 3)        a class for each folder     train/CLASS/IMAGE and val/CLASS/IMAGE
    ============  ==================  ==========================  ======================================

    Images are uint8 as they were stored (those of digits go from 0 to 16). Photographs are decoded once, to
    s = ``image_size``: turned upright as their EXIF orientation says, the shorter side resized, the centre kept; 16-bit
    grey becomes 8-bit, and what is transparent is seen before white. The arrays are memory-mapped from then on. Images
    may lie deeper within the folder of their class; a warning counts the files that are not used. ``sgemm`` is
    standardised by its training part, the logarithm of the mean of four run times included.

    Archives come over https and are checked; what is cut off, altered or hostile is refused and removed. They are kept
    where Keras keeps its data (``KERAS_HOME``, or ~/.keras), in datasets/dendnet.

    Args:
        name: One of the names above, or the path of a folder of images.
        data_dir: A folder with the unpacked archive, or the archive's own folder; nothing is downloaded then. None
            takes the cache.
        image_size: Side s in pixels of the images from a folder; None keeps images that are squares of one size as
            they are. CIFAR's are 32 wide, or the means over blocks of their pixels at 16 or 8. The other data sets have
            sizes of their own.

    Returns:
        A :class:`Dataset`.

    Raises:
        ValueError: An argument is not among those named above.
        DataError: Data cannot be had, or are cut off, altered or hostile.
        ImportError: Pillow, which reads image folders, or scikit-learn, which has the digits, is not installed:
            ``pip install "dendnet[data]"``.

    Example:
        >>> from dendnet.data import load
        >>> digits = load("digits")
        >>> digits.train.x.shape, digits.test.y.shape
        ((1347, 8, 8, 1), (450,))

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """
    if not isinstance(name, (str, os.PathLike)):
        raise ValueError(f"name must be one of {NAMES} or a folder's path. Received: name={name!r}")
    if data_dir is not None and not isinstance(data_dir, (str, os.PathLike)):
        raise ValueError(f"data_dir must be a folder's path or None. Received: data_dir={data_dir!r}")
    name = str(name)
    own = name not in NAMES
    if own and not folders.holds(Path(os.path.expanduser(name))):
        raise ValueError(
            f"name must be one of {NAMES}, or the path of a folder that has train and val in it, each with a folder "
            f"of images for each class. Received: name={name!r}"
        )
    photographs = own or name in IMAGE_FOLDERS
    if data_dir is not None and (own or name == "digits"):
        raise ValueError(
            f"data_dir is for archives that have been unpacked. Received: name={name!r}, data_dir={data_dir!r}"
        )
    if image_size is not None:
        positive("image_size", image_size)
        if name in cifar.LAYOUTS and image_size not in cifar.SIDES:
            raise ValueError(f"image_size must be one of {cifar.SIDES} for {name}. Received: image_size={image_size!r}")
        if not photographs and name not in cifar.LAYOUTS:
            raise ValueError(f"image_size is for images only. Received: name={name!r}, image_size={image_size!r}")
    if own:
        folder = Path(os.path.expanduser(name)).resolve()
        return folders.read(folder.name, folder, image_size, str(folder))
    if name == "digits":
        return tables.read_digits()
    if name == "sgemm":
        folder, source = _place(ARCHIVES["sgemm"], data_dir, lambda path: os.path.isfile(path / tables.SGEMM_FILE))
        return tables.read_sgemm(folder, source)
    if photographs:
        folder, source = _photographs(name, data_dir, image_size)
        return folders.read(name, folder, image_size, source, CLASSES[name], data_dir is None)
    folder, source = _place(ARCHIVES[name], data_dir, lambda path: cifar.holds(name, path))
    return cifar.read(name, folder, source, data_dir is None, image_size or cifar.SIDE)


def _place(archive, data_dir, holds):
    """The folder that holds the data, and where they come from."""
    if data_dir is None:
        return fetch(archive), archive.url
    home = Path(os.path.expanduser(data_dir))
    for folder in (home, home / archive.folder):
        if holds(folder):
            return folder, str(folder.resolve())
    raise ValueError(
        f"data_dir must hold the unpacked {archive.file} ({archive.url}). Received: data_dir={str(data_dir)!r}"
    )


def _photographs(name, data_dir, image_size):
    """The same for a folder of photographs, in the smallest size that has pixels enough."""
    archives = IMAGE_FOLDERS[name]
    if data_dir is None:
        if image_size is None or image_size > max(archives):
            raise ValueError(
                f"image_size must be given for {name} and be at most {max(archives)}; for more, unpack the archive in "
                f"full size and give it as data_dir. Received: image_size={image_size!r}"
            )
        archive = archives[min(size for size in archives if size >= image_size)]
        return fetch(archive), archive.url
    home = Path(os.path.expanduser(data_dir))
    within = home.glob(f"{name}2*") if os.path.isdir(home) else ()
    found = [home] if folders.holds(home) else sorted(filter(folders.holds, within), key=_side)
    if not found:
        raise ValueError(
            f"data_dir must hold an unpacked archive of {name}, such as {archives[160].url}. "
            f"Received: data_dir={str(data_dir)!r}"
        )
    enough = [folder for folder in found if _side(folder) >= (image_size or 0)]
    folder = (enough or found[-1:])[0]
    return folder.resolve(), str(folder.resolve())


def _side(folder):
    """Pixels of the shorter side, as the folder's name says; infinite where it says none, for full size."""
    end = re.search(r"-(\d+)$", folder.name)
    return int(end[1]) if end else float("inf")
