"""Folders of images: order, classes, the central square, decoding once, and files that are no images."""

import os

import numpy as np
import packed
import pytest

pytest.importorskip("PIL", reason="folders of images need Pillow")
from PIL import Image

from dendnet.data import DataError, load
from dendnet.data import folders as reader


@pytest.fixture
def folder(tmp_path, rng):
    """(path, images by name) of two classes of 8 x 8 images."""
    files, images = packed.image_folder(rng)
    return packed.write(tmp_path / "mine", files), images


def left(cache):
    return sorted(path.name for path in (cache / "decoded").iterdir() if path.suffix != ".lock")


def test_images_and_classes_in_order(folder):
    path, images = folder
    data = load(path, image_size=8)
    for split, part in (("train", data.train), ("val", data.test)):
        expected = [pixels for name, pixels in images.items() if name.startswith(split)]
        np.testing.assert_array_equal(part.x, expected)
        assert isinstance(part.x, np.memmap) and part.x.dtype == np.uint8
    np.testing.assert_array_equal(data.train.y, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(data.test.y, [0, 1])
    assert data.train.y.dtype == np.int64
    assert (data.name, data.classes, data.task, data.source) == ("mine", ("a", "b"), "classification", str(path))
    assert not data.reencoded and data.provenance.startswith("Not known")


def test_squares_of_one_size_stay_as_they_are(folder):
    path, _ = folder
    assert load(str(path)).checksum == load(path, image_size=8).checksum != load(path, image_size=4).checksum


@pytest.mark.parametrize("wide", [True, False])
def test_the_central_square_is_kept(tmp_path, rng, wide):
    """A 4 x 4 square between two bands of one pixel: at size 4 the bands go and no pixel changes."""
    files, _ = packed.image_folder(rng)
    square = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
    bands = np.full((4, 1, 3), 255, np.uint8)
    pixels = np.concatenate([bands, square, bands], axis=1)
    pixels = pixels if wide else pixels.transpose(1, 0, 2)
    files["train/a/0.png"] = packed.image(np.ascontiguousarray(pixels))
    data = load(packed.write(tmp_path / "mine", files), image_size=4)
    np.testing.assert_array_equal(data.train.x[0], square if wide else square.transpose(1, 0, 2))


def test_the_shorter_side_is_resized(tmp_path):
    """Flat halves, 40 x 20 in red and blue, to 10 x 10 about the middle: far from the edge they stay what they are."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20, 0], pixels[:, 20:, 2] = 200, 100
    files = {f"{split}/a/0.png": packed.image(pixels) for split in ("train", "val")}
    x = load(packed.write(tmp_path / "mine", files), image_size=10).train.x[0]
    assert (x[:, :2] == [200, 0, 0]).all() and (x[:, -2:] == [0, 0, 100]).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
def test_every_kind_of_image_becomes_colours(tmp_path, mode):
    flat = Image.new("L" if mode == "I;16" else "RGB", (8, 8), 255 if mode == "I;16" else (255, 255, 255))
    kind = "TIFF" if mode == "CMYK" else "PNG"
    for split in ("train", "val"):
        (tmp_path / "mine" / split / "a").mkdir(parents=True)
        flat.convert("I" if mode == "I;16" else mode).convert(mode).save(
            tmp_path / "mine" / split / "a" / "0.png", kind
        )
    x = load(tmp_path / "mine").train.x
    assert x.shape == (1, 8, 8, 3) and (x == 255).all()


def test_a_folder_is_decoded_once(folder, monkeypatch, cache):
    path, _ = folder
    first = load(path, image_size=4)
    monkeypatch.setattr(reader, "_pixels", None)
    again = load(path, image_size=4)
    assert again.checksum == first.checksum and len(left(cache)) == 1
    np.testing.assert_array_equal(again.train.x, first.train.x)


def test_a_changed_folder_is_decoded_anew(folder, rng, cache):
    path, _ = folder
    first = load(path, image_size=8)
    new = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    image, before = path / "train" / "b" / "1.png", os.stat(path / "train" / "b" / "1.png")
    image.write_bytes(packed.image(new))
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = load(path, image_size=8)
    np.testing.assert_array_equal(changed.train.x[4], new)
    assert changed.checksum != first.checksum and len(left(cache)) == 2


def test_what_is_no_image_is_passed_over(folder):
    path, _ = folder
    before = load(path).checksum
    packed.write(path, {
        "notes.txt": b"", "train/list.csv": b"", "train/a/.hidden.png": b"x", "train/a/thumbs.db": b"x",
        "train/.git/0.png": b"x", "other/c/0.png": b"x",
    })  # fmt: skip
    assert load(path).checksum == before


@pytest.mark.parametrize("content", [b"", b"no image", "half", "flipped"])
def test_a_damaged_image_is_named_and_nothing_is_left(folder, cache, content):
    path, _ = folder
    image = path / "val" / "b" / "0.png"
    whole = image.read_bytes()
    image.write_bytes(
        {"half": whole[: len(whole) // 2], "flipped": whole[:45] + b"????" + whole[49:]}.get(content, content)
    )
    with pytest.raises(DataError, match=r"val.b.0\.png is no image that can be read .* Replace or remove it"):
        load(path, image_size=8)
    assert left(cache) == []
    image.write_bytes(whole)
    assert len(load(path, image_size=8).test) == 2


@pytest.mark.filterwarnings("ignore:Image size")
def test_an_image_that_is_a_bomb_is_refused(folder, monkeypatch):
    path, _ = folder
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(DataError, match=r"train.a.0\.png is no image that can be read .*64 pixels"):
        load(path, image_size=8)


def without_classes(path):
    for each in [*(path / "train").iterdir()]:
        each.rename(path / each.name)


CHANGES = [
    (lambda path: [image.unlink() for image in (path / "train" / "b").iterdir()], r"train.b has no images"),
    (lambda path: (path / "val" / "b").rename(path / "val" / "c"), "classes that .*train has not: c"),
    (without_classes, "train has no folders of images"),
]


@pytest.mark.parametrize("change, message", CHANGES)
def test_a_folder_of_another_kind_is_refused(folder, change, message):
    path, _ = folder
    change(path)
    with pytest.raises(DataError, match=message):
        load(path, image_size=8)


def test_a_class_without_validation_images_is_a_class(folder):
    path, _ = folder
    (path / "val" / "a" / "0.png").unlink()
    (path / "val" / "a").rmdir()
    data = load(path)
    assert data.classes == ("a", "b") and data.test.y.tolist() == [1]


def test_images_of_various_sizes_need_a_size(folder, rng, cache):
    path, _ = folder
    packed.write(path, {"train/a/9.png": packed.image(rng.integers(0, 256, (9, 8, 3)).astype(np.uint8))})
    with pytest.raises(ValueError, match=r"image_size must be given .* Received: image_size=None"):
        load(path)
    assert not cache.exists()
    assert load(path, image_size=6).train.x.shape == (7, 6, 6, 3)


def test_a_full_disk_leaves_nothing(folder, cache, monkeypatch):
    path, _ = folder

    def full(file, header):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_2_0", full)
    with pytest.raises(OSError, match="No space left"):
        load(path)
    assert left(cache) == []
