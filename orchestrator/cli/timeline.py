"""What happened to a batch or a part of it, for `explain --timeline`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orchestrator.cli import screens
from orchestrator.cli.board import Data, local
from orchestrator.cli.reading import Source
from orchestrator.decide.timeline import timeline
from orchestrator.errors import Refusal
from orchestrator.ledger.history import history
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.record import Happening

COLUMNS = ("when", "what", "says")


def happenings(source: Source, id: str) -> tuple[Happening, ...]:
    """Return what happened to `id`, oldest first, as its cluster or its ledger tells it."""
    if source.client is not None:
        return source.client.timeline(id)
    if not isinstance(source.records, SqliteLedger):
        raise Refusal(f"{id!r}: nobody here can tell what happened to it; ask its cluster")
    return timeline(history(source.records, id), id)


def happening_data(each: Happening, now: datetime) -> Data:
    """Return it as plain data; every key is there, times are in the zone of `now`."""
    return {
        "at": local(each.at, now),
        "until": local(each.until, now) or None,
        "kind": each.kind,
        "id": each.subject,
        "says": each.says,
    }


def table(data: Sequence[Data]) -> str:
    """Return a row for each; of several at once the time that they took."""
    return screens.listed(
        COLUMNS,
        [{"when": _when(each), "what": each["id"], "says": each["says"]} for each in data],
    )


def _when(data: Data) -> str:
    """Return ``2026-05-04 20:00:05``, and of several ``… - 20:04:10`` or another day's time."""
    day, _, time = str(data["at"])[:19].partition("T")
    until, _, end = str(data["until"] or "")[:19].partition("T")
    if not until or (until, end) == (day, time):
        return f"{day} {time}"
    return f"{day} {time} - {end if until == day else f'{until} {end}'}"
