"""A ledger is right or says that it is not (P12): witness, seal, chain, backups, full disks."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from ledgers import Clock, Desk, batch, check
from sample import times

from orchestrator.errors import LedgerDamaged, LedgerError, LedgerFull, OrchestratorError, Refusal
from orchestrator.ledger import backups as backup_files
from orchestrator.ledger import disk, witness
from orchestrator.ledger.backups import KEPT, Backups
from orchestrator.ledger.keeping import witness_path
from orchestrator.ledger.recovering import best, inspect, reckon, recover
from orchestrator.ledger.seal import whole
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.ledger.witness import SLOT_BYTES, Mark, Witness
from orchestrator.system import mount_of

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
FLIPS = times(100)


def story(ledger, number=1):
    desk = Desk(ledger)
    desk.accept(batch("a", "b", number=number, after={"b": ["a"]}))
    id = f"b-{number:04d}"
    desk.do(f"{id}/a/probe")
    desk.plan(ledger.batch(id).jobs[0])
    desk.do(f"{id}/a/t/000000/encode")
    desk.lease(f"{id}/a/t/000001/encode")
    ledger.pause(f"{id}/b")
    ledger.pause_node("n1")


def opened(path, **keys):
    return SqliteLedger(path, wall=Clock(), boottime=lambda: 7.0, **keys)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def left(path):
    """A ledger as `kill -9` leaves it: a page file, a write-ahead log, a witness."""
    with opened(path) as ledger:
        story(ledger)
    with opened(path) as ledger:
        story(ledger, 2)
        files = [path, path.with_name("ledger.db-wal"), witness_path(path)]
        kept = {each: each.read_bytes() for each in files}
    for each, data in kept.items():
        each.write_bytes(data)
        each.chmod(0o600)
    return path


def change(path, sql, *, seals=False):
    """Write to the file as nobody should; with `seals`, so that its seal fits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(sql)
        if seals:
            db.execute("UPDATE seal SET digest = ?", (whole(db),))


def contents(path):
    """Return all that a ledger holds after it was opened once more."""
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


# -- flips, losses, other copies (F08)


@pytest.mark.fault("F08")
def test_flipped_bit_is_found_or_does_no_harm(left, tmp_path):
    files = sorted(left.parent.iterdir())
    sizes = [each.stat().st_size for each in files]
    shutil.copytree(left.parent, tmp_path / "golden")
    golden = contents(tmp_path / "golden" / left.name)
    found = 0
    for seed in range(FLIPS):
        dice = random.Random(seed)
        folder = tmp_path / "flipped"
        shutil.copytree(left.parent, folder)
        (chosen,) = dice.choices(files, sizes) if dice.random() < 0.8 else dice.choices(files)
        at = dice.randrange(chosen.stat().st_size)
        with open(folder / chosen.name, "r+b") as file:
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ 1 << dice.randrange(8)]))
        try:
            assert contents(folder / left.name) == golden, (seed, chosen.name, at)
        except OrchestratorError:
            found += 1
        shutil.rmtree(folder)
    assert found > FLIPS / 10


@pytest.mark.parametrize("kept_bytes", [0, 9000])
@pytest.mark.fault("F08")
def test_ledger_that_lost_its_end_is_refused_by_its_witness(left, kept_bytes):
    os.truncate(left.with_name("ledger.db-wal"), kept_bytes)
    with pytest.raises(LedgerDamaged, match=r"ends with event \d+, and its witness has seen") as no:
        opened(left)
    assert no.value.exit_code == 2
    assert "orchestrator controller recover" in str(no.value)


@pytest.mark.fault("F08")
def test_old_copy_put_back_is_refused(path):
    with opened(path) as ledger:
        story(ledger)
    old = path.read_bytes()
    with opened(path) as ledger:
        story(ledger, 2)
    path.write_bytes(old)
    with pytest.raises(LedgerDamaged, match="events are lost"):
        opened(path)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda file: file.unlink(), "ledger.witness is gone"),
        (lambda file: file.write_bytes(bytes(2 * SLOT_BYTES)), "damaged, or another ledger's"),
    ],
)
def test_ledger_without_its_witness_is_refused(left, act, said):
    act(witness_path(left))
    with pytest.raises(LedgerDamaged, match=said):
        opened(left)


