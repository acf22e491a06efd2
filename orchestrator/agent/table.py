"""The table of an agent: what it was given, what runs, what came of it.

Taking, killing and forgetting write the spool and are done one after the other; reports come from
memory.  The lock of the memory is never held while a disk is waited for.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.agent.lane import Lane
from orchestrator.agent.launcher import Launcher, Run, RunnerLauncher
from orchestrator.agent.logs import read_log
from orchestrator.agent.process import boot_id
from orchestrator.agent.sight import Sight
from orchestrator.agent.spool import Spool, is_attempt_id
from orchestrator.errors import Rejected
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import Identity, Member, Phase, Program, Report, Spec
from orchestrator.model.work import AttemptId, Cause, Ending, Outcome

log = logging.getLogger(__name__)

SPEC_BYTES_MAX = 64 << 10
OUTCOMES_BYTES_MAX = 64 << 10
READ_BYTES_MAX = 64 << 10
KILL_ALL_GRACE_S = 2.0


@dataclass(slots=True)
class _Held:
    """One attempt, as it stands."""

    attempt: AttemptId
    phase: Phase
    spec: Spec | None = None  #: None: it was killed or refused before we could read one
    line: str = ""  #: its last progress line
    run: Run | None = None
    grace_s: float | None = None  #: its end was asked for
    size: int = 0  #: bytes of its outcome as JSON


class AgentTable:
    """Implements `engine.protocol.Table` for one node.

    What its spool holds from an earlier life is adopted: runners go on, outcomes are reported.
    """

    def __init__(
        self,
        node: str,
        identity: Identity,
        spool: Path,
        launcher: Launcher | None = None,
        unfit: Callable[[], str] = str,
    ) -> None:
        """`unfit` says from memory why the node can do no work now; empty: it can."""
        self._member = Member(node, f"{boot_id()[:8]}-{secrets.token_hex(4)}")
        self._identity = identity
        self._programs: tuple[Program, ...] | None = None
        self._spool = Spool(spool)
        self._lanes = {name: Lane(name, room) for name, room in identity.instances.items() if room}
        self._desk = threading.Lock()  #: one change of the spool at a time
        self._memory = threading.Lock()
        self._held: dict[AttemptId, _Held] = {}
        self._outcomes: dict[AttemptId, Outcome] = {}  #: in the order of their ends
        self._beat = 0
        self._hints: list[Callable[[], None]] = []
        self._is_dismissed = False
        self._unfit_now = unfit
        self._sight = Sight()
        self._launcher = launcher or RunnerLauncher()
        self._launcher.open(self._spool, self._heard)
        for attempt, spec in self._spool.held():
            self._adopt(attempt, spec)

    @property
    def member(self) -> Member:
        return self._member

    @property
    def identity(self) -> Identity:
        return self._identity

    @property
    def is_dismissed(self) -> bool:
        return self._is_dismissed

    def take(self, text: str) -> None:
        spec = self._parsed(text)
        if spec is None:
            return
        with self._desk:
            if (held := self._held.get(spec.attempt)) and held.phase is not Phase.KILLED:
                return
            why = f"attempt {spec.attempt} is over; it is not started again"
            if held:
                raise self._no(why)
            if self._spool.is_forgotten(spec.attempt):
                # a ledger that asks for it has forgotten its end: it is told once more
                self._end(Outcome(attempt=spec.attempt, ending=Ending.LOST, why=why))
                return
            if spec.epoch < self._spool.epoch:
                raise self._no(f"epoch {spec.epoch} is over; {self._spool.epoch} was seen")
            if self._is_dismissed:
                raise self._no("it was dismissed")
            if why := self._unfit(spec, text):
                self._end(Outcome(attempt=spec.attempt, ending=Ending.UNSTARTED, why=why))
                return
            self._spool.raise_epoch(spec.epoch)
            self._spool.raise_seen(spec)
            self._spool.store(spec.attempt, text)
            with self._memory:
                held = self._held[spec.attempt] = _Held(spec.attempt, Phase.QUEUED, spec)
        self._lanes[spec.service].put(lambda: self._start(held))

    def told(self, message: Mapping[str, object]) -> None:
        with self._desk:
            match message:
                case {"op": "kill", "attempt": str(attempt), "grace": float(grace_s)}:
                    self._kill(attempt, grace_s)
                case {"op": "ack", "attempts": list(attempts)}:
                    for attempt in attempts:
                        self._forget(str(attempt))
                case {"op": "dismiss", "reason": str(reason)}:
                    self._dismiss(reason)
                case _:
                    log.warning("not understood: %s", message, extra={"action": "message_refused"})

    def read(self, attempt: AttemptId, offset: int) -> bytes:
        if not is_attempt_id(attempt):
            return b""
        return read_log(str(self._spool.folder(attempt)), offset, READ_BYTES_MAX)

    def sees(self, paths: Sequence[str]) -> Mapping[str, int] | None:
        return self._sight.look(paths)

    def report(self) -> Report:
        with self._memory:
            self._beat += 1
            outcomes, room = [], OUTCOMES_BYTES_MAX
            for outcome in self._outcomes.values():
                room -= self._held[outcome.attempt].size
                if room < 0:
                    break
                outcomes.append(outcome)
            return Report(
                beat=self._beat,
                identity=self._identity,
                attempts={id: (held.phase, held.line) for id, held in self._held.items()},
                outcomes=tuple(outcomes),
                unfit=self._unfit_now(),
                seen=self._spool.seen,
                programs=self._programs,
            )

    def renew(self, programs: tuple[Program, ...]) -> None:
        """Tell from now on of these programs instead of those it came with."""
        self._programs = programs
        self._identity = replace(self._identity, programs=programs)

    def on_change(self, hint: Callable[[], None]) -> None:
        self._hints.append(hint)

    def kill_all(self, grace_s: float = KILL_ALL_GRACE_S) -> None:
        """End all that runs or waits; their outcomes are reported as of any other."""
        with self._desk:
            for attempt in [held.attempt for held in self._held.values() if held.phase.is_live]:
                self._kill(attempt, grace_s)

    def abandon(self, why: str) -> None:
        """Let nothing begin that still waits: its cluster has been silent for too long (R5)."""
        with self._desk:
            for held in list(self._held.values()):
                with self._memory:
                    if held.phase is not Phase.QUEUED:
                        continue
                    held.phase = Phase.EXITED
                self._end(Outcome(attempt=held.attempt, ending=Ending.LOST, why=why))

    def close(self) -> None:
        """Leave runners alone and start nothing more; the next table on the spool adopts them."""
        for lane in self._lanes.values():
            lane.close()
        self._hints.clear()
        self._launcher.close()

    def _parsed(self, text: str) -> Spec | None:
        """Return the spec, or refuse it: aloud if it names its attempt, else by Rejected."""
        attempt: object = None
        try:
            data = json.loads(text)
            attempt = data.get("attempt")
            if is_attempt_id(attempt):
                return load(Spec, data)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            if is_attempt_id(attempt):
                with self._desk:
                    why = f"its spec cannot be read: {error}"
                    self._end(Outcome(attempt=str(attempt), ending=Ending.UNSTARTED, why=why))
                return None
            raise self._no(f"a spec cannot be read: {error}") from error
        raise self._no(f"{attempt!r} names no attempt")

    def _unfit(self, spec: Spec, text: str) -> str:
        if len(text) > SPEC_BYTES_MAX:
            return f"its spec has {len(text)} bytes; at most {SPEC_BYTES_MAX} are taken"
        if spec.service not in self._lanes:
            return f"node {self._member.node!r} does not offer the service {spec.service!r}"
        return "" if spec.argv else "its command has no words"

    def _no(self, why: str) -> Rejected:
        return Rejected(self._member.node, why)

    def _adopt(self, attempt: AttemptId, spec: Spec | None) -> None:
        if outcome := self._spool.outcome(attempt):
            self._tell(outcome)
            return
        if spec is None or spec.service not in self._lanes:
            why = "its spec in the spool is not whole" if spec is None else "no such service now"
            self._end(Outcome(attempt=attempt, ending=Ending.LOST, why=why))
            return
        run = self._launcher.adopt(spec)
        held = _Held(attempt, Phase.RUNNING if run else Phase.QUEUED, spec, run=run)
        self._held[attempt] = held
        lane = self._lanes[spec.service]
        if run:
            lane.hold(lambda: self._wait(held, run.wait))
        else:
            lane.put(lambda: self._start(held))

    def _start(self, held: _Held) -> None:
        """Run an attempt to its end, in a thread of its lane."""
        with self._memory:
            if held.phase is not Phase.QUEUED:
                return
            held.phase = Phase.RUNNING
        self._wait(held, lambda: self._ran(held))

    def _ran(self, held: _Held) -> Outcome:
        if held.spec is None:
            raise AssertionError("an attempt without a spec is never queued")
        try:
            run = self._launcher.start(held.spec)
        except OSError as error:
            why = f"no runner could be started: {error.strerror}"
            return Outcome(
                attempt=held.attempt, ending=Ending.UNSTARTED, why=why, cause=Cause.UNREADY
            )
        with self._memory:
            held.run, grace_s = run, held.grace_s
        if grace_s is not None:
            run.kill(grace_s)
        return run.wait()

    def _wait(self, held: _Held, wait: Callable[[], Outcome]) -> None:
        """Record what comes of an attempt, also if it is a fault of ours."""
        outcome = Outcome(
            attempt=held.attempt, ending=Ending.LOST, why="the agent lost sight of it"
        )
        try:
            outcome = wait()
        finally:
            self._record(outcome)

    def _record(self, outcome: Outcome, phase: Phase | None = None) -> None:
        if phase is None:
            phase = Phase.KILLED if outcome.ending is Ending.KILLED else Phase.EXITED
        with self._memory:
            held = self._held.setdefault(outcome.attempt, _Held(outcome.attempt, phase))
            held.phase, held.run, held.size = phase, None, len(canonical(outcome))
            self._outcomes[outcome.attempt] = outcome
        for hint in list(self._hints):
            hint()

    def _end(self, outcome: Outcome) -> None:
        """Record an outcome that no runner writes; it is on the disk first."""
        self._spool.settle(outcome)
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        """Record an outcome that is on the disk."""
        self._record(outcome, Phase.REFUSED if outcome.ending is Ending.UNSTARTED else None)

    def _kill(self, attempt: AttemptId, grace_s: float) -> None:
        with self._memory:
            held = self._held.get(attempt)
            is_waiting = held is None or held.phase is Phase.QUEUED
            if held is not None and held.phase is Phase.QUEUED:
                held.phase = Phase.KILLED
            run = held.run if held is not None else None
            if held is not None and held.phase is Phase.RUNNING:
                held.grace_s = grace_s
        if run is not None:
            run.kill(grace_s)
        elif is_waiting and is_attempt_id(attempt) and not self._spool.is_forgotten(attempt):
            why = "ended on request, before it began"
            self._end(Outcome(attempt=attempt, ending=Ending.KILLED, why=why))

    def _forget(self, attempt: AttemptId) -> None:
        with self._memory:
            if attempt not in self._outcomes:
                return
            del self._outcomes[attempt], self._held[attempt]
        self._spool.forget(attempt)

    def _dismiss(self, reason: str) -> None:
        with self._memory:
            if self._held:
                log.warning("not dismissed, attempts are held: %s", reason)
                return
            self._is_dismissed = True
        log.info("dismissed: %s", reason, extra={"action": "dismissed"})
        for hint in list(self._hints):
            hint()

    def _heard(self, attempt: AttemptId, line: str) -> None:
        with self._memory:
            if held := self._held.get(attempt):
                held.line = line
