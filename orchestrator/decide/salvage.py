"""What of the work that a ledger has forgotten still counts, by what its folders on storage prove.

No I/O, no clock, no memory.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from orchestrator.model.node import Label, work_digest
from orchestrator.model.work import AttemptId, Outcome, Task, TaskId


@dataclass(frozen=True, slots=True)
class Find:
    """A result that lies on storage, judged as one that comes late (R4)."""

    label: Label
    outcome: Outcome


def proven(
    tasks: Sequence[Task], accepted: Mapping[TaskId, AttemptId], finds: Iterable[Find]
) -> tuple[Find, ...]:
    """Return for each task that is not over the first find of the same work, needs first.

    `tasks`: of whole batches.  The same work is the same task with the same arguments, on inputs
    that are accepted, or proven here.
    """
    by_task: dict[TaskId, list[Find]] = {}
    for find in sorted(finds, key=lambda find: find.label.lease):
        by_task.setdefault(find.label.task, []).append(find)
    known = {task.id: task for task in tasks}
    done, chosen = dict(accepted), dict[TaskId, Find]()
    for id in TopologicalSorter({task.id: task.needs for task in tasks}).static_order():
        task = known.get(id)
        if task is None or id in done or task.state.is_final or not done.keys() >= {*task.needs}:
            continue
        work = work_digest(task, done)
        same = [find for find in by_task.get(id, ()) if find.label.work == work]
        if same:
            chosen[id], done[id] = same[0], same[0].label.attempt
    return tuple(chosen.values())


def kept(
    tasks: Sequence[Task],
    accepted: Mapping[TaskId, AttemptId],
    found: Sequence[Find],
    whole: Container[AttemptId],
) -> tuple[Find, ...]:
    """Return those of the proven finds that count; of `whole` ones the files are as they were told.

    The files may be gone of what nobody needs any more: all that needs it counts itself.
    """
    needed_by: dict[TaskId, list[TaskId]] = {}
    for task in tasks:
        for need in task.needs:
            needed_by.setdefault(need, []).append(task.id)
    needs = {task.id: task.needs for task in tasks}
    left = {find.label.task: find for find in found}
    while True:
        done = {*accepted, *left}
        idle = {id for id in left if needed_by.get(id) and done.issuperset(needed_by[id])}
        lost = [
            id
            for id, find in left.items()
            if not done.issuperset(needs[id])
            or (find.label.attempt not in whole and id not in idle)
        ]
        if not lost:
            return tuple(left.values())
        for id in lost:
            del left[id]
