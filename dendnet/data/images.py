"""One image of a folder: upright, in 8-bit colours, or refused by name."""

import contextlib

import numpy as np

from dendnet.data.errors import DataError

SUFFIXES = (
    *(".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".avif"),
    *(".tif", ".tiff", ".jp2", ".pbm", ".pgm", ".ppm"),
)
SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")


@contextlib.contextmanager
def opened(path):
    """The image, of which only the head has been read."""
    pillow = _pillow()
    with contextlib.ExitStack() as held:  # Pillow leaves a file open where it refuses the image
        try:
            image = pillow.open(held.enter_context(open(path, "rb")))
        except Exception as error:  # damaged files raise nearly anything
            raise damaged(path, error) from error
        pixels = image.width * image.height
        if pillow.MAX_IMAGE_PIXELS and pixels > pillow.MAX_IMAGE_PIXELS:  # of which Pillow only warns
            raise damaged(path, f"it has {pixels} pixels")
        yield image


def pixels(path, side):
    """The bytes of an image's central square, ``(side, side, 3)``: its shorter side resized, the longer one's ends cut.

    It is turned as its EXIF orientation says. Grey of 16 bits is scaled to 8; what is transparent is seen before white;
    of several frames or pages the first is taken.
    """
    from PIL import ImageOps

    with opened(path) as image:
        try:
            ImageOps.exif_transpose(image, in_place=True)
            colours = _colours(image)
        except Exception as error:
            raise damaged(path, error) from error
    return np.asarray(ImageOps.fit(colours, (side, side), _pillow().Resampling.LANCZOS)).tobytes()


def damaged(path, error):
    """What is raised of a file that is no image, or none whose numbers mean colours."""
    return DataError(f"{path} is no image that can be read ({error}). Replace or remove it.")


def _colours(image):
    """The image in RGB."""
    if image.mode in SIXTEEN or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _pillow().fromarray(_eight_bits(image)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"its numbers, of Pillow's mode {image.mode!r}, have no largest one that would be white")
    if "transparency" not in image.info and not {"A", "a"} & set(image.mode.replace("LAB", "")):
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = _pillow().new("RGBA", image.size, "white")
    return _pillow().alpha_composite(white, image).convert("RGB")


def _eight_bits(image):
    """Grey of more than 8 bits as uint8, black 0 and white 255."""
    # Of TIFF alone, Pillow leaves fewer bits than 16 unscaled, and white at 0.
    tags = image.tag_v2 if image.format == "TIFF" else {}
    most = 2 ** tags.get(258, (16,))[0] - 1
    grey = np.asarray(image).astype("float64")
    if "transparency" in image.info:
        grey[grey == image.info["transparency"]] = most
    grey = np.rint(grey * (255 / most)).astype("uint8")
    return 255 - grey if tags.get(262) == 0 else grey


def _pillow():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("Folders of images need Pillow: pip install pillow") from error
    return Image
