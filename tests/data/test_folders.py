"""Folders of images: order, classes, the central square, decoding once, and files that are no images."""

import os

import numpy as np
import packed
import pytest

pytest.importorskip("PIL", reason="folders of images need Pillow")
from PIL import Image

from dendnet.data import DataError, images, load


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


def test_a_folder_is_decoded_once(folder, monkeypatch, cache):
    path, _ = folder
    first = load(path, image_size=4)
    monkeypatch.setattr(images, "pixels", None)
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


def unused(warned):
    return [each for each in warned if "not used" in str(each.message)]


def test_what_is_not_used_is_named_and_counted(folder, recwarn):
    path, _ = folder
    before = load(path).checksum
    packed.write(path, {"train/a/Thumbs.db": b"x", "val/.DS_Store": b"x", "other/c/0.png": b"x"})
    assert load(path).checksum == before and not unused(recwarn)
    packed.write(path, {
        "train/list.csv": b"", "train/a/.hidden.png": b"x", "train/b/.thumbnails/0.png": b"x", "train/.git/0.png": b"x",
        "train/a/raw.cr2": b"x",
    })  # fmt: skip
    said = r"5 in .*train not used: \.git, a/\.hidden\.png, a/raw\.cr2 and 2 more"
    with pytest.warns(UserWarning, match=said) as told:
        assert load(path).checksum == before
    assert [each.filename for each in unused(told)] == [__file__]


@pytest.mark.parametrize("name", ["9.tif", "9.jfif", "9.JPE", "9.TIFF", "9.ppm", "deep/er/9.png"])
def test_every_image_of_a_class_is_used(folder, name, recwarn):
    path, _ = folder
    new = Image.fromarray(np.full((8, 8, 3), 7, np.uint8))
    file = path / "train" / "a" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    new.save(file, "JPEG" if name[2:].lower() in ("jfif", "jpe") else None)
    data = load(path)
    np.testing.assert_array_equal(data.train.x[3], new)
    assert data.train.y.tolist() == [0, 0, 0, 0, 1, 1, 1] and not unused(recwarn)


def test_linked_folders_are_read_once(folder, tmp_path):
    path, _ = folder
    whole = load(path).checksum
    (path / "train" / "b").rename(tmp_path / "elsewhere")
    (path / "train" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "elsewhere")
    assert load(path).checksum == whole
    (path / "train" / "a" / "9.png").symlink_to("nowhere.png")
    with pytest.raises(DataError, match=r"a.9\.png is no image that can be read \(No such file"):
        load(path, image_size=8)


def test_a_folder_that_cannot_be_read_is_named(folder, monkeypatch):
    path, _ = folder
    within = type(path).iterdir

    def shut(self):
        if self.name == "b":
            raise PermissionError(13, "Permission denied")
        return within(self)

    monkeypatch.setattr(type(path), "iterdir", shut)
    with pytest.raises(DataError, match=r"train.b cannot be read \(Permission denied\)\. "):
        load(path)


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
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
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
    with pytest.raises(DataError, match=r"decoded.mine-8-.* \(No space left on device\)\. Make room there"):
        load(path)
    assert left(cache) == []


def cut(array):
    array.write_bytes(array.read_bytes()[:-3])


def zeroed(array):
    content = bytearray(array.read_bytes())
    content[-500:-100] = bytes(400)
    array.write_bytes(content)


@pytest.mark.parametrize("damage", [
    cut, zeroed, lambda array: array.write_bytes(b""), os.unlink,
    lambda array: array.with_name("digests.json").unlink(),
    lambda array: array.with_name("digests.json").write_text("nonsense"),
])  # fmt: skip
def test_a_damaged_cache_is_found_and_made_anew(folder, cache, damage):
    path, images = folder
    whole = load(path).checksum
    (home,) = (cache / "decoded").glob("mine-8-????????????????")
    damage(home / "train.npy")
    again = load(path)
    assert again.checksum == whole and len(left(cache)) == 1
    np.testing.assert_array_equal(again.train.x, [images[name] for name in images if name.startswith("train")])


def test_a_cache_that_cannot_be_written_to_is_used(folder, monkeypatch):
    path, _ = folder
    whole = load(path).checksum

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refused)
    monkeypatch.setattr("pathlib.Path.touch", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    again = load(path)
    assert again.checksum == whole and len(again.validation(2).test) == 2
    with pytest.raises(DataError, match="cannot be written to"):
        load(path, image_size=4)


def test_other_pixels_of_the_same_length_and_time_are_seen(tmp_path, rng):
    """Bitmaps are as long as they have pixels, and a copy may keep the time of the last change."""
    squares = [Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)) for _ in range(2)]
    files = [f"{split}/a/0.bmp" for split in ("train", "val")]
    path = packed.write(tmp_path / "mine", dict.fromkeys(files, b""))
    for file in files:
        squares[0].save(path / file)
    first, image = load(path).checksum, path / "train" / "a" / "0.bmp"
    before = os.stat(image)
    squares[1].save(image)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(image).st_size == before.st_size and load(path).checksum != first


def test_a_folder_may_have_a_long_name(tmp_path, rng):
    path = packed.write(tmp_path / ("ä" * 120), packed.image_folder(rng)[0])
    assert load(path).name == "ä" * 120
