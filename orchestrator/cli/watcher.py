"""How a batch stands, line by line: what the progress display shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.decide.reconcile import View
from orchestrator.ledger.protocol import Ledger, Standing
from orchestrator.model.work import AttemptId, Kind, Progress, State, TaskId
from orchestrator.plugin.caller import Caller

SPEED_OVER_S = 30.0
OF_SEGMENTS = frozenset({Kind.ENCODE.value, Kind.RENDER.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """What is shown of one target."""

    name: str
    state: State
    done: int  #: segments
    running: int
    waiting: int
    frames: int
    frames_done: float
    frames_per_s: float
    step: str = ""  #: the step beyond the segments that runs now: audio, assemble, …

    @property
    def share(self) -> float:
        """How much is done, 0..1; 1 only when Successful (F-KNOWN-6)."""
        if self.state is State.SUCCESSFUL:
            return 1.0
        return min(0.99, self.frames_done / self.frames) if self.frames else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds left for the segments, or None where nothing can be said."""
        if self.state.is_final or not self.frames_per_s or self.frames_done >= self.frames:
            return None
        return max(0, self.frames - self.frames_done) / self.frames_per_s


@dataclass(slots=True)
class Watcher:
    """Turns looks into lines; reads the ledger, changes nothing."""

    ledger: Ledger
    caller: Caller
    batch: str
    _history: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _last: dict[AttemptId, Progress | None] = field(default_factory=dict)

    def lines(self, view: View, now: float) -> tuple[TargetLine, ...]:
        """Return a line a target; `now` in monotonic seconds."""
        running = _by_target(view, self._progress(view))
        return tuple(
            self._line(standing, running.get(standing.id, {}), now)
            for standing in self.ledger.standings(self.batch)
            if standing.level == "target"
        )

    def _progress(self, view: View) -> dict[AttemptId, tuple[TaskId, Progress | None]]:
        lines = {
            id: line
            for report in view.members.values()
            for id, (_, line) in report.attempts.items()
        }
        found: dict[AttemptId, tuple[TaskId, Progress | None]] = {}
        for attempt in view.attempts:
            line = lines.get(attempt.id, "")
            task = self.ledger.task(attempt.task) if line else None
            said = self.caller.progress(task, line) if task else None
            found[attempt.id] = (attempt.task, said or self._last.get(attempt.id))
        self._last = {id: far for id, (_, far) in found.items()}  # a line may tell nothing new
        return found

    def _line(
        self, target: Standing, running: Mapping[TaskId, Progress | None], now: float
    ) -> TargetLine:
        count: defaultdict[State, int] = defaultdict(int)
        for (kind, state), number in target.tasks.items():
            if kind in {Kind.ENCODE, Kind.RENDER}:
                count[state] += number
        frames = target.frames_done + _frames(running, of_segments=True)
        steps = sorted({id.rpartition("/")[2] for id in running} - OF_SEGMENTS)
        if looked_at := _frames(running, of_segments=False):  # a first pass has made none yet
            steps = [f"{', '.join(steps)} ({looked_at:.0f} frames)"]
        return TargetLine(
            name=target.id.partition("/")[2],
            state=target.state,
            done=count[State.SUCCESSFUL],
            running=count[State.PROCESSING],
            waiting=count[State.WAITING],
            frames=target.frames,
            frames_done=min(frames, target.frames),
            frames_per_s=self._speed(target.id, frames, now),
            step=", ".join(steps),
        )

    def _speed(self, id: str, frames: float, now: float) -> float:
        history = self._history.setdefault(id, [])
        history.append((now, frames))
        while len(history) > 2 and now - history[1][0] > SPEED_OVER_S:
            history.pop(0)
        since, before = history[0]
        return max(0.0, (frames - before) / (now - since)) if now > since else 0.0


def _frames(running: Mapping[TaskId, Progress | None], *, of_segments: bool) -> float:
    """Return how many frames are done of the running tasks that make segments, or of the others."""
    return sum(
        far.frames
        for id, far in running.items()
        if far and (id.rpartition("/")[2] in OF_SEGMENTS) is of_segments
    )


def _by_target(
    view: View, progress: Mapping[AttemptId, tuple[TaskId, Progress | None]]
) -> dict[str, dict[TaskId, Progress | None]]:
    found: defaultdict[str, dict[TaskId, Progress | None]] = defaultdict(dict)
    for attempt in view.attempts:
        task, how_far = progress[attempt.id]
        found["/".join(task.split("/")[:3])][task] = how_far
    return found
