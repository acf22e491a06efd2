"""The outbox of a controller process: who is told, by whom, and how things stand then."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.cli.options import Layout
from orchestrator.cli.show import plain, tell
from orchestrator.controller.delivery import Delivery
from orchestrator.controller.notices import Means, Notices
from orchestrator.controller.vault import Vault
from orchestrator.decide.notices import Rules
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Cluster, Notify
from orchestrator.model.notice import Scene
from orchestrator.model.talk import NodeView
from orchestrator.plugin.manager import Plugins

EMAIL = "EMAIL"
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What a controller that tells people stands on."""

    name: str  #: of its cluster
    ledger: Ledger
    plugins: Plugins
    vault: Vault
    cluster: Callable[[], Cluster | None]  #: as it was applied last; None: nothing was
    views: Callable[[], Sequence[NodeView]] = tuple  #: its nodes as they stand
    is_alone: bool = False  #: it is This Computer


def notices(voice: Voice) -> Notices:
    """Return the outbox of a controller."""
    host = socket.gethostname()

    def rules() -> Rules:
        stands = voice.cluster()
        said = os.environ.get(EMAIL, "")
        return Rules(
            notify=stands.notify if stands else Notify(),
            email=said if _ADDRESS.fullmatch(said) else "",
            has_plugins=voice.plugins.has_listeners,
            is_alone=voice.is_alone,
        )

    def scene() -> Scene:
        stands = {view.name: _stands(view) for view in voice.views()}
        return Scene(cluster=voice.name, host=host, stands=stands, is_alone=voice.is_alone)

    ledger = voice.ledger
    delivery = Delivery(id=ledger.id, host=host, secret=voice.vault.get, plugins=voice.plugins)
    return Notices(Means(ledger=ledger, deliver=delivery, rules=rules, scene=scene))


@contextmanager
def telling(where: Layout, ledger: Ledger, plugins: Plugins) -> Iterator[None]:
    """Tell what happens on This Computer while a `run` works; say at the end what was not sent.

    Mail goes to the mail server of this computer; what it does not take, the next `run` sends.
    Where there is none, that is said, and nothing is kept.
    """
    voice = Voice(
        name=where.cluster,
        ledger=ledger,
        plugins=plugins,
        vault=Vault(where.vault),
        cluster=lambda: None,
        is_alone=True,
    )
    outbox = notices(voice)
    outbox.open()
    try:
        yield
    finally:
        outbox.close()
        for each in outbox.alarms():
            tell(plain(each))


def _stands(view: NodeView) -> str:
    return ": ".join(filter(None, (view.phase.value, view.why)))
