"""Downloads: whole or not at all, resumed, checked, one process at a time."""

import os
import signal
import subprocess
import sys
import threading
import time
from email.utils import formatdate

import packed
import pytest

import dendnet
from dendnet.data import DataError
from dendnet.data.catalogue import Archive
from dendnet.data.fetch import fetch

CONTENT = bytes(range(256)) * 40
FILE = packed.tar([("official/", b""), ("official/one.bin", CONTENT), ("readme", b"left out")])


@pytest.fixture
def archive(server):
    server.files["official.tar.gz"] = FILE
    return Archive(server.url("official.tar.gz"), "official", packed.md5(FILE))


def left(cache):
    """What lies in the cache beside locks."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock")


def holds_content(cache):
    return left(cache) == ["official"] and (cache / "official" / "one.bin").read_bytes() == CONTENT


def test_the_folder_is_fetched_once(archive, server, cache):
    assert fetch(archive) == fetch(archive) == cache / "official"
    assert server.starts == [0] and holds_content(cache)


def test_sha256_is_known_by_its_length(archive, cache):
    import hashlib

    fetch(Archive(archive.url, "official", hashlib.sha256(FILE).hexdigest()))
    assert holds_content(cache)


def test_progress_is_shown(archive, capsys):
    fetch(archive)
    shown = capsys.readouterr().err
    assert f"Downloading {archive.url}: 0%" in shown and "100%" in shown


def test_a_download_goes_on_where_it_stopped(archive, server, cache):
    cache.mkdir(parents=True)
    (cache / "official.tar.gz.part").write_bytes(FILE[:100])
    fetch(archive)
    assert server.starts == [100] and holds_content(cache)


def test_a_server_without_ranges_starts_again(archive, server, cache):
    cache.mkdir(parents=True)
    (cache / "official.tar.gz.part").write_bytes(FILE[:100])
    server.ranges = False
    fetch(archive)
    assert holds_content(cache)


def test_a_broken_connection_is_taken_up_again(archive, server, cache):
    server.cuts = [50, 20]
    fetch(archive)
    assert server.starts == [0, 50, 70] and holds_content(cache)


def test_a_connection_that_keeps_breaking_leaves_a_part_to_go_on_from(archive, server, cache):
    server.cuts = [10, 10, 10]
    with pytest.raises(DataError, match=r"official.tar.gz could not be downloaded: .* Try again: it goes on"):
        fetch(archive)
    assert left(cache) == ["official.tar.gz.part"]
    fetch(archive)
    assert server.starts == [0, 10, 20, 30] and holds_content(cache)


def test_a_part_of_another_file_is_thrown_away(archive, server, cache):
    cache.mkdir(parents=True)
    (cache / "official.tar.gz.part").write_bytes(b"x" * 100)
    fetch(archive)
    assert server.starts == [100, 0] and holds_content(cache)


@pytest.mark.parametrize("extra", [b"", b"too long"])
def test_a_part_that_is_whole_or_too_long(archive, cache, extra):
    cache.mkdir(parents=True)
    (cache / "official.tar.gz.part").write_bytes(FILE + extra)
    fetch(archive)
    assert holds_content(cache)


@pytest.mark.parametrize("served", [FILE[:-9], FILE[:50] + b"?" + FILE[51:], b"<html>sign in</html>", b""])
def test_what_is_not_the_official_file_is_refused_and_removed(archive, server, cache, served):
    server.files["official.tar.gz"] = served
    with pytest.raises(DataError, match=r"official.tar.gz .* not the official .* removed.*data_dir"):
        fetch(archive)
    assert left(cache) == []
    server.files["official.tar.gz"] = FILE
    fetch(archive)
    assert holds_content(cache)


def test_a_file_that_has_no_end_is_refused(server, cache):
    server.files["official.zip"] = bytes(5000)
    with pytest.raises(DataError, match="larger than 1000 bytes"):
        fetch(Archive(server.url("official.zip"), "official", max_bytes=1000))
    assert left(cache) == []


def test_a_torn_archive_without_a_published_checksum_is_refused_and_removed(server, cache):
    server.files["official.zip"] = packed.zipped([("table.csv", b"1,2\n")])[:-5]
    archive = Archive(server.url("official.zip"), "table", files={"table.csv": packed.md5(b"1,2\n")}, flat=True)
    with pytest.raises(DataError, match=r"official\.zip is refused"):
        fetch(archive)
    assert left(cache) == []


def test_a_table_in_an_archive_is_known_by_its_own_checksum(server, cache):
    server.files["official.zip"] = packed.zipped([("table.csv", b"1,3\n")])
    archive = Archive(server.url("official.zip"), "table", files={"table.csv": packed.md5(b"1,2\n")}, flat=True)
    with pytest.raises(DataError, match=r"official.zip is refused: table.csv in it has the MD5"):
        fetch(archive)
    assert left(cache) == []
    server.files["official.zip"] = packed.zipped([("table.csv", b"1,2\n")])
    assert (fetch(archive) / "table.csv").read_bytes() == b"1,2\n"


def test_a_missing_file_and_a_missing_server_say_so(archive, server, cache):
    server.files.clear()
    with pytest.raises(DataError, match=r"official.tar.gz could not be downloaded: HTTP Error 404.*data_dir"):
        fetch(archive)
    with pytest.raises(DataError, match=r"could not be downloaded: .*refused"):
        fetch(Archive("http://127.0.0.1:1/official.tar.gz", "official", "0" * 32))
    assert left(cache) == []


@pytest.fixture
def slept(monkeypatch):
    """The seconds for which fetch waited, without waiting."""
    seconds = []
    monkeypatch.setattr("dendnet.data.fetch.time.sleep", seconds.append)
    return seconds


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("after, seconds", [("7", 7), (None, 1), ("soon", 1), ("date", 50), ("long ago", 0)])
def test_a_busy_server_is_waited_for_as_it_asks(archive, server, cache, slept, status, after, seconds):
    moment = {"date": time.time() + 50, "long ago": 0.0}.get(after)
    server.busy = [(status, after if moment is None else formatdate(moment, usegmt=True))]
    fetch(archive)
    assert holds_content(cache) and len(slept) == 1 and abs(slept[0] - seconds) <= 2


def test_a_server_that_asks_for_too_long_is_not_waited_for(archive, server, cache, slept):
    server.busy = [(429, "9999")]
    with pytest.raises(DataError, match=r"HTTP Error 429.* the server asks to wait 9999 s\. Try again then"):
        fetch(archive)
    assert slept == [] and left(cache) == []


def test_a_server_that_stays_busy_is_given_up(archive, server, slept):
    server.busy = [(503, "3")] * 3
    with pytest.raises(DataError, match=r"could not be downloaded: HTTP Error 503.*Try again"):
        fetch(archive)
    assert slept == [3, 3] and server.busy == []


@pytest.mark.parametrize("opens", ["official.tar.gz.part", "one.bin"])
def test_a_full_disk_is_said_with_its_path_and_a_remedy(archive, cache, monkeypatch, opens):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, block):
            raise OSError(28, "No space left on device")

    def limited(path, mode="r", **options):
        file = open(path, mode, **options)  # noqa: SIM115
        return Full(file) if str(path).endswith(opens) and mode != "rb" else file

    for module in ("fetch", "unpack"):
        monkeypatch.setattr(f"dendnet.data.{module}.open", limited, raising=False)
    with pytest.raises(
        DataError, match=r"official.* could not be written \(No space left on device\)\. Make room there"
    ):
        fetch(archive)
    monkeypatch.undo()
    monkeypatch.setenv("KERAS_HOME", str(cache.parents[1]))
    fetch(archive)
    assert holds_content(cache)


def test_a_file_system_without_locks_is_named(archive, cache, monkeypatch):
    def missing(file):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("dendnet.data.lock.taken", missing)
    with pytest.raises(DataError, match=r"official\.lock cannot be locked there \(Operation not supp.*Set KERAS_HOME"):
        fetch(archive)


def test_a_cache_that_cannot_be_written_to_says_what_to_do(archive, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be written to .* Set KERAS_HOME"):
        fetch(archive)


def test_two_at_a_time_download_once(archive, server, cache):
    threads = [threading.Thread(target=fetch, args=[archive]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.starts == [0] and holds_content(cache)


# Bare packages: what theirs import, Keras among it, takes seconds that the kill need not wait for.
PROGRAM = f"""
import sys, types
for name, path in (("dendnet", {dendnet.__path__[0]!r}), ("dendnet.data", {dendnet.data.__path__[0]!r})):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from dendnet.data.catalogue import Archive
from dendnet.data.fetch import fetch
fetch(Archive(*sys.argv[1:]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_after_a_kill_it_goes_on(archive, server, cache):
    server.cuts, server.hold = [300], threading.Event()  # 300 bytes, and then nothing more comes
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, archive.url, archive.folder, archive.checksum])
    part, deadline = cache / "official.tar.gz.part", time.monotonic() + 120
    while not (part.exists() and part.stat().st_size == 300) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    server.hold.set()
    server.hold = None
    assert part.stat().st_size == 300 and not (cache / "official").exists()
    (cache / "official.unfinished" / "half").mkdir(parents=True)  # as a kill while unpacking leaves it
    fetch(archive)
    assert server.starts == [0, 300] and holds_content(cache)
