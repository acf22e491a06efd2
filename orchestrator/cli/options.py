"""Options that several subcommands share, and where their state is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.errors import Refusal

F = TypeVar("F", bound=Callable[..., Any])

CLUSTER = "this-computer"

INTERRUPTED = 130
"""The exit code of a `run` that was stopped by its user."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one cluster keeps its things below the state folder."""

    root: Path

    @property
    def ledger(self) -> Path:
        """The durable record."""
        return self.root / "ledger.db"

    @property
    def spool(self) -> Path:
        """What the agent of this computer knows, over restarts."""
        return self.root / "spool"

    @property
    def scratch(self) -> Path:
        """The engine's own; nothing there matters."""
        return self.root / "scratch"

    @property
    def builds(self) -> Path:
        """With which build of which program unfinished jobs were begun."""
        return self.root / "builds.json"

    def untold(self, batch: str) -> Path:
        """Return the mark of a batch whose end no `run` has told anybody yet."""
        return self.root / "untold" / batch

    @property
    def storage(self) -> Path:
        """Cluster storage: the place that `run --storage` named last, else one in this folder."""
        try:
            named = self.storage_note.read_text("utf-8")
        except (OSError, ValueError):
            named = ""
        return Path(named or self.root / "storage")

    @property
    def storage_note(self) -> Path:
        """Where it is kept which place was named, so that nobody need name it again."""
        return self.root / "storage.path"


def made(where: Layout) -> Layout:
    """Make the state folder, for its owner alone; Refusal where it cannot be made."""
    try:
        where.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Refusal(
            f"state folder {where.root}: {error.strerror}; name another with --state"
        ) from error
    return where


def layout(state: Path | None) -> Layout:
    """Return the layout below ``--state``, ORCHESTRATOR_STATE or the XDG state folder."""
    if state is None:
        home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        state = Path(os.environ.get("ORCHESTRATOR_STATE") or Path(home) / "orchestrator")
    return Layout(state.expanduser().absolute() / CLUSTER)


def state_option(function: F) -> F:
    """Add ``--state DIR``."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where the ledger is. Default: ORCHESTRATOR_STATE, else $XDG_STATE_HOME/orchestrator.",
    )(function)


def output_option(function: F) -> F:
    """Add ``-o table|json|yaml``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        help="For people, or as data.",
    )(function)