@pytest.mark.parametrize("slot", [0, 1])
def test_witness_behind_its_ledger_is_fine(left, slot):
    file = witness_path(left)
    data = file.read_bytes()
    file.write_bytes(data[slot * SLOT_BYTES :][:SLOT_BYTES] * 2)
    with opened(left) as ledger:
        check(ledger)


def test_witness_keeps_the_one_before_whatever_happens_to_the_last(tmp_path):
    there = Witness(tmp_path / "w", "0a1b2c")
    marks = [Mark(number, 1, number, f"{number:064x}") for number in range(1, 6)]
    there.begin(marks[0])
    for mark in marks[1:]:
        there.write(mark)
        assert there.read() == mark
    at = SLOT_BYTES * (marks[-1].writes % 2)
    data = bytearray(there.path.read_bytes())
    data[at] ^= 1
    there.path.write_bytes(bytes(data))
    assert there.read() == marks[-2]
    assert Witness(there.path, "ffffff").read() is None
    there.close()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE task SET weight = 7 WHERE kind = 'encode'", "rows of it were changed"),
        ("DELETE FROM detail", "rows of it were changed"),
        ("UPDATE event SET data = '{}' WHERE seq = 3", "event 3 does not follow from event 2"),
        ("DELETE FROM event WHERE seq = 3", "event 3 is missing"),
        ("UPDATE event SET subject = 'x' WHERE seq = (SELECT max(seq) FROM event)", "not follow"),
    ],
)
def test_change_by_somebody_else_is_found(left, sql, said):
    change(left, sql)
    with pytest.raises(LedgerDamaged, match=said):
        opened(left)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("UPDATE task SET state = 'Failed' WHERE state = 'Waiting'", "I7"),
        ("UPDATE batch SET state = 'Failed'", "I7"),
        ("DELETE FROM hold", "I7"),
        ("DELETE FROM paused_node", "I7"),
        ("UPDATE attempt SET accepted = 0", "I1"),
        ("UPDATE attempt SET closed = opened WHERE closed IS NULL", "I4"),
        ("UPDATE job SET left = left + 1", "I10"),
        ("UPDATE sqlite_sequence SET seq = 1", "I3"),
    ],
)
def test_rows_that_contradict_the_events_are_named_by_their_rule(left, sql, rule):
    change(left, sql, seals=True)
    assert rule in {fault.rule for fault in inspect(left)}


# -- what is put back


def test_ledger_whose_end_is_lost_goes_on_as_it_is(left):
    with opened(left, read_only=True) as before:
        attempts, epoch = [each.id for each in before.open_attempts()], before.epoch
    left.with_name("ledger.db-wal").unlink()
    found = reckon(left, best(left), ["ffffff-000900", "nonsense"])
    assert (found.copy.path, found.lost > 5) == (left, True)
    kept = recover(left, found, NOW)
    assert {each.name for each in kept.iterdir()} >= {"ledger.db", "ledger.witness"}
    assert inspect(left) == ()
    with opened(left) as ledger:
        check(ledger)
        assert ledger.epoch > epoch
        desk = Desk(ledger)
        desk.accept(batch(number=7))
        (again,) = desk.lease("b-0007/j/probe")
        assert again.id > max(attempts)  # R1


def test_damaged_page_is_answered_with_the_newest_backup(left):
    backups = Backups(left)
    with opened(left) as ledger:
        for day in range(KEPT + 2):
            assert backups.is_due(NOW + timedelta(days=day))
            made = backups.make(NOW + timedelta(days=day))
            assert not backups.is_due(NOW + timedelta(days=day, hours=23))
        assert made.stat().st_mode & 0o777 == 0o600
        assert len(backups.all()) == KEPT
        id = ledger.id
        story(ledger, 3)
    with open(left, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))
    with pytest.raises(LedgerDamaged):
        opened(left)
    backups.all()[0].write_bytes(b"no ledger")
    backups.all()[0].chmod(0o600)
    found = reckon(left, best(left), [f"{id}-000900"])
    assert found.copy.path == backups.all()[1]
    recover(left, found, NOW)
    with opened(left) as ledger:
        check(ledger)
        desk = Desk(ledger)
        desk.accept(batch(number=7))
        assert desk.lease("b-0007/j/probe")[0].id == f"{id}-000901"


