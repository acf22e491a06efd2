"""What waits for so long that people are told: looked for now and then, by how often it waited."""

from ledgers import Clock, Desk, batch

from orchestrator.controller.alarms import LOOK_S, Unready, unready
from orchestrator.decide.settle import Limits
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.work import Cause, State

PROBE = "b-0001/j/probe"
WHY = "not ready for more than 1 h, and no try is counted: no space left"


def waits(desk, times):
    desk.clock.unix += 60
    again = {"cause": Cause.UNREADY, "waits": times, "reason": "no space left"}
    assert desk.do(PROBE, State.WAITING, not_before=desk.clock.unix + 30, **again)


def test_task_that_waits_for_long_is_found_at_the_next_look():  # F-REC-8
    clock, now = Clock(), [0.0]
    with MemoryLedger(wall=clock) as ledger:
        desk = Desk(ledger, clock)
        desk.accept(batch())
        late = Unready(ledger, lambda: now[0])
        waits(desk, 1)
        assert late.now(Limits()) == {}
        waits(desk, 200)
        assert late.now(Limits()) == {}
        now[0] += LOOK_S
        assert late.now(Limits()) == {PROBE: WHY}
        assert unready(ledger, Limits()) == (f"task {PROBE}: {WHY}",)
