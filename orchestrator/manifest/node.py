"""A machine that processes: of a Node document, or of a Cluster's list, to its noun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding
from orchestrator.manifest.formats import absolute
from orchestrator.manifest.rules import free_node_faults, node_faults
from orchestrator.manifest.schema import core
from orchestrator.model.cluster import Access, Extended, Network, Node, PluginRules, Secret, Ssh
from orchestrator.model.codec import load
from orchestrator.model.schedule import ALWAYS, WorkSchedule
from orchestrator.model.work import Service

Part = Mapping[str, Any]  # of a document: JSON data, any of its types

BOTH: dict[str, Part] = {service.value: {} for service in Service}
"""What a machine offers that says nothing of services."""

_SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse(document: Document, folder: Path | None = None) -> tuple[Node | None, list[Finding]]:
    """Return the Node that a document describes, or None and why not.

    :param folder: of a job file: its Node is the computer that reads it, and a program may be
        named as seen from there; None: every path is absolute
    """
    faults = check(document, (), core("Node"))
    faults += node_faults(document) if folder else free_node_faults(document)
    if faults or document.refused:
        return None, faults
    metadata = cast("Part", document.get("metadata"))
    node = machine(str(metadata["name"]), {"services": BOTH, **_spec(document)})
    more = {key: metadata[key] for key in ("description", "annotations") if key in metadata}
    node = replace(node, display_name=metadata.get("displayName", ""), more=more)
    if folder:
        programs = {name: absolute(path, folder) for name, path in node.programs.items()}
        node = replace(node, programs=programs)
    return node, []


def machine(name: str, spec: Part) -> Node:
    """Return the machine that `spec` describes; it is valid, and says its services."""
    services = spec["services"]
    log = spec.get("log", {})
    return Node(
        name=name,
        display_name=spec.get("displayName", ""),
        host=spec.get("host", ""),
        ssh=ssh(spec.get("ssh", {})),
        instances={
            service: _count(services[service.value])
            for service in Service
            if service.value in services
        },
        extended=tuple(map(_extended, services.get("render", {}).get("extended", ()))),
        programs=dict(spec.get("programs", {})),
        paths=dict(spec.get("paths", {})),
        active=spec.get("active", True),
        managed_only=spec.get("managedOnly", False),
        network=network(spec.get("network", {})),
        access=_access(spec),
        schedule=load(WorkSchedule, spec["schedule"]) if spec.get("schedule") else ALWAYS,
        plugins=plugin_rules(spec.get("plugins", {})),
        log_level=log.get("level", "info"),
        log_bytes_max=size_bytes(log.get("truncate", "64MiB")),
    )


def ssh(spec: Part) -> Ssh:
    """Return how SSH reaches a machine."""
    return Ssh(
        user=spec.get("user", ""),
        port=spec.get("port", 0),
        identity_file=spec.get("identityFile", ""),
        proxy_jump=spec.get("proxyJump", ""),
        agent=spec.get("agent", False),
        host_key=spec.get("hostKey", ""),
    )


def network(spec: Part) -> Network:
    """Return where a machine listens."""
    ports = spec.get("ports", {})
    return Network(
        discovery=spec.get("discovery", True),
        port_from=ports.get("from", 0),
        port_count=ports.get("count", 0),
        addresses=tuple(spec.get("addresses", ())),
        interface=spec.get("interface", ""),
    )


def plugin_rules(spec: Part) -> PluginRules:
    """Return which plugins are loaded."""
    allow = spec.get("allow")
    return PluginRules(
        allow=None if allow is None else tuple(allow), deny=tuple(spec.get("deny", ()))
    )


def secret(spec: Part, key: str) -> Secret | None:
    """Return where the secret behind `key` is; None: there is none."""
    return Secret(**spec[key]) if key in spec else None


def size_bytes(text: str) -> int:
    """Return a size with its unit, as ``64MiB``, in bytes; its schema holds."""
    return int(text[:-3]) * _SIZES[text[-3:]]


def _spec(document: Document) -> Part:
    return cast("Part", document.get("spec") or {})


def _count(service: Part) -> int | None:
    said = service.get("instances", "auto")
    return None if said == "auto" else int(said)


def _extended(spec: Part) -> Extended:
    reach = ssh(spec.get("ssh", {}))
    return Extended(
        host=spec["host"],
        user=spec.get("user", "") or reach.user,
        instances=spec.get("instances", 1),
        ssh=reach,
        programs=dict(spec.get("programs", {})),
    )


def _access(spec: Part) -> Access:
    """A Node document has ``access``, a node of a Cluster its ``servicePassword`` alone."""
    said = {**spec.get("access", {}), **_only(spec, "servicePassword")}
    return Access(service_password=secret(said, "servicePassword"), open=said.get("open", False))


def _only(spec: Part, key: str) -> Part:
    return {key: spec[key]} if key in spec else {}
