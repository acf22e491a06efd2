"""A batch on a cluster, waited for: progress while it goes on, and its result (F-CLI-14)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.cli import board, screens
from orchestrator.cli.connect import Dial, again
from orchestrator.cli.options import INTERRUPTED
from orchestrator.cli.show import emit, plain, tell
from orchestrator.client.client import Client
from orchestrator.errors import Unreachable
from orchestrator.model.talk import BatchView
from orchestrator.model.work import State

LOOK_S = 0.5
"""Between two looks at least, however much there is to hear."""

LOOK_SLOWEST_S = 5.0

LINE_S = 60.0
"""Without a terminal so often is told of what goes on, beside every change of state."""


def result(client: Client, batch: str, dial: Dial, timeout_s: float | None, output: str) -> int:
    """Wait for a batch, showing how it goes; print its end, and return the exit code.

    1 too if the time is over or only held work is left; 130 if the user stops waiting.  The batch
    goes on in both cases.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    try:
        with _shown(quiet=output != "table") as shown:
            view = _over(client, batch, until, shown)
    except KeyboardInterrupt:
        tell(f"\nBatch {plain(batch)} goes on: {again('status', batch, dial)}")
        return INTERRUPTED
    if view is None:
        tell(f"Batch {plain(batch)}: not over in {timeout_s:g} s; it goes on.")
        tell(f"More: {again('status', batch, dial)}")
        return 1
    return _ended(view, dial, output)


class Shown(Protocol):
    """Where progress is shown."""

    def look(self, data: board.Data) -> None:
        """Show a batch as it stands."""

    def say(self, sentence: str) -> None:
        """Tell one thing."""


def _over(client: Client, batch: str, until: float | None, shown: Shown) -> BatchView | None:
    """Return the batch once it has ended or is held; None when the time is over."""
    wait_s, silent = LOOK_S, False
    while until is None or time.monotonic() < until:
        began = time.monotonic()
        try:
            for view in _looks(client, batch, until):
                silent, wait_s = False, LOOK_S
                shown.look(board.tree_data(sheet(view)))
                if _is_over(view):
                    return view
        except Unreachable as error:
            if not silent:
                shown.say(f"{error}; asked again until it answers")
            silent, wait_s = True, min(LOOK_SLOWEST_S, 2 * wait_s)
        next_s = began + wait_s if until is None else min(began + wait_s, until)
        time.sleep(max(0.0, next_s - time.monotonic()))
    return None


def _looks(client: Client, batch: str, until: float | None) -> Iterator[BatchView]:
    """Yield the batch as it stands, again whenever there is news, for one `statusInterval`.

    So a change of state is seen at once, and what only goes on as often as the cluster says.
    """
    seconds = min(LINE_S, client.info().status_interval_s)
    if until is not None:
        seconds = min(seconds, max(0.0, until - time.monotonic()))
    for _ in client.ticks(seconds):
        yield client.batch(batch)


def _is_over(view: BatchView) -> bool:
    """Whether it has ended, or nothing goes on and what is left waits for a person."""
    state = view.standings[0].state
    return state.is_final or state is State.HOLD


def sheet(view: BatchView) -> board.Sheet:
    """Return a batch of a cluster as the screens want it."""
    return board.Sheet(
        batch=view.batch,
        standings=view.standings,
        sent_by=view.standings[0].sent_by,
        now=datetime.now(UTC).astimezone(),
    )


def _ended(view: BatchView, dial: Dial, output: str) -> int:
    data = board.tree_data(sheet(view))
    emit(data, output, lambda: screens.tree(data))
    state, id = view.standings[0].state, view.standings[0].id
    if state is State.SUCCESSFUL:
        return 0
    if state is State.HOLD and (gates := [each for each in view.standings if each.gate]):
        for gate in gates:
            tell(plain(f"{gate.id}: {gate.gate}"))
            tell(f"Held: {again('resume', gate.id, dial)}")
        return 1
    for verb in _verbs(view):
        tell(f"{'Held' if state is State.HOLD else 'More'}: {again(verb, id, dial)}")
    return 1


def _verbs(view: BatchView) -> tuple[str, ...]:
    """Return what a person may type next."""
    if view.standings[0].state is not State.HOLD:
        return ("explain",)
    return ("resume",) if view.paused else ("explain", "retry", "cancel")


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Shown]:
    console = Console(stderr=True)
    if quiet:
        yield _Silent()
    elif not console.is_terminal:
        yield _Lines()
    else:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            yield _Picture(live)


class _Silent:
    def look(self, data: board.Data) -> None:
        """Show nothing: data come at the end."""

    def say(self, sentence: str) -> None:
        """Tell it: somebody may wonder."""
        tell(plain(sentence))


class _Picture(_Silent):
    def __init__(self, live: Live) -> None:
        self._live = live

    def look(self, data: board.Data) -> None:
        """Draw the batch anew."""
        self._live.update(Text(screens.tree(data)))

    def say(self, sentence: str) -> None:
        """Tell it above the picture."""
        self._live.console.print(plain(sentence), markup=False, highlight=False)


@dataclass(slots=True)
class _Lines(_Silent):
    """A line when a job or target changes its state, and one a minute."""

    _states: dict[str, object] = field(default_factory=dict)
    _next: float = field(default_factory=lambda: time.monotonic() + LINE_S)

    def look(self, data: board.Data) -> None:
        """Tell what has changed."""
        rows = [part for job in screens.rows(data["jobs"]) for part in _parts(job)]
        changed = [row for row in rows if self._states.get(str(row["id"])) != row["status"]]
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_S
            changed = [row for row in rows if row["status"] == State.PROCESSING.value]
        for row in changed:
            self._states[str(row["id"])] = row["status"]
            tell(plain(_line(row)))


def _parts(job: board.Data) -> Iterator[board.Data]:
    yield {**job, "id": job["jobid"]}
    yield from screens.rows(job["targets"])


def _line(row: Mapping[str, object]) -> str:
    counts = row.get("segments")
    told = [f"{n} {name}" for name, n in counts.items() if n] if isinstance(counts, dict) else []
    segments = f", segments {', '.join(told)}" if told else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"{row['id']}: {row['status']}, {row['percentComplete']} %{segments}{reason}"
