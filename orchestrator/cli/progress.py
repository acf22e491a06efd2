"""How a batch goes on, live in a terminal, one line a minute elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from orchestrator.cli.show import plain, tell
from orchestrator.cli.watcher import TargetLine, Watcher
from orchestrator.decide.reconcile import View
from orchestrator.model.work import State

REFRESH_S = 0.25
QUIET_S = 60.0


@contextmanager
def display(watcher: Watcher, quiet: bool) -> Iterator[Display]:
    """Show progress until left: live where there is a terminal; nothing at all if `quiet`."""
    console = Console(stderr=True)
    if quiet:
        yield Display(watcher)
    elif not console.is_terminal:
        with _warnings(lines := _Lines(watcher)):
            yield lines
    else:
        live = Live(console=console, refresh_per_second=4, transient=True)
        with live, _warnings(picture := _Picture(watcher, live)):
            yield picture


@contextmanager
def _warnings(shown: Display) -> Iterator[None]:
    """Show what somebody should know (log level warning) beside the progress, each once."""
    handler = _Teller(shown)
    logger = logging.getLogger("orchestrator")
    logger.addHandler(handler)
    logger.propagate = logger.isEnabledFor(logging.INFO)  # with -v everything is told anyway
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(handler)


class _Teller(logging.Handler):
    def __init__(self, shown: Display) -> None:
        super().__init__(logging.WARNING)
        self._shown = shown
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._told:
            self._told.add(text)
            self._shown.say(text)


class Display:
    """Shows nothing; what `-o json` wants."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._due = 0.0
        self._every_s = REFRESH_S
        self._holds: frozenset[str] = frozenset()

    def each(self, view: View) -> None:
        """Take one look; draw it if it is time to."""
        now = time.monotonic()
        holds = _holds(view)
        for why in holds - self._holds:
            self.say(f"Waiting: {why}")
        self._holds = holds
        if now >= self._due:
            self._due = now + self._every_s
            self.draw(view, now)

    def draw(self, view: View, now: float) -> None:
        """Show how things stand."""

    def say(self, sentence: str) -> None:
        """Tell one thing, above the picture where there is one."""


def _holds(view: View) -> frozenset[str]:
    """Return why nothing of a batch is begun now."""
    shut = {f"this computer is {why}" for why in view.shut.values()}
    crowded = {f"{job}: {why.partition(': ')[0]}" for job, why in view.crowded.items()}
    return frozenset(filter(None, {view.storage_low, *shut, *crowded}))


class _Picture(Display):
    def __init__(self, watcher: Watcher, live: Live) -> None:
        super().__init__(watcher)
        self._live = live

    def draw(self, view: View, now: float) -> None:
        self._live.update(table(self._watcher.lines(view, now)))

    def say(self, sentence: str) -> None:
        self._live.console.print(plain(sentence), markup=False, highlight=False)


class _Lines(Display):
    """One line a minute for a log file, and one whenever a target changes its state."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher)
        self._states: dict[str, State] = {}
        self._next = time.monotonic() + QUIET_S

    def draw(self, view: View, now: float) -> None:
        lines = self._watcher.lines(view, now)
        changed = [line for line in lines if self._states.get(line.name) is not line.state]
        for line in changed:
            self._states[line.name] = line.state
        if now >= self._next:
            self._next = now + QUIET_S
            changed = [line for line in lines if not line.state.is_final]
        for line in changed:
            self.say(sentence(line))

    def say(self, sentence: str) -> None:
        tell(plain(sentence))


def sentence(line: TargetLine) -> str:
    """Return one line of text on a target."""
    parts = [f"{line.name}: {line.state.value}"]
    if line.done + line.running + line.waiting:
        parts.append(f"segments {line.done} done, {line.running} running, {line.waiting} waiting")
    if line.frames:
        parts.append(f"{int(line.frames_done)}/{line.frames} frames")
    if line.left_s is not None:
        parts.append(f"{line.frames_per_s:.1f} fps, {clock(line.left_s)} left")
    return ", ".join(parts)


def table(lines: tuple[TargetLine, ...]) -> Table:
    """Return the live picture: a row a target."""
    grid = Table(box=None, pad_edge=False)
    for name in ("target", "status", "segments", "frames", "speed", "left", ""):
        grid.add_column(name, no_wrap=True, style="dim" if name == "segments" else "")
    for line in lines:
        bar = ProgressBar(total=1.0, completed=line.share, width=20)
        left = "" if line.left_s is None else clock(line.left_s)
        speed = f"{line.frames_per_s:.1f} fps" if line.frames_per_s else ""
        segments = f"{line.done} done {line.running} run {line.waiting} wait"
        frames = f"{int(line.frames_done)}/{line.frames}" if line.frames else ""
        status = line.state.value + (f" ({line.step})" if line.step else "")
        grid.add_row(plain(line.name), status, segments, frames, speed, left, bar)
    return grid


def clock(seconds: float) -> str:
    """Return seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
