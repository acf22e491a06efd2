"""Two hours of a cluster with office hours, told by one random number; what must hold holds.

Real decisions, a ledger, and a fake engine on virtual time: nodes die and come back, windows open and
close, people pause, cancel, retry and apply, clocks are put forward and back.  Nothing is lost or
accepted twice, no instance is given two tasks, nothing begins outside a window or outlives one that
is to be kept to, and every batch ends or is held for a reason.  `make simulate` lives through 20,000
of them; a seed that failed stands in `nights.txt` for ever.
"""

import os
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sample
from farm import START, Doorman, Farm, job
from farm_world import HANGS, crashes, fails, lost, says, unready

from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.parts import act
from orchestrator.decide.fleet import Gate
from orchestrator.decide.windows import Timetable
from orchestrator.errors import NotThere, Refusal
from orchestrator.model.schedule import AtClose, WorkSchedule
from orchestrator.model.talk import Verb
from orchestrator.model.work import Priority, State

KNOWN = Path(__file__).with_name("nights.txt")
NIGHT_S = 2 * 3600
NODES = ("n1", "n2", "n3", "n4")
INSTANCES = 2
TURNS_MAX = 4000
BATCHES_MAX = 6
LISTEN_S = 4.0
"""Between looks while a node is silent; less than makes it suspect, for then we were asleep."""
OPEN = Gate(lost_after_s=60.0)
NIGHTS = int(os.environ.get("ORCHESTRATOR_TEST_NIGHTS") or sample.times(75))
ON_DISK = 10
"""One night of so many has its ledger on disk; the others forget theirs, and are sooner over."""


@dataclass
class Porter(Doorman):
    """A doorman who opens and closes by the clock on the wall."""

    farm: Farm | None = None
    tables: dict[str, Timetable] = field(default_factory=dict)
    edge: dict[str, float] = field(default_factory=dict)  #: node -> when it opens or closes next

    def __post_init__(self) -> None:
        self.hours = OpeningHours(lambda: self.farm.world.wall, self.note)

    def note(self, name: str, edge: datetime) -> None:
        self.edge[name] = edge.timestamp()

    def gate(self) -> Gate:
        looked = {
            name: self.hours.look(name, table.schedule, "UTC")
            for name, table in self.tables.items()
        }
        stands = {name: opening for name, opening in looked.items() if opening}
        return replace(
            self.gate_now,
            shut={name: each.shut for name, each in stands.items() if each.shut},
            evicting=frozenset(name for name, each in stands.items() if each.is_evicting),
        )

    def now(self) -> datetime:
        assert self.farm is not None
        return datetime.fromtimestamp(self.farm.world.wall, UTC)

    def is_open(self, node: str) -> bool:
        table = self.tables.get(node)
        return table is None or table.look(self.now()).hours.is_open

    def is_evicting(self, node: str) -> bool:
        table = self.tables.get(node)
        return table is not None and table.look(self.now()).is_evicting

    def edges(self) -> list[float]:
        """Return when nodes open or close next, by the wall's clock."""
        wall = self.farm.world.wall
        return [edge for name, edge in self.edge.items() if name in self.tables and edge > wall]


