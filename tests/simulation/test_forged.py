"""A thousand reports that are replayed, or forged by a node of the cluster (T13)."""

import random
from dataclasses import replace

import pytest
from farm import job

from orchestrator.engine.fake import USUAL
from orchestrator.model.work import Ending, Outcome

pytestmark = pytest.mark.fault("F18")

FORGED = 1000
NODE = replace(USUAL, instances={"render": 1, "compressor": 1})


def told(f, node, attempt, ending=Ending.EXITED):
    """Let a node say that an attempt has ended, whosever it is."""
    outcome = Outcome(attempt=attempt, ending=ending, exit_code=0)
    f.engine._nodes[node].outcomes[attempt] = outcome


def test_thousand_forged_and_replayed_reports_leave_the_ledger_as_it_is(farm):
    f = farm(nodes=("n1", "n2", "n3"))
    f.world.seconds["encode"] = 20.0
    f.submit(job(segments=6))
    f.run_until("encode")
    f.turn()
    draw = random.Random(13)
    open_ = {each.id: each.node for each in f.ledger.open_attempts()}
    closed = {each.id: each.node for each in f.ledger.attempts("b-0001") if each.closed}
    assert open_
    assert closed
    before = f.ledger.events(limit=10_000)
    for _ in range(FORGED):
        attempt, owner = draw.choice([*open_.items(), *closed.items(), ("feedc0-000001", "")])
        others = [node for node in ("n1", "n2", "n3") if node != owner]
        is_replay = attempt in closed and draw.random() < 0.5
        told(f, owner if is_replay else draw.choice(others), attempt, draw.choice(list(Ending)))
        f.turn()
    assert f.ledger.events(limit=10_000) == before
    assert {each.id for each in f.ledger.open_attempts()} == set(open_)
    f.run()
    assert f.state() == "Successful"
