"""Two passes over many parts: what comes before the encodes, and what each of these then needs.

analyse, … ── share out ──┐
     └─────────────────────┴─ encode, …, each with the statistics of its own part
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator.api import Kind, Task, TaskId, task_id

ANALYSIS_PART = 0.4  #: of the time of an encode, a guess: only the order counts
PART, SHARE, SEARCH = "part", "share", "search"  #: steps of an analysis


@dataclass(frozen=True, slots=True)
class Work:
    """The tasks of a target's pictures."""

    before: tuple[Task, ...]  #: nothing else needs them
    encodes: tuple[Task, ...]


def with_average(encodes: Sequence[Task], average: int) -> Work:
    """Return encodes that know their average rate, of one pass."""
    return Work((), tuple(_given(each, {"average": average}) for each in encodes))


def with_analysis(encodes: Sequence[Task], lengths: Sequence[Fraction], average: int) -> Work:
    """Return encodes that need an analysis each and what is shared out, and these.

    :param lengths: seconds of each part
    """
    parts = tuple(
        _part(each, length, average) for each, length in zip(encodes, lengths, strict=True)
    )
    shared = _share(parts, lengths, average)
    after = tuple(
        replace(
            _given(each, {"average": average, "seconds": str(length)}),
            needs=(*each.needs, part.id, shared.id),
        )
        for each, part, length in zip(encodes, parts, lengths, strict=True)
    )
    return Work((*parts, shared), after)


def part_id(task: Task) -> TaskId:
    """Return the analysis of the part that a task encodes."""
    segment = task.segment.index if task.segment else None
    return task_id(task.job.id, Kind.ANALYSE, task.target, segment)


def share_id(task: Task) -> TaskId:
    """Return the task that shares out the rate of a task's target."""
    return task_id(task.job.id, Kind.ANALYSE, task.target)


def _part(encode: Task, length: Fraction, average: int) -> Task:
    given = _given(encode, {"step": PART, "average": average, "seconds": str(length)})
    weight = round(encode.weight * (1 + ANALYSIS_PART), 3)  # its encode hangs on it
    return replace(given, id=part_id(encode), kind=Kind.ANALYSE, weight=weight)


def _share(parts: Sequence[Task], lengths: Sequence[Fraction], average: int) -> Task:
    first = parts[0]
    args = {key: value for key, value in first.args.items() if key not in {"cut", "seconds"}}
    args |= {"step": SHARE, "lengths": [str(length) for length in lengths], "average": average}
    return replace(
        first,
        id=share_id(first),
        segment=None,
        args=args,
        needs=(*first.needs, *(part.id for part in parts)),
        weight=sum(part.weight for part in parts),
    )


def _given(task: Task, more: Mapping[str, object]) -> Task:
    return replace(task, args={**task.args, **more})
