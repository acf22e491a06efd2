"""JSON Schema from our nouns, as `codec` writes and reads them: the OpenAPI document's components."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from orchestrator.model.work import Task

JsonSchema = dict[str, Any]

SENT_AS_ID: Mapping[tuple[type, str], str] = {(Task, "job"): "the id of one of the batch's jobs"}
"""Parts that `wire.pack` sends by their id alone."""

_PLAIN: Mapping[object, str] = {str: "string", int: "integer", bool: "boolean", float: "number"}


def reference(kind: type) -> JsonSchema:
    """Return a reference to the schema of a noun."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def components(kinds: Iterable[type]) -> dict[str, JsonSchema]:
    """Return the schemas of these nouns and of all that they are made of, by name."""
    found: dict[str, JsonSchema] = {}
    todo = list(kinds)
    while todo:
        kind = todo.pop()
        if kind.__name__ not in found:
            parts: list[type] = []
            found[kind.__name__] = _noun(kind, parts)
            todo.extend(parts)
    return dict(sorted(found.items()))


def _noun(kind: type, parts: list[type]) -> JsonSchema:
    about = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
    if issubclass(kind, Enum):
        return {"type": "string", "enum": [each.value for each in kind], "description": about}
    hints = get_type_hints(kind)
    known = [each for each in fields(kind) if each.init]  # type: ignore[arg-type]  # a dataclass
    schema = {
        "type": "object",
        "description": about,
        "properties": {each.name: _part(kind, each, hints, parts) for each in known},
        "additionalProperties": False,
    }
    if required := [each.name for each in known if _is_required(each)]:
        schema["required"] = required
    return schema


def _part(kind: type, field: Field[Any], hints: Mapping[str, Any], parts: list[type]) -> JsonSchema:
    if about := SENT_AS_ID.get((kind, field.name)):
        return {"type": "string", "description": about}
    return _schema(hints[field.name], parts)


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _schema(hint: Any, parts: list[type]) -> JsonSchema:
    origin, args = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin in (Union, types.UnionType):
        each = [_schema(arg, parts) for arg in args if arg is not type(None)]
        return {"anyOf": [*each, {"type": "null"}]}
    if origin is tuple and args[-1] is not Ellipsis:
        items = [_schema(arg, parts) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if origin in (tuple, frozenset):
        return {"type": "array", "items": _schema(args[0], parts)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], parts)}
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum)):
        parts.append(hint)
        return reference(hint)
    return {}  # any JSON value
