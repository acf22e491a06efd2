"""Who takes part in the work, by one look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.decide.blame import Quarantine
from orchestrator.decide.fleet import Gate, Sight, lost, unheard
from orchestrator.model.node import Member, Report
from orchestrator.model.work import AttemptId


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """The nodes, what decides about them, and which of them get no new work."""

    members: Mapping[Member, Report]  #: of each node that is listed the one life that counts
    sights: Mapping[str, Sight]  #: by name; empty: who is listed is here
    gate: Gate
    closed: Mapping[str, str]  #: node -> why it gets no new work
    quarantine: Quarantine
    aside: Mapping[str, str]
    #: node -> why, as the ledger has it; `quarantine` is how it should be

    @property
    def unheard(self) -> frozenset[str]:
        """The silent nodes on which something may still run."""
        return unheard(self.sights, self.gate)

    @property
    def lost(self) -> Mapping[str, str]:
        """The nodes whose work is given to others, each with the reason."""
        return lost(self.sights, self.gate)

    @property
    def gone(self) -> frozenset[AttemptId]:
        """What earlier lives of nodes had reported, and their present ones do not."""
        return frozenset(
            attempt
            for sight in self.sights.values()
            if sight.is_listed and sight.report is not None
            for attempt in sight.held - sight.report.attempts.keys()
        )


def current(sights: Mapping[str, Sight]) -> dict[Member, Report]:
    """Return of each node that is listed the one life that counts."""
    return {
        sight.member: sight.report
        for sight in sights.values()
        if sight.is_listed and sight.member is not None and sight.report is not None
    }


def set_aside(sights: Mapping[str, Sight], found: Quarantine) -> Mapping[str, Sight]:
    """Return the sights, with the reason of those that are set aside."""
    blames = found.blames
    return {
        name: replace(sight, set_aside=blames[name].why) if name in blames else sight
        for name, sight in sights.items()
    }
