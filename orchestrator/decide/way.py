"""A node's next step on its way to work, or away from it.  No I/O, no clock, no memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from orchestrator.decide.fleet import Gate, Sight, difference, is_live
from orchestrator.model.talk import NodePhase

JOIN_LIMIT_S = 60.0
"""An agent that was started and is not heard of for so long cannot reach the scheduler."""


class Deed(Enum):
    """What is done to a machine; each may be done twice."""

    ASK = "ask"
    INSTALL = "install"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a machine answered when it was asked."""

    python: str = ""  #: as ``3.11``
    owner: str = ""
    owner_id: str = ""
    runtime: str = ""  #: digest
    settings: str = ""  #: digest
    has_agent: bool = False  #: whether it runs
    commands: int = 0  #: that still run there


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """All that the next step of one node depends on."""

    name: str
    cluster_id: str
    gate: Gate
    is_wanted: bool = True  #: False: it leaves
    is_forced: bool = False  #: its agent is started anew although nothing differs
    settings: str = ""  #: digest of those it should have
    runtime: str = ""  #: digest of what should be installed; empty: still being gathered
    machine: Machine | None = None  #: None: it must be asked (again)
    sight: Sight | None = None
    busy: int = 0  #: its open attempts
    is_closed: bool = False  #: the last look gave it nothing, and the next will not either
    hurry: bool = False  #: what still runs was ended, and is not waited for
    trouble: str = ""  #: why its last step failed; empty: it did not
    is_refused: bool = False  #: … and trying again does not help
    is_waiting: bool = False  #: it is not yet time to try again
    may_start: bool = True  #: its agent did not stop too often
    started_s: float = 0.0  #: since its agent was started
    is_removed: bool = False  #: all is gone that we had put there


@dataclass(frozen=True, slots=True)
class Step:
    """Where a node stands, and what is done about it."""

    phase: NodePhase
    deed: Deed | None = None
    why: str = ""
    todo: str = ""
    is_down: bool = False  #: its agent is not started again by itself
    is_lost: bool = False  #: what it ran is given to others


def next_step(way: Way) -> Step:
    """Return what to do next; the same however often it is asked, until something changes."""
    return _in(way) if way.is_wanted else _away(way)


def seen(way: Way) -> Step | None:
    """Return how a node stands that is heard of; None for any other."""
    sight, gate = way.sight, way.gate
    if sight is None or sight.report is None or not is_live(sight, gate):
        return None
    if why := difference(way.name, sight.report.identity, gate) or sight.report.unfit:
        return Step(NodePhase.UNFIT, why=why)
    if way.name in gate.paused:
        return Step(NodePhase.PAUSED, why=_running(way), todo=f"orchestrator resume {way.name}")
    if way.name in gate.inactive:
        return Step(NodePhase.PAUSED, why="its manifest says active: false")
    if way.name in gate.shut:
        return Step(NodePhase.CLOSED, why=_and(gate.shut[way.name], _running(way)))
    if sight.set_aside:
        todo = f"orchestrator resume {way.name}"
        return Step(NodePhase.QUARANTINED, why=sight.set_aside, todo=todo)
    return Step(NodePhase.READY)


def _silent(way: Way) -> Step | None:
    """Return how a node stands that was heard of and is not now; None for any other."""
    sight, gate = way.sight, way.gate
    if sight is None or sight.member is None or is_live(sight, gate):
        return None
    why = f"silent for {sight.silent_s:.0f} s" if sight.silent_s >= 1 else "it has left"
    if sight.has_left:
        why = "its agent was stopped there"
    if way.trouble:
        why = f"{why}; {way.trouble}"
    if way.name in gate.shut and not way.busy:  # people switch such computers off
        return Step(NodePhase.CLOSED, why=_and(gate.shut[way.name], why))
    patience_s = gate.patience_s(is_together=sight.together)
    is_lost = way.name in gate.given_up or sight.silent_s >= patience_s
    if sight.has_left:
        return Step(NodePhase.LEFT, why=why, is_lost=is_lost)
    if is_lost:
        return Step(NodePhase.LOST, why=why, is_lost=True)
    if sight.together:
        why = f"{why}, with most of the others"
    return Step(NodePhase.SUSPECT, why=why)


