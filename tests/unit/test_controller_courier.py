import pytest

from orchestrator.controller.courier import BEATS_UNSEEN, Courier
from orchestrator.engine.fake import USUAL, FakeEngine
from orchestrator.model.node import Phase, Report, Spec


class Later:
    """An executor that does what was submitted when it is told to."""

    def __init__(self):
        self.work = []

    def submit(self, work, *args):
        self.work.append((work, args))

    def go(self):
        for work, args in self.work:
            work(*args)


class Broken(FakeEngine):
    def send(self, to, spec):
        raise RuntimeError("no such transport")


def spec(attempt="a-000001"):
    return Spec(
        cluster="c",
        epoch=1,
        lease=1,
        attempt=attempt,
        task="b/j/t/encode",
        service="render",
        argv=("true",),
        folder=f"/s/{attempt}",
    )


def report(beat, *attempts):
    return Report(beat=beat, identity=USUAL, attempts=dict.fromkeys(attempts, (Phase.RUNNING, "")))


def sending(engine):
    pool, woken = Later(), []
    courier = Courier(engine, pool, lambda: woken.append(True))
    courier.carry(engine.member("n1"), spec(), beat=1)
    return courier, pool, woken


def test_what_is_under_way_is_not_sent_again():
    engine = FakeEngine(["n1"])
    courier, _, woken = sending(engine)
    assert courier.travelling({engine.member("n1"): report(99)}) == {"a-000001"}
    assert woken == []


def test_what_was_taken_is_not_sent_again_before_it_is_due_in_a_report():
    engine = FakeEngine(["n1"])
    courier, pool, woken = sending(engine)
    pool.go()
    member = engine.member("n1")
    assert woken == [True]
    assert courier.travelling({member: report(BEATS_UNSEEN)}) == {"a-000001"}
    assert courier.travelling({member: report(1 + BEATS_UNSEEN)}) == frozenset()


def test_what_a_report_shows_has_arrived():
    engine = FakeEngine(["n1"])
    courier, pool, _ = sending(engine)
    pool.go()
    assert courier.travelling({engine.member("n1"): report(2, "a-000001")}) == frozenset()


def test_what_was_taken_by_a_life_that_is_over_is_sent_again():
    engine = FakeEngine(["n1"])
    courier, pool, _ = sending(engine)
    pool.go()
    assert courier.travelling({engine.restart("n1"): report(1)}) == frozenset()


def test_node_that_does_not_take_is_asked_again_some_beats_later():
    engine = FakeEngine(["n1"])
    engine.drop_next()
    courier, pool, woken = sending(engine)
    pool.go()
    member = engine.member("n1")
    assert (courier.travelling({member: report(2)}), woken) == ({"a-000001"}, [])
    assert courier.travelling({member: report(1 + BEATS_UNSEEN)}) == frozenset()


def test_delivery_that_raises_is_over_too():
    courier, pool, _ = sending(engine := Broken(["n1"]))
    with pytest.raises(RuntimeError):
        pool.go()
    assert courier.travelling({engine.member("n1"): report(1 + BEATS_UNSEEN)}) == frozenset()
