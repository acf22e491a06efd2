"""Which plugin has a name that several offer: ours keeps it, of two others neither has it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.errors import PluginError

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class Contests:
    """Settles who has which name, and remembers what was refused."""

    is_far: Callable[[str], bool]  #: whether a plugin, by its name, is not ours
    shut: dict[str, str] = field(default_factory=dict)  #: ``kind name`` -> why nobody has it
    _notes: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def notes(self, plugin: str) -> tuple[str, ...]:
        """Return which names of a plugin do not count, and why."""
        return tuple(self._notes.get(plugin, ()))

    def settled(
        self,
        kind: str,
        named: Iterable[tuple[str, str, T]],
        *,
        is_shared: bool = False,
        is_strict: bool = True,
    ) -> dict[str, tuple[str, T]]:
        """Return who has each name, and what it offers; `named`: plugin, name, offer.

        `is_shared`: what is the same may come from several; `is_strict`: PluginError for two of ours.
        """
        claims: defaultdict[str, list[tuple[str, T]]] = defaultdict(list)
        for plugin, name, offer in named:
            claims[name].append((plugin, offer))
        found: dict[str, tuple[str, T]] = {}
        for name, claim in claims.items():
            first = claim[0]
            rivals = [c for c in claim[1:] if not (is_shared and c[1] == first[1])]
            far = [each for each in rivals if self.is_far(each[0])]
            if len(far) < len(rivals) and is_strict:
                both = f"{first[0]!r} and {rivals[0][0]!r}"
                raise PluginError(f"{kind} {name!r} comes from both {both}; remove one")
            if not rivals or not self.is_far(first[0]):
                found[name] = first
            else:
                self.shut[f"{kind} {name}"] = _both(first[0], rivals)
            self._note(f"{kind} {name!r}", first[0], far)
        return found

    def _note(self, what: str, first: str, far: Sequence[tuple[str, object]]) -> None:
        """Remember with each plugin which of its names does not count."""
        plugins = dict.fromkeys(plugin for plugin, _ in far)
        if plugins and self.is_far(first):
            self._notes[first].append(f"{what} comes from {_named(plugins)} too: neither has it")
        for plugin in plugins:
            if self.is_far(first):
                others = [each for each in (first, *plugins) if each != plugin]
                says = f"{what} comes from {_named(others or [plugin])} too: neither has it"
            else:
                says = f"{what} is that of {first!r}, which keeps it"
            self._notes[plugin].append(says)


def _both(first: str, rivals: Sequence[tuple[str, object]]) -> str:
    names = dict.fromkeys([first, *(plugin for plugin, _ in rivals)])
    return f"it comes from {_named(names)}, so neither has it; remove or deny one"


def _named(plugins: Iterable[str]) -> str:
    return " and ".join(repr(each) for each in plugins)


def tell_of_two(name: str, first: str, second: str) -> None:
    """Say whose check of two that are ours is used."""
    log.warning(
        "plugin %s: it looks for %r on a node, and so does plugin %s, whose check is used; "
        "rename one",
        second,
        name,
        first,
        extra={"action": "check_refused"},
    )
