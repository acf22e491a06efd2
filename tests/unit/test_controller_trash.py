"""Removing from a storage that others write to at the same time touches nothing outside (T07)."""

import logging
import os
import subprocess
import threading
from contextlib import suppress

import pytest
from sample import LIMIT_S, times

from orchestrator.controller.storage import KEPT, Storage
from orchestrator.controller.trash import DEPTH_MAX, Removal, opened, used_bytes
from orchestrator.system import open_folder

pytestmark = pytest.mark.fault("F39")

SWAPS = times(2_000)


@pytest.fixture
def top(tmp_path):
    (tmp_path / "top").mkdir()
    folder = open_folder(str(tmp_path / "top"))
    yield folder
    os.close(folder)


@pytest.fixture
def sentinel(tmp_path):
    """A tree that nobody may touch, and how it looks."""
    tree = tmp_path / "sentinel"
    for name in ("log", "segment.mov", "deep/er/film.mov", "attempts/a/film.mov"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("a night's work")
    return tree


def picture(tree):
    return sorted((str(path), path.lstat().st_mtime_ns) for path in tree.rglob("*"))


def fill(folder):
    """Make what an attempt leaves."""
    with suppress(OSError):
        (folder / "deep" / "er").mkdir(parents=True, exist_ok=True)
        for name in ("log", "segment.mov", "deep/er/film.mov"):
            (folder / name).write_text("media")


class Swapper(threading.Thread):
    """Puts a link where a folder was, and a folder where a link was, as fast as it can."""

    def __init__(self, place, sentinel, count):
        super().__init__(daemon=True)
        self.place, self.sentinel, self.left = place, sentinel, count
        self.swaps = 0

    def run(self):
        names = [self.place, self.place / "deep", self.place / "segment.mov"]
        inner = {names[0]: self.sentinel, names[1]: self.sentinel / "deep"}
        while self.left > 0:
            self.left -= 1
            name = names[self.left % 3]
            spare = self.place.with_name(f"spare-{self.left}")
            with suppress(OSError):
                os.symlink(inner.get(name, self.sentinel / "deep"), spare)
                with suppress(OSError):
                    os.rename(name, self.place.with_name(f"moved-{self.left}"))
                os.rename(spare, name)
                self.swaps += 1
            with suppress(OSError):
                os.unlink(spare)
            with suppress(OSError):
                os.unlink(name)
            fill(self.place)


def sweep(storage, removal):
    with storage.folder("attempts") as attempts:
        for name in os.listdir(attempts):
            removal.remove(name, attempts)


@pytest.mark.timeout(4 * LIMIT_S)
def test_sentinel_stays_whole_while_links_and_folders_are_swapped(tmp_path, sentinel, caplog):
    caplog.set_level(logging.CRITICAL)
    storage = Storage.at(tmp_path / "storage")
    before = picture(sentinel)
    place = storage.attempt("a-000001")
    swapper = Swapper(place, sentinel, SWAPS)
    swapper.start()
    rounds = 0
    while swapper.is_alive():
        rounds += 1
        storage.clear_now("a-000001")
        storage.removing("test", lambda removal: sweep(storage, removal))
    assert swapper.swaps > SWAPS / 2
    assert rounds > 1
    assert picture(sentinel) == before


def test_link_is_removed_and_what_it_leads_to_stays(tmp_path, top, sentinel):
    before = picture(sentinel)
    (tmp_path / "top" / "a").mkdir()
    (tmp_path / "top" / "a" / "link").symlink_to(sentinel)
    (tmp_path / "top" / "b").symlink_to(sentinel)
    removal = Removal(top=top)
    removal.remove("a")
    removal.remove("b")
    removal.remove("nothing")
    assert (os.listdir(top), removal.trouble) == ([], "")
    assert picture(sentinel) == before


def test_folder_that_is_a_link_is_not_opened(top, tmp_path, sentinel):
    (tmp_path / "top" / "attempts").symlink_to(sentinel / "attempts")
    with pytest.raises(NotADirectoryError), opened("attempts", top):
        pass


def test_what_is_nested_deeper_than_we_hold_open_goes_too(tmp_path, top):
    inner = tmp_path / "top"
    for _ in range(3 * DEPTH_MAX):
        inner /= "d"
    inner.mkdir(parents=True)
    (inner / "film.mov").write_text("x")
    removal = Removal(top=top)
    rounds = 0
    while names := os.listdir(top):
        rounds += 1
        for name in names:
            removal.remove(name)
    assert rounds == 3
    assert removal.trouble == ""


def test_folder_that_nobody_may_write_to_goes_too(tmp_path, top):
    (tmp_path / "top" / "a" / "locked").mkdir(parents=True)
    (tmp_path / "top" / "a" / "locked" / "film.mov").write_text("x")
    (tmp_path / "top" / "a" / "locked").chmod(0o500)
    Removal(top=top).remove("a")
    assert os.listdir(top) == []


def test_pipe_is_removed_and_not_waited_for(tmp_path, top):
    os.mkfifo(tmp_path / "top" / "pipe")
    Removal(top=top).remove("pipe")
    assert os.listdir(top) == []


def test_what_cannot_be_removed_is_said_and_the_rest_goes(tmp_path, top, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / "top" / name).write_text("x")
    unlink = os.unlink

    def refuse(name, **more):
        if name == "a":
            raise OSError(5, "Input/output error")
        unlink(name, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    removal = Removal(top=top)
    removal.clear(top)
    assert os.listdir(top) == ["a"]
    assert removal.trouble == "a: Input/output error"


def test_evidence_is_kept_and_room_is_counted(tmp_path, top):
    for name in (*KEPT, "segment.mov"):
        (tmp_path / "top" / name).write_bytes(b"x" * 10_000)
    taken = used_bytes(top)
    removal = Removal(top=top)
    removal.clear(top, KEPT)
    assert {*os.listdir(top)} == KEPT
    assert removal.freed_bytes > 0
    assert used_bytes(top) == taken - removal.freed_bytes


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_however_deep_a_command_has_nested_it_is_counted_as_far_as_we_look(top):
    folder = os.dup(top)
    for _ in range(1500):  # more than a call may nest
        os.mkdir("d", dir_fd=folder)
        below = open_folder("d", folder)
        os.close(folder)
        folder = below
    os.close(os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    assert used_bytes(top) == 0
    removal = Removal(top)
    while os.listdir(top):
        removal.clear(top)
    assert removal.trouble == ""


def test_what_is_mounted_below_is_left_alone(tmp_path, top):
    mounted = tmp_path / "top" / "a" / "mounted"
    mounted.mkdir(parents=True)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "film.mov").write_text("x")
    subprocess.run(["mount", "--bind", tmp_path / "precious", mounted], check=True)
    try:
        removal = Removal(top=top)
        removal.remove("a")
        assert "on another mount" in removal.trouble
        assert os.listdir(tmp_path / "precious") == ["film.mov"]
    finally:
        subprocess.run(["umount", mounted], check=True)
