"""Any story told to both ledgers: the same answers, and what must always hold.

10 000 steps in `make test`, each followed by everything that must hold (`tests/sample.py`).
"""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sample
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledgers import Clock, Desk, batch, check, probe, target

from orchestrator.decide.settle import Reach
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.ledger.protocol import Only, Settlement
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.node import Member
from orchestrator.model.work import (
    Cause,
    Ending,
    Kind,
    Outcome,
    Priority,
    Service,
    State,
    Task,
    task_id,
)

STEPS = 30
STORIES = sample.times(10_000 // STEPS)

JOBS = ("a", "c", "d")
TARGETS = ["b-0001/a/t", "b-0001/a/u", "b-0001/c/t", "b-0002/a/t"]
ENDS = {
    "accepted": {"state": State.SUCCESSFUL},
    "failed": {"state": State.WAITING, "cause": Cause.FAILED, "tries": 1, "reason": "exit code 1"},
    "lost": {"state": State.WAITING, "cause": Cause.LOST, "losses": 1, "reason": "lost"},
    "unready": {"state": State.WAITING, "cause": Cause.UNREADY, "waits": 1, "reason": "full"},
    "again": {"state": State.WAITING, "agains": 1, "reason": "again", "args": {"crf": 18}},
    "held": {"state": State.HOLD, "cause": Cause.LOST, "reason": "lost 10 times"},
    "given up": {"state": State.FAILED, "cause": Cause.FAILED, "tries": 3, "reason": "exit code 1"},
}


class Crash(BaseException):
    """The process is gone."""


class Ledgers(RuleBasedStateMachine):
    """Two ledgers, one story."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.clock = Clock()
        self.memory = MemoryLedger(wall=self.clock, boottime=lambda: 7.0)
        self.file = self.opened()
        self.memory.id = self.file.id
        self.settled: list[Settlement] = []

    def opened(self) -> SqliteLedger:
        return SqliteLedger(self.path, wall=self.clock, boottime=lambda: 7.0)

    def teardown(self) -> None:
        self.file.close()
        self.folder.cleanup()

    def both(self, act):
        """Do the same to both; the answers are the same."""
        one, other = act(self.memory), act(self.file)
        assert one == other
        return other

    def one_of(self, data, found):
        return data.draw(st.sampled_from(sorted(found)))

    def parts(self, level):
        return [
            part.id
            for head in self.file.standings()
            for part in self.file.standings(head.id)
            if part.level == level
        ]

    @rule(
        jobs=st.integers(1, 3),
        after=st.sets(st.sampled_from([("c", "a"), ("d", "a"), ("d", "c")])),
        priority=st.sampled_from(Priority),
        probed=st.sets(st.sampled_from(JOBS)),
        delay=st.sampled_from([0, 0, 0, 50]),
    )
    def accept(self, jobs, after, priority, probed, delay):
        names = JOBS[:jobs]
        comes = {n: tuple(b for a, b in sorted(after) if a == n and b in names) for n in names}
        id = self.both(lambda ledger: ledger.next_id("b"))
        about = {"number": int(id[2:]), "priority": priority, "copy_at_submit": delay > 0}
        new = batch(*names, after=comes, **about)
        probes = [probe(job) for job in new.jobs if job.name in probed]
        start = self.clock.unix + delay if delay else 0.0
        self.both(lambda ledger: ledger.accept(new, id, probes, start))

    @precondition(lambda self: self.file.unplanned())
    @rule(
        data=st.data(),
        width=st.integers(0, 2),
        segments=st.integers(0, 3),
        gate=st.sampled_from(["", "", "look at it first"]),
    )
    def plan(self, data, width, segments, gate):
        jobs = {job.id: job for job in self.both(lambda ledger: ledger.unplanned())}
        job = jobs[self.one_of(data, jobs)]
        made = [target(job, name, segments) for name in ("t", "u")[:width]]
        if width == 2 and segments:  # one target's work may lean on another's
            first, *others = made[1].tasks
            leaning = replace(first, needs=(made[0].tasks[0].id,), weight=3.0)
            made[1] = replace(made[1], tasks=(leaning, *others), gate=gate)
        self.both(lambda ledger: ledger.plan(job.id, made))

    @precondition(lambda self: self.file.unplanned())
    @rule(data=st.data())
    def plan_failed(self, data):
        job = self.one_of(data, [job.id for job in self.file.unplanned()])
        self.both(lambda ledger: ledger.plan_failed(job, "no video"))

    @rule(
        limit=st.integers(1, 6),
        kinds=st.none() | st.frozensets(st.sampled_from(Kind)),
        passing=st.frozensets(st.sampled_from(["b-0001/a", "b-0001/c", "b-0002/a"]), max_size=2),
        renders=st.frozensets(st.sampled_from(["b-0001/a", "b-0002/a"]), max_size=1),
        among=st.none() | st.frozensets(st.sampled_from(TARGETS), max_size=3),
    )
    def lease(self, limit, kinds, passing, renders, among):
        now = self.clock.unix
        only = Only(kinds=kinds, passing=passing, unlicensed=renders, targets=among)
        line = self.both(lambda ledger: ledger.ready(Service.RENDER, limit, now, only))
        pairs = [(task, Member("n1", "life-1")) for task in (*line, *line[:1])]
        attempts = self.both(lambda ledger: _without_lease(ledger.lease(pairs)))
        assert len(attempts) == len(line)

    @precondition(lambda self: self.file.open_attempts())
    @rule(data=st.data(), ends=st.lists(st.sampled_from(sorted(ENDS)), min_size=1, max_size=4))
    def settle(self, data, ends):
        open_ones = self.file.open_attempts()
        chosen = data.draw(st.permutations(open_ones))[: len(ends)]
        settlements = [self.settlement(data, *pair) for pair in zip(chosen, ends, strict=False)]
        self.settled += settlements
        answers = self.both(lambda ledger: ledger.settle(settlements))
        assert all(answers)

    def settlement(self, data, attempt, end):
        changes = dict(ENDS[end])
        task = replace(self.file.task(attempt.task), reason="", cause=None)
        reach = Reach.NOTHING
        if end == "given up":
            reach = data.draw(st.sampled_from([Reach.NEEDS, Reach.TARGET, Reach.JOB]))
        accepted = end == "accepted"
        return Settlement(
            attempt=attempt.id,
            outcome=Outcome(attempt=attempt.id, ending=Ending.EXITED, result={"n": attempt.id}),
            task=replace(task, **changes),
            accepted=accepted,
            reach=reach,
            not_before=self.clock.unix + 20 if end == "unready" else 0.0,
        )

    @precondition(lambda self: self.settled)
    @rule(data=st.data())
    def settle_again(self, data):
        """An outcome that comes twice changes nothing."""
        late = data.draw(st.sampled_from(self.settled))
        assert self.both(lambda ledger: ledger.settle([late])) == (False,)

    @precondition(lambda self: self.file.over())
    @rule()
    def close_what_is_over(self):
        for part in self.both(lambda ledger: ledger.over()):
            for ledger in (self.memory, self.file):
                Desk(ledger).close(part)

    def anything(self, data):
        """Draw a batch, job, target, segment or task."""
        level = data.draw(st.sampled_from(["batch", "job", "target", "task", "segment"]))
        tasks = [task.id for head in self.file.standings() for task in self.file.tasks(head.id)]
        of_segment = [task.rpartition("/")[0] for task in tasks if task.count("/") == 4]
        found = {"task": tasks, "segment": of_segment}.get(level) or self.parts(level)
        return self.one_of(data, found or self.parts("batch"))

    @precondition(lambda self: self.file.standings())
    @rule(data=st.data(), stop=st.booleans())
    def pause(self, data, stop):
        id = self.anything(data)
        self.both(lambda ledger: ledger.pause(id, stop=stop))

    @precondition(lambda self: self.file.paused())
    @rule(data=st.data(), above=st.integers(0, 2))
    def resume(self, data, above):
        parts = data.draw(st.sampled_from(self.file.paused())).split("/")
        id = "/".join(parts[: max(1, len(parts) - above)])
        assert self.both(lambda ledger: ledger.resume(id))

    @precondition(lambda self: self.file.standings())
    @rule(data=st.data(), priority=st.sampled_from(Priority))
    def reprioritize(self, data, priority):
        id = self.one_of(data, self.parts("batch"))
        self.both(lambda ledger: ledger.reprioritize(id, priority))
        assert not self.both(lambda ledger: ledger.reprioritize(id, priority))
        self.both(lambda ledger: ledger.batch(id))

    @precondition(lambda self: self.file.standings())
    @rule(data=st.data())
    def cancel_anything(self, data):
        id = self.anything(data)
        self.both(lambda ledger: ledger.cancel(id, "not wanted"))
        assert not self.both(lambda ledger: ledger.cancel(id, "not wanted"))

    @precondition(lambda self: self.file.standings())
    @rule(data=st.data(), level=st.sampled_from(["batch", "job", "target"]))
    def cancel(self, data, level):
        if found := self.parts(level):
            id = self.one_of(data, found)
            self.both(lambda ledger: ledger.close_part(id, level, State.CANCELLED, "not wanted"))

    @precondition(lambda self: self.file.standings())
    @rule(
        data=st.data(),
        restart=st.sets(st.sampled_from(JOBS), max_size=1),
    )
    def retry(self, data, restart):
        id = self.anything(data)
        jobs = [f"{id.partition('/')[0]}/{name}" for name in sorted(restart)]
        self.both(lambda ledger: ledger.retry(id, jobs))

    @precondition(lambda self: self.file.standings())
    @rule(data=st.data(), keeps=st.booleans())
    def replan(self, data, keeps):
        job = self.one_of(data, self.parts("job"))
        self.both(lambda ledger: ledger.replan(job, {"deep": True}, "headers lie", keeps=keeps))

    @precondition(lambda self: self.file.standings())
    @rule(data=st.data(), at_once=st.booleans())
    def copy(self, data, at_once):
        id = self.one_of(data, self.parts("job"))
        (job,) = [job for job in self.file.batch(id.partition("/")[0]).jobs if job.id == id]
        copy = Task(id=task_id(id, Kind.COPY), job=job, kind=Kind.COPY, args={"bytes": 7})
        if self.both(lambda ledger: ledger.copy(copy, at_once=at_once)):
            assert not self.both(lambda ledger: ledger.copy(copy))

    @rule(seconds=st.sampled_from([10, 60]))
    def wait(self, seconds):
        self.clock.unix += seconds

    @precondition(lambda self: any(each.ended for each in self.file.standings()))
    @rule()
    def history_ends(self):
        self.clock.unix += 1
        before = self.clock().isoformat(timespec="milliseconds")
        assert self.both(lambda ledger: ledger.compact(before))

    @rule()
    def crash(self):
        """A change that was not committed never happened; the next opening goes on."""
        with suppress(Crash), self.file._transaction("crash") as change:
            change.db.execute("UPDATE task SET state = 'Failed', tries = 9")
            change.note("failed", "nothing", {})
            raise Crash
        self.file.close()
        self.file = self.opened()

    @invariant()
    def both_say_the_same(self):
        now = self.clock.unix
        self.both(lambda ledger: ledger.ready(Service.RENDER, 99, now))
        self.both(lambda ledger: ledger.next_change(now))
        self.both(lambda ledger: ledger.unplanned())
        self.both(lambda ledger: ledger.early())
        self.both(lambda ledger: ledger.over())
        self.both(lambda ledger: _without_lease(ledger.open_attempts()))
        self.both(lambda ledger: ledger.standings())
        for head in self.file.standings():
            self.both(lambda ledger, id=head.id: ledger.standings(id))
            self.both(lambda ledger, id=head.id: ledger.tasks(id))
            self.both(lambda ledger, id=head.id: ledger.attempts(id))
            self.both(lambda ledger, id=head.id: ledger.newest(id))
        self.both(_told)

    @invariant()
    def what_must_hold_holds(self):
        check(self.file)
        db = self.file._cold.db
        (wrong,) = db.execute(MISCOUNTED).fetchone()
        assert wrong == 0


MISCOUNTED = """
SELECT (SELECT count(*) FROM task WHERE missing <>
         (SELECT count(*) FROM need JOIN task AS other ON other.number = on_task
          WHERE need.task = task.number AND other.accepted IS NULL)
         + coalesce((SELECT missing FROM job WHERE probe = task.id), 0))
     + (SELECT count(*) FROM job WHERE missing <>
         (SELECT count(*) FROM job_after JOIN job AS other ON other.id = on_job
          WHERE job_after.job = job.id AND other.state <> 'Successful'))
     + (SELECT count(*) FROM tally WHERE number <>
         (SELECT count(*) FROM task WHERE task.job = tally.job AND task.kind = tally.kind
          AND iif(task.held AND task.state = 'Waiting', 'Hold', task.state) = tally.state
          AND coalesce(task.target, task.job) = tally.part))
"""


def _without_lease(attempts):
    return [replace(attempt, lease=0) for attempt in attempts]


def _told(ledger):
    events = ledger.events(limit=100_000)
    return [(e.kind, e.subject, e.data, e.wall) for e in events if e.kind != "epoch-taken"]


Ledgers.TestCase.settings = settings(
    max_examples=STORIES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestLedgers = pytest.mark.timeout(0 if STORIES > 20 else 60)(Ledgers.TestCase)
