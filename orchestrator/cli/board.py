"""How batches stand, as data with the names of the original's monitor (F-MON-9, F-MON-10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.cli.progress import clock
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.work import Batch, Kind, State, Task, TaskId

Data = dict[str, object]

PERCENT_UNDONE_MAX = 99
"""100 % is for what is Successful alone (F-KNOWN-6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One batch as read from the ledger."""

    batch: Batch
    standings: tuple[Standing, ...]  #: the batch, its jobs, its targets: parents first
    logs: Mapping[TaskId, str] = field(default_factory=dict)  #: of what failed: its last log
    sent_by: str = ""
    now: datetime  #: in the zone that times are shown in
    _below: Mapping[str, list[Standing]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        below: defaultdict[str, list[Standing]] = defaultdict(list)
        for part in self.standings:
            below[part.id.rpartition("/")[0]].append(part)
        object.__setattr__(self, "_below", below)

    def below(self, part: Standing) -> Sequence[Standing]:
        """Return the jobs of a batch, or the targets of a job."""
        return self._below.get(part.id, ())


def batch_data(sheet: Sheet) -> Data:
    """Return the batch with the attributes of F-MON-10, without its parts."""
    head = sheet.standings[0]
    types = dict.fromkeys(job.processor for job in sheet.batch.jobs)
    return _data(sheet, head, ", ".join(types), {"batchid": head.id})


def tree_data(sheet: Sheet) -> Data:
    """Return the batch with its jobs, and these with their targets."""
    jobs = sheet.below(sheet.standings[0])
    return {**batch_data(sheet), "jobs": [job_data(sheet, job) for job in jobs]}


def job_data(sheet: Sheet, job: Standing) -> Data:
    """Return one job with its targets."""
    more: Data = {"jobid": job.id, "batchid": sheet.batch.id}
    targets = [target_data(sheet, each) for each in sheet.below(job)]
    return {**_data(sheet, job, job.processor, more), "targets": targets}


def target_data(sheet: Sheet, target: Standing) -> Data:
    """Return one target: its segments counted, its frames, where its file goes."""
    counts = _segments(target)
    return {
        "id": target.id,
        "name": target.name,
        "status": target.state.value,
        "reason": target.told,
        "percentComplete": percent(sheet, target),
        "segments": counts,
        "frames": target.frames,
        "framesDone": target.frames_done,
        "destination": target.destination,
        "notes": list(target.notes),
        "log": _log(sheet, target.id),
    }


def task_data(task: Task, attempts: Sequence[AttemptRecord]) -> Data:
    """Return one task; `attempts` may hold those of others."""
    segment = task.segment
    mine = [each for each in attempts if each.task == task.id]
    return {
        "id": task.id,
        "status": task.state.value,
        "reason": task.reason,
        "frames": segment.frames if segment else None,
        "start": segment.start if segment else None,
        "end": segment.end if segment else None,
        "attempts": len(mine),
        "node": mine[-1].node if mine else "",
    }


def joint(tasks: Sequence[Data]) -> str:
    """Return how tasks stand together: the first of these that one of them is in."""
    order = ("Processing", "Waiting", "Hold", "Failed", "Cancelled", "Successful")
    there = {task["status"] for task in tasks}
    return next((status for status in order if status in there), State.WAITING.value)


def percent(sheet: Sheet, part: Standing) -> int:
    """Return how much of a part is accepted; 100 only when Successful."""
    if part.state is State.SUCCESSFUL:
        return 100
    return min(PERCENT_UNDONE_MAX, int(100 * _share(sheet, part)))


def _share(sheet: Sheet, part: Standing) -> float:
    if part.state is State.SUCCESSFUL:
        return 1.0
    if part.level == "batch":
        jobs = sheet.below(part)
        return sum(_share(sheet, job) for job in jobs) / len(jobs) if jobs else 0.0
    parts = (part,) if part.level == "target" else sheet.below(part)
    if frames := sum(each.frames for each in parts):
        return sum(min(each.frames_done, each.frames) for each in parts) / frames
    counts = [(state, number) for each in parts for (_, state), number in each.tasks.items()]
    tasks = sum(number for _, number in counts)
    return sum(n for state, n in counts if state is State.SUCCESSFUL) / tasks if tasks else 0.0


def _data(sheet: Sheet, part: Standing, job_type: str, more: Data) -> Data:
    done = percent(sheet, part)
    elapsed = _elapsed_s(sheet, part)
    left = _remaining_s(part, elapsed, _share(sheet, part))
    return {
        "name": part.name,
        "submissionTime": local(sheet.standings[0].accepted, sheet.now),
        "sentBy": sheet.sent_by,
        "jobType": job_type,
        "priority": sheet.batch.priority.value,
        "timeElapsed": clock(elapsed),
        "timeRemaining": clock(left) if left is not None else None,
        "timeElapsedSeconds": elapsed,
        "timeRemainingSeconds": left,
        "percentComplete": done,
        "resumePercentComplete": done,  # whole segments are kept: nothing of it is done again
        "status": part.state.value,
        "failedParts": _failed(sheet, part),
        "reason": part.reason,
        "log": _log(sheet, part.id),
        **more,
    }


def _elapsed_s(sheet: Sheet, part: Standing) -> int:
    """Return the overall time since the batch was accepted, until the part ended."""
    accepted = sheet.standings[0].accepted
    if not accepted:
        return 0
    until = datetime.fromisoformat(part.ended) if part.ended else sheet.now
    return max(0, round((until - datetime.fromisoformat(accepted)).total_seconds()))


def _remaining_s(part: Standing, elapsed_s: int, share: float) -> int | None:
    """Return an estimate from the pace so far; None where nothing can be said."""
    if part.state.is_final:
        return 0
    if part.state is not State.PROCESSING or not share:
        return None
    return round(elapsed_s * (1 - share) / share)


def _failed(sheet: Sheet, part: Standing) -> int:
    """Return how many jobs of a batch, or targets of a job, have failed or will (F-MON-4)."""
    return sum(
        each.state is State.FAILED or any(state is State.FAILED for _, state in each.tasks)
        for each in sheet.below(part)
    )


def _log(sheet: Sheet, id: str) -> str | None:
    """Return the log that describes the failure of a part (F-LOG-1); None: it has not failed."""
    return next((log for task, log in sheet.logs.items() if task.startswith(f"{id}/")), None)


def _segments(target: Standing) -> dict[str, int]:
    counted = {"done": 0, "running": 0, "waiting": 0, "failed": 0}
    names = {State.SUCCESSFUL: "done", State.PROCESSING: "running", State.FAILED: "failed"}
    for (kind, state), number in target.tasks.items():
        if kind in {Kind.ENCODE, Kind.RENDER}:
            counted[names.get(state, "waiting")] += number
    return counted


def local(time: str, now: datetime) -> str:
    """Return an ISO 8601 time in the zone of `now`, to the second; empty stays empty."""
    if not time:
        return ""
    return datetime.fromisoformat(time).astimezone(now.tzinfo).isoformat(timespec="seconds")
