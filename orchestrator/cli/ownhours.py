"""The work schedule of this computer: what `run` goes by, kept for who asks meanwhile why it waits."""

from __future__ import annotations

import json

from orchestrator.agent.files import write_whole
from orchestrator.cli.options import CLUSTER, Layout
from orchestrator.controller.hours import OpeningHours, OwnHours
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import Identity
from orchestrator.model.schedule import WorkSchedule


def watch(where: Layout, schedule: WorkSchedule, identity: Identity) -> OwnHours | None:
    """Return what keeps to a schedule, and note it; None: there is none."""
    if schedule.is_always:
        where.schedule.unlink(missing_ok=True)
        return None
    note = canonical({"schedule": schedule, "timezone": identity.timezone})
    write_whole(where.schedule, note.encode())
    return OwnHours(CLUSTER, schedule, identity.timezone, OpeningHours())


def shut(where: Layout) -> str:
    """Return how long this computer is closed, by what the last `run` went by; empty: it is open."""
    try:
        note = json.loads(where.schedule.read_text("utf-8"))
        schedule, zone = load(WorkSchedule, note["schedule"]), str(note["timezone"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    found = OpeningHours().look(CLUSTER, schedule, zone)
    return found.shut if found else ""
