"""What a cluster has to do beyond its own nodes, read from a ledger and its nodes."""

import pytest
from ledgers import Desk, batch

from orchestrator.controller.demand import Wanting
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.talk import NodePhase, NodeView, Seats


@pytest.fixture
def desk():
    return Desk(MemoryLedger())


def view(phase=NodePhase.READY, instances=3, busy=1):
    return NodeView(
        name="n1", phase=phase, services={"render": Seats(instances=instances, busy=busy)}
    )


def test_waiting_tasks_are_counted_by_service_and_job(desk):
    jobs = desk.accept(batch("a", "b")).jobs
    demand = Wanting(desk.ledger, lambda: [view()], desk.clock().timestamp).demand()
    assert demand.waiting == {"render": {job.id: 1 for job in jobs}}
    assert demand.unfinished == {job.id for job in jobs}
    assert (demand.spare, demand.busy) == ({"render": 2}, frozenset())


def test_job_at_work_is_unfinished_until_it_is_over_and_its_node_is_busy(desk):
    (job,) = desk.accept(batch("a")).jobs
    wanting = Wanting(desk.ledger, lambda: [view(NodePhase.UNFIT)], desk.clock().timestamp)
    (task,) = desk.ready()
    (attempt,) = desk.lease(task)
    demand = wanting.demand()
    assert (demand.waiting, demand.spare) == ({}, {})
    assert demand.unfinished == {job.id}
    assert demand.busy == {attempt.node}
    desk.end(attempt)
    assert wanting.demand().unfinished == {job.id}  # between two tasks nobody is let go
    desk.finish()
    assert wanting.demand().unfinished == frozenset()
