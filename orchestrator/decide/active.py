"""How much is worked on at once: so many targets, so many segments at most (F-SEG-10).

Active is what a node works on now, and nothing else: what is paused, sleeps, or finds no node to do
it holds up nobody, and a batch of a higher priority waits for the end of one attempt, not of a target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.model.cluster import Limits
from orchestrator.model.node import Member
from orchestrator.model.work import Kind, Task, TaskId

OF_SEGMENTS = frozenset({Kind.ANALYSE, Kind.ENCODE, Kind.RENDER})
"""Kinds of which each task is a segment's; a plan may give each its own."""

TARGETS, SEGMENTS = "targets", "segments"

STORAGE = "storage"
"""Among reached limits: cluster storage takes no new work, whatever it is."""

_PARTS_OF_TARGET = 3


@dataclass(frozen=True, slots=True)
class Active:
    """What nodes work on."""

    targets: frozenset[str] = frozenset()  #: ids
    segments: int = 0


def active(tasks: Iterable[TaskId]) -> Active:
    """Return what is active while these tasks have an open attempt."""
    known = list(tasks)
    targets = frozenset(target for task in known if (target := _target(task)))
    return Active(targets, sum(_is_of_segment(task) for task in known))


def full(now: Active, limits: Limits) -> Mapping[str, str]:
    """Return which limits are reached, `TARGETS` or `SEGMENTS`, each with a sentence."""
    said = {}
    if len(now.targets) >= limits.active_targets:
        said[TARGETS] = (
            f"{len(now.targets)} targets are worked on, as many as limits.activeTargets allows; it "
            "goes on when another has nothing that runs"
        )
    if now.segments >= limits.active_segments:
        said[SEGMENTS] = (
            f"{now.segments} segments are worked on, as many as limits.activeSegments allows; it "
            "goes on when one of them ends"
        )
    return said


def held_up(task: TaskId, targets: frozenset[str], reached: Mapping[str, str]) -> str:
    """Return which limit keeps a task from being given out while these targets are active, or ""."""
    target = _target(task)
    if target and target not in targets and TARGETS in reached:
        return reached[TARGETS]
    return reached.get(SEGMENTS, "") if _is_of_segment(task) else ""


def within(
    placed: Iterable[tuple[Task, Member]], tasks: Iterable[TaskId], limits: Limits
) -> Iterator[tuple[Task, Member]]:
    """Yield what may be given out beside the tasks that have an open attempt, in order."""
    now = active(tasks)
    targets, segments = set(now.targets), now.segments
    for task, member in placed:
        target, is_of_segment = _target(task.id), _is_of_segment(task.id)
        begins = {target} - targets - {""}
        if begins and len(targets) >= limits.active_targets:
            continue
        if is_of_segment and segments >= limits.active_segments:
            continue
        targets |= begins
        segments += is_of_segment
        yield task, member


def _target(task: TaskId) -> str:
    """Return the id of a task's target; empty: it belongs to none, as a probe."""
    parts = task.split("/")
    return "/".join(parts[:_PARTS_OF_TARGET]) if len(parts) > _PARTS_OF_TARGET else ""


def _is_of_segment(task: TaskId) -> bool:
    return Kind(task.rpartition("/")[2]) in OF_SEGMENTS
