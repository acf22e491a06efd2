"""Renderers inside Maya: what their part of `Render`'s command line has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A renderer that ``-r`` names."""

    threads: str = ""  #: its word for the number of threads; empty: it has none
    renumbers: bool = True  #: whether it knows ``-rfs`` and ``-rfb``
    licence: str = ""  #: what it holds beside Maya's own; empty: nothing


ENGINES = {
    "file": Engine(),
    "sw": Engine(threads="-n"),
    "hw": Engine(),
    "hw2": Engine(),
    "vr": Engine(),
    "mr": Engine(threads="-rt"),
    "arnold": Engine(threads="-ai:threads", renumbers=False, licence="arnold"),
    "vray": Engine(threads="-threads", renumbers=False, licence="vray"),
    "redshift": Engine(renumbers=False, licence="redshift"),
    "renderman": Engine(renumbers=False, licence="renderman"),
}
"""Beware: arnold knows ``-rt`` too, where it is the kind of render, not the threads."""

OTHER = Engine(renumbers=False)
"""One that we know nothing of."""


def engine(name: str) -> Engine:
    """Return what is known of a renderer."""
    return ENGINES.get(name, OTHER)
