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
        (folder / "input.json").write_text(json.dumps({"attempt": "3f9c21-000012", **asked}))
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


@pytest.mark.usefixtures("linking")
@pytest.mark.parametrize("do", ["copy", "move"])
def test_a_source_that_is_in_the_folder_already_stays(act, source, tmp_path, do):
    (tmp_path / "other").symlink_to(source.parent)
    for folder in (source.parent, tmp_path / "other"):
        code, left = act(do=do, source=str(source), folder=str(folder))
        assert (code, left) == (0, {"file": str(folder / "a.mov")})
    assert names(source.parent) == ["a.mov"]


@pytest.mark.usefixtures("linking")
def test_a_link_to_the_source_is_not_the_source(act, source, tmp_path):
    there = tmp_path / "done" / "a.mov"
    there.parent.mkdir()
    there.symlink_to(source)
    assert act(do="move", source=str(source), folder=str(there.parent))[0] == 1
    assert source.read_bytes() == b"film" * 1000
    code, left = act(do="move", source=str(there), folder=str(tmp_path / "more"))
    assert (code, there.is_symlink()) == (1, True)
    assert "is a symlink" in left["error"]


def test_a_folder_that_two_mounts_show_is_seen_as_one(act, source, tmp_path, monkeypatch):
    (tmp_path / "other").symlink_to(source.parent)
    monkeypatch.setattr(os, "link", apart)
    monkeypatch.setattr(acting, "_is_same", lambda *_: False)  # each mount has its own numbers
    code, left = act(do="move", source=str(source), folder=str(tmp_path / "other"))
    assert (code, names(source.parent)) == (1, ["a.mov"])
    assert "own folder by another name" in left["error"]


@pytest.mark.parametrize("do", ["copy", "move"])
def test_what_is_not_there_is_said_so_and_not_made(act, source, tmp_path, do):
    code, left = act(do=do, source=str(source), folder=str(tmp_path / "mount" / "done"))
    assert (code, (tmp_path / "mount").exists()) == (1, False)
    assert left["error"].endswith("done: its parent folder is not there on this node; mount it")
    code, left = act(do=do, source=f"{source}x", folder=str(tmp_path / "done"))
    assert (code, left["error"]) == (1, f"{source}x: is not there on this node; mount its folder")
    assert act(do=do, source=str(source), folder="{storage}")[0] == 1


def test_parts_do_not_stay(act, source, tmp_path, monkeypatch):
    folder = tmp_path / "done"
    folder.mkdir()
    others = [".a.mov.3f9c21-000013.part", ".a.mov.other-000001.part", ".b.mov.3f9c21-000001.part"]
    for name in (".a.mov.3f9c21-000009.part", *others):
        (folder / name).touch()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "chmod", full)
    code, left = act(do="copy", source=str(source), folder=str(folder))
    assert (code, left["cause"], names(folder)) == (1, "unready", sorted(others))
    assert left["error"].startswith(f"storage is full: {folder};")


def test_nothing_is_begun_without_room(act, source, tmp_path, monkeypatch):
    monkeypatch.setattr(acting.copying, "room", lambda _: (3999, 1 << 40))
    code, left = act(do="copy", source=str(source), folder=str(tmp_path / "done"))
    assert (code, left["cause"], names(tmp_path / "done")) == (1, "unready", [])
    assert left["error"].startswith(f"storage is full: {tmp_path / 'done'};")


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