def test_ledger_without_its_witness_goes_on_above_what_agents_may_have_seen(left):
    with opened(left) as ledger:
        epoch = ledger.epoch
    witness_path(left).unlink()
    found = reckon(left, best(left), [])
    assert found.lost is None
    kept = recover(left, found, NOW)
    assert (kept / left.name).exists()
    with opened(left) as ledger:
        check(ledger)
        assert ledger.epoch > epoch + 1000  # agents refuse what is below the highest they saw
        desk = Desk(ledger)
        desk.accept(batch(number=7))
        (made,) = desk.lease("b-0007/j/probe")
        assert int(made.id.rpartition("-")[2]) > 1000  # R1


def test_millionth_attempt_is_one_like_any_other(path):
    with opened(path) as ledger:
        desk = Desk(ledger)
        desk.accept(batch("a", "b"))
        ledger._hot.db.execute("INSERT INTO sqlite_sequence VALUES ('attempt', 999998)")
        ids = [desk.lease(f"b-0001/{job}/probe")[0].id for job in "ab"]
    assert [id.rpartition("-")[2] for id in ids] == ["999999", "1000000"]
    with opened(path) as ledger:
        assert [attempt.id for attempt in ledger.open_attempts()] == ids


def test_backup_of_the_future_neither_counts_nor_makes_others_due(left):
    backups = Backups(left)
    backups.folder.mkdir()
    backups.make(NOW + timedelta(days=400))  # by a clock that was wrong
    assert backups.is_due(NOW)
    backups.make(NOW)
    assert not backups.is_due(NOW + timedelta(hours=1))
    assert backups.is_due(NOW + timedelta(hours=25))


def test_backup_that_fails_leaves_its_room_to_the_ledger(left, monkeypatch):
    def half(source, to):
        to.write_bytes(bytes(4096))
        raise LedgerFull("the disk is full")

    monkeypatch.setattr(backup_files, "copy_to", half)
    with pytest.raises(LedgerFull):
        Backups(left).make(NOW)
    assert list(Backups(left).folder.iterdir()) == []


def test_nothing_whole_is_refused(path):
    path.parent.mkdir()
    path.write_bytes(b"no ledger")
    path.chmod(0o600)
    with pytest.raises(Refusal, match="neither it nor a backup"):
        best(path)


# -- disks


@pytest.mark.fault("F06")
def test_full_disk_stores_nothing_and_goes_on_with_room(path):
    with opened(path) as ledger:
        desk = Desk(ledger)
        db = ledger._hot.db
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerFull, match="the disk is full"):  # noqa: PT012  # the n-th fails
            for number in range(1, 99):
                desk.accept(batch(*"abcdefgh", number=number))
        before = len(ledger.standings())
        assert not ledger.failed
        db.execute("PRAGMA max_page_count = 100000")
        desk.accept(batch(number=200))
        check(ledger)
    with opened(path) as ledger:
        assert len(ledger.standings()) == before + 1


@pytest.mark.fault("F07")
def test_failed_witness_stops_the_writer_and_nothing_answered_is_lost(path, monkeypatch):
    def fails(file):
        raise OSError(5, "Input/output error")

    with opened(path) as ledger:
        Desk(ledger).accept(batch())
        monkeypatch.setattr(witness, "sync_data", fails)
        with pytest.raises(LedgerError, match="the disk failed"):
            ledger.pause_node("n1")
        monkeypatch.undo()
        with pytest.raises(LedgerError, match="the disk failed"):  # R13
            ledger.pause_node("n2")
    with opened(path) as ledger:
        check(ledger)
        assert ledger.batch("b-0001")


