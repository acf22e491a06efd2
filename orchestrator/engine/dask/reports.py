"""What every member said last, from the texts that crossed the wire."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.model.codec import load
from orchestrator.model.node import Identity, Member, Report

log = logging.getLogger(__name__)

UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError)
"""What a text may raise that no agent of ours wrote."""


@dataclass(slots=True)
class _Known:
    """One connection of a member."""

    member: Member
    beat: int
    identity: Identity
    report: Report | None = None  #: None: it never said anything that can be read


class Reports:
    """The last poll.  Taken in one thread, and read from any."""

    def __init__(self) -> None:
        self._connections: dict[str, _Known] = {}  #: by address, oldest first
        self._seen: Mapping[Member, Report] = {}
        self._addresses: Mapping[Member, str] = {}
        self._blamed: set[Member] = set()

    @property
    def seen(self) -> Mapping[Member, Report]:
        """Who is there, and what each said last; who said nothing readable is not listed."""
        return self._seen

    @property
    def known(self) -> dict[str, int]:
        """The beat of each connection; what has not changed since need not be sent again."""
        return {address: known.beat for address, known in self._connections.items()}

    def address(self, member: Member) -> str | None:
        """Return where a member is reached; None if it is not there."""
        return self._addresses.get(member)

    def forget(self) -> None:
        """Ask everything anew: this scheduler is another one.  What was seen stays until then."""
        self._connections = {}

    def take(self, members: Mapping[str, Sequence[object]]) -> bool:
        """Take the answer of a `Desk.look`; return whether anything but beats has changed."""
        self._connections = {
            address: known
            for address, told in members.items()
            if (known := self._taken(address, told)) is not None
        }
        seen: dict[Member, Report] = {}
        for known in self._connections.values():
            if known.report is not None and _is_newer(known.report, seen.get(known.member)):
                seen[known.member] = known.report
        before, self._seen = self._seen, seen
        self._addresses = {known.member: at for at, known in self._connections.items()}
        return _still(before) != _still(seen)

    def _taken(self, address: str, told: Sequence[object]) -> _Known | None:
        """Return what is known of a connection now; None: not even its identity can be read."""
        known = self._connections.get(address)
        try:
            node, incarnation, identity, beat, text = told
            member = Member(str(node), str(incarnation))
            if known is not None and known.member != member:
                return None  # another life, at the same port: the next look asks who it is
            if known is None:
                known = _Known(member, 0, load(Identity, json.loads(str(identity))))
            if text is not None:
                said = {**json.loads(str(text)), "identity": known.identity}
                report = _renewed(load(Report, said))
                if _is_newer(report, known.report):
                    known = replace(known, report=report)
                known = replace(known, beat=int(str(beat)))
        except UNREADABLE as error:
            self._blame(Member(str(told[0]), str(told[1])), error)
        return known

    def _blame(self, member: Member, error: Exception) -> None:
        """Say once that a member cannot be understood: another version, or not our agent."""
        if member not in self._blamed:
            self._blamed.add(member)
            log.warning(
                "node %r: its report cannot be read: %s; is its version ours?",
                member.node,
                error,
                extra={"action": "report_unreadable"},
            )


def _renewed(report: Report) -> Report:
    """Return a report whose identity has the programs that were found after it was told."""
    if report.programs is None:
        return report
    return replace(report, identity=replace(report.identity, programs=report.programs))


def _is_newer(report: Report, known: Report | None) -> bool:
    return known is None or report.beat >= known.beat


def _still(seen: Mapping[Member, Report]) -> dict[Member, Report]:
    return {member: replace(report, beat=0) for member, report in seen.items()}
