"""Two nouns of a manifest compared, in the words of the manifest: ``path: old -> new``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

from orchestrator.model import schedule
from orchestrator.model.cluster import (
    Access,
    Cluster,
    Extended,
    Licence,
    Limits,
    Network,
    Node,
    Notify,
    Recovery,
    Secret,
    Smtp,
    Ssh,
)
from orchestrator.model.codec import dump
from orchestrator.model.schedule import DAYS

_NAMES = {  # of a noun's field: its path in a manifest, where that is not the name itself
    "controller_host": "controller.host",
    "controller_ssh": "controller.ssh",
    "storage": "storage.path",
    "delete_after_days": "storage.deleteAfterDays",
    "copy": "storage.copy",
    "port_from": "ports.from",
    "port_count": "ports.count",
    "keep_days": "history.keepDays",
    "log_level": "log.level",
    "log_bytes_max": "log.truncate",
    "instances": "services",
    "extended": "services.render.extended",
    "sender": "from",
    "more": "",
}
_PARTS = (Access, Limits, Network, Notify, Recovery, Smtp, Ssh)
_APART = ("name", "nodes")  # told by the lines of their own
_NOTHING = "none"
_UNSAID = {
    "schedule.atClose": schedule.ALWAYS.at_close.value,
    **{f"schedule.{day}": schedule.shown(schedule.ON) for day in DAYS},
}
_SIZES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, " bytes": 1}


def differences(old: Cluster | Node, new: Cluster | Node) -> tuple[str, ...]:
    """Return each key that is not the same, by path; a secret shows where it is, never itself."""
    before, after = facts(old), facts(new)
    return tuple(
        f"{path}: {before.get(path, _unsaid(path))} -> {after.get(path, _unsaid(path))}"
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    )


def _unsaid(path: str) -> str:
    """Return what a key means that says nothing: a day without one is on (F-SCHED-3)."""
    return _UNSAID.get(path, _NOTHING)


def facts(noun: Cluster | Node) -> dict[str, str]:
    """Return every key that says something by its path in a manifest, as people read it."""
    return {path: text for path, text in _facts(noun, "") if text}


def _facts(noun: Any, root: str) -> Iterator[tuple[str, str]]:  # Any: of any noun's type
    for field in fields(noun):
        if field.name in _APART:
            continue
        value = getattr(noun, field.name)
        path = _joined(root, _path(field.name))
        if isinstance(value, _PARTS):
            yield from _facts(value, path)
        elif field.name == "instances":
            yield from _instances(value, path)
        elif field.name == "extended":
            yield from _extended(value, path)
        elif field.name == "schedule":
            yield from _schedule(value, path)
        elif isinstance(value, Mapping):
            for key, each in value.items():
                if isinstance(each, Licence):
                    yield from _facts(each, _joined(path, str(key)))
                else:
                    yield _joined(path, str(key)), _shown(each)
        else:
            yield path, _unit(field.name, value)


def _instances(counts: Mapping[Enum, int | None], path: str) -> Iterator[tuple[str, str]]:
    for service, count in counts.items():
        yield f"{path}.{service.value}.instances", "auto" if count is None else str(count)


def _extended(listed: tuple[Extended, ...], path: str) -> Iterator[tuple[str, str]]:
    for each in listed:
        where = f"{path}.{each.host}" + (f":{each.ssh.port}" if each.ssh.port else "")
        yield f"{where}.instances", str(each.instances)
        yield f"{where}.user", _shown(each.user)
        for name, program in each.programs.items():
            yield f"{where}.programs.{name}", program
        yield from _facts(each.ssh, f"{where}.ssh")


def _schedule(value: schedule.WorkSchedule, path: str) -> Iterator[tuple[str, str]]:
    """Yield the days that are not on, as people read them, and whatever is not the default."""
    for key, said in schedule.written(value).items():
        if key in DAYS:
            yield f"{path}.{key}", schedule.shown(getattr(value, key))
        elif key != "holidays":
            yield f"{path}.{key}", str(said)
    for day, spans in value.holidays.items():
        yield f"{path}.holidays.{day}", schedule.shown(spans)


def _unit(name: str, value: object) -> str:
    if name.startswith("port") and value == 0:
        return ""
    if name.endswith("_s") and isinstance(value, float):
        return f"{value:g}s"
    if name.endswith("_bytes_max") and isinstance(value, int):
        return _size(value)
    return _shown(value)


def _size(size_bytes: int) -> str:
    """Return a size in the largest unit that it is a multiple of."""
    unit = next(unit for unit, one in _SIZES.items() if size_bytes % one == 0)
    return f"{size_bytes // _SIZES[unit]}{unit}"


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        return next(f"{key} {where}" for key, where in dump(value).items())
    plain = dump(value)
    if plain in (None, "", [], {}):
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _path(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    first, *rest = name.removesuffix("_s").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _joined(root: str, path: str) -> str:
    return f"{root}.{path}" if root and path else root or path
