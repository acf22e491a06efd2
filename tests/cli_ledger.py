"""A state folder as a `run` leaves it, written through the real ledger: no engine, no media."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.cli.app import main
from orchestrator.cli.options import Layout, layout
from orchestrator.decide.settle import Limits, settle
from orchestrator.ledger.protocol import Settlement
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.manifest.batch import numbered
from orchestrator.model.node import Member
from orchestrator.model.work import (
    Accept,
    Batch,
    Cause,
    Ending,
    Job,
    Kind,
    Outcome,
    Reject,
    Segment,
    Target,
    Task,
    task_id,
)

WALL = datetime(2026, 5, 4, 20, 0, tzinfo=UTC)
NODE = Member("mac-01", "life-1")
FAULT = "exit code 1: no such frame"


def job(name, **keys):
    return Job(id=f"dailies-0001/{name}", name=name, processor="scripted", asks={}, **keys)


def batch(*jobs, name="dailies", **keys):
    whole = Batch(id=name, name=name, jobs=jobs or (job("clip"),), **keys)
    return numbered(whole, f"{name}-0001")


def target(of, segments=2):
    """Return a target of `segments` segments of 10 frames, and one publish task."""
    probe = task_id(of.id, Kind.PROBE)
    parts = tuple(Segment(i, 10 * i, 10 * i + 10) for i in range(segments))
    encodes = tuple(
        Task(
            id=task_id(of.id, Kind.ENCODE, "web", part.index),
            job=of,
            kind=Kind.ENCODE,
            target="web",
            segment=part,
            needs=(probe,),
        )
        for part in parts
    )
    publish = Task(
        id=task_id(of.id, Kind.PUBLISH, "web"),
        job=of,
        kind=Kind.PUBLISH,
        target="web",
        needs=tuple(task.id for task in encodes),
    )
    return Target(
        name="web",
        tasks=(*encodes, publish),
        segments=parts,
        destination="/out/clip.mp4",
        notes=("the source has no sound",),
    )


class Office:
    """A ledger being written, and the command line that reads it."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
        self.where: Layout = layout(state)
        self.ledger = SqliteLedger(self.where.ledger, wall=lambda: WALL)
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def accept(self, batch):
        """Store a batch with a probe for each job."""
        probes = [
            Task(id=task_id(each.id, Kind.PROBE), job=each, kind=Kind.PROBE) for each in batch.jobs
        ]
        self.ledger.accept(batch, f"digest of {batch.id}", probes)
        return batch

    def planned(self, batch, segments=2):
        """Store a batch; its jobs that come after no other are probed and planned."""
        self.accept(batch)
        for each in (job for job in batch.jobs if not job.after):
            self.done(task_id(each.id, Kind.PROBE))
            self.ledger.plan(each.id, [target(each, segments)])
        return batch

    def open(self, task):
        """Give a task out; return the attempt's id."""
        (attempt,) = self.ledger.lease([(self.ledger.task(task), NODE)])
        self.ledger.sent({attempt.id: f"encode --out {attempt.id}"})
        return attempt.id

    def end(self, attempt, task, verdict, **outcome):
        """Settle an attempt."""
        after = settle(self.ledger.task(task), verdict, Limits())
        came = Outcome(attempt=attempt, ending=Ending.EXITED, exit_code=0, **outcome)
        self.ledger.settle(
            [
                Settlement(
                    attempt=attempt,
                    outcome=came,
                    task=after.task,
                    accepted=after.accepted,
                    reach=after.reach,
                )
            ]
        )

    def done(self, task, **result):
        self.end(self.open(task), task, Accept(), result=result)

    def fails(self, task, times=1, why=FAULT, cause=Cause.FAILED):
        for _ in range(times):
            self.end(self.open(task), task, Reject(why, cause), log_tail=f"{why}\n")

    def call(self, *words, ends=0):
        """Run the command line here; check the exit code, return stdout and stderr."""
        words = ["orchestrator", *map(str, words)]
        self._monkeypatch.setenv("ORCHESTRATOR_STATE", str(self.where.root.parent))
        self._monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        said = self._capsys.readouterr()
        assert end.value.code == ends, said
        return said
