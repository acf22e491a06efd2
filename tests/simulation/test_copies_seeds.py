"""Farms in trouble whose nodes see different files, told by one random number."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sample
from farm_fate import TROUBLE_TURNS, Fate

from orchestrator.model.work import Copying

KNOWN = Path(__file__).with_name("copies_seeds.txt")
FILES = ("/m/a.mov", "/m/b.mov", "/m/sound.wav")
NODES = ("n1", "n2", "n3")


@dataclass
class Apart(Fate):
    """Jobs read files that some nodes see, and some of these refer to others."""

    moves: bool = False  #: files come and go

    def submit(self, jobs, priority, number):
        told = random.Random(number)
        jobs = [
            replace(each, asks={**each.asks, "source": told.choice(FILES[:2])}) for each in jobs
        ]
        copy = told.choice([None, *Copying])
        about = {"copy": copy, "copy_at_submit": told.random() < 0.3, "priority": priority}
        delay_s = told.choice([None, 20.0])
        self.farm.submit(*jobs, name=f"batch{number}", delay_s=delay_s, **about)

    def outcome(self, spec):
        how = super().outcome(spec)
        if how == {} and spec.task.endswith("/probe") and self.chance.random() < 0.4:
            absent = {"absent": True} if self.chance.random() < 0.3 else {}
            return {"result": {"refers": [FILES[2]], **absent}}
        return how

    def spread(self, least=0):
        """Say anew who sees what."""
        for node in NODES:
            seen = self.chance.sample(FILES, self.chance.randint(least, 3))
            self.farm.engine.local[node] = {file: self.chance.choice((9, 10)) for file in seen}

    def strike(self):
        if self.moves and self.chance.random() < 0.2:
            self.spread()
        else:
            super().strike()


def check_sight(farm, known):
    """Assert that what was given out since is read by a node that sees it, or from a copy."""
    for attempt in farm.ledger.open_attempts():
        task = farm.ledger.task(attempt.task)
        if attempt.id in known or task is None:
            continue
        known.add(attempt.id)
        job = "/".join(task.id.split("/")[:2])
        copy = farm.ledger.task(f"{job}/copy")
        copied = copy.args["paths"] if copy and copy.state.value == "Successful" else ()
        source = task.job.asks["source"]
        local = farm.engine.local
        wanted = copy.args["paths"] if task.id.endswith("/copy") else [source]
        for path in wanted:
            if path not in copied and any(path in local[node] for node in NODES):
                assert path in local[attempt.node], f"{attempt} reads {path}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", sample.seeds(KNOWN, sample.times(12)))
def test_whoever_sees_what_each_batch_ends_and_is_read_where_it_is_seen(farm, seed):
    with sample.telling(seed, "tests/simulation/test_copies_seeds.py"):
        chance = random.Random(seed)
        f = farm(memory=True, nodes=NODES).asking()
        fate = Apart(chance, f, chance.choice((0.0, 0.1, 0.3)), moves=chance.random() < 0.5)
        f.world.improvise = fate.outcome
        fate.spread()
        fate.batches()
        known: set[str] = set()
        for _ in range(TROUBLE_TURNS):
            if chance.random() < 0.4:
                fate.strike()
            f.survive(f.turn)
            f.check()
            if not fate.moves:
                check_sight(f, known)
            f.step()
        fate.spread(least=3)
        fate.calm()
        f.run()
        f.check()
        assert f.is_over()
