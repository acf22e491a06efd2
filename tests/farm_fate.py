"""What happens to a farm in trouble, drawn from one random number."""

import random
from dataclasses import dataclass

from farm import Farm, job
from farm_world import HANGS, crashes, fails, lost, no_source, says, unready

from orchestrator.model.work import Priority

TROUBLE_TURNS = 60
TASKS_MAX = 100


@dataclass
class Fate:
    """Draws what happens; all of it from one seed."""

    chance: random.Random
    farm: Farm
    trouble: float  #: how likely it is that an attempt does not end well

    def outcome(self, spec):
        """Say how an attempt ends that the script does not know."""
        if self.chance.random() > self.trouble:
            return {}
        ends = [fails(), crashes(9), lost(), unready(), says(again={"depth": 2})]
        rare = [no_source(), says(replan={"depth": 1}), HANGS, says(frames=1)]
        return self.chance.choice(ends * 4 + rare)

    def batches(self) -> None:
        """Submit one to three batches of a few jobs."""
        tasks = 0
        for number in range(self.chance.randint(1, 3)):
            jobs = []
            for name in "abc"[: self.chance.randint(1, 3)]:
                segments, targets = self.chance.randint(1, 6), self.chance.randint(1, 2)
                tasks += targets * (segments + 4) + 1
                if tasks > TASKS_MAX:
                    break
                after = tuple(each.name for each in jobs if self.chance.random() < 0.4)
                asks = {"segments": segments, "targets": ["web", "master"][:targets]}
                jobs.append(job(name, after=after, probe=self.chance.random() < 0.8, **asks))
            priority = self.chance.choice(list(Priority))
            if jobs:
                self.farm.survive(lambda j=jobs, p=priority, n=number: self.submit(j, p, n))

    def submit(self, jobs, priority, number) -> None:
        self.farm.submit(*jobs, name=f"batch{number}", priority=priority)

    def strike(self) -> None:
        """Let one thing happen that a farm must bear."""
        node = self.chance.choice(("n1", "n2", "n3"))
        engine = self.farm.engine
        match self.chance.randint(0, 11):
            case 0:
                engine.restart(node)
            case 1:
                self.farm.die(node)
            case 2:
                engine.cut(node)
            case 3:
                engine.stall(node)
            case 4 | 5:
                engine.heal(node)
            case 6:
                engine.drop_next(self.chance.randint(1, 3))
            case 7:
                engine.duplicate_next(self.chance.randint(1, 3))
            case 8:
                self.farm.fuse.left = self.chance.randint(0, 30)
            case 9:
                self.farm.restart()
            case 10:
                self.farm.storage.shortage[:] = self.chance.choice(([], ["storage is full"]))
            case 11:
                self.farm.controller.draining = self.chance.random() < 0.5

    def calm(self) -> None:
        """End all that keeps the farm from coming to an end by itself."""
        for node in ("n1", "n2", "n3"):
            self.farm.engine.heal(node)
        self.farm.fuse.left = float("inf")
        self.farm.restart()
        self.farm.storage.shortage.clear()
        self.farm.world.improvise = lambda spec: {}
        self.farm.world.free_hung(self.farm.engine)
        for part in self.farm.ledger.standings():
            if not part.state.is_final:  # what was held is freed by a person
                self.farm.ledger.retry(part.id)