@dataclass
class Night:
    """Draws what happens; all of it from one seed."""

    chance: random.Random
    farm: Farm
    porter: Porter
    trouble: float
    batches: int = 0
    leased: int = 0  #: events that were looked at
    promised: set[str] = field(default_factory=set)  #: batches that people were told are accepted
    begun: list[str] = field(default_factory=list)  #: attempts that nodes began since we looked
    is_late: bool = False  #: what begins now was under way for long
    silent: dict[str, float] = field(default_factory=dict)  #: node -> since when

    def outcome(self, spec):
        self.farm.world.seconds["encode"] = self.chance.choice((5, 60, 400, 1500))
        if self.chance.random() > self.trouble:
            return {}
        ends = [fails(), crashes(9), lost(), unready(), says(again={"depth": 2})]
        return self.chance.choice(ends * 4 + [says(replan={"depth": 1}), HANGS, says(frames=1)])

    def begin(self, spec):
        """Let a node begin an attempt."""
        if not self.is_late:
            self.begun.append(spec.attempt)
        self.farm.world.begin(spec)

    # -- what people do

    def submit(self) -> None:
        jobs = []
        for name in "abc"[: self.chance.randint(1, 3)]:
            asks = {"segments": self.chance.randint(1, 8), "targets": ["web"]}
            after = tuple(each.name for each in jobs if self.chance.random() < 0.4)
            jobs.append(job(name, after=after, probe=self.chance.random() < 0.8, **asks))
        self.batches += 1
        name, priority = f"night{self.batches}", self.chance.choice(list(Priority))
        delay = self.chance.choice((None, None, 600.0))
        asked = {"name": name, "priority": priority, "delay_s": delay}
        self.farm.survive(lambda: self.promised.add(self.farm.submit(*jobs, **asked).batch))

    def person(self) -> None:
        """Let somebody pause, resume, cancel or retry a part."""
        batches = [each.id for each in self.farm.ledger.standings() if not each.state.is_final]
        if not batches:
            return
        batch = self.chance.choice(batches)
        parts = [part.id for part in self.farm.ledger.standings(batch)]
        tasks = [task.id for task in self.farm.ledger.tasks(batch)]
        id = self.chance.choice([*parts, *parts, *tasks[:3]])
        verb = self.chance.choice((Verb.PAUSE, Verb.RESUME, Verb.RESUME, Verb.RETRY, Verb.CANCEL))
        if verb is Verb.CANCEL and self.chance.random() < 0.7:
            return
        self.farm.survive(lambda: self.do(verb, id))

    def do(self, verb: Verb, id: str) -> None:
        with suppress(Refusal, NotThere):
            if verb is Verb.RETRY:  # without a look at files: in this world they are words
                self.farm.guarded.retry(id)
            else:
                now = self.chance.random() < 0.3
                act(self.farm.guarded, self.farm.storage, verb, id, now=now)

    def apply(self) -> None:
        """Let a manifest change who takes part, and when."""
        node = self.chance.choice(NODES[1:])
        match self.chance.randint(0, 3):
            case 0:
                self.porter.tables[node] = self.table()
            case 1:
                self.porter.tables.pop(node, None)
            case 2:
                self.porter.say(inactive=frozenset({node}))
            case 3:
                self.porter.say(inactive=frozenset())

    def table(self) -> Timetable:
        """Return office hours with some edges in these two hours."""
        edges = sorted(self.chance.sample(range(0, 150), self.chance.choice((2, 4, 6))))
        spans = tuple((edges[i], edges[i + 1]) for i in range(0, len(edges), 2))
        days = dict.fromkeys(("monday", "tuesday", "wednesday"), spans)
        close = self.chance.choice(list(AtClose))
        schedule = WorkSchedule(**days, at_close=close)
        return Timetable(schedule=schedule, zone=UTC, name="UTC")

    # -- what happens to machines

    def strike(self) -> None:
        node, engine = self.chance.choice(NODES), self.farm.engine
        match self.chance.randint(0, 9):
            case 0:
                engine.restart(node)
            case 1:
                self.farm.die(node)
            case 2:
                engine.cut(node)
                self.silent.setdefault(node, self.farm.world.now)
            case 3:
                engine.stall(node)
                self.silent.setdefault(node, self.farm.world.now)
            case 4 | 5 | 6:
                self.heal(node)
            case 7:
                self.farm.fuse.left = self.chance.randint(0, 60)
            case 8:
                self.farm.restart()
            case 9:
                self.farm.world.jump += self.chance.choice((3600, -3600, 86400, -1, 1))

    def heal(self, node: str) -> None:
        """Let a node be heard again; what was sent to it meanwhile arrives."""
        self.is_late = True
        self.farm.engine.heal(node)
        self.is_late = False
        self.silent.pop(node, None)

    # -- what must hold

    def check(self) -> None:
        """Assert what a schedule and instances promise; `Farm.check` has the rest."""
        events = self.farm.ledger.events(self.leased, 1_000_000)
        for event in events:
            self.leased = event.seq
            if event.kind == "leased":
                node = str(event.data["node"])
                assert self.porter.is_open(node), f"{event.subject}: {node} was closed"
        taken = Counter(attempt.node for attempt in self.farm.ledger.open_attempts())
        assert max(taken.values(), default=0) <= INSTANCES, taken
        for attempt in self.begun:
            node = self.farm.ledger.attempt(attempt).node
            assert self.porter.is_open(node), f"{attempt}: it began on {node}, which was closed"
        self.begun.clear()
        for member, report in self.farm.engine.look().items():
            if member.node not in self.silent and self.porter.is_evicting(member.node):
                live = [id for id, (phase, _) in report.attempts.items() if phase.is_live]
                assert not live, f"{member.node} was closed, and works on {live}"

    def step(self, end: float) -> None:
        """Let it be later: until something ends, opens, closes, or happens."""
        world, until = self.farm.world, self.chance.choice((5.0, 30.0, 120.0, 300.0))
        times = [world.next_due(), self.farm.ledger.next_change(world.wall)]
        due = [at for at in times[:1] if at is not None]
        due += [at - world.jump for at in times[1:] if at is not None]
        due += [at - world.jump for at in self.porter.edges()]
        due += [world.now + (until if self.farm.hears_all() else LISTEN_S), end]
        due += [since + OPEN.orphan_stop_after_s for since in self.silent.values()]
        world.now = max(world.now + 0.01, min(due))
        for node, since in self.silent.items():
            if world.now >= since + OPEN.orphan_stop_after_s:
                self.farm.stop_orphans(node)  # R5: what hears nothing for so long stops itself
        world.end_due(self.farm.engine)

    def dawn(self) -> None:
        """End all that keeps the cluster from coming to an end by itself."""
        for node in NODES:
            self.heal(node)
        self.farm.fuse.left = float("inf")
        self.farm.world.jump, self.farm.tick_s = 0.0, 600.0
        self.porter.tables.clear()
        self.porter.say(inactive=frozenset())
        self.farm.restart()
        self.farm.world.improvise = lambda spec: {}
        self.farm.world.free_hung(self.farm.engine)
        for id in self.farm.ledger.paused():
            self.do(Verb.RESUME, id)


