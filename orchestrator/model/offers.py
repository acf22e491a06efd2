"""What plugins offer by name, and why a name is not to be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class Offers(dict[str, T]):
    """Offers by name; of one that is missing it may be known why."""

    def __init__(self, found: Mapping[str, T], *, shut: Mapping[str, str]) -> None:
        super().__init__(found)
        self.shut = dict(shut)  #: ``processor maya`` or ``setting web`` -> why nobody offers it
        self.absent: tuple[str, ...] = ()  #: plugins that are installed and not loaded


def why_not(offers: Mapping[str, T], kind: str, name: str) -> str:
    """Return why nobody offers a name: it is contested; empty: nobody knows it."""
    return offers.shut.get(f"{kind} {name}", "") if isinstance(offers, Offers) else ""


def absent(offers: Mapping[str, T]) -> str:
    """Return which plugins might offer more if they were loaded; empty: none."""
    if not isinstance(offers, Offers) or not offers.absent:
        return ""
    names = ", ".join(map(repr, offers.absent))
    return f"not loaded: {names}; `orchestrator plugins` says why"
