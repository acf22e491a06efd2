"""What plugins say of jobs beside their processors: defaults of keys, and what nodes may have."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

MERGED = ("with", "env", "requires")
"""Keys of a job whose own keys are laid under one by one; any other is there or is not."""


@dataclass(frozen=True, slots=True)
class Default:
    """What a key is where the manifest does not say it."""

    path: tuple[str, ...]  #: ``("timeout",)``, or ``("with", "minFrames")`` for a merged one
    value: object  #: JSON
    plugin: str  #: who says so


Defaults = Callable[[str], tuple[Default, ...]]  #: of the jobs of a processor, by its name


def no_defaults(processor: str) -> tuple[Default, ...]:
    """Return none: no plugin is asked."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a reader of jobs is told by plugins, beside processors and Settings."""

    means: Collection[str] | None = None  #: what `requires` may name; None: anything
    defaults: Defaults = no_defaults


NO_EXTRAS = Extras()
