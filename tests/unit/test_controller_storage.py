import hashlib
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from agents import until

from orchestrator.controller.mark import PLACES_MAX, noted
from orchestrator.controller.storage import ANSWER_S, INLINE_MAX_BYTES, Storage, Watch
from orchestrator.errors import Busy, Refusal
from orchestrator.model.work import Result
from orchestrator.volume import TOKEN

LARGE = {"table": "x" * INLINE_MAX_BYTES}


@pytest.fixture
def storage(tmp_path):
    return Storage.at(tmp_path / "storage")


def attempt(storage, **files):
    folder = storage.attempt("a-000001")
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_folders_are_made_and_others_cannot_look_in(storage):
    assert sorted(each.name for each in storage.root.iterdir()) == ["attempts", "inputs"]
    assert (storage.root / "attempts").stat().st_mode & 0o007 == 0


def test_place_that_cannot_be_used_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"cluster storage .*/file: .*; name another with --storage"):
        Storage.at(tmp_path / "file")


def test_small_input_travels_with_its_spec(storage):
    assert storage.put("b-0001", {"frames": 10}) == (None, None)
    assert list((storage.root / "inputs").iterdir()) == []


def test_large_input_is_a_file_named_by_its_hash_and_stored_once(storage):
    path, digest = storage.put("b-0001", LARGE)
    assert storage.put("b-0001", LARGE) == (path, digest)
    with open(path, "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == digest
    assert len(os.listdir(storage.root / "inputs" / "b-0001")) == 1


def test_inputs_of_a_batch_are_removed_with_it(storage):
    storage.put("b-0001", LARGE)
    path, _ = storage.put("c-0001", LARGE)
    storage.clear_inputs("b-0001")
    storage.clear_inputs("b-0001")
    assert os.listdir(storage.root / "inputs") == ["c-0001"]
    assert os.path.exists(path)


def told(text, name="index.bin"):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Result(attempt="a-000001", values={"table": {"file": name, "sha256": digest}})


def test_facts_bring_the_files_that_a_probe_names(storage):
    attempt(storage, index_bin="times")
    facts = storage.facts(told("times"))
    assert (facts.files, facts.attempt) == ({"index.bin": b"times"}, "a-000001")


def test_file_that_is_not_what_was_reported_is_not_believed(storage):
    attempt(storage, index_bin="other")
    with pytest.raises(
        ValueError, match=r"index\.bin of attempt a-000001 is not what was reported"
    ):
        storage.facts(told("times"))


def test_file_outside_the_attempt_is_not_read(storage, tmp_path):
    attempt(storage)
    (tmp_path / "secret").write_text("times")
    with pytest.raises(FileNotFoundError):
        storage.facts(told("times", "../../../secret"))


def test_media_are_cleared_away_and_the_evidence_stays(storage):
    folder = attempt(storage, segment_mov="media", log="frame=1", exit_json="{}", result_json="{}")
    (folder / "parts").mkdir()
    (folder / "parts" / "a").write_text("media")
    storage.clear("a-000001")
    assert sorted(os.listdir(folder)) == ["exit.json", "log", "result.json"]


def test_clearing_follows_no_link(storage, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "film.mov").write_text("a night's work")
    folder = attempt(storage)
    (folder / "link").symlink_to(tmp_path / "precious")
    storage.clear("a-000001")
    assert os.listdir(folder) == []
    assert os.listdir(tmp_path / "precious") == ["film.mov"]


def test_clearing_what_is_not_there_is_nothing(storage, caplog):
    caplog.set_level(logging.WARNING)
    storage.clear("a-000009")
    assert caplog.records == []


@pytest.mark.parametrize(("free", "low"), [(6, False), (4, True), (0, True)])
def test_five_percent_are_kept_free(storage, monkeypatch, free, low):
    disk = SimpleNamespace(f_bavail=free, f_blocks=100, f_frsize=1 << 20, f_flag=0)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    assert (f"{free} MiB free, 5 MiB are kept" in storage.low()) == low


def test_of_a_large_disk_no_more_than_2_gib_are_kept(storage, monkeypatch):
    disk = SimpleNamespace(f_bavail=3 << 10, f_blocks=1 << 20, f_frsize=1 << 20, f_flag=0)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    assert storage.low() == ""


def test_storage_that_is_mounted_for_reading_alone_takes_no_new_work(storage, monkeypatch):
    disk = SimpleNamespace(f_bavail=9, f_blocks=9, f_frsize=1 << 20, f_flag=os.ST_RDONLY)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    assert "is mounted for reading alone; mount it for writing, it goes on" in storage.low()


def test_storage_that_is_gone_takes_no_new_work_and_says_so(storage):
    for part in ("attempts", "inputs"):
        (storage.root / part).rmdir()
    storage.root.rmdir()
    assert storage.low().endswith("it is not there, or not mounted; mount it, it goes on by itself")


# What nodes know it by (R16)


def test_storage_is_marked_once(tmp_path):
    storage = Storage.at(tmp_path)
    token = storage.mark()
    assert (tmp_path / ".orchestrator-storage").read_text().strip() == token
    assert Storage.at(tmp_path).mark() == token
    assert Storage.at(tmp_path / "other").mark() != token


def test_half_a_mark_is_none(tmp_path):
    storage = Storage.at(tmp_path)
    (tmp_path / ".orchestrator-storage").write_text("")
    assert storage.mark() == storage.mark() != ""


def test_mark_that_cannot_be_written_is_said(tmp_path):
    storage = Storage.at(tmp_path)
    (tmp_path / ".orchestrator-storage").mkdir()
    with pytest.raises(Refusal, match=r"\.orchestrator-storage"):
        storage.mark()


def test_shared_storage_is_called_as_manifests_call_it(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "studio").symlink_to(tmp_path / "disk")
    assert Storage.shared(tmp_path / "studio").root == tmp_path / "studio"
    assert (tmp_path / "disk" / "attempts").is_dir()


# What is known may be away


@pytest.fixture
def known(tmp_path):
    """A storage that was used before, and its place on a disk that may be taken away."""
    note = tmp_path / "state" / "storage.token"
    note.parent.mkdir()
    storage = Storage.known(tmp_path / "mount", note)
    storage.put("b-0001", LARGE)
    return storage


def unmount(storage):
    """Leave an empty folder where the storage was, as an unmount does."""
    storage.root.rename(storage.root.with_name("away"))
    storage.root.mkdir()


def mount(storage):
    storage.root.rmdir()
    storage.root.with_name("away").rename(storage.root)


def test_storage_that_is_away_is_not_made_anew_beside_its_mount(known, tmp_path):
    unmount(known)
    again = Storage.known(known.root, tmp_path / "state" / "storage.token")
    assert again.token == known.token
    assert "not mounted; mount it, it goes on by itself" in again.low()
    assert f"remove {again.note} and start again" in again.low()  # the way out, if it was deleted
    with pytest.raises(OSError, match="it is not there, or not mounted"):
        again.put("b-0001", {"other": "x" * INLINE_MAX_BYTES})
    again.clear("a-000001")
    again.clear_inputs("b-0001")
    assert list(known.root.iterdir()) == []
    mount(known)
    assert again.low() == ""
    assert os.listdir(known.root / "inputs") == ["b-0001"]


def test_storage_that_is_away_is_said_once_and_not_by_each_who_would_clean(known, caplog):
    unmount(known)
    with caplog.at_level(logging.WARNING):
        known.clear("a-000001")
        known.clear_inputs("b-0001")
    assert caplog.text == ""


def test_another_storage_in_its_place_is_not_written_to(known):
    unmount(known)
    other = Storage.at(known.root)
    other.mark()
    with pytest.raises(OSError, match="another storage stands there"):
        known.put("b-0001", LARGE)
    assert "another storage stands there; mount the one of this cluster" in known.low()
    assert known.trouble() == known.low()
    assert list((known.root / "inputs").iterdir()) == []


def test_place_that_was_never_used_gets_a_mark_of_its_own(known, tmp_path):
    other = Storage.known(tmp_path / "other", tmp_path / "state" / "storage.token")
    assert other.token not in {"", known.token}
    assert other.low() == ""


def test_place_that_was_left_is_known_when_it_is_named_again(known, tmp_path):
    note = tmp_path / "state" / "storage.token"
    for number in range(PLACES_MAX - 1):
        Storage.known(tmp_path / str(number), note)
    assert noted(note, known.root) == known.token
    unmount(known)
    assert "not mounted" in Storage.known(known.root, note).low()  # not made anew on the disk below
    Storage.known(tmp_path / "one-too-many", note)
    assert noted(note, known.root) == ""
    assert noted(note, tmp_path / "1")


@pytest.mark.parametrize("has_links", [True, False])
def test_who_marks_a_storage_at_the_same_moment_gets_the_same(tmp_path, monkeypatch, has_links):
    storage, at_once = Storage.at(tmp_path / "storage"), 8
    start, exists = threading.Barrier(at_once), Path.exists

    def together(path):
        found = exists(path)
        if path.name == TOKEN:
            start.wait(9)  # nobody has seen it yet
        return found

    monkeypatch.setattr(Path, "exists", together)
    if not has_links:
        monkeypatch.setattr(os, "link", Mock(side_effect=PermissionError))
    with ThreadPoolExecutor(at_once) as pool:
        tokens = set(pool.map(lambda _: storage.mark(), range(at_once)))
    assert tokens == {(storage.root / TOKEN).read_text().strip()}
    assert sorted(os.listdir(storage.root)) == [TOKEN, "attempts", "inputs"]


def test_who_needs_files_does_not_wait_for_ever_for_who_takes_them_away(known, monkeypatch):
    monkeypatch.setattr("orchestrator.controller.storage.UNTOUCHED_WAIT_S", 0.01)
    with known.untouched():
        pass
    held, done = threading.Event(), threading.Event()

    def clean():
        with known.lock:
            held.set()
            done.wait(9)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    held.wait(9)
    with (
        pytest.raises(Busy, match="does not answer, or much is being taken away"),
        known.untouched(),
    ):
        pass
    done.set()
    cleaner.join()
    with known.untouched():
        pass
    silent = SimpleNamespace(is_silent=lambda: True)
    with pytest.raises(Busy), replace(known, watch=silent).untouched():
        pass


def test_storage_beside_the_ledger_comes_and_goes_with_it(tmp_path):
    note = tmp_path / "storage.token"
    Storage.known(tmp_path / "storage", note)
    (tmp_path / "storage").rename(tmp_path / "gone")
    assert Storage.known(tmp_path / "storage", note).low() == ""


def test_dead_mount_is_said_and_stops_nobody(known, monkeypatch):
    hangs, now = threading.Event(), [0.0]
    monkeypatch.setattr(Storage, "look", lambda self: hangs.wait(9) and "it is back")
    watch = Watch(known, lambda: now[0])
    watch.open(first_s=0)
    assert "is being looked at" in watch.why()
    now[0] = ANSWER_S + 1
    assert "does not answer; see its mount, it goes on by itself" in watch.why()
    replace(known, watch=watch).clear_inputs("b-0001")  # which would hang, and the loop with it
    assert os.listdir(known.root / "inputs") == ["b-0001"]
    hangs.set()
    until(lambda: watch.why() == "it is back")
    watch.close()
