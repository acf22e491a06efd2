"""What people see, letter by letter: a case is a function here and a file in ``screens``."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.cli import board, screens
from orchestrator.cli.explain import account_data
from orchestrator.decide.explain import AGAIN, Account
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.work import Batch, Job, Kind, Priority, Segment, State, Task

SCREENS = Path(__file__).parent / "screens"
NOW = datetime(2026, 5, 4, 20, 10, tzinfo=UTC)
ID = "friday-dailies-0001"
JOBS = tuple(
    Job(id=f"{ID}/{name}", name=name, processor=processor, asks={})
    for name, processor in (("trailer", "compressor"), ("shot-12", "shell"))
)
BATCH = Batch(id=ID, name="friday-dailies", jobs=JOBS, priority=Priority.HIGH)
SEGMENTS = {
    (Kind.ENCODE, State.SUCCESSFUL): 12,
    (Kind.ENCODE, State.PROCESSING): 4,
    (Kind.ENCODE, State.WAITING): 24,
    (Kind.ASSEMBLE, State.WAITING): 1,
}
TARGET = Standing(
    id=f"{ID}/trailer/h264-1080p",
    level="target",
    name="h264-1080p",
    state=State.PROCESSING,
    destination="/mnt/studio/out/trailer.mp4",
    notes=("the source has a variable frame rate; its times are kept",),
    tasks=SEGMENTS,
    frames=4000,
    frames_done=1200,
)
STANDINGS = (
    Standing(
        id=ID,
        level="batch",
        name="friday-dailies",
        state=State.PROCESSING,
        accepted="2026-05-04T20:00:00+00:00",
    ),
    Standing(
        id=JOBS[0].id,
        level="job",
        name="trailer",
        state=State.PROCESSING,
        processor="compressor",
    ),
    TARGET,
    Standing(
        id=JOBS[1].id,
        level="job",
        name="shot-12",
        state=State.FAILED,
        processor="shell",
        reason="exit code 3: no licence",
    ),
)
SHEET = board.Sheet(batch=BATCH, standings=STANDINGS, sent_by="ada", now=NOW)
ENCODE = Task(
    id=f"{TARGET.id}/000007/encode",
    job=JOBS[0],
    kind=Kind.ENCODE,
    target="h264-1080p",
    segment=Segment(7, 700, 800),
    state=State.FAILED,
    reason="exit code 1: no such frame",
)
TRY = AttemptRecord(
    id="3f9c21-000017",
    task=ENCODE.id,
    node="mac-01",
    opened="2026-05-04T20:05:00+00:00",
    closed="2026-05-04T20:05:10+00:00",
    cause="failed",
    why="exit code 1: no such frame",
    command="ffmpeg -i '/mnt/studio/in/trailer 2.mov' ATTEMPT/segment.mov",
)


def batches() -> str:
    done = replace(STANDINGS[0], state=State.SUCCESSFUL, ended="2026-05-04T20:09:59+00:00")
    other = Batch(id="x-0012", name="x", jobs=JOBS[1:])
    last = board.Sheet(batch=other, standings=(done,), sent_by="ada", now=NOW)
    row = {**board.batch_data(last), "batchid": "x-0012"}
    return screens.batches([board.batch_data(SHEET), row], hidden=3)


def batch() -> str:
    return screens.part(board.tree_data(SHEET))


def job() -> str:
    return screens.part(board.job_data(SHEET, STANDINGS[1]))


def target() -> str:
    waits = replace(ENCODE, id=f"{TARGET.id}/000008/encode", state=State.WAITING, reason="")
    rows = [board.task_data(task, [TRY, TRY]) for task in (ENCODE, waits)]
    return screens.part({**board.target_data(SHEET, TARGET), "tasks": rows})


def explained() -> str:
    head = Account(
        id=ID, status=State.FAILED, why="exit code 1: no such frame", next=(AGAIN,), files=()
    )
    failed = Account(
        id=ENCODE.id,
        status=State.FAILED,
        why="2x exit code 1: no such frame",
        tries=(TRY, replace(TRY, id="3f9c21-000018", node="mac-02")),
        next=(f"orchestrator logs {ENCODE.id}",),
        alike=3,
    )
    done = Account(
        id=TARGET.id,
        status=State.SUCCESSFUL,
        why="verified and published",
        files=("/mnt/studio/out/trailer.mp4",),
    )
    return screens.accounts([account_data(each, NOW) for each in (head, failed, done)])


def dry_run() -> str:
    probe = {"id": f"{JOBS[0].id}/probe", "command": "python -m work probe", "why": ""}
    encode = {"id": ENCODE.id, "command": "ffmpeg -i file:/in/a.mov ATTEMPT/segment.mov", "why": ""}
    encode |= {"env": {"SHOW": "a b", "LANG": "C"}, "workingDirectory": "/mnt/studio"}
    encode |= {"preflight": "/mnt/studio/bin/check --all"}
    late = {"id": f"{TARGET.id}/assemble", "command": None, "why": "its words follow later"}
    planned = {
        "name": "h264-1080p",
        "destination": "/mnt/studio/out/trailer.mp4",
        "notes": ["one segment: the source has one keyframe"],
        "segments": [{"index": 0, "frames": 100, "start": 0, "end": 100}],
        "tasks": [encode, late],
    }
    jobs = [
        {"jobid": JOBS[0].id, "reason": "", "tasks": [probe], "targets": [planned]},
        {"jobid": JOBS[1].id, "reason": "/in/b.mov: is missing", "tasks": [], "targets": []},
    ]
    return screens.plans({"jobs": jobs})


def settings() -> str:
    columns = ("name", "container", "processors")
    rows = [
        {"name": "wav", "container": "wav", "processors": ["a", "b"]},
        {"name": "映画", "container": None, "processors": []},  # each as wide as two letters
    ]
    return screens.listed(columns, rows)


CASES: tuple[Callable[[], str], ...] = (batches, batch, job, target, explained, dry_run, settings)


@pytest.mark.parametrize("screen", CASES)
def test_screen_is_as_in_its_file(screen):
    wanted = (SCREENS / f"{screen.__name__}.txt").read_text("utf-8")
    assert screen() + "\n" == wanted


def test_every_file_has_its_screen():
    assert {file.stem for file in SCREENS.iterdir()} == {case.__name__ for case in CASES}


def test_no_line_ends_with_blanks():
    assert not [line for case in CASES for line in case().splitlines() if line != line.rstrip()]
