"""Images as Pillow opens them: turned upright, every mode and depth brought to 8-bit colours, or refused by name."""

import io
import struct

import numpy as np
import packed
import pytest

pytest.importorskip("PIL", reason="images need Pillow")
from PIL import Image

from dendnet.data import DataError, load
from dendnet.data.images import pixels

UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


def read(path, side=4):
    return np.frombuffer(pixels(path, side), np.uint8).reshape(side, side, 3)


def saved(tmp_path, image, kind="PNG", **options):
    """The image as a file that is called .png whatever it is."""
    image.save(tmp_path / "0.png", kind, **options)
    return tmp_path / "0.png"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_photographs_are_turned_upright(tmp_path, rng, orientation, kind):
    stored = np.kron(rng.integers(0, 2, (4, 4, 1)), np.full((8, 8, 3), 255)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    found = read(saved(tmp_path, Image.fromarray(stored), kind, exif=exif, **options), 32)
    np.testing.assert_allclose(found, UPRIGHT[orientation](stored), atol=8 if kind == "JPEG" else 0)


def test_a_folder_of_turned_photographs(tmp_path):
    """The upper half white as stored, and turned by a quarter: the right half is."""
    stored, exif = np.zeros((8, 8, 3), np.uint8), Image.Exif()
    stored[:4], exif[0x0112] = 255, 6
    out = io.BytesIO()
    Image.fromarray(stored).save(out, "JPEG", exif=exif, quality=100)
    x = load(
        packed.write(tmp_path / "mine", {f"{split}/a/0.jpg": out.getvalue() for split in ("train", "val")})
    ).train.x
    assert (x[0, :, 4:] > 250).all() and (x[0, :, :4] < 5).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("shade", [0, 255])
def test_black_is_black_and_white_is_white(tmp_path, mode, shade):
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    flat = Image.new("RGB", (4, 4), (shade,) * 3).convert(mode)
    np.testing.assert_array_equal(read(saved(tmp_path, flat, kind)), shade)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_grey_of_16_bits_is_scaled(tmp_path, kind):
    grey = np.arange(16, dtype="uint16").reshape(4, 4) * 4369  # 0 to 65535
    found = read(saved(tmp_path, Image.fromarray(grey), kind))
    np.testing.assert_array_equal(found, np.stack([grey // 257] * 3, axis=-1))


def tiff(grey, bits, photometric, order="<"):
    """A TIFF of one strip, whose numbers are packed already."""
    entries = [
        (256, 4),
        (257, 4),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8 + 2 + 9 * 12 + 4),
        (277, 1),
        (278, 4),
        (279, len(grey)),
    ]
    directory = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in entries)
    head = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(entries))
    return head + directory + bytes(4) + grey


@pytest.mark.parametrize("content, first", [
    (tiff(np.full(16, 65535, "<u2").tobytes(), 16, 1), 255),
    (tiff(np.full(16, 65535, "<u2").tobytes(), 16, 0), 0),  # white is 0
    (tiff(np.full(16, 257, "<u2").tobytes(), 16, 0), 254),
    (tiff(np.full(16, 513, ">u2").tobytes(), 16, 1, ">"), 2),
    (tiff(b"\xff" * 24, 12, 1), 255),  # two numbers in three bytes
    (tiff(b"\x80\x08\x00" * 8, 12, 1), 128),
])  # fmt: skip
def test_tiffs_say_how_many_bits_and_which_end_is_white(tmp_path, content, first):
    (tmp_path / "0.tif").write_bytes(content)
    assert (read(tmp_path / "0.tif") == first).all()


def test_what_is_transparent_is_seen_before_white(tmp_path):
    clear = np.zeros((4, 4, 4), np.uint8)
    clear[..., 0], clear[:2, :, 3], clear[2:, :, 3] = 200, 255, 0
    found = read(saved(tmp_path, Image.fromarray(clear)))
    assert (found[:2] == [200, 0, 0]).all() and (found[2:] == 255).all()
    clear[..., 3] = 51  # a fifth
    np.testing.assert_allclose(
        read(saved(tmp_path, Image.fromarray(clear))), np.full((4, 4, 3), [244, 204, 204]), atol=1
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "I;16"])
def test_a_colour_that_means_transparent_is_white(tmp_path, mode):
    flat = Image.new(mode, (4, 4), 0)
    found = read(saved(tmp_path, flat, transparency=(0, 0, 0) if mode == "RGB" else 0))
    np.testing.assert_array_equal(found, 255)
    np.testing.assert_array_equal(read(saved(tmp_path, flat)), 0)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_numbers_that_are_no_shades_are_refused_by_name(tmp_path, mode):
    path = saved(tmp_path, Image.new(mode, (4, 4)), "TIFF")
    with pytest.raises(DataError, match=rf"0\.png is no image that can be read .*mode '{mode}'.*Replace or remove it"):
        pixels(path, 4)
