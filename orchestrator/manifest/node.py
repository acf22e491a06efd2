"""A Node document to its noun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding
from orchestrator.manifest.formats import absolute
from orchestrator.manifest.rules import node_faults
from orchestrator.manifest.schema import core
from orchestrator.model.work import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDocument:
    """A node that no cluster owns; on one computer, this one."""

    name: str
    programs: Mapping[str, str] = field(default_factory=dict)  #: name -> path on the node
    instances: Mapping[str, int] = field(default_factory=dict)
    #: service -> how many at once; 0: off; one that is not in it has its default (auto)


def parse(document: Document) -> tuple[NodeDocument | None, list[Finding]]:
    """Return the Node that a document describes, or None and why not."""
    faults = check(document, (), core("Node"))
    faults += node_faults(document)
    if faults or document.refused:
        return None, faults
    spec = cast("dict[str, Any]", document.get("spec") or {})
    folder = Path(document.file).parent
    programs = spec.get("programs", {})
    node = NodeDocument(
        name=str(document.get("metadata", "name")),
        programs={name: absolute(path, folder) for name, path in programs.items()},
        instances=_instances(spec["services"]) if "services" in spec else {},
    )
    return node, []


def _instances(services: Mapping[str, Any]) -> dict[str, int]:
    off = {service.value: 0 for service in Service if service.value not in services}
    said = {name: each.get("instances", "auto") for name, each in services.items()}
    return off | {name: count for name, count in said.items() if count != "auto"}
