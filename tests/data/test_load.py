"""Each name from its archive to arrays, from a server on this machine; and what load refuses."""

from dataclasses import replace

import numpy as np
import packed
import pytest

from dendnet.data import DataError, load
from dendnet.data.catalogue import ARCHIVES, CLASSES, IMAGE_FOLDERS, NAMES


@pytest.fixture
def serve(server, monkeypatch):
    """serve(catalogue, key, content): the archive lies on this machine now, with this content and its checksum."""

    def serve(catalogue, key, content):
        archive = catalogue[key]
        server.files[archive.file] = content
        checksum = archive.checksum and packed.md5(content)
        monkeypatch.setitem(catalogue, key, replace(archive, url=server.url(archive.file), checksum=checksum))

    return serve


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar(serve, small_cifar, server, rng, name):
    files, images, labels = packed.cifar(name, rng)
    small_cifar(name)
    serve(ARCHIVES, name, packed.tar([(f"{ARCHIVES[name].folder}/{file}", content) for file, content in files.items()]))
    data = load(name)
    np.testing.assert_array_equal(np.concatenate([data.train.x, data.test.x]), images)
    np.testing.assert_array_equal(np.concatenate([data.train.y, data.test.y]), labels)
    assert data.source == ARCHIVES[name].url and not data.reencoded and "official checksum" in data.provenance
    assert load(name).checksum == data.checksum and server.starts == [0]


def test_an_archive_without_its_files_is_refused(serve):
    serve(ARCHIVES, "cifar10", packed.tar([("cifar-10-batches-bin/readme.html", b"")]))
    with pytest.raises(DataError, match=r"batches\.meta\.txt is missing"):
        load("cifar10")


def test_sgemm(serve, monkeypatch, rng):
    rows = rng.integers(1, 9, (20, 18))
    table = ("header\n" + "\n".join(",".join(map(str, row)) for row in rows)).encode()
    monkeypatch.setitem(ARCHIVES["sgemm"].files, "sgemm_product.csv", packed.md5(table))
    serve(ARCHIVES, "sgemm", packed.zipped([("sgemm_product.csv", table), ("Readme.txt", b"read me")]))
    data = load("sgemm")
    assert (data.train.x.shape, data.test.y.shape, data.source) == ((16, 14), (4, 1), ARCHIVES["sgemm"].url)


@pytest.mark.parametrize("name", ["imagenette", "imagewoof"])
@pytest.mark.parametrize("image_size, archive", [(4, 160), (160, 160), (161, 320)])
def test_photographs_come_in_the_smallest_size_that_is_enough(serve, server, rng, name, image_size, archive):
    pytest.importorskip("PIL", reason="photographs need Pillow")
    files, _ = packed.image_folder(rng, CLASSES[name], per_class=1, size=(6, 8), suffix=".JPEG")
    folder = IMAGE_FOLDERS[name][archive].folder
    serve(IMAGE_FOLDERS[name], archive, packed.tar([(f"{folder}/{file}", content) for file, content in files.items()]))
    data = load(name, image_size=image_size)
    assert data.train.x.shape == (10, image_size, image_size, 3) and data.train.y.tolist() == list(range(10))
    assert data.classes == tuple(CLASSES[name].values()) and not data.reencoded
    assert data.source == IMAGE_FOLDERS[name][archive].url and server.starts == [0]


@pytest.fixture
def photographs(tmp_path, rng):
    """Two unpacked archives of imagenette beside each other, one of them of PNG files."""
    pytest.importorskip("PIL", reason="photographs need Pillow")
    for side, suffix in ((64, ".png"), (160, ".JPEG")):
        files, _ = packed.image_folder(rng, CLASSES["imagenette"], per_class=1, suffix=suffix)
        packed.write(tmp_path / f"imagenette2-{side}", files)
    return tmp_path


@pytest.mark.parametrize("image_size, side", [(8, 64), (64, 64), (65, 160), (200, 160)])
def test_of_local_folders_the_smallest_that_is_enough_is_read(photographs, image_size, side):
    data = load("imagenette", photographs, image_size)
    assert data.source == str(photographs / f"imagenette2-{side}")
    assert load("imagenette", photographs / f"imagenette2-{side}", image_size).checksum == data.checksum


