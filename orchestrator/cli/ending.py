"""What a person ended while no `run` was at work: its commands are ended, its parts closed."""

from __future__ import annotations

import time

from orchestrator.cli import offers
from orchestrator.cli.build import Wishes, identity, this_computer
from orchestrator.cli.options import Layout
from orchestrator.cli.telling import telling
from orchestrator.decide.reconcile import View
from orchestrator.ledger.protocol import Ledger
from orchestrator.plugin.caller import Caller

LIMIT_S = 20.0
"""What has not ended by then, the next `run` ends."""


def settle(where: Layout, ledger: Ledger, id: str) -> None:
    """Look and act as a `run` would that begins nothing, until nothing of `id` is open."""
    plugins = offers.installed(offers.kept(where))
    wishes = Wishes(programs={}, instances={})
    who, until = identity(where, plugins, wishes), time.monotonic() + LIMIT_S
    with (
        telling(where, ledger, plugins),
        this_computer(where, ledger, Caller(plugins), who, wishes) as cluster,
    ):
        cluster.controller.draining = True

        def over(view: View) -> bool:
            left = any(f"{each.task}/".startswith(f"{id}/") for each in ledger.open_attempts())
            return time.monotonic() >= until or not (left or ledger.over())

        cluster.controller.run(over, lambda view: None)
