"""Which nodes are set aside because nothing goes well on them.  No I/O, no clock, no memory.

Three failures in a row over two jobs, or three losses within ten minutes, and a node gets no work
but for one task now and then: a probe.  A task that goes well there ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.model.record import AttemptRecord
from orchestrator.model.work import Cause

FAILURES_MAX = 3
JOBS_LEAST = 2
LOSSES_MAX = 3
LOSSES_WITHIN_S = 600.0

PROBE_AFTER_S = (300.0, 900.0, 3600.0)
"""Before the first probe, the second, and each that follows."""

HISTORY_MAX = 50
"""So many of a node's last attempts are looked at."""

_FAILED = frozenset({Cause.FAILED.value, Cause.CRASHED.value})
_AGAINST = _FAILED | {Cause.LOST.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Why a node is set aside, and when it may prove itself."""

    why: str
    since: float  #: Unix seconds: of its last failure or loss
    pause_s: float  #: from then to the next probe

    def is_due(self, now: float) -> bool:
        """Whether it may be given one task; if the clock was set back, it may be."""
        return not self.since <= now < self.since + self.pause_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """All blames of a cluster."""

    blames: Mapping[str, Blame] = field(default_factory=dict)
    probing: frozenset[str] = frozenset()  #: of these, the ones that may be given a single task now
    judged: frozenset[str] = frozenset()  #: whose attempts were looked at

    @property
    def closed(self) -> Mapping[str, str]:
        """The nodes that are given nothing, each with the reason."""
        return {n: blame.why for n, blame in self.blames.items() if n not in self.probing}


NOBODY = Quarantine()


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What else decides who is set aside."""

    unix: float
    there: frozenset[str]  #: nodes that would be given work
    busy: frozenset[str]  #: nodes with open attempts: they need no probe
    aside: frozenset[str] = frozenset()  #: those that are set aside


def quarantine(blames: Mapping[str, Blame | None], now: Now) -> Quarantine:
    """Return who is set aside.

    The last node that would be given work is not: else nothing would be done at all.
    """
    found = {node: blame for node, blame in sorted(blames.items()) if blame}
    if now.there and now.there <= found.keys():
        spared = min(now.there, key=lambda node: (node in now.aside, found[node].since, node))
        del found[spared]
    idle = found.keys() - now.busy
    return Quarantine(
        blames=found,
        probing=frozenset(node for node in idle if found[node].is_due(now.unix)),
        judged=frozenset(blames),
    )


def blame(history: Sequence[AttemptRecord]) -> Blame | None:
    """Say what a node's last closed attempts, in any order, speak against it; None: nothing."""
    bad = _since_success(history)
    for number in range(1, len(bad) + 1):
        if why := _failing(bad[:number]) or _flaky(bad[:number]):
            return _blame(why, bad[number - 1], bad[number:])
    return None


def _since_success(history: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """Return what went wrong since something went well, oldest first."""
    bad: list[AttemptRecord] = []
    for record in sorted(history, key=lambda each: (each.closed, each.id)):
        if record.accepted:
            bad.clear()
        elif record.cause in _AGAINST:
            bad.append(record)
    return bad


def _failing(bad: Sequence[AttemptRecord]) -> str:
    row = [record for record in bad if record.cause in _FAILED]
    jobs = {_job(record) for record in row}
    if len(row) < FAILURES_MAX or len(jobs) < JOBS_LEAST:
        return ""
    return f"{len(row)} tasks of {len(jobs)} jobs in a row have failed on it: {row[-1].why}"


def _flaky(bad: Sequence[AttemptRecord]) -> str:
    """Count losses; those of one moment are one: a node that dies loses all that it runs."""
    times = sorted({record.closed for record in bad if record.cause == Cause.LOST.value})
    last = times[-LOSSES_MAX:]
    if len(last) < LOSSES_MAX or _unix(last[-1]) - _unix(last[0]) > LOSSES_WITHIN_S:
        return ""
    return f"flaky: work was lost on it {LOSSES_MAX} times in {LOSSES_WITHIN_S / 60:g} min"


def _blame(why: str, last: AttemptRecord, later: Sequence[AttemptRecord]) -> Blame:
    """Return the blame, its pauses longer with each probe that went wrong, too."""
    probes = [record for record in later if record.opened >= last.closed]
    pause_s = PROBE_AFTER_S[min(len(probes), len(PROBE_AFTER_S) - 1)]
    since = probes[-1].closed if probes else last.closed
    return Blame(why=why, since=_unix(since), pause_s=pause_s)


def _job(record: AttemptRecord) -> str:
    return "/".join(record.task.split("/")[:2])


def _unix(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
