"""Whether a job that has not begun finds room on cluster storage (F-STOR-6).

No I/O, no clock, no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.model.record import Standing
from orchestrator.model.work import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a job takes of cluster storage, by its processor's estimate."""

    job: str  #: its id, or of its copy task
    whole_bytes: int  #: all of it, from the first segment to the last file; 0: not known
    has_begun: bool = False
    done: float = 0.0  #: which part of its frames is there already

    @property
    def left_bytes(self) -> int:
        """How much is still to come."""
        return int(self.whole_bytes * (1 - min(1.0, max(0.0, self.done))))


def need(job: str, whole_bytes: int, parts: Iterable[Standing]) -> Need:
    """Return what a job takes, as its own standing and those of its targets tell of it."""
    frames = done = 0
    has_begun = False
    for part in parts:
        if part.id == job:
            has_begun = any(
                not kind.is_first and state in {State.PROCESSING, State.SUCCESSFUL} and number
                for (kind, state), number in part.tasks.items()
            )
        elif part.level == "target" and part.id.startswith(f"{job}/"):
            frames += part.frames
            done += part.frames_done
    share = done / frames if frames else 0.0
    return Need(job=job, whole_bytes=whole_bytes, has_begun=has_begun, done=share)


def frames_of(job: str, parts: Iterable[Standing]) -> Mapping[str, int]:
    """Return target -> output frames of a job."""
    return {
        part.name: part.frames
        for part in parts
        if part.level == "target" and part.id.startswith(f"{job}/")
    }


def crowded(wanted: Need, begun: Iterable[Need], free: int, kept: int) -> str:
    """Return why a job must wait for room, as said of the storage; empty: it need not.

    :param begun: those whose rest still comes to the same storage
    :param free: bytes that may be written there
    :param kept: bytes of these that are kept free
    """
    if wanted.has_begun or not wanted.whole_bytes:
        return ""
    promised = sum(each.left_bytes for each in begun if each.job != wanted.job)
    room = max(0, free - kept - promised)
    if wanted.whole_bytes <= room:
        return ""
    return (
        f"is too full for it: it takes about {_mib(wanted.whole_bytes)} MiB, and {_mib(room)} MiB "
        "are left beside what has begun; free some space, it goes on by itself"
    )


def _mib(count: int) -> int:
    return count >> 20
