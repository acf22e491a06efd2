"""A Cluster document to its noun, its secrets by name, and the revision of what is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from orchestrator.manifest import node as nodes
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding
from orchestrator.manifest.node import Part, secret
from orchestrator.manifest.notify import notify, notify_secrets
from orchestrator.manifest.rules import cluster_faults
from orchestrator.manifest.schema import core
from orchestrator.manifest.times import seconds
from orchestrator.model.cluster import (
    Access,
    Cluster,
    ClusterKind,
    Licence,
    Limits,
    Node,
    Recovery,
    Secret,
)
from orchestrator.model.codec import canonical

REVISION_DIGITS = 12
LOCALHOST = "localhost"
"""The host of a quick cluster's node where no controller is named: the controller's own."""

_OWN = ("services", "schedule", "programs", "network", "log")  # of a quick cluster's computer


def parse(document: Document) -> tuple[Cluster | None, list[Finding]]:
    """Return the Cluster that a document describes, or None and why not."""
    faults = [*check(document, (), core("Cluster")), *cluster_faults(document)]
    if faults or document.refused:
        return None, faults
    metadata = cast("Part", document.get("metadata"))
    return _cluster(metadata, cast("Part", document.get("spec"))), []


def revision(cluster: Cluster | None, free: Iterable[Node] = ()) -> str:
    """Return the first 12 hex digits of the sha256 of the canonical documents.

    The order of nodes, and whether a default is written, make no difference.

    :param cluster: None: free nodes alone
    :param free: nodes of Node documents that are applied with it
    """
    ours = replace(cluster, nodes=_sorted(cluster.nodes)) if cluster else None
    whole = {"cluster": ours, "nodes": _sorted(free)}
    return hashlib.sha256(canonical(whole).encode()).hexdigest()[:REVISION_DIGITS]


def secrets(cluster: Cluster) -> Mapping[str, Secret]:
    """Return every secret that a cluster refers to, by its name in `talk.Wanted.secrets`."""
    access = cluster.access
    named = {
        "access.userPassword": access.user_password,
        "access.adminPassword": access.admin_password,
        "access.servicePassword": access.service_password,
        **notify_secrets(cluster.notify),
        **free_secrets(() if cluster.kind is ClusterKind.QUICK else cluster.nodes),
    }
    return {name: each for name, each in named.items() if each}


def free_secrets(nodes: Iterable[Node]) -> Mapping[str, Secret]:
    """Return the service passwords that nodes refer to, as ``nodes/NAME.servicePassword``."""
    named = {f"nodes/{node.name}.servicePassword": node.access.service_password for node in nodes}
    return {name: each for name, each in named.items() if each}


def _sorted(listed: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(sorted(listed, key=lambda node: node.name))


def _cluster(metadata: Part, spec: Part) -> Cluster:
    kind, storage = ClusterKind(spec["kind"]), spec.get("storage", {})
    log = spec.get("log", {})
    about = {key: metadata[key] for key in ("description",) if key in metadata}
    cluster = Cluster(
        name=metadata["name"],
        kind=kind,
        display_name=metadata.get("displayName", ""),
        annotations=dict(metadata.get("annotations", {})),
        controller_host=spec.get("controller", {}).get("host", ""),
        controller_ssh=nodes.ssh(_reach(spec.get("controller", {}))),
        accept_unmanaged=spec.get("acceptUnmanaged", False),
        storage=storage.get("path", ""),
        delete_after_days=storage.get("deleteAfterDays", 7),
        copy=storage.get("copy", "as-needed"),
        network=nodes.network(spec.get("network", {})),
        access=_access(spec.get("access", {})),
        limits=_limits(spec.get("limits", {})),
        recovery=_recovery(spec.get("recovery", {})),
        notify=notify(spec.get("notify", {})),
        plugins=nodes.plugin_rules(spec.get("plugins", {})),
        keep_days=spec.get("history", {}).get("keepDays", 30),
        log_level=log.get("level", "info"),
        log_bytes_max=nodes.size_bytes(log.get("truncate", "64MiB")),
        status_interval_s=seconds(spec.get("statusInterval", "5s")),
        more=about,
    )
    quick = kind is ClusterKind.QUICK
    return replace(cluster, nodes=(_own(cluster, spec),) if quick else _listed(spec))


def _own(cluster: Cluster, spec: Part) -> Node:
    """Return the computer of a quick cluster: controller and node at once (F-KIND-4)."""
    said = {key: spec[key] for key in _OWN if key in spec}
    node = nodes.machine(cluster.name, {"services": nodes.BOTH, **said})
    return replace(
        node,
        display_name=cluster.display_name,
        host=cluster.controller_host or LOCALHOST,
        ssh=replace(cluster.controller_ssh, port=0, proxy_jump=""),  # it is there: no SSH is needed
        access=Access(service_password=cluster.access.service_password, open=cluster.access.open),
    )


def _listed(spec: Part) -> tuple[Node, ...]:
    """Return the nodes, each with the cluster's user and ports where it says no others."""
    user = {key: spec[key] for key in ("user",) if key in spec}
    network = spec.get("network", {})
    ports = {key: network[key] for key in ("ports",) if key in network}
    return tuple(
        nodes.machine(
            each["name"],
            {
                **each,
                "ssh": {**user, **each.get("ssh", {})},
                "network": {**ports, **each.get("network", {})},
            },
        )
        for each in spec.get("nodes", ())
    )


def _reach(spec: Part) -> Part:
    """Return how SSH reaches the controller: who it runs as is who logs in."""
    user = {key: spec[key] for key in ("user",) if key in spec}
    return {**user, **spec.get("ssh", {})}


def _access(spec: Part) -> Access:
    return Access(
        user_password=secret(spec, "userPassword"),
        admin_password=secret(spec, "adminPassword"),
        service_password=secret(spec, "servicePassword"),
        open=spec.get("open", False),
        executables=tuple(spec.get("executables", ())),
        webhooks=tuple(spec.get("webhooks", ())),
    )


def _limits(spec: Part) -> Limits:
    return Limits(
        queued_batches=spec.get("queuedBatches", 100),
        active_targets=spec.get("activeTargets", 40),
        active_segments=spec.get("activeSegments", 400),
        licences={name: Licence(**each) for name, each in spec.get("licences", {}).items()},
    )


def _recovery(spec: Part) -> Recovery:
    return Recovery(
        lost_after_s=seconds(spec.get("lostAfter", "60s")),
        orphan_stop_after_s=seconds(spec.get("orphanStopAfter", "1h")),
        mass_loss_hold_s=seconds(spec.get("massLossHold", "10m")),
        tries=spec.get("tries", 3),
        losses=spec.get("losses", 10),
        restarts=spec.get("restarts", 4),
    )
