"""What is installed beside us, however broken: another's metadata must not stop every command."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions

log = logging.getLogger(__name__)


def entry_points(group: str) -> Iterator[EntryPoint]:
    """Yield the entry points of a group, each with its distribution; of two of one name, the first.

    What cannot be read is logged, and is none.
    """
    seen = set()
    for dist in distributions():
        try:
            points = tuple(dist.entry_points.select(group=group))
            if points and (name := dist.metadata["Name"]) not in seen:
                seen.add(_named(name))
                yield from points
        except Exception as error:  # noqa: BLE001  # a stranger's files, read by others' code
            what = f"{type(error).__name__}: {error}; install it again, or remove it"
            extra = {"action": "plugin_refused"}
            log.warning("%s: its metadata cannot be read: %s", _place(dist), what, extra=extra)


def _named(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError("it has no name")
    return name


def _place(dist: Distribution) -> str:
    return str(getattr(dist, "_path", None) or "a package on the path")
