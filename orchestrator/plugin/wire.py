"""Nouns over the pipe to a plugin's process and back: JSON that keeps what kind each value is.

What comes back is a stranger's: it is bounded before it is read, and then made to fit what the
contract promises, or refused.
"""

from __future__ import annotations

import base64
import json
import types
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Union, get_args, get_origin, get_type_hints

from orchestrator.model import work
from orchestrator.model.codec import check_json
from orchestrator.model.node import Places
from orchestrator.model.work import Job
from orchestrator.plugin.hooks import ProgramCheck, Subcommand

ANSWER_BYTES_MAX = 4 << 20
"""Of one answer; a plan of some thousand segments."""

ANSWER_ITEMS_MAX = 500_000
"""Of one answer: its text may be short and what it stands for large."""

_OF_WORK = (each for each in vars(work).values() if isinstance(each, type))
NOUNS: dict[str, type] = {
    each.__name__: each
    for each in (*_OF_WORK, Places, ProgramCheck, Subcommand)
    if is_dataclass(each) or issubclass(each, Enum)
}
"""What may travel."""

_SAME = "$same"
"""Stands for the job of the call: each task of a plan holds it."""


class Unfit(Exception):
    """A value cannot travel, or is not what the contract promises; the text says which."""


def dumped(value: object, job: Job | None = None) -> bytes:
    """Return a value as one line.  Raises Unfit for what cannot travel.

    `job`: one that the other side has already.
    """
    try:
        text = json.dumps(_encoded(value, job), separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unfit(f"what is not JSON: {error}") from error
    return text.encode("ascii") + b"\n"


def loaded(line: bytes, job: Job | None = None) -> Any:  # the answer is what was dumped
    """Return the value in a line.  Raises Unfit where there is none."""
    try:
        return _decoded(json.loads(line), job)
    except (TypeError, ValueError, KeyError, IndexError, RecursionError) as error:
        raise Unfit(f"what cannot be read: {error}") from error


def is_bounded(line: bytes) -> bool:
    """Whether what a line stands for takes little memory; a mapping takes that of some lists."""
    items = line.count(b",") + line.count(b"[") + 4 * line.count(b"{")
    return len(line) <= ANSWER_BYTES_MAX and items <= ANSWER_ITEMS_MAX


def fit(hint: Any, value: Any) -> Any:  # it is of the type that the hint says
    """Return a value as the type hint wants it: tuples for lists, floats for whole numbers.

    Raises Unfit if it is of another type.
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return _json(value)
    if origin in (Union, types.UnionType):
        return _fit_one_of(args, value)
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, Iterable)):
        return _fit_many(origin, args, value)
    if isinstance(hint, type) and is_dataclass(hint):
        return _fit_noun(hint, value)
    if hint is float and type(value) is int:
        return float(value)
    if hint in (str, int, bool, float, bytes):
        return _of_kind(hint, value, type(value) is hint)
    kind = type(None) if hint is None else hint
    return _of_kind(kind, value, isinstance(value, kind))


def _fit_one_of(hints: tuple[Any, ...], value: Any) -> Any:
    """Speak of the noun that it is, if it is one of those that it may be."""
    for hint in hints:
        if hint is type(value) and is_dataclass(hint):
            return fit(hint, value)
    for hint in hints:
        with suppress(Unfit):
            return fit(hint, value)
    kinds = " or ".join(getattr(hint, "__name__", str(hint)) for hint in hints)
    raise Unfit(f"{type(value).__name__} where {kinds} is promised")


def _fit_many(origin: type, args: tuple[Any, ...], value: Any) -> Any:
    if issubclass(origin, Mapping):
        _of_kind(Mapping, value, isinstance(value, Mapping))
        return {fit(args[0], key): fit(args[1], each) for key, each in value.items()}
    _of_kind(origin, value, isinstance(value, list | tuple | frozenset))
    if origin is tuple and args[-1] is not Ellipsis:
        _of_kind(origin, value, len(value) == len(args))
        return tuple(fit(part, each) for part, each in zip(args, value, strict=True))
    found = (fit(args[0], each) for each in value)
    return frozenset(found) if origin is frozenset else tuple(found)


def _fit_noun(kind: type, value: Any) -> Any:
    _of_kind(kind, value, type(value) is kind)
    if kind is Job:  # the call's own; who asks looks whether it is
        return value
    hints = _hints(kind)
    for field in fields(kind):
        try:
            fitting = fit(hints[field.name], getattr(value, field.name))
        except Unfit as error:
            raise Unfit(f"{kind.__name__}.{field.name}: {error}") from error
        object.__setattr__(value, field.name, fitting)  # it was made just now, and nobody has it
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _of_kind(kind: Any, value: Any, is_it: bool) -> Any:
    if not is_it:
        wanted = getattr(kind, "__name__", str(kind))
        raise Unfit(f"{type(value).__name__} where {wanted} is promised")
    return value


def _json(value: Any) -> Any:
    try:
        check_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unfit(f"what is not JSON: {error}") from error
    return value


def _encoded(value: Any, job: Job | None) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Job) and (value is job or value == job):
        return {_SAME: 0}
    if isinstance(value, Enum):
        return {"$enum": [_known(value), value.value]}
    if is_dataclass(value) and not isinstance(value, type):
        return {"$noun": _known(value), **_fields(value, job)}
    if isinstance(value, Mapping):
        pairs = [[_encoded(key, job), _encoded(each, job)] for key, each in value.items()]
        is_plain = all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs)
        return dict(pairs) if is_plain else {"$map": pairs}
    if isinstance(value, list):
        return [_encoded(each, job) for each in value]
    return _encoded_odd(value, job)


def _encoded_odd(value: Any, job: Job | None) -> Any:
    if isinstance(value, tuple):
        return {"$tuple": [_encoded(each, job) for each in value]}
    if isinstance(value, set | frozenset):
        return {"$set": [_encoded(each, job) for each in value]}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, PurePath):
        return {"$path": str(value)}
    for plain in (str, int, float):  # one of a type of its own
        if isinstance(value, plain):
            return plain(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _fields(value: Any, job: Job | None) -> dict[str, Any]:
    """Return what of a noun is not as it is without saying."""
    named = [(each, getattr(value, each.name)) for each in fields(NOUNS[_known(value)])]
    return {
        each.name: _encoded(said, job)
        for each, said in named
        if each.default is MISSING or type(said) is not type(each.default) or said != each.default
    }


def _known(value: Any) -> str:
    """Return the name of the noun that a value is, or that its type is made from."""
    for kind in type(value).__mro__:
        if NOUNS.get(kind.__name__) is kind:
            return kind.__name__
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _decoded(data: Any, job: Job | None) -> Any:
    if isinstance(data, list):
        return [_decoded(each, job) for each in data]
    if not isinstance(data, dict):
        return data
    if "$noun" in data:
        kind = NOUNS[data.pop("$noun")]
        return kind(**{key: _decoded(each, job) for key, each in data.items()})
    tag = next(iter(data), "")
    if not tag.startswith("$"):
        return {key: _decoded(each, job) for key, each in data.items()}
    return _decoded_tagged(tag, data[tag], job)


def _decoded_tagged(tag: str, data: Any, job: Job | None) -> Any:
    match tag:
        case "$same":
            return job
        case "$enum":
            return NOUNS[data[0]](data[1])
        case "$tuple":
            return tuple(_decoded(each, job) for each in data)
        case "$set":
            return frozenset(_decoded(each, job) for each in data)
        case "$map":
            return {_decoded(key, job): _decoded(each, job) for key, each in data}
        case "$bytes":
            return base64.b64decode(data)
        case "$path":
            return Path(data)
    raise ValueError(f"unknown mark {tag}")
