"""Every ledger, at the hands of one desk: what must hold is checked at the end of each story."""

import pytest
from ledgers import Clock, Desk, batch, check

from orchestrator.ledger.memory import MemoryLedger
from orchestrator.ledger.sqlite import SqliteLedger


@pytest.fixture(params=["memory", "sqlite"])
def desk(request, tmp_path):
    clock = Clock()
    path = tmp_path / "ledger.db"
    make = {"memory": MemoryLedger, "sqlite": lambda **keys: SqliteLedger(path, **keys)}
    with make[request.param](wall=clock, boottime=lambda: 7.0) as ledger:
        yield Desk(ledger, clock)
        check(ledger)


@pytest.fixture
def planned(desk):
    """One job, probed and planned: two segments, assemble, publish."""
    job = desk.accept(batch()).jobs[0]
    desk.do("b-0001/j/probe")
    desk.plan(job)
    return desk