def tell(f: Farm, seed: int) -> Night:
    """Live through one night, and the morning after it to the end."""
    chance = random.Random(seed)
    porter = f.watch = Porter(OPEN, farm=f)
    f.restart()
    night = Night(chance, f, porter, trouble=chance.choice((0.0, 0.05, 0.2)))
    porter.tables = {name: night.table() for name in NODES if chance.random() < 0.6}
    f.world.improvise = night.outcome
    f.engine.auto(night.begin)
    night.submit()
    end = START + NIGHT_S
    for _ in range(TURNS_MAX):
        if f.world.now >= end:
            break
        draw = chance.random()
        if draw < 0.1:
            night.strike()
        elif draw < 0.2:
            night.person()
        elif draw < 0.23:
            night.apply()
        elif draw < 0.27 and night.batches < BATCHES_MAX:
            night.submit()
        f.survive(f.turn)
        night.check()
        night.step(end)
    assert f.world.now >= end, "the night was cut short"
    f.check()
    night.dawn()
    return night


@pytest.mark.timeout(300)
@pytest.mark.fault("F23")
@pytest.mark.parametrize("seed", sample.seeds(KNOWN, NIGHTS))
def test_whatever_happens_in_a_night_what_must_hold_holds(farm, seed):
    with sample.telling(seed, "tests/simulation/test_nights.py"):
        live(farm(memory=bool(seed % ON_DISK), nodes=NODES, instances=INSTANCES), seed)


def live(f: Farm, seed: int) -> Night:
    """Live through a night and the day after it."""
    night = tell(f, seed)
    for _ in range(TURNS_MAX):
        f.turn()
        if all(part.state.is_final or part.state is State.HOLD for part in f.ledger.standings()):
            break
        f.step()
    night.check()
    f.check()
    lost = night.promised - {batch.id for batch in f.ledger.standings()}
    assert not lost, f"accepted, and lost: {lost}"
    for part in f.ledger.standings():
        assert part.state.is_final or part.state is State.HOLD, f"{part.id}: {part.state}"
        if part.state is State.HOLD:
            held = [task for task in f.ledger.tasks(part.id) if task.state is State.HOLD]
            assert held, part.id
            assert all(task.reason for task in held), part.id
    return night


def test_same_seed_tells_the_same_night(farm):
    stories = []
    for _ in range(2):
        f = farm(memory=True, nodes=NODES, instances=INSTANCES)
        tell(f, 7)
        events = f.ledger.events(1, 1_000_000)  # the first names the ledger's own random id
        stories.append([(event.seq, event.kind, event.subject) for event in events])
    assert stories[0] == stories[1]
