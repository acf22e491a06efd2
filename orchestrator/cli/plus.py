"""`run --plus`: this computer and the free nodes of the network, for one batch (F-KIND-3).

It is a quick cluster of its own, ``this-computer-plus``, whose controller lives as long as there is
something to do: the same code as every other cluster's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from orchestrator.cli import awaiting, offers, sheets, starting
from orchestrator.cli.about import about
from orchestrator.cli.connect import Dial, at_socket
from orchestrator.cli.options import INTERRUPTED, layout
from orchestrator.cli.secrets import resolved
from orchestrator.cli.settling import follow
from orchestrator.cli.show import plain, tell
from orchestrator.client.client import Client
from orchestrator.errors import OrchestratorError
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.applied import parse_sheets
from orchestrator.manifest.batch import BatchFile
from orchestrator.manifest.write import yaml_text
from orchestrator.model.cluster import Node, Secret
from orchestrator.model.schedule import written
from orchestrator.model.talk import Leaving, Sheet, Submitted, Wanted
from orchestrator.plugin.manager import Plugins

PLUS = "this-computer-plus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plus:
    """Where it works."""

    storage: Path | None  #: a node that cannot see it takes no work
    state: Path | None
    output: str


def work_on(manifest: BatchFile, plugins: Plugins, wish: Plus) -> int:
    """Do a batch here and on free nodes, and say how it ended; return the exit code.

    Ctrl-C lets what runs end, and nothing else begins; the same command goes on from there.
    """
    sheet = Sheet(name=f"{PLUS}.yaml", text=yaml_text(document(manifest.node, plugins, wish)))
    cluster = parse_sheets([sheet]).cluster(PLUS)
    wanted = Wanted(sheets=(sheet,), cluster=PLUS, secrets=resolved(cluster))
    batch = replace(sheets.as_asked(manifest.batch, None, None, PLUS), plus=False)
    dial = Dial(cluster=PLUS, state=wish.state)
    where = layout(wish.state, PLUS)
    if about(where) is None:
        starting.start(where)
    with at_socket(where) as client:
        client.apply(wanted)
        text = Sheet(name=f"{batch.name}.yaml", text=manifest_text(batch))
        came: Submitted | None = None
        try:
            came = client.submit([text], uuid4().hex)
            for note in came.notes:
                tell(plain(f"note: {note}"))
            code = awaiting.result(client, came.batch, dial, None, wish.output)
            if code == INTERRUPTED:
                tell(
                    "What runs on the nodes ends, and nothing more begins; type it again to go on."
                )
            return code
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            _leave(client, came.batch if came else "")


def document(node: Node | None, plugins: Plugins, wish: Plus) -> Mapping[str, object]:
    """Return the manifest of this computer and its guests; a job file's Node is this computer."""
    spec: dict[str, object] = {"kind": "quick", "acceptUnmanaged": True}
    if wish.storage:
        spec["storage"] = {"path": str(wish.storage.expanduser().absolute())}
    names = [check.name for check in plugins.programs()]
    said = {name: os.environ.get(f"ORCHESTRATOR_{name.upper()}", "") for name in names}
    programs = {name: path for name, path in said.items() if path}
    if node is not None:
        programs |= node.programs
        spec["services"] = {each.value: _count(count) for each, count in node.instances.items()}
        spec["network"] = _network(node)
        if not node.schedule.is_always:
            spec["schedule"] = written(node.schedule)
        if node.access.service_password:
            spec["access"] = {"servicePassword": _reference(node.access.service_password)}
    if programs:
        spec["programs"] = programs
    if node is not None and (rules := offers.written(node.plugins)):
        spec["plugins"] = rules
    return {
        "apiVersion": "orchestrator/v1",
        "kind": "Cluster",
        "metadata": {"name": PLUS},
        "spec": spec,
    }


def _count(count: int | None) -> Mapping[str, object]:
    return {"instances": "auto" if count is None else count}


def _network(node: Node) -> Mapping[str, object]:
    network = node.network
    said: dict[str, object] = {"discovery": network.discovery}
    if network.addresses:
        said["addresses"] = list(network.addresses)
    if network.interface:
        said["interface"] = network.interface
    if network.port_from:
        said["ports"] = {"from": network.port_from, "count": network.port_count}
    return said


def _reference(secret: Secret) -> Mapping[str, str]:
    said = {"env": secret.env, "file": secret.file, "keyring": secret.keyring}
    return {name: value for name, value in said.items() if value}


def _leave(client: Client, batch: str) -> None:
    """Let the nodes go, unless another `run --plus` still needs them; it does so then."""
    try:
        others = [each for each in client.batches() if not each.state.is_final and each.id != batch]
        if others:
            return
        client.leave(Leaving())
        follow(client, None, quiet=True)
    except KeyboardInterrupt:
        tell("What runs ends by itself, and then its controller does.")
    except OrchestratorError as error:
        tell(plain(str(error)))
