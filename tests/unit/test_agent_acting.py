"""What is done after publishing: whole or not at all, nothing overwritten, twice is once (F-SUB-9)."""

import errno
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestrator.agent import acting
from orchestrator.model.addresses import EVERYWHERE


@pytest.fixture
def act(tmp_path, monkeypatch):
    """Do something in an attempt's folder; return the exit code and what was left."""
    folder = tmp_path / "a1"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def do(**asked):
        (folder / "input.json").write_text(json.dumps({"attempt": "a1", **asked}))
        return acting.main(), json.loads((folder / "result.json").read_text())

    return do


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in" / "a.mov"
    path.parent.mkdir()
    path.write_bytes(b"film" * 1000)
    os.utime(path, ns=(1_000_000_000, 1_000_000_000))
    return path


def apart(*_, **__):
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


@pytest.fixture(params=["one file system", "two"])
def linking(request, monkeypatch):
    if request.param == "two":
        monkeypatch.setattr(os, "link", apart)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.usefixtures("linking")
@pytest.mark.parametrize("do", ["copy", "move"])
def test_a_source_arrives_whole_with_its_time(act, source, tmp_path, do):
    there = tmp_path / "done" / "a.mov"
    for _ in range(2):  # the first attempt was lost after its work
        assert act(do=do, source=str(source), folder=str(there.parent))[0] == 0
    assert (there.read_bytes(), there.stat().st_mtime) == (b"film" * 1000, 1.0)
    assert source.exists() == (do == "copy")
    assert names(there.parent) == ["a.mov"]


@pytest.mark.parametrize("do", ["copy", "move"])
def test_another_file_is_not_overwritten(act, source, tmp_path, do):
    there = tmp_path / "done" / "a.mov"
    there.parent.mkdir()
    there.write_bytes(b"another")
    code, left = act(do=do, source=str(source), folder=str(there.parent))
    assert (code, there.read_bytes(), source.exists()) == (1, b"another", True)
    assert left["error"].startswith(f"{there}: exists, and is another file")
    assert names(there.parent) == ["a.mov"]


class Receiver(BaseHTTPRequestHandler):
    status = 200

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["X-Orchestrator-Delivery"], body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def hook(server, allow):
    url = f"http://127.0.0.1:{server.server_port}/secret-path?x=1"
    return {"do": "webhook", "url": url, "key": "t1", "body": {"batch": "ü"}, "allow": list(allow)}


def test_a_webhook_is_told_as_json_under_a_key(act, receiver):
    assert act(**hook(receiver, EVERYWHERE)) == (0, {"status": 200})
    assert receiver.got == [("/secret-path?x=1", "t1", '{"batch": "ü"}'.encode())]


def test_an_address_that_is_not_public_must_be_listed(act, receiver):  # T16
    code, left = act(**hook(receiver, ()))
    assert (code, receiver.got) == (1, [])
    assert "it leads to 127.0.0.1, which is not public" in left["error"]
    assert act(**hook(receiver, ("127.0.0.0/8",)))[0] == 0


def test_a_refusal_is_told_without_the_path(act, receiver, monkeypatch):
    monkeypatch.setattr(Receiver, "status", 503)
    code, left = act(**hook(receiver, EVERYWHERE))
    assert code == 1
    assert "it answers 503" in left["error"]
    assert "secret" not in left["error"]
