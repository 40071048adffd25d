"""Archives from a stranger: whatever they hold, nothing lies outside, and a refusal names the file."""

import gzip
import io
import stat
import tarfile
import zipfile

import packed
import pytest

from dendnet.data import DataError
from dendnet.data.catalogue import Archive
from dendnet.data.unpack import unpack

GOOD = [("top/", b""), ("top/a.bin", b"hello" * 100), ("top/deep/b.bin", bytes(1000))]


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def encrypted(name):
    """A zip whose member says that it is encrypted, as the flags of both its headers tell."""
    whole = bytearray(packed.zipped([(name, b"secret")]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(signature) + offset] |= 1
    return bytes(whole)


def linked(name, target):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def header_bomb():
    """A tar with an extended header of 100 MB, of which nothing is unpacked."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("top/a")
        info.pax_headers = {"comment": "x" * 10**8}
        tar.addfile(info)
    return out.getvalue()


HOSTILE = {
    "climbs": ("tar", packed.tar([("../out", b"x")]), "leads out"),
    "climbs later": ("tar", packed.tar([*GOOD, ("top/deep/../../../out", b"x")]), "leads out"),
    "absolute": ("tar", packed.tar([("/tmp/out", b"x")]), "leads out"),
    "a drive": ("tar", packed.tar([("C:/out", b"x")]), "leads out"),
    "backslashes": ("tar", packed.tar([("..\\out", b"x")]), "leads out"),
    "a symbolic link": ("tar", packed.tar([special("top/l", tarfile.SYMTYPE, "/etc")]), "link or a device"),
    "a link and a file through it": (
        "tar",
        packed.tar([special("top", tarfile.SYMTYPE, ".."), ("top/out", b"x")]),
        "link or a device",
    ),
    "a hard link": ("tar", packed.tar([*GOOD, special("top/h", tarfile.LNKTYPE, "top/a.bin")]), "link or a device"),
    "a device": ("tar", packed.tar([special("top/d", tarfile.CHRTYPE)]), "link or a device"),
    "a pipe": ("tar", packed.tar([special("top/p", tarfile.FIFOTYPE)]), "link or a device"),
    "a sparse file": ("tar", packed.tar([special("top/s", tarfile.GNUTYPE_SPARSE)]), "is refused"),
    "twice": ("tar", packed.tar([*GOOD, GOOD[1]]), "twice"),
    "a file as a folder": ("tar", packed.tar([("top", b"x"), ("top/a", b"x")]), "twice"),
    "a folder as a file": ("tar", packed.tar([("top/a/b", b"x"), ("top/a", b"x")]), "twice"),
    "a long name": ("tar", packed.tar([("top/" + "n" * 300, b"x")]), "too long"),
    "many files": ("tar", packed.tar([(f"top/{i}", b"") for i in range(101)]), "more than 100 files"),
    "a bomb": ("tar", packed.tar([("top/zeros", bytes(10**8))]), "unpacks to more than 100000 bytes"),
    "a bomb in a header": ("tar", header_bomb(), "unpacks to more than 100000 bytes"),
    "a bomb after the end": (
        "tar",
        gzip.compress(gzip.decompress(packed.tar(GOOD)) + bytes(10**8)),
        "unpacks to more than 100000 bytes",
    ),
    "no tar": ("tar", gzip.compress(b"hello" * 1000), "is refused"),
    "no gzip": ("tar", b"hello" * 1000, "is refused"),
    "nothing": ("tar", b"", "is refused"),
    "another folder": ("tar", packed.tar([("other/a", b"x")]), "no folder top"),
    "zip climbs": ("zip", packed.zipped([("../out", b"x")]), "leads out"),
    "zip absolute": ("zip", packed.zipped([("/tmp/out", b"x")]), "leads out"),
    "zip link": ("zip", packed.zipped([linked("top/l", "/etc/passwd")]), "link or a device"),
    "zip bomb": ("zip", packed.zipped([("top/zeros", bytes(10**8))]), "unpacks to more than 100000 bytes"),
    "zip many files": ("zip", packed.zipped([(f"top/{i}", b"") for i in range(101)]), "more than 100 files"),
    "zip encrypted": ("zip", encrypted("top/a"), "encrypted"),
    "no zip": ("zip", b"hello" * 1000, "is refused"),
}


def run(tmp_path, kind, content):
    """Unpack; afterwards the file and the folder are all that is there."""
    file = "official.zip" if kind == "zip" else "official.tar.gz"
    path = tmp_path / "official.part"
    path.write_bytes(content)
    archive = Archive(f"https://example.org/{file}", "top", max_bytes=100_000, max_files=100)
    try:
        unpack(path, tmp_path / "folder", archive)
    finally:
        assert {each.name for each in tmp_path.iterdir()} <= {"official.part", "folder"}


@pytest.mark.parametrize("kind, content, reason", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_by_name(tmp_path, kind, content, reason):
    with pytest.raises(DataError, match=r"official\.(zip|tar\.gz) is refused") as caught:
        run(tmp_path, kind, content)
    assert reason in str(caught.value) and "Download it anew from https://example.org" in str(caught.value)
    files = [path for path in (tmp_path / "folder").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 101_000


@pytest.mark.parametrize("kind, content", [("tar", packed.tar(GOOD)), ("zip", packed.zipped(GOOD))], ids=["tar", "zip"])
class TestGood:
    """The same files in both kinds of archive."""

    def test_a_good_archive_is_unpacked(self, tmp_path, kind, content):
        run(tmp_path, kind, content)
        assert (tmp_path / "folder" / "top" / "a.bin").read_bytes() == b"hello" * 100
        assert (tmp_path / "folder" / "top" / "deep" / "b.bin").read_bytes() == bytes(1000)

    def test_cut_off_anywhere_it_is_refused(self, tmp_path, kind, content):
        for end in range(0, len(content), 7):
            folder = tmp_path / str(end)
            folder.mkdir()
            with pytest.raises(DataError, match="is refused"):
                run(folder, kind, content[:end])

    def test_altered_anywhere_it_is_refused_or_harmless(self, tmp_path, kind, content, rng):
        for count in range(400):
            altered = bytearray(content)
            altered[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
            folder = tmp_path / str(count)
            folder.mkdir()
            try:
                run(folder, kind, bytes(altered))
            except DataError as error:
                assert "is refused" in str(error)
