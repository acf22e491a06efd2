"""One node as the fleet knows it: what is wanted of it, what was found, what was tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.decide.fleet import Gate, Sight, is_live
from orchestrator.decide.restart import may_restart
from orchestrator.decide.way import Deed, Machine, Step, Way
from orchestrator.model.cluster import Node
from orchestrator.model.node import AgentSettings
from orchestrator.model.talk import NodePhase
from orchestrator.remote.protocol import Found, Remote

ASK_AGAIN_S = 10.0
"""A node that is not heard of is asked over SSH so often."""

BACK_OFF_FIRST_S = 1.0
BACK_OFF_MOST_S = 300.0
DOUBLINGS_MAX = 16

EVICTION_S = 45.0
"""So long what runs past a deadline has to end: its grace, and then the time of a kill."""


WAITING = Step(NodePhase.WAITING)


@dataclass(slots=True)
class Post:
    """Owned by the fleet, under its lock; but for `remote`, which whoever is `at_work` has."""

    node: Node
    remote: Remote
    settings: AgentSettings
    cluster_id: str
    restarts_max: int = 4
    is_wanted: bool = True
    is_forced: bool = False
    is_removed: bool = False
    at_work: bool = False  #: a thread has it
    successor: Remote | None = None  #: takes over when the thread is done with the present one
    step: Step = WAITING
    telling: str = ""  #: what the step under way says of itself
    found: Found | None = None
    platform: str = ""  #: what it was when it was last asked
    address: str = ""  #: likewise, where it was reached
    asked_at: float = float("-inf")
    live_at: float = float("-inf")  #: when it was last heard of
    started_at: float | None = None  #: None: its agent does not run, as far as we know
    ran: tuple[float, ...] = ()  #: seconds that it ran before each stop of its own
    trouble: str = ""
    is_refused: bool = False
    fails: int = 0  #: in a row
    not_before: float = float("-inf")
    deadline: float | None = None  #: then what runs there is not waited for
    sight: Sight | None = None
    busy: Mapping[str, int] = field(default_factory=dict)  #: service -> open attempts
    is_closed: bool = False
    renewal_at: float = float("-inf")  #: when its certificate's age is looked at next

    def forgive(self) -> None:
        """Begin anew: a person has said so."""
        self.is_refused, self.fails, self.trouble = False, 0, ""
        self.not_before, self.ran, self.found = float("-inf"), (), None

    def renew(self, fresh: Post) -> None:
        """Take new settings, and be wanted again; what is going on goes on."""
        self.settings, self.restarts_max = fresh.settings, fresh.restarts_max
        if self.node != fresh.node:
            if self.at_work:
                self.successor = fresh.remote
            else:
                self.remote = fresh.remote
        self.node, self.is_wanted, self.is_removed, self.deadline = fresh.node, True, False, None
        self.forgive()

    def way(self, gate: Gate, runtime: str, now: float) -> Way:
        """Return all that its next step depends on."""
        self._doubt(gate, now)
        started = now if self.started_at is None else self.started_at
        return Way(
            name=self.node.name,
            cluster_id=self.cluster_id,
            gate=gate,
            is_wanted=self.is_wanted,
            is_forced=self.is_forced,
            settings=self.settings.digest,
            runtime=runtime,
            machine=_machine(self.found) if self.found else None,
            sight=self.sight,
            busy=sum(self.busy.values()),
            is_closed=self.is_closed,
            hurry=self.deadline is not None and now >= self.deadline + EVICTION_S,
            trouble=self.trouble,
            is_refused=self.is_refused,
            is_waiting=bool(self.trouble) and now < self.not_before,
            may_start=may_restart(self.ran, self.restarts_max),
            started_s=now - started,
            is_removed=self.is_removed,
        )

    def _doubt(self, gate: Gate, now: float) -> None:
        """Forget what was found where it may be so no longer: nothing is heard of an agent."""
        if self.found is None or not (self.found.agent or self.found.live):
            return
        if is_live(self.sight, gate):
            return
        if self.live_at > self.asked_at or now - self.asked_at >= ASK_AGAIN_S:
            self.found = None

    def is_late(self, now: float) -> bool:
        """Whether its deadline is over."""
        return self.deadline is not None and now >= self.deadline

    def take(self, found: Found, now: float) -> None:
        """Take what the machine answered."""
        self.found, self.asked_at = found, now
        self.platform, self.address = found.platform, found.address
        if not found.agent and self.started_at is not None:
            self.ran = (*self.ran, now - self.started_at)
            self.started_at = None
        if found.agent and self.started_at is None:
            self.started_at = now

    def did(self, deed: Deed, found: Found | None, now: float) -> None:
        """Take what was done to the machine, and what it answered if it was asked."""
        self.found, self.telling = None, ""
        if found is not None:
            self.take(found, now)
        self.is_removed |= deed is Deed.REMOVE
        if deed is Deed.START:
            self.started_at = now
        if deed is Deed.STOP:  # on purpose: it counts as no stop of its own
            self.started_at, self.is_forced = None, False

    def succeeded(self, *, is_progress: bool) -> None:
        """Take that a step went well; one that only asks does not end the waiting in between."""
        self.trouble = ""
        if is_progress:
            self.fails = 0

    def stepped(self, step: Step) -> None:
        """Take what comes next; a node that is ready begins its waiting anew."""
        self.step = step
        if step.phase in {NodePhase.READY, NodePhase.CLOSED, NodePhase.QUARANTINED}:
            self.fails = 0

    def failed(self, why: str, now: float, jitter: float, *, final: bool) -> None:
        """Take that a step failed; `jitter`: 0 to 1, so that not all come back at once."""
        self.trouble, self.is_refused = why, final
        self.found = None
        pause_s = BACK_OFF_FIRST_S * 2 ** min(self.fails, DOUBLINGS_MAX)
        self.not_before = now + min(BACK_OFF_MOST_S, pause_s) * (0.5 + jitter / 2)
        self.fails += 1


def _machine(found: Found) -> Machine:
    return Machine(
        python=found.python,
        owner=found.owner,
        owner_id=found.owner_id,
        runtime=found.runtime,
        settings=found.settings,
        has_agent=found.agent,
        commands=len(found.live),
    )
