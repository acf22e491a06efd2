"""Options that several subcommands share, and where their state is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.errors import Refusal

F = TypeVar("F", bound=Callable[..., Any])

CLUSTER = "this-computer"

FREE = "free"
"""The folder beside those of clusters: keys of the free nodes that were made from here."""

OURS = frozenset({"controller", "node"})
"""Folders beside those of clusters: of nodes, and of controllers that were started from elsewhere."""

_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+([._-]+[a-z0-9]+)*")

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
    def cluster(self) -> str:
        """The cluster's name."""
        return self.root.name

    @property
    def plugins(self) -> Path:
        """Which plugins may be loaded, as `cli.offers` keeps it."""
        return self.root / "plugins.json"

    @property
    def lock(self) -> Path:
        """Who may write to the ledger: one process at a time."""
        return self.root / "ledger.lock"

    @property
    def socket(self) -> Path:
        """Where the controller answers whoever may open it."""
        return self.root / "api.sock"

    @property
    def about(self) -> Path:
        """What a running controller says of itself, as `cli.about` has it."""
        return self.root / "controller.json"

    @property
    def port(self) -> Path:
        """Where the API listened last, for other computers."""
        return self.root / "api.port"

    @property
    def log(self) -> Path:
        """What the controller tells, an event a line."""
        return self.root / "controller.log"

    @property
    def authority(self) -> Path:
        """The cluster's own certificate authority; its key never leaves this folder."""
        return self.root / "ca"

    @property
    def tls(self) -> Path:
        """Certificates and keys of this computer's own processes."""
        return self.root / "tls"

    @property
    def wheels(self) -> Path:
        """The wheelhouse: what is installed on nodes."""
        return self.root / "wheels"

    @property
    def known_hosts(self) -> Path:
        """Host keys that `nodes trust` took."""
        return self.root / "known_hosts"

    @property
    def secrets(self) -> Path:
        """Hashes of passwords and tokens; no password."""
        return self.root / "secrets.json"

    @property
    def vault(self) -> Path:
        """Secrets of the mail server and of webhooks, which we must show them as they are."""
        return self.root / "notify.json"

    @property
    def lease_key(self) -> Path:
        """What proves to a controller that a node was given a lease."""
        return self.root / "lease.json"

    @property
    def builds(self) -> Path:
        """With which build of which program unfinished jobs were begun."""
        return self.root / "builds.json"

    @property
    def schedule(self) -> Path:
        """The work schedule that `run` goes by, if it has one."""
        return self.root / "schedule.json"

    @property
    def slot(self) -> Path:
        """Where other terminals ask something of the `run` at work."""
        return self.root / "asked"

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
    def storage_token(self) -> Path:
        """What our cluster storage is known by, and where that was: it may not be mounted now."""
        return self.root / "storage.token"

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


def layout(state: Path | None, cluster: str = CLUSTER) -> Layout:
    """Return a cluster's layout below ``--state``, ORCHESTRATOR_STATE or the XDG state folder.

    Refusal for a name that no cluster can have: it becomes a folder.
    """
    if not _NAME.fullmatch(cluster):
        raise Refusal(
            f"cluster {cluster!r}: a name is lower-case letters and digits, with . _ - between "
            "them, at most 63"
        )
    if cluster in OURS:
        raise Refusal(f"cluster {cluster!r}: a folder of that name is ours; choose another name")
    if state is None:
        home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        state = Path(os.environ.get("ORCHESTRATOR_STATE") or Path(home) / "orchestrator")
    return Layout(state.expanduser().absolute() / cluster)


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


def cluster_option(function: F) -> F:
    """Add ``--cluster NAME|HOST:PORT`` with what goes with it."""
    fingerprint = click.option(
        "--fingerprint",
        metavar="SHA256:…",
        help="Of the authority of the cluster at HOST:PORT, as `controller status` says it.",
    )
    return dial_option(fingerprint(function))


def dial_option(function: F) -> F:
    """Add the same without ``--fingerprint``: for a cluster that is known."""
    password = click.option(
        "--password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A file with the cluster's password. Else: ORCHESTRATOR_PASSWORD, keyring, prompt.",
    )
    cluster = click.option(
        "--cluster",
        envvar="ORCHESTRATOR_CLUSTER",
        metavar="NAME|HOST:PORT",
        help="The cluster to ask. Default: ORCHESTRATOR_CLUSTER, else this computer.",
    )
    return cluster(password(function))
