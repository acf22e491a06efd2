"""Why something failed, in one sentence each: what stands above its logs (F-LOG-1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.model.record import Standing
from orchestrator.model.work import State, Task

NAMED_MAX = 6
"""Of so many failed parts the reason is said; the rest are counted."""


def failures(standings: Sequence[Standing], tasks: Sequence[Task], id: str) -> Iterator[str]:
    """Yield why `id` failed, and of a batch each of its jobs; nothing for what has not.

    :param standings: its batch, with its jobs and targets
    :param tasks: those at or below it, which speak for a segment or a task
    """
    asked = next((part for part in standings if part.id == id), None)
    if asked is None:
        failed = [(task.id, task.reason) for task in tasks if task.state is State.FAILED]
    else:
        parts = [asked, *(each for each in standings if asked.level == "batch" and _is_job(each))]
        failed = [(part.id, part.reason) for part in parts if part.state is State.FAILED]
    for name, reason in failed[:NAMED_MAX]:
        yield f"{name}: Failed: {' '.join(reason.split())}" if reason else f"{name}: Failed"
    if len(failed) > NAMED_MAX:
        yield f"and {len(failed) - NAMED_MAX} more have failed"


def _is_job(part: Standing) -> bool:
    return part.level == "job"
