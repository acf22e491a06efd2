"""Whether a schema that a processor brings is one that people can be told from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

FORMATS = ("path", "setting")
_NAMED = ("properties", "$defs", "patternProperties")
_ONE = ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_FORMS = frozenset({*_MANY[:3], "not", "if", "then", "else"})

_Schema = Mapping[str, Any]


def faults(schema: Mapping[str, object]) -> list[str]:
    """Return every reason why a schema is none, or leaves people in the dark, as ``place: what``."""
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "it"
        return [f"{place}: is no JSON Schema: {error.message[:200]}"]
    found = [] if schema.get("type") == "object" else ["it: must be of type object"]
    return found + [f"{place or 'it'}: {what}" for place, what in _parts(schema, "", "")]


def _parts(rule: _Schema, place: str, word: str) -> Iterator[tuple[str, str]]:
    yield from ((place, what) for what in _own(rule, word))
    for key, value in rule.items():
        if key in _NAMED and isinstance(value, Mapping):
            for name, each in value.items():
                yield from _below(each, f"{place}/{name}".lstrip("/"), key)
        elif key in _ONE:
            yield from _below(value, f"{place}/{key}".lstrip("/"), key)
        elif key in _MANY:
            for index, each in enumerate(value):
                yield from _below(each, f"{place}/{key}/{index}".lstrip("/"), key)


def _below(rule: object, place: str, word: str) -> Iterator[tuple[str, str]]:
    if isinstance(rule, Mapping):
        yield from _parts(rule, place, word)


def _own(rule: _Schema, word: str) -> Iterator[str]:
    """Yield what is wrong with one schema itself; `word`: what it stands under."""
    if word in ("", "properties") and "description" not in rule and "$ref" not in rule:
        yield "has no description; it stands behind `wanted:` where a job is refused"
    if str(rule.get("description", "")).endswith("."):
        yield "its description is a part of a sentence; leave the full stop out"
    if rule.get("type") == "object" and word not in _FORMS and not _is_closed(rule):
        yield 'takes keys that nobody knows; write "additionalProperties": false'
    if "format" in rule and rule["format"] not in FORMATS:
        yield f"format {rule['format']!r} is checked by nobody; there are {', '.join(FORMATS)}"
    for value in (*rule.get("examples", ()), *([rule["default"]] if "default" in rule else ())):
        if "$ref" not in str(rule) and not Draft202012Validator(dict(rule)).is_valid(value):
            yield f"{value!r} stands there as example or default, and does not fit"


def _is_closed(rule: _Schema) -> bool:
    closed = rule.get("additionalProperties", rule.get("unevaluatedProperties", True))
    return closed is not True