def test_files_that_are_not_the_archives_are_known_to_be_re_encoded(photographs):
    small, official = (load("imagenette", photographs, size) for size in (64, 160))
    assert small.reencoded and "0.png" in small.provenance
    assert not official.reencoded and official.provenance.startswith("Not known")


def test_a_folder_of_other_classes_is_not_imagenette(photographs):
    (photographs / "imagenette2-64" / "train" / "n01440764").rename(photographs / "imagenette2-64" / "train" / "x")
    with pytest.raises(DataError, match=r"must have the folders n01440764, .* Unpack the official archive"):
        load("imagenette", photographs, 64)


def test_a_users_own_folder_may_be_called_imagenette(tmp_path, rng):
    pytest.importorskip("PIL", reason="photographs need Pillow")
    data = load(packed.write(tmp_path / "imagenette", packed.image_folder(rng)[0]))
    assert (data.name, data.classes, data.reencoded) == ("imagenette", ("a", "b"), False)


REFUSED = [
    (("x" * 300,), "name must be one of .* Received: name='xxx"),
    (("~nobody/x",), "name must be one of .* Received: name='~nobody/x'"),
    (("cifar10", "x" * 300), "data_dir must hold the unpacked"),
    (("sgemm", "x" * 300), "data_dir must hold the unpacked"),
    (("imagenette", "x" * 300, 64), "data_dir must hold an unpacked"),
    (("mnist",), "name must be one of .*'cifar10'.* Received: name='mnist'"),
    ((3,), "name must be one of .* Received: name=3"),
    ((None,), "name must be one of .* Received: name=None"),
    (
        ("cifar10", "nowhere"),
        r"data_dir must hold the unpacked cifar-10-binary\.tar\.gz.* Received: data_dir='nowhere'",
    ),
    (("cifar10", 3), "data_dir must be a folder's path or None. Received: data_dir=3"),
    (
        ("imagewoof", "nowhere", 64),
        "data_dir must hold an unpacked archive of imagewoof.* Received: data_dir='nowhere'",
    ),
    (("sgemm", "nowhere"), "data_dir must hold the unpacked sgemm.* Received: data_dir='nowhere'"),
    (("digits", "nowhere"), "data_dir is for archives .* Received: name='digits', data_dir='nowhere'"),
    (("cifar10", None, 64), r"image_size must be one of \(32, 16, 8\) for cifar10. Received: image_size=64"),
    (("sgemm", None, 64), "image_size is for images only. Received: name='sgemm', image_size=64"),
    (("imagenette",), "image_size must be given for imagenette and be at most 320.* Received: image_size=None"),
    (("imagenette", None, 321), "image_size must be given .* Received: image_size=321"),
    (("imagenette", None, 0), "image_size must be a positive integer. Received: image_size=0"),
    (("imagenette", None, 64.0), "image_size must be a positive integer. Received: image_size=64.0"),
]


@pytest.mark.parametrize("arguments, message", REFUSED, ids=str)
def test_what_is_refused_before_any_work(arguments, message, cache):
    with pytest.raises(ValueError, match=message):
        load(*arguments)
    assert not cache.exists()


def test_a_folder_takes_no_data_dir(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
    with pytest.raises(ValueError, match="data_dir is for archives"):
        load(tmp_path, tmp_path)


def test_the_catalogue_is_of_https_and_checksums():
    archives = [*ARCHIVES.values(), *(each for sizes in IMAGE_FOLDERS.values() for each in sizes.values())]
    assert len(archives) == 7 and all(each.url.startswith("https://") for each in archives)
    assert all(each.checksum or each.files for each in archives)
    assert {*ARCHIVES, *IMAGE_FOLDERS, "digits"} == set(NAMES)


@pytest.mark.parametrize(
    "module, arguments, package", [("PIL", "folder", "pillow"), ("sklearn.datasets", "digits", "scikit-learn")]
)
def test_a_missing_package_is_named(module, arguments, package, tmp_path, rng, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    packed.write(tmp_path / "folder", {"train/a/0.png": b"", "val/a/0.png": b""})
    with pytest.raises(ImportError, match=f"pip install {package}"):
        load(tmp_path / "folder" if arguments == "folder" else arguments)
