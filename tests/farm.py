"""A whole cluster in one thread: submit, run, lose, crash; and what must always hold."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from farm_processor import Parts, plugin
from farm_world import World, lost

from orchestrator.controller.act import Hands
from orchestrator.controller.blames import Blames
from orchestrator.controller.brief import Briefing
from orchestrator.controller.copies import Copies
from orchestrator.controller.courier import Courier
from orchestrator.controller.licensing import Licensing
from orchestrator.controller.look import Lookout
from orchestrator.controller.loop import Controller
from orchestrator.controller.plan import Planner
from orchestrator.controller.presence import Presence
from orchestrator.controller.storage import Storage
from orchestrator.controller.submit import Submission, submit
from orchestrator.controller.visibility import Visibility
from orchestrator.decide.fleet import Gate
from orchestrator.decide.settle import Limits
from orchestrator.engine.fake import USUAL, FakeEngine
from orchestrator.ledger.events import is_whole
from orchestrator.ledger.protocol import Event, Ledger
from orchestrator.model.work import Batch, Job, Kind, State, Task
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

START = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
LIMITS = Limits()
EVENTS_MAX = 1_000_000


class Crash(BaseException):
    """The controller was killed: not an Exception, so nothing may catch it."""


class Fuse:
    """Burns down by one before and after every call that the controller makes to the outside."""

    WRITES = frozenset({"accept", "retry", "close_part", "plan", "plan_failed", "replan"})
    WRITES |= {"lease", "sent", "settle", "send", "kill", "ack", "copy"}
    WRITES |= {"pause", "resume", "cancel", "reprioritize", "keep_key", "set_aside", "take_back"}

    def __init__(self) -> None:
        self.left: float = float("inf")

    def burn(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash

    def guard(self, target):
        """Return `target`, each of whose calls that change something burns the fuse twice."""
        return _Guarded(target, self)


class _Guarded:
    def __init__(self, target, fuse: Fuse) -> None:
        self._target, self._fuse = target, fuse

    def __getattr__(self, name: str):
        found = getattr(self._target, name)
        if name not in Fuse.WRITES:
            return found

        def call(*args, **more):
            self._fuse.burn()
            answer = found(*args, **more)
            self._fuse.burn()
            return answer

        return call


class AtOnce:
    """An executor without threads: what is submitted is done."""

    def submit(self, work: Callable[..., object], *args: object) -> None:
        work(*args)


@dataclass(frozen=True, slots=True)
class FarmStorage(Storage):
    """Cluster storage that is full when the story says so."""

    shortage: list[str] = field(default_factory=list)

    def low(self) -> str:
        return self.shortage[0] if self.shortage else ""


@dataclass
class Doorman:
    """Who takes part, as a story says it."""

    gate_now: Gate
    closed: Mapping[str, str] = field(default_factory=dict)  #: as the last look had it

    def gate(self) -> Gate:
        return self.gate_now

    def saw(self, sights: object, busy: object, closed: Mapping[str, str]) -> None:
        self.closed = closed

    def say(self, **wanted: object) -> None:
        """Let something else hold from now on."""
        self.gate_now = replace(self.gate_now, **wanted)


class Farm:
    """The controller dies with every crash; the ledger's file and the agents live on."""

    def __init__(
        self,
        open_ledger: Callable[[Callable[[], datetime], Callable[[], float]], Ledger],
        folder: Path,
        *,
        nodes: tuple[str, ...] = ("n1", "n2"),
        instances: int = 1,
        processors: Sequence[object] = (),
    ) -> None:
        self.world = World(now=START)
        self.watch: Doorman | None = None
        self.asks = False  #: nodes are asked which files they see
        self.tick_s = 1.0  #: between two looks at most, where beats are watched
        self.paths: dict[str, dict[str, str]] = {}  #: node -> how it calls folders
        self.fuse = Fuse()
        node = replace(USUAL, instances={"render": instances})
        self.engine = FakeEngine(dict.fromkeys(nodes, node))
        self.engine.auto(self.world.begin)
        self.ended: list[tuple[str, int]] = []  #: what plugins were told of batches
        (folder / "attempts").mkdir(parents=True)
        (folder / "inputs").mkdir()
        self.storage = FarmStorage(folder)
        self.plugins = Plugins.given(farm=plugin(Parts(), *processors, ended=self.ended))
        self._open_ledger = open_ledger
        self._start()

    @property
    def script(self) -> dict[str, list]:
        """How attempts end, by the last words of their task's id; see `World`."""
        return self.world.script

    # -- what people do

    def submit(self, *jobs: Job, name: str = "b", **wanted: object) -> Submission:
        """Submit a batch; the same again goes on with it, as `run` does."""
        batch = Batch(id=name, name=name, jobs=jobs or (job(),), **wanted)
        return submit(self.guarded, self.caller, batch, self.world.wall)

    def watched(self, gate: Gate) -> "Farm":
        """Let beats be watched, and nodes be closed and given up by `gate`, from now on."""
        self.watch = Doorman(gate)
        self.restart()
        return self

    def asking(self) -> "Farm":
        """Let nodes be asked which files they see, from now on."""
        self.asks = True
        self.restart()
        return self

    def restart(self) -> None:
        """Bring up a new controller that knows nothing."""
        self.ledger.close()
        self._start()

    def _start(self) -> None:
        self.ledger = self._open_ledger(
            lambda: datetime.fromtimestamp(self.world.wall, UTC), lambda: self.world.now
        )
        ledger, engine = self.fuse.guard(self.ledger), self.fuse.guard(self.engine)
        caller = Caller(self.plugins)
        briefing = Briefing(
            "farm", ledger, caller, self.storage, lambda node: self.paths.get(node, {})
        )
        planner = Planner(ledger, caller, self.storage)
        courier = Courier(engine, AtOnce(), lambda: None)
        self.guarded, self.caller, self.briefing = ledger, caller, briefing
        presence = Presence(lambda: self.world.now) if self.watch else None
        self.controller = Controller(
            Lookout(
                ledger,
                engine,
                courier,
                caller,
                self.storage,
                presence=presence,
                watch=self.watch,
                licensing=Licensing(ledger, caller),
            ),
            Hands(ledger, engine, courier, caller, self.storage, briefing, planner),
            clock=lambda: self.world.wall,
        )
        if self.asks:
            visibility = Visibility(
                engine,
                AtOnce(),
                lambda: None,
                lambda node: self.paths.get(node, {}),
                lambda: self.world.now,
            )
            self.controller.lookout.copies = Copies(
                ledger, caller, visibility, lambda: self.world.now
            )
        if self.watch:
            self.controller.lookout.blames = self.controller.hands.blames = Blames(ledger)

    def survive(self, do: Callable[[], object]) -> None:
        """Do something; if the controller dies of it, a new one does it again."""
        try:
            do()
        except Crash:
            self.fuse.left = float("inf")
            self.restart()
            do()

    # -- time

    def run(self, turns_max: int = 2000) -> "Farm":
        """Go on until every batch is over."""
        for _ in range(turns_max):
            if not self.turn() and self.is_over():
                return self
            self.step()
        raise AssertionError(f"still busy after {turns_max} turns:\n{self.describe()}")

    def run_until(self, words: str) -> None:
        """Go on until a task whose id ends so was started."""
        while not self.started(words):
            self.turn()
            if not self.started(words):
                self.step()

    def turn(self) -> bool:
        """Look, decide and act until nothing changes; return whether anything did."""
        for turns in range(1000):
            _, changed = self.controller.turn()
            self.check_attempts()
            if not changed:
                return turns > 0
        raise AssertionError(f"the controller never rests:\n{self.describe()}")

    def step(self) -> None:
        """Let the nodes work until something ends; then it is that much later."""
        times = (self.world.next_due(), self._next_change())
        due = [at for at in times if at is not None]
        if self.watch:  # silence is counted from look to look
            due.append(self.world.now + self.tick_s)
        self.world.now = max(self.world.now, min(due, default=self.world.now + 1))
        self.world.end_due(self.engine)

    def _next_change(self) -> float | None:
        """Return when the next task wakes, by the clock that passes evenly."""
        at = self.ledger.next_change(self.world.wall)
        return None if at is None else at - self.world.jump

    def pass_time(self, seconds: int) -> None:
        """Look every second for so long, whatever ends meanwhile."""
        end = self.world.now + seconds
        while self.world.now < end:
            self.turn()
            self.step()
        self.turn()

    def holders(self) -> dict[str, str]:
        """Return the tasks that are open, each with the node it is on."""
        return {attempt.task: attempt.node for attempt in self.ledger.open_attempts()}

    def die(self, node: str) -> None:
        """Let an agent die with its runners, and come back to its spool."""
        (report,) = [r for member, r in self.engine.look().items() if member.node == node]
        self.engine.restart(node)
        for attempt in report.attempts:
            if attempt in self.world.due:
                self.world.end(self.engine, self.world.due[attempt][1], lost())

    def stop_orphans(self, node: str) -> None:
        """Let runners end that nobody talks to any more (R5)."""
        held = self.engine.held(node)
        for attempt in [each for each in held if each in self.world.due]:
            self.world.end(self.engine, self.world.due[attempt][1], lost())

    # -- what is seen

    def started(self, words: str = "") -> list[str]:
        """Return the tasks that were started, in order; only those whose id ends so, if given."""
        return [spec.task for spec in self.engine.started if spec.task.endswith(words)]

    def is_over(self) -> bool:
        return all(each.state.is_final for each in self.ledger.standings())

    def states(self, under: str = "b-0001", kind: Kind | None = None) -> list[str]:
        """Say how the tasks of a part stand, in order."""
        tasks = self.ledger.tasks(under)
        return [task.state.value for task in tasks if kind in {None, task.kind}]

    def state(self, id: str = "b-0001") -> str:
        """Say how a batch, job or target stands."""
        parts = self.ledger.standings(id.partition("/")[0])
        return next(part.state.value for part in parts if part.id == id)

    def reason(self, job: str) -> str:
        """Say why a job of the first batch stands as it does."""
        parts = self.ledger.standings("b-0001")
        return next(part.reason for part in parts if part.id == f"b-0001/{job}")

    def task(self, words: str) -> Task:
        """Return the one task whose id ends so."""
        (found,) = [task for task in self._tasks() if task.id.endswith(words)]
        return found

    def leases(self) -> list[str]:
        """Return the tasks that were given out, in order."""
        events = self.ledger.events(0, EVENTS_MAX)
        return [event.subject for event in events if event.kind == "leased"]

    def end(self) -> list[tuple[str, str, int]]:
        """Say how everything stands, for one story to be held against another."""
        parts = [(part.id, part.state.value, 0) for part in self._parts()]
        return [*parts, *((task.id, task.state.value, task.tries) for task in self._tasks())]

    def hears_all(self) -> bool:
        """Whether every node is heard of."""
        before = {member: report.beat for member, report in self.engine.look().items()}
        return all(
            report.beat != before.get(member) for member, report in self.engine.look().items()
        )

    def describe(self) -> str:
        """Say it for the person who has to find the fault."""
        lines = [f"{id}: {state}" for id, state, _ in self.end()]
        return "\n".join([*lines, *map(str, self.ledger.open_attempts())])

    def _parts(self):
        ids = [each.id for each in self.ledger.standings()]
        return [part for id in ids for part in self.ledger.standings(id)]

    def _tasks(self) -> list[Task]:
        return [task for each in self.ledger.standings() for task in self.ledger.tasks(each.id)]

    # -- what must hold

    def check_attempts(self) -> None:
        """Assert what must hold after every look (I4): cheap enough for each."""
        started = {spec.attempt: spec.task for spec in self.engine.started}
        reports = self.engine.look().values()
        phases = [item for report in reports for item in report.attempts.items()]
        live = Counter(started.get(id, id) for id, (phase, _) in phases if phase.is_live)
        assert max(live.values(), default=0) <= 2, f"more than two live attempts: {live}"
        tasks = Counter(attempt.task for attempt in self.ledger.open_attempts())
        assert max(tasks.values(), default=0) <= 1, f"two open attempts: {tasks}"
        limits = self.watch.gate_now.limits.licences if isinstance(self.watch, Doorman) else {}
        for name, limit in limits.items():
            on = Counter(node for task, node in self.holders().items() if self._holds(task, name))
            assert sum(on.values()) <= (limit.cluster or 10**6), f"I10: licence {name}: {on}"
            assert max(on.values(), default=0) <= (limit.host or 10**6), f"I10: {name}: {on}"

    def _holds(self, task: str, licence: str) -> bool:
        """Whether an open task holds a licence."""
        batch = self.ledger.batch(task.partition("/")[0])
        (job,) = [job for job in batch.jobs if task.startswith(f"{job.id}/")]
        named = (*job.licences, *self.caller.review(job).licences)
        return task.endswith("/render") and licence in named

    def check(self) -> None:
        """Assert what must hold at every moment of every story; I numbers of the rules."""
        self.check_attempts()
        open_attempts = {attempt.task for attempt in self.ledger.open_attempts()}
        tasks = self._tasks()
        assert open_attempts == {task.id for task in tasks if task.state is State.PROCESSING}
        for task in tasks:
            assert task.tries <= LIMITS.tries_max, f"I10: {task}"
            assert task.losses <= LIMITS.losses_max, f"I10: {task}"
            assert task.agains <= LIMITS.agains_max, f"I10: {task}"
        ids = [spec.attempt for spec in self.engine.started]
        assert len(ids) == len(set(ids)), "an attempt was started twice"
        events = self.ledger.events(0, EVENTS_MAX)
        assert is_whole(events), "I7: the chain is broken"
        self._check_acceptances(events, tasks)
        leased = [event.data["attempt"] for event in events if event.kind == "leased"]
        assert leased == sorted(set(leased)), "I3: attempt numbers grow"
        self._check_counts()
        self._check_published()

    def _check_acceptances(self, events: Sequence[Event], tasks: Sequence[Task]) -> None:
        """Assert I1 and I2: one acceptance, and no lease after it unless a job begins anew."""
        accepted: set[str] = set()
        for event in events:
            match event.kind:
                case "accepted" | "published" if "attempt" in event.data:
                    assert event.subject not in accepted, f"I1: {event.subject} accepted twice"
                    accepted.add(event.subject)
                case "withdrawn":
                    accepted.discard(event.subject)
                case "leased":
                    assert event.subject not in accepted, f"I2: {event.subject} leased after it"
                case "replanned" | "retried":
                    for job in event.data.get("restart", (event.subject,)):
                        kept = event.data.get("kept", ())
                        accepted = {
                            id for id in accepted if id in kept or not id.startswith(f"{job}/")
                        }
        assert accepted == {task.id for task in tasks if task.state is State.SUCCESSFUL}, "I1"

    def _check_counts(self) -> None:
        """Assert that what the counters say of parts is what their tasks say."""
        for part in self._parts():
            below = [task for task in self.ledger.tasks(part.id) if task.job.batch]
            counted = Counter((task.kind, task.state) for task in below)
            assert dict(part.tasks) == dict(counted), f"{part.level} {part.id}"
            if part.state.is_final:
                left = [task.id for task in below if not task.state.is_final]
                assert left == [], f"{part.id} is over, and these are not"

    def _check_published(self) -> None:
        """Assert I6: a destination holds the accepted parts, each once and in order."""
        for part in self._parts():
            if part.level == "target" and part.state is State.SUCCESSFUL:
                joined = [t for t in self.ledger.tasks(part.id) if t.kind is Kind.ASSEMBLE]
                results = self.ledger.results([need for task in joined for need in task.needs])
                if not joined:  # what is rendered by frames is put in its place part by part
                    continue
                whole = "+".join(f"<{result.attempt}>" for result in results.values())
                assert self.world.published[part.destination] == whole, part.id


def job(name: str = "j", *, after: tuple[str, ...] = (), **asks: object) -> Job:
    """Return a job of the farm's processor; `actions` and such are given by `replace`."""
    processor = str(asks.pop("processor", "parts"))
    return Job(id="", name=name, processor=processor, asks=asks, after=after)
