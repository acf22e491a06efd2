"""A link that is cut while a segment is encoded, in every order of what may happen then (F14, R4)."""

from itertools import permutations

import pytest
import sample
from farm import job
from farm_world import HANGS, fails

from orchestrator.decide.fleet import Gate
from orchestrator.model.work import State

pytestmark = pytest.mark.fault("F14")

GATE = Gate(lost_after_s=60.0)
EVENTS = ("cut", "heal", "silence", "first ends", "second ends", "restart")
ENCODE = "000000/encode"


class Segment:
    """One segment on a farm of two nodes, whose attempts end when it is said."""

    def __init__(self, farm) -> None:
        self.farm = farm(memory=True, nodes=("n1", "n2")).watched(GATE)
        self.farm.script[ENCODE] = [HANGS] * 50
        self.farm.submit(job(segments=1, probe=False))
        self.farm.turn()

    @property
    def nodes(self) -> list[str]:
        """The nodes it was given to, in order."""
        return [each.node for each in self.farm.ledger.attempts("b-0001") if "encode" in each.task]

    @property
    def accepted(self) -> list[str]:
        found = self.farm.ledger.attempts("b-0001")
        return [each.node for each in found if each.accepted and "encode" in each.task]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.farm.ledger.events(0, 10_000)]

    def live(self) -> list[str]:
        """Return the nodes that work on it, as they themselves know."""
        ours = {spec.attempt for spec in self.farm.engine.started if spec.task.endswith(ENCODE)}
        return [
            member.node
            for member, report in self.farm.engine.look().items()
            if any(phase.is_live for id, (phase, _) in report.attempts.items() if id in ours)
        ]

    def happen(self, event: str) -> None:
        f, first = self.farm, self.nodes[0]
        match event:
            case "cut":
                f.engine.cut(first)
            case "heal":
                f.engine.heal(first)
            case "silence":
                for _ in range(13):  # of which each counts for five seconds at most
                    f.world.now += 5
                    f.turn()
            case "first ends":
                self.end(0)
            case "second ends":
                self.end(1)
            case "restart":
                f.restart()
        f.turn()
        f.world.end_due(f.engine)
        f.turn()

    def end(self, number: int, how=None) -> None:
        """End an attempt of it well, if there is one and it runs."""
        found = [spec for spec in self.farm.engine.started if spec.task.endswith(ENCODE)]
        if number < len(found) and found[number].attempt in self.farm.world.due:
            self.farm.world.end(self.farm.engine, found[number], how or {})

    def settle(self) -> None:
        """End the trouble, and all that still runs."""
        self.happen("heal")
        for number in range(4):
            self.end(number)
            self.farm.turn()
        self.farm.run()


def orders():
    every = [order for size in range(1, 7) for order in permutations(EVENTS, size)]
    return every[:: max(1, len(every) // sample.times(150))]


@pytest.mark.timeout(300)
def test_whatever_the_order_one_result_counts_and_nothing_is_counted_against_it(farm):  # F14
    for order in orders():
        segment = Segment(farm)
        for event in order:
            segment.happen(event)
            segment.farm.check_attempts()
        segment.settle()
        f, task = segment.farm, segment.farm.task(ENCODE)
        f.check()
        assert (task.state, task.tries) == (State.SUCCESSFUL, 0), order
        assert len(segment.accepted) == 1, order
        assert len(segment.nodes) <= 2, order
        was_away = {"cut", "silence"} <= set(order) and order.index("cut") < order.index("silence")
        assert was_away or len(segment.nodes) == 1, order
        assert segment.live() == [], order


def test_link_that_heals_in_time_costs_nothing(farm):  # F14
    segment = Segment(farm)
    for event in ("cut", "heal", "silence", "first ends"):
        segment.happen(event)
    segment.settle()
    assert (len(segment.nodes), segment.farm.task(ENCODE).losses) == (1, 0)


def test_work_of_a_node_that_is_back_before_it_was_given_to_another_goes_on(farm):  # F14
    segment = Segment(farm)
    segment.farm.watch.say(paused=frozenset({"n1", "n2"}))
    for event in ("cut", "silence", "heal"):
        segment.happen(event)
    segment.farm.watch.say(paused=frozenset())
    segment.happen("first ends")
    segment.settle()
    assert (len(segment.nodes), segment.farm.task(ENCODE).losses) == (1, 1)


def away(farm):
    """Return a segment whose node is back after its work was given to another one."""
    segment = Segment(farm)
    for event in ("cut", "silence", "heal"):
        segment.happen(event)
    assert sorted(segment.live()) == ["n1", "n2"], "both go on (F-REC-10)"
    return segment


def test_first_that_is_verified_counts_and_the_other_is_ended(farm):  # F14, R4
    segment = away(farm)
    segment.happen("first ends")
    segment.farm.turn()
    assert (segment.accepted, segment.live()) == (segment.nodes[:1], [])
    segment.settle()


def test_replacement_counts_when_it_is_the_first(farm):  # F14, R4
    segment = away(farm)
    segment.happen("second ends")
    segment.farm.turn()
    assert (segment.accepted, segment.live()) == (segment.nodes[1:], [])
    segment.settle()
    assert "late-result" not in segment.kinds  # it was ended before it had one


def test_result_that_comes_after_its_replacement_was_accepted_is_counted(farm):  # F14, R4
    segment = Segment(farm)
    for event in ("cut", "first ends", "silence", "second ends", "heal"):
        segment.happen(event)
    assert segment.accepted == segment.nodes[1:]
    assert segment.kinds.count("late-result") == 1
    segment.settle()


def test_late_failure_is_nobodys(farm):  # R4
    segment = away(farm)
    segment.end(0, fails())
    segment.settle()
    assert segment.accepted == segment.nodes[1:]
    assert segment.farm.task(ENCODE).tries == 0
    ledger = segment.farm.ledger
    assert ledger.overdue([each.id for each in ledger.attempts("b-0001")]) == {}  # P3: it is over


def test_tasks_that_wait_for_word_of_two_attempts_do_not_hold_up_their_job(farm):  # P3
    f = farm(memory=True, nodes=("n1", "n2"), instances=2).watched(GATE)
    for number in range(8):
        f.script[f"00000{number}/encode"] = [HANGS] * 9
    f.submit(job(segments=8, probe=False))
    f.pass_time(5)
    for _ in range(3):
        f.guarded.pause("b-0001", stop=True)
        f.pass_time(3)
        f.guarded.resume("b-0001")
        f.pass_time(3)
    begun = f.holders()
    f.guarded.pause("b-0001", stop=True)
    f.pass_time(3)
    f.engine.cut("n1")
    f.pass_time(10)
    f.script.clear()
    f.guarded.resume("b-0001")
    f.pass_time(100)
    wait = {task.id for task in f.ledger.tasks("b-0001/j/web") if task.state is State.WAITING}
    assert {id for id in wait if id.endswith("encode")} <= begun.keys()
    f.engine.heal("n1")
    f.run()
    assert f.state() == "Successful"
