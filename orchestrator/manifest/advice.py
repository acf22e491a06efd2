"""Faults of a schema in words for people: what is wrong, what is wanted, did you mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from orchestrator.manifest.finding import Path
from orchestrator.model.offers import absent, why_not

SHOWN_MAX_CHARS = 60
KNOWN_MAX = 40  # names listed where one is unknown
CLOSE = 0.7  # how alike two names are that may have been meant for each other

_Rule = Mapping[str, Any]  # a part of a schema
_Says = tuple[str, str]  # what is wrong; what to do, or "": the schema's description says it

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_MISPLACED = {
    ("compressor", "extended"): "extended nodes do render and shell work only; put it under render",
    ("jobs", "notify"): "notify is for the whole batch; put it under spec",
    ("jobs", "priority"): "priority is for the whole batch; put it under spec",
    ("jobs", "source"): "keys of the processor stand under with; put it there",
    ("jobs", "outputs"): "keys of the processor stand under with; put it there",
    ("jobs", "command"): "keys of the processor stand under with; put it there",
}
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_SWITCHES = {"yes": "on", "true": "on", "on": "on", "no": "off", "false": "off", "off": "off"}


def meant(name: str, known: Collection[str]) -> str:
    """Return ``did you mean 'x'?`` for a name that is not found, or those there are."""
    if close := get_close_matches(name, known, n=1, cutoff=CLOSE):
        return f"did you mean {close[0]!r}?"
    names = sorted(set(known))
    more = f" and {len(names) - KNOWN_MAX} more" if len(names) > KNOWN_MAX else ""
    return f"known: {', '.join(names[:KNOWN_MAX]) or 'none'}{more}"


def no_processor(name: str, offered: Mapping[str, object]) -> str:
    """Return why a job or Setting cannot have a processor, and what to do."""
    if why := why_not(offered, "processor", name):
        return f"processor {name!r}: {why}"
    more = f"; {said}" if (said := absent(offered)) else ""
    return f"unknown processor {name!r}; {meant(name, offered)}{more}"


def shown(value: object) -> str:
    """Return `value` as it may stand in a message: short, and in the words of YAML."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= SHOWN_MAX_CHARS else f"{text[:SHOWN_MAX_CHARS]}…"


def unknown(error: ValidationError) -> Iterator[str]:
    """Yield each key that an ``additionalProperties`` fault is about."""
    rule = cast("_Rule", error.schema)
    instance = cast("Mapping[str, object]", error.instance)
    return (key for key in instance if key not in rule.get("properties", {}))


def on_unknown(key: str, where: Path, error: ValidationError) -> str:
    """Say what to do about a key that is not known."""
    names = [step for step in where if isinstance(step, str)]
    if says := _MISPLACED.get((names[-1] if names else "", key)):
        return says
    rule = cast("_Rule", error.schema)
    return f"unknown key {shown(key)}; {meant(key, list(rule.get('properties', {})))}"


def on_value(error: ValidationError) -> str:
    """Say what is wrong with a value, and what is wanted."""
    rule = error.schema if isinstance(error.schema, Mapping) else {}
    fact, hint = _SAYS.get(str(error.validator), _other)(error, rule)
    if not hint and "description" in rule:
        hint = f"wanted: {rule['description']}"
    return f"{fact}; {hint}" if hint else fact


def _value(error: ValidationError, rule: _Rule) -> str:
    return "this value" if rule.get("writeOnly") else shown(error.instance)


def _type(error: ValidationError, rule: _Rule) -> _Says:
    value, wanted = error.instance, error.validator_value
    kinds = [wanted] if isinstance(wanted, str) else cast("list[str]", wanted)
    if kinds == ["boolean"] and str(value).lower() in _BOOLEANS:
        return f"{shown(value)} is text", f"write {_BOOLEANS[str(value).lower()]}"
    if kinds == ["string"] and isinstance(value, dict) and list(value.values()) == [None]:
        token = f"{{{next(iter(value))[:SHOWN_MAX_CHARS]}}}"
        return f"{token} is a mapping here", f'quote it: "{token}"'
    return f"{_value(error, rule)} is not {' or '.join(_TYPES[kind] for kind in kinds)}", ""


def _required(error: ValidationError, rule: _Rule) -> _Says:
    key = error.message.removesuffix(" is a required property").strip("'\"")
    wanted = rule.get("properties", {}).get(key, {}).get("description")
    return f"key {key!r} is missing", f"wanted: {wanted}" if wanted else "add it"


def _enum(error: ValidationError, rule: _Rule) -> _Says:
    values = cast("list[object]", error.validator_value)
    texts = [value for value in values if isinstance(value, str)]
    close = get_close_matches(str(error.instance), texts, n=1, cutoff=CLOSE)
    listed = ", ".join(shown(value).strip("'") for value in values[:KNOWN_MAX])
    hint = f"did you mean {close[0]!r}?" if close else f"one of: {listed}"
    return f"{_value(error, rule)} is not possible here", hint


def _const(error: ValidationError, rule: _Rule) -> _Says:
    return f"{_value(error, rule)} is not {shown(error.validator_value)}", ""


def _pattern(error: ValidationError, rule: _Rule) -> _Says:
    fact = f"{_value(error, rule)} does not fit"
    return fact, "" if "description" in rule else f"wanted: {error.validator_value}"


def _bound(error: ValidationError, rule: _Rule) -> _Says:
    relation = _RELATIONS[str(error.validator)]
    return f"{_value(error, rule)} {relation} {error.validator_value}", ""


def _size(error: ValidationError, rule: _Rule) -> _Says:
    name = str(error.validator)
    what = {"Length": "character", "Items": "item", "Properties": "key"}[name[3:]]
    size = len(cast("Collection[object]", error.instance))
    few, bound = ("few", "at least") if name.startswith("min") else ("many", "at most")
    many = f"{size} {what} is" if size == 1 else f"{size} {what}s are"
    return f"{many} too {few}, {bound} {error.validator_value}", ""


def _one_of(error: ValidationError, rule: _Rule) -> _Says:
    forms = cast("list[_Rule]", error.validator_value)
    words = [word for form in forms for word in form.get("enum", ())]
    fact = f"{_value(error, rule)} is not possible here"
    switch = _SWITCHES.get(str(error.instance).lower())
    return fact, f"write {switch}" if switch in words else ""


def _not(error: ValidationError, rule: _Rule) -> _Says:
    return f"{_value(error, rule)} is not allowed here", ""


def _other(error: ValidationError, rule: _Rule) -> _Says:
    text = str(error.message)
    return text if len(text) <= 4 * SHOWN_MAX_CHARS else f"{text[: 4 * SHOWN_MAX_CHARS]}…", ""


_RELATIONS = {
    "minimum": "is less than",
    "maximum": "is more than",
    "exclusiveMinimum": "is not more than",
    "exclusiveMaximum": "is not less than",
    "multipleOf": "is no multiple of",
}
_SAYS: dict[str, Callable[[ValidationError, _Rule], _Says]] = {
    "type": _type,
    "required": _required,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    **dict.fromkeys(_RELATIONS, _bound),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _size
    ),
    "anyOf": _one_of,
    "oneOf": _one_of,
    "not": _not,
}
