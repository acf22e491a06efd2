"""Who leaves a cluster: what manifests named once, is named no longer and not yet cleaned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestrator.model.cluster import Node


def leaving(named: Iterable[Node], wanted: Sequence[Node]) -> tuple[Node, ...]:
    """Return which of the nodes that were `named`, oldest first, leave; by name.

    A node that stays and has lost extended nodes is returned with these alone.
    """
    merged: dict[str, Node] = {}
    for node in named:
        before = merged[node.name].extended if node.name in merged else ()
        extended = {each.host: each for each in (*before, *node.extended)}
        merged[node.name] = replace(node, extended=tuple(extended.values()))
    stays = {node.name: {each.host for each in node.extended} for node in wanted}
    found = (_gone(node, stays.get(node.name)) for node in merged.values())
    return tuple(sorted((node for node in found if node), key=lambda node: node.name))


def _gone(node: Node, stays: set[str] | None) -> Node | None:
    """Return what leaves of a node; `stays`: the extended nodes it keeps, None: it goes itself."""
    if stays is None:
        return node
    gone = tuple(each for each in node.extended if each.host not in stays)
    return replace(node, extended=gone) if gone else None
