"""Whatever nodes report, a look decides; and nothing is accepted that did not end well."""

import random
from dataclasses import replace

import pytest
import sample

from orchestrator.decide.reconcile import (
    Ack,
    Attempt,
    Kill,
    Lease,
    Send,
    Settle,
    View,
    reconcile,
)
from orchestrator.decide.settle import Limits, judge, settle
from orchestrator.engine.fake import USUAL
from orchestrator.model.node import Member, Phase, Report
from orchestrator.model.work import (
    Cause,
    Ending,
    Job,
    Kind,
    Outcome,
    Reject,
    Service,
    State,
    Task,
)

pytestmark = pytest.mark.timeout(sample.LIMIT_S)

IDS = [*(f"a-{number:06d}" for number in range(8)), "", "../x", "é\n", "a" * 500]
NODES = ["n1", "n2", "", "n1/../n2"]
RESULTS = [{}, {"error": None}, {"error": "é\nx", "cause": "so"}, {"error": 7, "final": 1}]
JOB = Job(id="b-0001/j", name="j", processor="p", asks={})


def drawn(number):
    return (random.Random(seed) for seed in range(sample.times(number)))


def outcome(chance, attempt):
    return Outcome(
        attempt=attempt,
        ending=chance.choice(list(Ending)),
        exit_code=chance.choice([None, 0, 1, -1, 10**30]),
        signal=chance.choice([None, None, 9, 0, -3, 10**9]),
        why=chance.choice(["", "x", "é\n" * 9]),
        cause=chance.choice([None, None, *Cause]),
        result=chance.choice(RESULTS),
        log_tail=chance.choice(["", "\n\n", "last\n"]),
        seconds=chance.choice([0.0, -1.0, 1e300]),
    )


def report(chance):
    held = chance.sample(IDS, chance.randint(0, 6))
    told = chance.choices(IDS, k=chance.randint(0, 4))  # of one attempt several, too
    services = [service.value for service in Service]
    return Report(
        beat=chance.choice([0, -1, 10**12]),
        identity=replace(
            USUAL,
            instances={name: chance.choice([-5, 0, 1, 3]) for name in [*services, "x"][:2]},
            cores=chance.choice([0, 1, 64]),
        ),
        attempts={id: (chance.choice(list(Phase)), "frame=1") for id in held},
        outcomes=tuple(outcome(chance, id) for id in told),
    )


def view(chance):
    members = [Member(chance.choice(NODES), str(life)) for life in range(chance.randint(0, 3))]
    open_ones = tuple(
        Attempt(
            id=id,
            task=f"b-0001/j/t/{number:06d}/encode",
            service=chance.choice(list(Service)),
            node=chance.choice(NODES),
            incarnation=str(chance.randint(0, 3)),
            lease=number,
        )
        for number, id in enumerate(chance.sample(IDS, chance.randint(0, 6)))
    )
    ready = {service: tuple(line(service, chance.randint(0, 5))) for service in Service}
    return View(
        members={member: report(chance) for member in members},
        attempts=open_ones,
        travelling=frozenset(chance.sample(IDS, 2)),
        ready=ready,
    )


def line(service, length):
    for number in range(length):
        id = f"b-0001/j/{service.value}/{number:06d}/encode"
        yield Task(id=id, job=replace(JOB, service=service), kind=Kind.ENCODE, target="t"), {}


def test_any_reports_are_answered_by_what_is_allowed():
    for chance in drawn(10_000):
        seen = view(chance)
        actions = reconcile(seen)
        waited_for = {(attempt.node, attempt.id) for attempt in seen.attempts}
        for action in actions:
            match action:
                case Settle(attempt, ended):
                    assert attempt in seen.attempts
                    assert ended.attempt == attempt.id
                case Ack(member, id) | Kill(member, id):
                    assert (member.node, id) not in waited_for
                case Send(attempt, member):
                    assert attempt in seen.attempts
                    assert attempt.id not in seen.members[member].attempts
                    assert attempt.id not in seen.travelling
                case Lease(task, member):
                    room = seen.members[member].identity.instances
                    assert room.get(task.job.service.value, 0) > 0
        leased = [action.task.id for action in actions if isinstance(action, Lease)]
        assert len(leased) == len(set(leased))
        assert reconcile(seen) == actions


def test_any_outcome_is_judged_and_its_task_moves_on():
    for chance in drawn(10_000):
        ended = outcome(chance, "a-000001")
        verdict = judge(ended)
        if verdict is None:
            assert ended.ending is Ending.EXITED
            assert ended.signal is None
            assert ended.cause is None
            assert "error" not in ended.result
            verdict = ended.exit_fault or Reject("not asked any further")
        assert isinstance(verdict.why, str)
        tries, waits = chance.choice([0, 2, 10**6]), chance.choice([0, 3, 10**6])
        task = Task(
            id="b-0001/j/t/000000/encode",
            job=JOB,
            kind=Kind.ENCODE,
            state=State.PROCESSING,
            tries=tries,
            waits=waits,
        )
        after = settle(task, verdict, Limits())
        assert not after.accepted
        assert after.task.state in {State.WAITING, State.FAILED}
        assert 0 <= after.wait_s <= Limits().wait_most_s
