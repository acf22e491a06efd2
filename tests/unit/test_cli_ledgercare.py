"""What a controller process does where the disk of its ledger is full, and when it starts often."""

import logging
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from orchestrator.cli import daemon, ledgercare
from orchestrator.cli.options import layout, made
from orchestrator.errors import LedgerFull
from orchestrator.ledger.backups import KEPT, NEWEST_KEPT, Backups, Copyist
from orchestrator.ledger.protocol import Application
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.cluster import Cluster, ClusterKind

FULL = "ledger: the disk is full; make room on its file system"
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.fixture
def where(tmp_path):
    return made(layout(tmp_path / "state", "studio"))


@pytest.mark.fault("F06")
def test_controller_on_a_full_disk_stands_as_soon_as_there_is_room(where, monkeypatch, caplog):
    tried = []

    @contextmanager
    def plant(ours, base, cluster):
        tried.append(alarms())
        if len(tried) < 3:
            raise LedgerFull(FULL)
        yield "all of it"

    monkeypatch.setattr(daemon, "plant", plant)
    monkeypatch.setattr(daemon, "AGAIN_AFTER_S", 0)
    with SqliteLedger(where.ledger) as ledger:
        ledger.apply(
            Application(revision="r", cluster=Cluster(name="studio", kind=ClusterKind.MANAGED))
        )
        one = daemon.Daemon(where, ledger, SimpleNamespace(tune=lambda level, most: None))
        alarms, stood = one._care.alarms, []
        monkeypatch.setattr(one._standing, "move_in", stood.append)
        monkeypatch.setattr(one, "_turn", stood.append)
        monkeypatch.setattr(one, "_tune", lambda cluster: None)
        for _ in range(3):
            one._stand(SimpleNamespace())
    assert tried == [(), *2 * [(f"{FULL}; nothing is begun until then",)]]
    assert stood == ["all of it", "all of it"]
    assert caplog.text.count(FULL) == 1


@pytest.mark.fault("F06")
def test_ledger_is_opened_when_its_disk_has_room(where, monkeypatch, caplog):
    full = iter([True, True, False])

    def opened(file):
        if next(full):
            raise LedgerFull(FULL)
        return file

    monkeypatch.setattr(ledgercare, "SqliteLedger", opened)
    monkeypatch.setattr(ledgercare, "ROOM_AFTER_S", 0)
    with caplog.at_level(logging.ERROR):
        assert ledgercare.opened(where.ledger) == where.ledger
    assert caplog.text.count(FULL) == 1


def test_starts_in_a_row_push_no_good_copy_out(where):
    with SqliteLedger(where.ledger):
        backups = Backups(where.ledger)
        for day in range(KEPT):
            backups.make(NOW + timedelta(days=day))
        good = backups.all()
        last = NOW + timedelta(days=KEPT - 1)
        for minutes in range(1, 61, 10):
            copyist = Copyist(backups)  # of another process each time
            copyist.tend(last + timedelta(minutes=minutes), begin=True)
            copyist.close()
        assert backups.all() == good
        for hours in range(2, 12, 2):
            copyist = Copyist(backups)
            copyist.tend(last + timedelta(hours=hours), begin=True)
            copyist.close()
    kept = backups.all()
    assert len(kept) == KEPT - 1 + NEWEST_KEPT
    assert set(kept) >= set(good[1:])
