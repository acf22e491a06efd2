"""A job that storage has no room for waits with the numbers, and goes on by itself (F-STOR-6)."""

import pytest
from farm import Farm, job
from farm_processor import Parts

from orchestrator.controller.spaces import Spaces
from orchestrator.controller.storage import Storage
from orchestrator.decide.spaces import Need, crowded, need
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.record import Standing
from orchestrator.model.work import Kind, State

MIB = 1 << 20
SMALL = 100 * MIB


class Large(Parts):
    """Takes as much of the storage as its job says."""

    name = "large"

    def size(self, job, facts, frames):
        return job.asks["takes"] * MIB


@pytest.mark.parametrize(
    ("wanted", "begun", "free", "waits"),
    [
        (Need(job="b/a", whole_bytes=60 * MIB), (), 70 * MIB, False),
        (Need(job="b/a", whole_bytes=61 * MIB), (), 70 * MIB, True),
        (Need(job="b/a", whole_bytes=0), (), 0, False),
        (Need(job="b/a", whole_bytes=61 * MIB, has_begun=True), (), 0, False),
        (Need(job="b/a", whole_bytes=31 * MIB), (60.0,), 100 * MIB, True),
        (Need(job="b/a", whole_bytes=30 * MIB), (60.0,), 100 * MIB, False),
        (Need(job="b/a", whole_bytes=60 * MIB), (60.0, 0.5), 100 * MIB, False),
    ],
)
def test_room_is_what_is_free_but_for_what_has_begun_and_what_is_kept(wanted, begun, free, waits):
    running = ()
    if begun:
        whole, done = (*begun, 0.0)[:2]
        running = (Need(job="b/z", whole_bytes=int(whole) * MIB, has_begun=True, done=done),)
    assert bool(crowded(wanted, running, free, 10 * MIB)) == waits


def test_need_is_read_off_how_the_job_stands():
    parts = (
        Standing(id="b", level="batch", name="b", state=State.PROCESSING),
        Standing(
            id="b/a",
            level="job",
            name="a",
            state=State.PROCESSING,
            tasks={(Kind.PROBE, State.SUCCESSFUL): 1, (Kind.ENCODE, State.SUCCESSFUL): 1},
        ),
        Standing(
            id="b/a/t", level="target", name="t", state=State.WAITING, frames=40, frames_done=10
        ),
        Standing(
            id="b/c/t", level="target", name="t", state=State.WAITING, frames=40, frames_done=40
        ),
    )
    assert need("b/a", 80, parts) == Need(job="b/a", whole_bytes=80, has_begun=True, done=0.25)
    assert need("b/a", 80, parts).left_bytes == 60
    assert not need("b/c", 80, parts).has_begun


@pytest.fixture
def disk(monkeypatch):
    """How many bytes are free, to be set."""
    free = [SMALL]
    monkeypatch.setattr(Storage, "space", lambda self: (free[0], SMALL))
    return free


@pytest.fixture
def farm(tmp_path, disk):
    farm = Farm(
        lambda wall, boottime: MemoryLedger(wall=wall, boottime=boottime),
        tmp_path / "storage",
        nodes=("n1",),
        instances=4,
        processors=(Large(),),
    )
    lookout = farm.controller.lookout
    lookout.spaces = Spaces(farm.ledger, farm.caller, farm.storage)
    return farm


def waiting(farm):
    farm.turn()
    return farm.controller.lookout.spaces.why


def test_large_job_waits_while_others_go_past_it_and_goes_on_by_itself(farm, disk):
    farm.submit(job("big", processor="large", takes=200), job("small", processor="large", takes=1))
    farm.pass_time(60)
    assert farm.state("b-0001/small") == "Successful"
    assert farm.state("b-0001/big") == "Waiting"
    assert not [task for task in farm.started("") if "/big/" in task and "probe" not in task]
    assert waiting(farm) == {
        "b-0001/big": f"cluster storage {farm.storage.root} is too full for it: it takes about "
        "200 MiB, and 95 MiB are left beside what has begun; free some space, it goes on by itself"
    }
    disk[0] = 10 * SMALL
    farm.run()
    assert farm.state() == "Successful"
    assert waiting(farm) == {}


def test_two_that_fit_alone_and_not_together_are_done_one_after_the_other(farm):
    farm.submit(*(job(name, processor="large", takes=60) for name in ("a", "c")))
    farm.run_until("encode")
    farm.turn()
    working = {task.split("/")[1] for task in farm.started("encode")}
    assert len(working) == 1
    assert len(waiting(farm)) == 1
    farm.run()
    assert farm.state() == "Successful"
