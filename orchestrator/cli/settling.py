"""The way of a cluster's nodes after `apply` or `delete`, told until nothing more comes by itself."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.cli import nodes, screens
from orchestrator.cli.show import plain, tell
from orchestrator.client.client import Client
from orchestrator.errors import Unreachable
from orchestrator.model.talk import NodePhase, NodeView

LOOK_S = 0.3

_NUMBER = re.compile(r"[0-9]+")

WELL = frozenset({NodePhase.READY, NodePhase.PAUSED, NodePhase.CLOSED, NodePhase.QUARANTINED})
"""Where a node that was applied should come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How the nodes stood at the end."""

    nodes: tuple[NodeView, ...]
    is_over: bool  #: False: the time was, and some are still on their way

    @property
    def failed(self) -> tuple[NodeView, ...]:
        """The nodes that could not be made ready."""
        return tuple(each for each in self.nodes if each.phase not in WELL)

    @property
    def resting(self) -> tuple[NodeView, ...]:
        """The nodes that are as they should be, and take no work now: closed, paused, set aside."""
        return tuple(each for each in self.nodes if each.phase in WELL - {NodePhase.READY})

    @property
    def left_behind(self) -> tuple[NodeView, ...]:
        """Of a cluster that has ended, the nodes on which something of it may be left (F-ADM-9)."""
        ours = (each for each in self.nodes if each.is_managed)
        return tuple(each for each in ours if each.phase is not NodePhase.REMOVED)


def settle(
    client: Client,
    wanted: Sequence[str],
    timeout_s: float,
    *,
    quiet: bool,
    leaving: Sequence[str] = (),
) -> Settled:
    """Wait until every node of these names is settled, telling each step; at most so long.

    Those in `leaving` are waited for as well, until they are gone; what runs there is finished.
    """
    until = time.monotonic() + timeout_s
    with _shown(quiet=quiet) as shown:
        while True:
            seen = [each for each in client.nodes() if each.name in {*wanted, *leaving}]
            shown.look(seen)
            views = tuple(each for each in seen if each.name in wanted)
            there = {each.name for each in views if _is_settled(each)}
            still = [each for each in seen if each.name in leaving and not each.phase.is_settled]
            if there >= set(wanted) and not still:
                return Settled(nodes=views, is_over=True)
            if time.monotonic() >= until:
                return Settled(nodes=views, is_over=False)
            time.sleep(LOOK_S)


def _is_settled(view: NodeView) -> bool:
    """Whether nothing more comes by itself; what was before the last `apply` does not count."""
    return view.phase.is_settled and (view.is_asked or view.phase is NodePhase.REMOVED)


def follow(client: Client, until: float | None, *, quiet: bool) -> Settled:
    """Tell how the nodes leave until the controller has stopped, or the time is over."""
    last: tuple[NodeView, ...] = ()
    with _shown(quiet=quiet) as shown:
        while until is None or time.monotonic() < until:
            try:
                views = client.nodes()
            except Unreachable:
                return Settled(nodes=last, is_over=True)
            shown.look(views)
            last = views or last  # it forgets them just before it stops
            time.sleep(LOOK_S)
    return Settled(nodes=last, is_over=False)


class Shown(Protocol):
    """Where the way of nodes is shown."""

    def look(self, views: Sequence[NodeView]) -> None:
        """Show them as they stand."""


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Shown]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _Lines((lambda line: None) if quiet else tell)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield _Picture(live)


class _Picture:
    def __init__(self, live: Live) -> None:
        self._live = live

    def look(self, views: Sequence[NodeView]) -> None:
        """Draw the table anew."""
        self._live.update(Text(nodes.table(views)))


@dataclass(slots=True)
class _Lines:
    """A line for each phase of a node and for what holds it up, once: numbers make no difference."""

    tell: Callable[[str], None]
    _told: set[tuple[str, NodePhase, str]] = field(default_factory=set)

    def look(self, views: Sequence[NodeView]) -> None:
        """Tell what is new."""
        for view in views:
            now = (view.name, view.phase, _NUMBER.sub("#", view.why))
            if now not in self._told:
                self._told.add(now)
                self.tell(sentence(view))


def tally(end: Settled, count: int) -> str:
    """Return how many of so many nodes are ready, and of those that rest how many are how."""
    ready = sum(each.phase is NodePhase.READY for each in end.nodes)
    resting = Counter(each.phase.value for each in end.resting)
    apart = (f"{number} {phase}" for phase, number in sorted(resting.items()))
    return ", ".join((f"{ready} of {count} nodes are ready", *apart))


def sentence(view: NodeView) -> str:
    """Return one line on a node: where it stands, why, and what to type."""
    services = ", ".join(
        f"{seats.instances} {name}" for name, seats in sorted(view.services.items())
    )
    ready = f" ({services})" if view.phase is NodePhase.READY and services else ""
    why = f": {view.why}" if view.why else ""
    todo = f"; type: {view.todo}" if view.todo else ""
    phase = "" if view.why.startswith(view.phase.value) else f": {view.phase.value}"
    return plain(f"  {view.name}{phase}{ready}{screens.text(why)}{todo}")
