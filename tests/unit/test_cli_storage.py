"""`orchestrator storage`: what people see of cluster storage, and what they clean."""

import json
import os

import pytest
from cli_ledger import Office, batch

from orchestrator.cli import build
from orchestrator.cli.reading import reading
from orchestrator.cli.storage import size, table
from orchestrator.controller.storage import Storage
from orchestrator.errors import Refusal
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.protocol import Application
from orchestrator.model.cluster import Cluster, ClusterKind
from orchestrator.model.talk import Share, StorageView
from orchestrator.model.work import State

MEDIA = b"x" * 10_000


@pytest.fixture
def office(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    yield office
    office.ledger.close()


def leave(office, attempts):
    """Let attempts of these tasks leave files."""
    storage = Storage.at(office.where.storage)
    for record in attempts:
        storage.attempt(record.id).mkdir()
        (storage.attempt(record.id) / "segment.mov").write_bytes(MEDIA)
    return storage


def test_each_batch_is_shown_with_what_it_takes(office):
    office.planned(batch())
    leave(office, office.ledger.attempts("dailies-0001"))
    shown = office.call("storage").out
    assert "dailies-0001  Waiting" in shown
    assert "not while it is open" in shown
    assert "are kept free; 0 B in the trash" in shown
    (share,) = json.loads(office.call("storage", "show", "-o", "json").out)["batches"]
    assert (share["batch"], share["attempts"]) == ("dailies-0001", 1)
    assert share["size_bytes"] >= len(MEDIA)


def test_open_batch_is_not_cleaned(office):
    office.planned(batch())
    storage = leave(office, office.ledger.attempts("dailies-0001"))
    office.ledger.close()
    said = office.call("storage", "clean", "dailies-0001", ends=2).err
    assert "dailies-0001: it is not over, and needs its files; cancel it first" in said
    assert "no such batch" in office.call("storage", "clean", "other-0001", ends=2).err
    assert len(os.listdir(storage.root / "attempts")) == 1


def test_batch_that_is_over_is_cleaned_when_a_person_says_so(office):
    office.planned(batch())
    storage = leave(office, office.ledger.attempts("dailies-0001"))
    office.ledger.cancel("dailies-0001", "a person did")
    office.ledger.close_part("dailies-0001", "batch", State.CANCELLED, "")
    office.ledger.close()
    said = office.call("storage", "clean", "dailies-0001").out
    assert said.startswith("dailies-0001: all of it is gone; 1 attempts cleaned, ")
    assert os.listdir(storage.root / "attempts") == []
    assert office.call("storage", "clean").out == "nothing was due; 0 B freed\n"
    assert "no batch has left anything there" in office.call("storage").out


def test_who_works_on_it_cleans_by_itself(office):
    lock = Lock(office.where.lock)
    assert lock.take()
    said = office.call("storage", "clean", ends=2).err
    lock.release()
    assert "works on it, and cleans by itself" in said


def test_storage_that_is_not_there_is_said(office):
    office.planned(batch())
    said = office.call("storage", ends=1).err
    assert f"{office.where.storage}: it is not there, or not mounted; see its mount" in said


def test_storage_of_a_cluster_that_is_stopped_is_where_its_manifest_says(office, tmp_path):
    office.planned(batch())
    cluster = Cluster(
        name="studio", kind=ClusterKind.THIS_COMPUTER, storage=str(tmp_path / "mount")
    )
    office.ledger.apply(Application(revision="r", cluster=cluster))
    Storage.at(tmp_path / "mount")
    assert f"{tmp_path / 'mount'}: " in office.call("storage").out
    with reading(office.where) as source:
        assert source.storage == tmp_path / "mount"


def test_other_place_that_is_refused_is_not_the_known_one_then(office, tmp_path):  # R16
    office.accept(batch())
    first = Storage.known(tmp_path / "mount", office.where.storage_token)
    office.where.storage_note.write_text(str(first.root))
    with pytest.raises(Refusal, match="unfinished and lies in"):
        build.place_of(office.where, office.ledger, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert build.place_of(office.where, office.ledger, None).token == first.token


def test_nothing_run_yet_is_no_error(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    office.ledger.close()
    office.where.ledger.unlink()
    assert "nothing has been run here yet" in office.call("storage").out
    assert "nothing has been run here yet" in office.call("storage", "clean", ends=2).err


def test_table_says_all_that_needs_a_person():
    view = StorageView(
        path="/mnt/s",
        why="cluster storage /mnt/s is full: free some space",
        whole_bytes=10 << 40,
        free_bytes=3 << 30,
        other_bytes=5 << 20,
        trash_bytes=1,
        batches=(
            Share(
                batch="a-0001", state="Failed", size_bytes=1536, goes="2026-05-11T20:00:00+00:00"
            ),
        ),
    )
    assert table(view).splitlines() == [
        "batch   status  size     inputs  attempts  deleted",
        "a-0001  Failed  1.5 KiB  0 B     0         2026-05-11 20:00",
        "/mnt/s: 3.0 GiB of 10.0 TiB free, 0 B are kept free; 1 B in the trash, 5.0 MiB of attempts "
        "that the ledger does not know",
        "cluster storage /mnt/s is full: free some space",
    ]


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1 << 30, "1.0 GiB"),
        (1 << 51, "2048.0 TiB"),
    ],
)
def test_sizes_are_for_people(count, shown):
    assert size(count) == shown
