"""A cache of its own for each test, and a server that lies on this machine."""

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dendnet.data import cifar


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache's folder; it is not there yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "datasets" / "dendnet"


class Server(ThreadingHTTPServer):
    """Serves ``files``; ``cuts`` are the bytes after which the coming answers break off, ``busy`` what refuses them."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.starts, self.ranges, self.hold = {}, [], [], True, None
        self.busy = []  # (status, Retry-After or None), one for each of the coming answers

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    """GET, with ranges where the server has them; notes the byte that each request starts from."""

    def do_GET(self):
        served = self.server.files.get(self.path.lstrip("/"))
        if served is None:
            return self.send_error(404)
        if self.server.busy:
            status, after = self.server.busy.pop(0)
            self.send_response(status)
            if after is not None:
                self.send_header("Retry-After", after)
            return self.end_headers()
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.server.starts.append(start)
        if not self.server.ranges:
            start = 0
        if start >= len(served) > 0:
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(served) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(served)
        self.wfile.write(served[start : start + cut])
        self.wfile.flush()
        if self.server.hold:
            self.server.hold.wait()

    def log_message(self, *args):
        """Nothing: the tests read the requests themselves."""


@pytest.fixture
def server():
    """A :class:`Server` that runs."""
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=[0.02], daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def small_cifar(monkeypatch):
    """small_cifar(name): two records in each of its files from now on."""

    def small(name, **changes):
        layout = cifar.LAYOUTS[name]
        fewer = {part: dict.fromkeys(getattr(layout, part), 2) for part in ("train", "test")}
        monkeypatch.setitem(cifar.LAYOUTS, name, replace(layout, **fewer, **changes))

    return small
