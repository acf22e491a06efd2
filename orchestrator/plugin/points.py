"""Which plugins are installed, and which of them may be imported; nothing of them is yet."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint
from urllib.parse import unquote, urlsplit

from orchestrator.installed import entry_points
from orchestrator.model.cluster import PluginRules
from orchestrator.plugin import hooks

OURS = "media-orchestrator"
BUILT_IN = "built-in"
INSTALLED = "installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A plugin that is installed."""

    name: str
    value: str  #: as ``module`` or ``module:object``
    distribution: str
    version: str
    origin: str  #: ``built-in``, ``installed``, or the folder that it is installed from, editable
    why: str = ""  #: why it is not imported; empty: it may be
    is_denied: bool = False  #: because the rules say so

    @property
    def is_ours(self) -> bool:
        """Whether it is part of the program, and runs in our own process."""
        return self.origin == BUILT_IN

    def imported(self) -> object:
        """Import it into this process."""
        return EntryPoint(self.name, self.value, hooks.PROJECT).load()


def found(rules: PluginRules) -> tuple[Point, ...]:
    """Return every plugin that is installed, ours first; those that are not imported with why."""
    every = [_point(each) for each in entry_points(hooks.PROJECT)]
    every.sort(key=lambda each: (not each.is_ours, each.name, each.distribution))
    ruled = [_ruled(each, rules) for each in every]
    return tuple(_contested(each, ruled) for each in ruled)


def refused(point: Point, why: str) -> Point:
    """Return a plugin that could not be loaded."""
    return replace(point, why=why)


def strangers() -> tuple[str, ...]:
    """Return the distributions of plugins that are not ours, sorted."""
    return tuple(sorted({p.distribution for p in found(PluginRules()) if not p.is_ours}))


def _point(point: EntryPoint) -> Point:
    dist = point.dist
    name = dist.name if dist else ""
    return Point(
        name=point.name,
        value=point.value,
        distribution=name,
        version=(dist.version if dist else "") or "",
        origin=BUILT_IN if normal(name) == OURS else _origin(dist),
        why="" if point.pattern.match(point.value) else f"{point.value!r} names no module",
    )


def _origin(dist: Distribution | None) -> str:
    try:
        about = json.loads((dist.read_text("direct_url.json") if dist else None) or "{}")
        if about.get("dir_info", {}).get("editable"):
            return unquote(urlsplit(about["url"]).path)
    except (ValueError, KeyError, AttributeError):  # a stranger's file
        return INSTALLED
    return INSTALLED


def _ruled(point: Point, rules: PluginRules) -> Point:
    """Return a plugin with what the rules say of it; ours need not be allowed."""
    names = {normal(point.name), normal(point.distribution)}
    if names & {normal(each) for each in rules.deny}:
        return replace(point, why="plugins.deny names it", is_denied=True)
    if point.is_ours or rules.allow is None or names & {normal(each) for each in rules.allow}:
        return point
    return replace(point, why="plugins.allow does not name it", is_denied=True)


def _contested(point: Point, every: list[Point]) -> Point:
    """Refuse a plugin that is called as one of ours, or as another that may be imported."""
    same = [p for p in every if p.name == point.name and p is not point and not p.why]
    if point.why or point.is_ours or not same:
        return point
    other = min(same, key=lambda each: not each.is_ours)
    what = f"a plugin of {other.distribution} is called {point.name!r} too"
    return replace(point, why=f"{what}; remove or deny one, by the name of its distribution")


def normal(name: str) -> str:
    """Return a name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