def _in(way: Way) -> Step:
    here = seen(way) or _silent(way)
    if way.is_refused:
        return Step(NodePhase.REFUSED, why=way.trouble)
    if way.is_waiting:
        return here or Step(NodePhase.UNREACHABLE, why=way.trouble)
    if way.machine is None:
        return replace(_asked(way, here), deed=Deed.ASK)
    if way.machine.owner_id and way.machine.owner_id != way.cluster_id:
        return _of_another(way.machine)
    ours = way.gate.ours
    if ours and way.machine.python and way.machine.python != ours.python_minor:
        why = f"it has Python {way.machine.python}; install Python {ours.python_minor} there"
        return Step(NodePhase.UNFIT, why=why)
    return (
        _running_agent(way, way.machine) if way.machine.has_agent else _no_agent(way, way.machine)
    )


def _running_agent(way: Way, machine: Machine) -> Step:
    if why := _outdated(way, machine):
        return _stopped(way, why)
    here = seen(way) or _silent(way)
    return _joining(way) if here is None or _is_past(way, here) else here


def _is_past(way: Way, here: Step) -> bool:
    """Whether a goodbye is of the agent before: that one we have ended ourselves."""
    return here.phase is NodePhase.LEFT and way.started_s <= JOIN_LIMIT_S


def _asked(way: Way, here: Step | None) -> Step:
    """Return how a node stands while its machine is asked."""
    if here is None:
        return _again(way)
    if not _is_past(way, here):
        return here
    return _joining(way) if way.started_s else Step(NodePhase.STARTING)


def _again(way: Way) -> Step:
    """Return how a node stands that is asked, as before if it was asked before."""
    if way.trouble:
        return Step(NodePhase.UNREACHABLE, why=way.trouble)
    return _joining(way) if way.started_s else Step(NodePhase.CONNECTING)


def _joining(way: Way) -> Step:
    if way.started_s > JOIN_LIMIT_S:
        why = "its agent runs and does not reach the scheduler; look at the firewall between them"
        return Step(NodePhase.UNREACHABLE, why=why, todo=f"orchestrator nodes log {way.name}")
    return Step(NodePhase.JOINING)


def _outdated(way: Way, machine: Machine) -> str:
    """Return why a running agent must be started anew; empty: it need not."""
    if way.is_forced:
        return "it is started anew"
    if machine.settings != way.settings:
        return "it gets new settings"
    if way.runtime and machine.runtime != way.runtime:
        return "it gets another version"
    return ""


def _stopped(way: Way, why: str) -> Step:
    """Stop an agent when nothing runs there, and nothing will be given to it meanwhile."""
    if is_live(way.sight, way.gate) and not (way.is_closed and (way.busy == 0 or way.hurry)):
        return Step(NodePhase.DRAINING, why=_and(why, _running(way)))
    return Step(NodePhase.STARTING, Deed.STOP, why)


def _no_agent(way: Way, machine: Machine) -> Step:
    if not way.runtime:
        return Step(NodePhase.INSTALLING, why="gathering what is installed (once)")
    if machine.runtime != way.runtime:
        return Step(NodePhase.INSTALLING, Deed.INSTALL)
    if way.may_start:
        return Step(NodePhase.STARTING, Deed.START)
    return Step(
        NodePhase.UNFIT,
        why="its agent stopped too often, and is not started again; see its log",
        todo=f"orchestrator nodes log {way.name}; then: orchestrator resume {way.name}",
        is_down=True,
    )


def _away(way: Way) -> Step:
    if way.is_removed:
        return Step(NodePhase.REMOVED)
    if way.is_refused:
        return Step(NodePhase.REFUSED, why=way.trouble)
    if way.is_waiting:
        return Step(NodePhase.UNREACHABLE, why=f"{way.trouble}; what is on it was not removed")
    if way.busy and not way.hurry:
        return Step(NodePhase.DRAINING, why=_running(way))
    if way.machine is None:
        return Step(NodePhase.DRAINING, Deed.ASK)
    owner = way.machine.owner_id
    if owner != way.cluster_id and (owner or not way.machine.runtime):
        return Step(NodePhase.REMOVED)
    if way.machine.has_agent:
        return Step(NodePhase.DRAINING, Deed.STOP)
    if way.machine.commands:
        return Step(NodePhase.DRAINING, why=f"{way.machine.commands} commands still run there")
    return Step(NodePhase.DRAINING, Deed.REMOVE)


def _of_another(machine: Machine) -> Step:
    owner = machine.owner or machine.owner_id
    return Step(
        NodePhase.REFUSED,
        why=f"it belongs to cluster {owner!r}; take it out of that one, then `apply` again",
    )


def _and(*says: str) -> str:
    return "; ".join(filter(None, says))


def _running(way: Way) -> str:
    return f"{way.busy} running" if way.busy else ""
