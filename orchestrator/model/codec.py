"""Nouns to JSON and back: what the ledger, the wire and the spool hold.

Only what our nouns are made of: frozen dataclasses, enums, tuples, frozensets, mappings, optional
and plain values.  An unknown key is refused, a missing one takes the noun's default.  A noun that is
also read from other words than its own translates them by a class method `renewed`.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = (str, int, bool)
_AS_IS = frozenset({str, int, float, bool})


def dump(noun: object) -> Any:  # the answer is JSON: any of its types
    """Return `noun` as plain JSON data; a field that equals its default is left out."""
    if noun is None or type(noun) in _AS_IS:  # most of what there is
        return noun
    if isinstance(noun, Enum):
        return noun.value
    if is_dataclass(noun) and not isinstance(noun, type):
        values = ((f, getattr(noun, f.name)) for f in fields(noun))
        return {f.name: dump(value) for f, value in values if not _is_default(f, value)}
    if isinstance(noun, Mapping):
        return {_key(key): dump(value) for key, value in noun.items()}
    if isinstance(noun, frozenset):
        return sorted(dump(value) for value in noun)
    if isinstance(noun, list | tuple):
        return [dump(value) for value in noun]
    return noun


def load(kind: type[T], data: object) -> T:
    """Return the noun of type `kind` that `data` describes.

    Raises ValueError for an unknown key and TypeError for a missing one or another type of value.
    """
    return _load(kind, data)  # type: ignore[no-any-return]  # _load answers by the hint it is given


def canonical(data: object) -> str:
    """Return `data` as canonical JSON: sorted keys, no blanks; equal data, equal text."""
    return json.dumps(dump(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def check_json(data: object) -> None:
    """Raise TypeError, ValueError or RecursionError for what is no JSON; NaN and infinity are none."""
    json.dumps(dump(data), allow_nan=False, ensure_ascii=False).encode()


def _load(hint: Any, data: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint is object or hint is Any:
        return data
    if origin in (Union, types.UnionType):
        if data is None:
            return None
        (inner,) = [each for each in args if each is not type(None)]
        return _load(inner, data)
    if origin is tuple:
        _expect(data, list, tuple)
        if args[-1] is Ellipsis:
            return tuple(_load(args[0], each) for each in data)
        return tuple(_load(part, each) for part, each in zip(args, data, strict=True))
    if origin is frozenset:
        _expect(data, list, frozenset)
        return frozenset(_load(args[0], each) for each in data)
    if origin is not None and issubclass(origin, Mapping):
        _expect(data, Mapping)
        return {_load_key(args[0], key): _load(args[1], each) for key, each in data.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if isinstance(hint, type) and is_dataclass(hint):
        if isinstance(data, hint):
            return data
        _expect(data, Mapping)
        if hasattr(hint, "renewed"):
            data = hint.renewed(data)
        hints = _hints(hint)
        if unknown := set(data) - set(hints):
            raise ValueError(f"{hint.__name__}: unknown {', '.join(sorted(unknown))}")
        return hint(**{key: _load(hints[key], each) for key, each in data.items()})
    if hint is float:
        _expect(data, float, int)
        return float(data)
    if hint in _PLAIN and type(data) is not hint:  # True would pass for 1
        raise TypeError(f"{type(data).__name__} where {hint.__name__} is wanted")
    return data


def _key(key: Any) -> str:
    """Return a key as JSON has it: that of a tuple is its parts with a slash between them."""
    return "/".join(_key(part) for part in key) if isinstance(key, tuple) else str(dump(key))


def _load_key(hint: Any, key: str) -> Any:
    return _load(hint, key.split("/") if get_origin(hint) is tuple else key)


def _expect(data: Any, *kinds: type) -> None:
    if isinstance(data, bool) or not isinstance(data, kinds):
        raise TypeError(f"{type(data).__name__} where {kinds[0].__name__} is wanted")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_default(field: Any, value: object) -> bool:
    if field.default is not MISSING:
        return bool(value == field.default)
    return field.default_factory is not MISSING and bool(value == field.default_factory())
