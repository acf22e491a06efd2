"""The way to an extended node, as the words that an agent puts before each command for it (F-EXT-1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.model.cluster import Extended, Node, Recovery, Ssh
from orchestrator.model.codec import canonical, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an extended node is reached, and for how long it may be out of reach."""

    name: str  #: of the node that it is, as ``gate+old-01``
    address: str
    ssh: Ssh = field(default_factory=Ssh)
    known: str = ""  #: file of host keys on this node, beside the user's own
    grace_s: float = 6.0  #: between SIGTERM and SIGKILL there; below the runner's own
    give_up_s: float = 60.0  #: without a connection so long, the words are lost (F-REC-6)
    silence_s: float = 3600.0  #: not heard of us for so long, the words end themselves (R5)


def way_of(text: str) -> Way:
    """Return the Way that a JSON text, or the file of that name, describes.

    Raises OSError, or ValueError or TypeError for one that describes none.
    """
    data = text if text.lstrip().startswith("{") else Path(text).read_text()
    return load(Way, json.loads(data))


def wrap(node: Node, each: Extended, recovery: Recovery) -> tuple[str, ...]:
    """Return the words that an agent puts before each command: ``AgentSettings.wrap``.

    Its runner puts its own interpreter for ``{python}``, and the file of its spec for ``{spec}``.
    """
    way = Way(
        name=node.name,
        address=each.host,
        ssh=replace(each.ssh, user=each.user or each.ssh.user),
        give_up_s=recovery.lost_after_s,
        silence_s=recovery.orphan_stop_after_s,
    )
    words = ("-I", "-m", "orchestrator.remote.extended", canonical(way), "--spec", "{spec}", "--")
    return ("{python}", *words)


def looks(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that check the storage of where the words of `wrap` lead."""
    return (*words[: list(words).index("--spec")], "--check", "{storage}", "{token}")
