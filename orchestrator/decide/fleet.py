"""Which nodes take new work, and which do not come back.  No I/O, no clock, no memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.model.cluster import Limits
from orchestrator.model.node import Identity, Member, Report
from orchestrator.model.work import AttemptId, Copying

SUSPECT_LEAST_S = 5.0
SUSPECT_BEATS = 3
LOST_BEATS = 5

MASS_LEAST = 3
"""So many nodes at least must fall silent together, and more than half, to suspect ourselves (R10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a node: what it said last, and how long ago that was."""

    member: Member | None = None  #: the life of its agent that counts; None: it was never seen
    report: Report | None = None
    silent_s: float = 0.0  #: since its beat last changed; never seen: since we began to look
    is_listed: bool = False  #: whether the engine shows it now
    double: Member | None = None  #: another machine that calls itself so, too (F33)
    held: frozenset[AttemptId] = frozenset()  #: open attempts that earlier lives had reported
    set_aside: str = ""  #: why it is given nothing but a task now and then; empty: it is not (F32)
    together: bool = False  #: it fell silent with most of the others, and is so still (R10)

    @property
    def has_left(self) -> bool:
        """Whether its last word was a goodbye: it was ended in order, and is not lost track of."""
        return self.report is not None and self.report.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What is the same in a whole cluster: that of its controller (F-ROLE-6)."""

    version: str
    python_minor: str
    plugins: Mapping[str, str] = field(default_factory=dict)
    shut: frozenset[str] = frozenset()  #: plugins that do not count, whoever has them


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What decides, besides a node's own word, whether it is given work."""

    ours: Ours | None = None  #: None: versions are not compared
    wanted: frozenset[str] | None = None  #: names; None: whoever comes
    guests: frozenset[str] = frozenset()  #: free nodes that were taken: wanted for a while
    paused: frozenset[str] = frozenset()  #: by a person
    inactive: frozenset[str] = frozenset()  #: by ``active: false``
    draining: Mapping[str, str] = field(default_factory=dict)  #: node -> what for
    shut: Mapping[str, str] = field(default_factory=dict)
    #: node outside its work schedule -> ``closed until Mon 18:00 (Europe/Berlin)``
    evicting: frozenset[str] = frozenset()  #: what still runs there is ended: its time is over
    given_up: Mapping[str, str] = field(default_factory=dict)
    #: silent node -> proof, or a person's word, that it does not come back (R11)
    heartbeat_s: float = 0.5
    lost_after_s: float = 60.0
    orphan_stop_after_s: float = 3600.0  #: then what a silent node runs has stopped itself (R5)
    limits: Limits = field(default_factory=Limits)  #: how much is worked on at once
    copy: Copying = Copying.AS_NEEDED  #: unless a batch says otherwise
    mass_loss_hold_s: float = 600.0  #: how long at most most of the nodes may be silent together

    @property
    def suspect_after_s(self) -> float:
        """Silence after which a node gets no new work."""
        return max(SUSPECT_LEAST_S, SUSPECT_BEATS * self.heartbeat_s)

    @property
    def lost_s(self) -> float:
        """Silence after which its work is given to others; never under five heartbeats."""
        return max(self.lost_after_s, LOST_BEATS * self.heartbeat_s)

    def patience_s(self, *, is_together: bool) -> float:
        """Silence after which a node is lost; longer for one of many that fell silent together."""
        return max(self.lost_s, self.mass_loss_hold_s) if is_together else self.lost_s


def is_live(sight: Sight | None, gate: Gate) -> bool:
    """Whether a node is heard of, and means to stay."""
    if sight is None or sight.has_left or not sight.is_listed:
        return False
    return sight.silent_s <= gate.suspect_after_s


def closed(sights: Mapping[str, Sight], gate: Gate) -> Mapping[str, str]:
    """Return the nodes that take no new work, each with the reason; what runs there goes on."""
    reasons = {name: next(_closed(name, sight, gate), "") for name, sight in sights.items()}
    return {name: why for name, why in reasons.items() if why}


def lost(sights: Mapping[str, Sight], gate: Gate) -> Mapping[str, str]:
    """Return the nodes whose work is given to others, each with the reason (F-REC-6)."""
    found = {}
    together = mass_loss(sights, gate)
    for name, sight in sights.items():
        limit_s = gate.patience_s(is_together=name in together)
        if is_live(sight, gate):
            continue
        if name in gate.given_up:
            found[name] = gate.given_up[name]
        elif sight.has_left and sight.silent_s >= limit_s:
            found[name] = f"node {name!r}: its agent was stopped, and has not come back"
        elif sight.silent_s >= limit_s:
            found[name] = f"node {name!r}: nothing was heard of it for {limit_s:g} s"
    return found


def unheard(sights: Mapping[str, Sight], gate: Gate) -> frozenset[str]:
    """Return the silent nodes on which something may still run.

    A runner that hears nothing for `orphanStopAfter` has stopped itself (R5), and whoever is given
    up by proof or a person's word runs nothing.
    """
    return frozenset(
        name
        for name, sight in sights.items()
        if not is_live(sight, gate)
        and name not in gate.given_up
        and sight.silent_s < gate.orphan_stop_after_s
    )


def mass_loss(sights: Mapping[str, Sight], gate: Gate) -> frozenset[str]:
    """Return the nodes that fell silent together, so many that the fault may be ours (R10).

    More than half of those that were heard of before, three at least, within one `lostAfter`; each
    until it is heard of again.  Who was to go does not count: closed by its schedule, drained,
    paused, or given up; nor who said goodbye.
    """
    expected = {*gate.shut, *gate.draining, *gate.paused, *gate.inactive, *gate.given_up}
    silent = sorted(
        (sight.silent_s, name)
        for name, sight in sights.items()
        if not is_live(sight, gate)
        and not sight.has_left
        and name not in expected
        and (gate.wanted is None or name in gate.wanted | gate.guests)
    )
    live = sum(is_live(sight, gate) and name not in expected for name, sight in sights.items())
    held = {name for _, name in silent if sights[name].together}
    for since, _ in silent:
        together = [name for s, name in silent if since <= s <= since + gate.lost_s]
        if len(together) >= MASS_LEAST and len(together) > live:
            held.update(together)
    return frozenset(held)


def mass_alarm(sights: Mapping[str, Sight], gate: Gate) -> str:
    """Return what people are told while the work of silent nodes is not given to others; or ""."""
    held = mass_loss(sights, gate) - lost(sights, gate).keys()
    if not held:
        return ""
    left_s = min(gate.patience_s(is_together=True) - sights[name].silent_s for name in held)
    return (
        f"nodes {', '.join(sorted(held))} fell silent together: their work is given to others in "
        f"{max(0.0, left_s):.0f} s; sooner with: orchestrator nodes lost NAME"
    )


def _closed(name: str, sight: Sight, gate: Gate) -> Iterator[str]:
    if gate.wanted is not None and name not in gate.wanted | gate.guests:
        yield "it is not a node of this cluster (any more)"
    if name in gate.paused:
        yield f"it is paused; resume it with: orchestrator resume {name}"
    if name in gate.inactive:
        yield "its manifest says active: false"
    if name in gate.draining:
        yield gate.draining[name]
    if name in gate.shut:
        yield gate.shut[name]
    if sight.report is not None:
        if differs := difference(name, sight.report.identity, gate):
            yield differs
        if sight.report.unfit:
            yield sight.report.unfit
    if sight.has_left:
        yield "its agent was stopped"
    elif not is_live(sight, gate):
        yield f"it has been silent for {sight.silent_s:.0f} s"


BY_HAND = (
    "what `apply` installed was changed there; take the node out of the manifest, `apply`, put it "
    "back, `apply` again"
)
"""The fleet installs by itself what the controller has; what differs after that, somebody changed."""


def difference(name: str, identity: Identity, gate: Gate) -> str:
    """Return what differs from the controller, and what becomes of that; empty: nothing."""
    if gate.ours is None:
        return ""
    theirs, ours = identity, gate.ours
    if theirs.python_minor != ours.python_minor:
        return (
            f"it runs Python {theirs.python_minor or 'unknown'}, the controller "
            f"{ours.python_minor}; install Python {ours.python_minor} there, then `apply` again"
        )
    mend = "upgrade it there" if name in gate.guests else BY_HAND
    if theirs.version != ours.version:
        return f"it runs orchestrator {theirs.version}, the controller {ours.version}; {mend}"
    for plugin in sorted({*theirs.plugins, *ours.plugins} - ours.shut):
        there, here = theirs.plugins.get(plugin, "none"), ours.plugins.get(plugin, "none")
        if there != here:
            return f"its plugin {plugin} is {there}, the controller's {here}; {mend}"
    return ""