LIMITED = """
import resource, sys
from pathlib import Path
from ledgers import Desk, batch
from orchestrator.errors import LedgerError
from orchestrator.ledger.sqlite import SqliteLedger
ledger = SqliteLedger(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
done = 0
try:
    while True:
        Desk(ledger).accept(batch(number=done + 1))
        done += 1
except LedgerError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
    try:
        ledger.note("x", "y", {})
    except LedgerError as again:
        sys.stdout.write(f"{done} {error == again} {ledger.failed}")
"""


@pytest.mark.fault("F07")
def test_write_that_fails_keeps_what_was_answered(path, request):
    tests = str(request.config.rootpath / "tests")
    words = [sys.executable, "-c", LIMITED, str(path), str(700_000)]
    ended = subprocess.run(words, env={"PYTHONPATH": tests}, capture_output=True, text=True)
    done, _, failed = ended.stdout.split(" ", 2)
    assert "the disk failed" in failed
    with opened(path) as ledger:
        check(ledger)
        assert int(done) <= len(ledger.standings()) <= int(done) + 1


@pytest.mark.fault("F04")
def test_disk_of_another_machine_is_refused(path, monkeypatch):
    monkeypatch.setattr(disk, "mount_of", lambda path: ("/mnt/home", "nfs4"))
    with pytest.raises(Refusal, match=r"network or FUSE file system \(nfs4\)") as refused:
        opened(path)
    assert refused.value.exit_code == 2
    assert not path.parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="others are not asked")
def test_mount_of_a_path_is_the_nearest_above_it(tmp_path):
    assert mount_of("/proc/self/status") == ("/proc", "proc")
    assert mount_of(tmp_path / "not" / "there")[1] not in ("", "proc")


# -- two at once

STARTERS = """
import os, sys
from pathlib import Path
from orchestrator.errors import Refusal
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.sqlite import SqliteLedger
path, gate, done = Path(sys.argv[1]), os.pipe(), os.pipe()
pids = []
for _ in range(20):
    if pid := os.fork():
        pids.append(pid)
        continue
    os.close(gate[1])
    os.close(done[1])
    os.read(gate[0], 1)
    lock = Lock(path.with_suffix(".lock"))
    if lock.take():
        with SqliteLedger(path) as ledger:
            os.write(1, f"runs {os.getpid()}\\n".encode())
            os.read(done[0], 1)
    else:
        os.write(1, f"refused {lock.holder()}\\n".encode())
    os._exit(0)
os.close(gate[0])
os.close(done[0])
os.close(gate[1])
for _ in range(19):
    os.wait()
os.close(done[1])
os.wait()
"""


@pytest.mark.fault("F04")
def test_of_twenty_starters_one_runs(path):
    path.parent.mkdir(mode=0o700)
    words = [sys.executable, "-c", STARTERS, str(path)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    (runs,) = [line for line in said if line.startswith("runs")]
    refused = [line for line in said if line.startswith("refused")]
    assert len(refused) == 19
    assert all(f"process {runs.split()[1]} (since 20" in line for line in refused[1:])
    with opened(path) as ledger:
        assert ledger.epoch == 2


STOPPED = """
import sys
from pathlib import Path
from orchestrator.errors import LedgerError
from orchestrator.ledger.sqlite import SqliteLedger
ledger = SqliteLedger(Path(sys.argv[1]))
sys.stdout.write("open\\n")
sys.stdout.flush()
sys.stdin.readline()
try:
    ledger.pause_node("n1")
except LedgerError as error:
    sys.stdout.write(f"{error}\\n")
    sys.exit(error.exit_code)
"""


@pytest.mark.fault("F02")
def test_controller_that_slept_through_a_second_one_stops_at_its_first_write(path):
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", STOPPED, str(path)]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        process.stdout.readline()
        with opened(path) as newer:
            story(newer)
            process.stdin.write("now\n")
            process.stdin.flush()
            assert "another process has opened it" in process.stdout.read()
            assert process.wait() == 1
            newer.pause_node("n2")
            check(newer)
    opened(path).close()
