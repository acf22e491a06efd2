"""Nodes in a dict: scripted, lossy on request, and without threads, disks or time.

It outlives controllers, as real agents do: open it again with another `wake`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.model.node import Identity, Member, Phase, Report, Spec
from orchestrator.model.work import AttemptId, Ending, Outcome, Service

Script = Callable[[Spec], Outcome | None]
"""What comes of an attempt at once; None: it runs until `FakeEngine.finish`."""

USUAL = Identity(
    version="0",
    python="python",
    cores=2,
    memory_bytes=8 << 30,
    instances={service.value: 2 for service in Service},
)


@dataclass(slots=True)
class _Node:
    """One node, with all that its spool would hold."""

    member: Member
    identity: Identity
    beat: int = 0
    epoch: int = 0
    specs: dict[AttemptId, Spec] = field(default_factory=dict)
    phases: dict[AttemptId, Phase] = field(default_factory=dict)
    lines: dict[AttemptId, str] = field(default_factory=dict)
    outcomes: dict[AttemptId, Outcome] = field(default_factory=dict)
    over: set[AttemptId] = field(default_factory=set)  #: forgotten, but not startable again
    said: Report | None = None  #: its last report, while nothing newer arrives
    late: deque[Callable[[], None]] | None = None  #: what waits for a stopped node
    is_cut: bool = False

    @property
    def is_silent(self) -> bool:
        return self.is_cut or self.late is not None


class FakeEngine:
    """Implements `engine.protocol.Engine` in memory."""

    def __init__(self, nodes: Mapping[str, Identity] | Iterable[str]) -> None:
        known = nodes if isinstance(nodes, Mapping) else dict.fromkeys(nodes, USUAL)
        self._nodes: dict[str, _Node] = {}
        self._lives = 0
        self._lock = threading.RLock()
        self._wake: Callable[[], None] = _nobody
        self._script: Script = _until_finished
        self._drop = 0
        self._duplicate = 0
        self.files: dict[str, int] = {}  #: what every node sees that `local` does not name
        self.local: dict[str, dict[str, int]] = {}  #: node -> what it sees instead
        self.started: list[Spec] = []  #: every start of a command, in order
        for name, identity in known.items():
            self.join(name, identity)

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def close(self) -> None:
        self._wake = _nobody

    def look(self) -> Mapping[Member, Report]:
        with self._lock:
            return {node.member: _report(node) for node in self._nodes.values()}

    def send(self, to: Member, spec: Spec) -> bool:
        with self._lock:
            node = self._node(to)
            if node is None or node.is_cut:
                return False
            if self._drop:
                self._drop -= 1
                return False
            if node.late is not None:
                node.late.append(lambda: self._arrive(node, spec))
                return False
            taken = self._take(node, spec)
            if self._duplicate:
                self._duplicate -= 1
                self._take(node, spec)
        self._wake()
        return taken

    def kill(self, to: Member, attempt: AttemptId, grace: float) -> None:
        self._tell(to, lambda node: self._kill(node, attempt))

    def ack(self, to: Member, attempts: Sequence[AttemptId]) -> None:
        def forget(node: _Node) -> None:
            for attempt in attempts:
                if node.outcomes.pop(attempt, None):
                    node.over.add(attempt)
                    node.phases.pop(attempt, None)
                    node.specs.pop(attempt, None)

        self._tell(to, forget)

    def read(self, to: Member, attempt: AttemptId, offset: int) -> bytes:
        with self._lock:
            node = self._node(to)
            if node is None or node.is_silent or attempt not in node.outcomes:
                return b""
            return node.outcomes[attempt].log_tail.encode()[offset : offset + (64 << 10)]

    def sees(self, to: Member, paths: Sequence[str]) -> Mapping[str, int] | None:
        with self._lock:
            node = self._node(to)
            if node is None or node.is_silent:
                return None
            there = self.local.get(to.node, self.files)
            return {path: there[path] for path in paths if path in there}

    def dismiss(self, to: Member, reason: str) -> None:
        def leave(node: _Node) -> None:
            if not node.phases:
                del self._nodes[node.member.node]

        self._tell(to, leave)

    # What tests say.

    def auto(self, script: Script) -> None:
        """Let attempts that start from now on end by `script`."""
        self._script = script

    def finish(self, attempt: AttemptId, outcome: Outcome | None = None) -> None:
        """End a running attempt; well, if no outcome is given.  KeyError if it does not run."""
        with self._lock:
            node = next(
                (n for n in self._nodes.values() if n.phases.get(attempt) is Phase.RUNNING), None
            )
            if node is None:
                raise KeyError(f"{attempt} does not run")
            self._end(node, outcome or well(attempt))
            self._begin(node)
        self._wake()

    def say(self, attempt: AttemptId, line: str) -> None:
        """Let an attempt show progress."""
        with self._lock:
            for node in self._nodes.values():
                if attempt in node.phases:
                    node.lines[attempt] = line

    def member(self, name: str) -> Member:
        """Return the node's present life."""
        return self._nodes[name].member

    def held(self, name: str) -> frozenset[AttemptId]:
        """Return what the node has, whatever of it is heard."""
        return frozenset(self._nodes[name].phases)

    def join(self, name: str, identity: Identity = USUAL) -> Member:
        """Add a node that holds nothing, or the same after it was lost."""
        with self._lock:
            self._nodes[name] = _Node(self._next_life(name), identity)
        self._wake()
        return self._nodes[name].member

    def restart(self, name: str) -> Member:
        """Start the node's agent anew: another incarnation, with all that its spool holds."""
        with self._lock:
            self._nodes[name].member = self._next_life(name)
        self._wake()
        return self._nodes[name].member

    def lose(self, name: str) -> None:
        """Let a node vanish with all it holds."""
        with self._lock:
            del self._nodes[name]
        self._wake()

    def cut(self, name: str) -> None:
        """Cut the network of a node: it stays listed, its beat stands still, its work goes on."""
        with self._lock:
            self._nodes[name].said = _report(self._nodes[name])
            self._nodes[name].is_cut = True

    def stall(self, name: str) -> None:
        """Stop a node: like cut, but what is sent arrives when it is healed."""
        with self._lock:
            self._nodes[name].said = _report(self._nodes[name])
            self._nodes[name].late = deque()

    def heal(self, name: str) -> None:
        """End `cut` or `stall`."""
        with self._lock:
            node = self._nodes[name]
            node.is_cut, node.said = False, None
            late, node.late = node.late or deque(), None
            for arrive in late:
                arrive()
        self._wake()

    def drop_next(self, count: int = 1) -> None:
        """Lose the next deliveries."""
        self._drop += count

    def duplicate_next(self, count: int = 1) -> None:
        """Deliver the next specs twice."""
        self._duplicate += count

    # What an agent does.

    def _take(self, node: _Node, spec: Spec) -> bool:
        phase = node.phases.get(spec.attempt)
        if phase is not None:
            return phase is not Phase.KILLED
        if spec.attempt in node.over:
            why = f"attempt {spec.attempt} is over; it is not started again"
            self._end(node, Outcome(attempt=spec.attempt, ending=Ending.LOST, why=why))
            return True
        if spec.epoch < node.epoch:
            return False
        node.epoch = spec.epoch
        if not node.identity.instances.get(spec.service):
            why = f"node {node.member.node!r} does not offer the service {spec.service!r}"
            self._end(node, Outcome(attempt=spec.attempt, ending=Ending.UNSTARTED, why=why))
            return True
        node.specs[spec.attempt], node.phases[spec.attempt] = spec, Phase.QUEUED
        self._begin(node)
        return True

    def _arrive(self, node: _Node, spec: Spec) -> None:
        self._take(node, spec)

    def _begin(self, node: _Node) -> None:
        """Start what is queued and has an instance, first come, first served."""
        for attempt, phase in list(node.phases.items()):
            spec = node.specs.get(attempt)
            if phase is not Phase.QUEUED or spec is None:
                continue
            running = sum(
                node.phases[other] is Phase.RUNNING and held.service == spec.service
                for other, held in node.specs.items()
            )
            if running < node.identity.instances[spec.service]:
                node.phases[attempt] = Phase.RUNNING
                self.started.append(spec)
                if outcome := self._script(spec):
                    self._end(node, outcome)

    def _end(self, node: _Node, outcome: Outcome) -> None:
        if outcome.ending is Ending.KILLED:
            phase = Phase.KILLED
        else:
            phase = Phase.EXITED if outcome.attempt in node.specs else Phase.REFUSED
        node.phases[outcome.attempt] = phase
        node.outcomes[outcome.attempt] = outcome

    def _kill(self, node: _Node, attempt: AttemptId) -> None:
        phase = node.phases.get(attempt)
        if attempt in node.over or (phase is not None and not phase.is_live):
            return
        why = "ended on request" if phase is Phase.RUNNING else "ended on request, before it began"
        self._end(node, Outcome(attempt=attempt, ending=Ending.KILLED, why=why))
        self._begin(node)

    def _tell(self, to: Member, act: Callable[[_Node], None]) -> None:
        with self._lock:
            node = self._node(to)
            if node is None or node.is_cut:
                return
            if node.late is not None:
                node.late.append(lambda: act(node))
                return
            act(node)
        self._wake()

    def _node(self, member: Member) -> _Node | None:
        node = self._nodes.get(member.node)
        return node if node is not None and node.member == member else None

    def _next_life(self, name: str) -> Member:
        self._lives += 1
        return Member(name, f"life-{self._lives}")


def well(attempt: AttemptId) -> Outcome:
    """Return the outcome of a command that exited with 0."""
    return Outcome(attempt=attempt, ending=Ending.EXITED, exit_code=0)


def _report(node: _Node) -> Report:
    if node.said is not None:
        return node.said
    node.beat += 1
    return Report(
        beat=node.beat,
        identity=node.identity,
        attempts={id: (phase, node.lines.get(id, "")) for id, phase in node.phases.items()},
        outcomes=tuple(node.outcomes.values()),
    )


def _until_finished(spec: Spec) -> Outcome | None:
    return None


def _nobody() -> None:
    """Wake nobody."""
