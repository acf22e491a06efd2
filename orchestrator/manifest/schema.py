"""The JSON Schemas: loaded once, made whole, and woven with those of the processors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Protocol, TypeVar, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from orchestrator.errors import PluginError, Refusal
from orchestrator.model.work import Job, Review, Service

REFS_MAX = 50
"""So many lead to one another; more lead nowhere."""

NAME_SHOWN_CHARS = 60
FAULT_SHOWN_CHARS = 200

KINDS = ("Cluster", "Node", "Setting", "Batch")

T = TypeVar("T")

Schema = dict[str, Any]  # JSON Schema is data: any of its types


class Processor(Protocol):
    """What a reader needs of a processor; those of `orchestrator.plugin` have it."""

    @property
    def name(self) -> str:
        """The word behind ``processor:``."""

    @property
    def service(self) -> Service:
        """The service whose instances its tasks take."""

    @property
    def schema(self) -> Mapping[str, object]:
        """JSON Schema of a job's ``with``."""

    @property
    def setting_schema(self) -> Mapping[str, object] | None:
        """JSON Schema of the ``spec`` of its Settings; None: it has none."""

    def review(self, job: Job) -> Review:
        """Say what the manifest alone shows: faults, files it will write, programs it needs."""


@cache
def core(kind: str) -> Schema:
    """Return the schema of a kind, complete in itself.  Do not change it: it is shared."""
    schema = _load(f"{kind.lower()}.schema.json")
    own: Schema = schema.pop("$defs", {})
    shared: Schema = {}
    _gather(schema, shared)
    _gather(own, shared)
    return {**schema, "$defs": {**shared, **own}}


def schema(kind: str, processors: Mapping[str, Processor]) -> Schema:
    """Return the schema of a kind with what the processors add, for editors and people.

    A Batch's ``with`` and a Setting's ``spec`` are described by if/then for each processor.
    Raises Refusal for a kind that there is not.
    """
    if kind not in KINDS:
        raise Refusal(f"{kind!r}: no kind of manifest; there are {', '.join(KINDS)}")
    whole: Schema = json.loads(json.dumps(core(kind)))
    if kind == "Batch":
        rules = {name: each.schema for name, each in processors.items()}
        _weave(whole, whole["$defs"]["job"], "with", rules)
    if kind == "Setting":
        specs = ((name, each.setting_schema) for name, each in processors.items())
        _weave(whole, whole["properties"]["spec"], "", {n: spec for n, spec in specs if spec})
    return whole


def fault_of(processor: Processor) -> str:
    """Return why a processor that is not ours cannot be offered; empty: it can."""
    rule = core("Batch")["$defs"]["name"]
    if not Draft202012Validator(rule).is_valid(processor.name):
        return f"processor {processor.name[:NAME_SHOWN_CHARS]!r}: that is no name; use a-z, 0-9, -"
    for what, said in (("schema", processor.schema), ("setting_schema", processor.setting_schema)):
        try:
            why = "" if said is None else aside(processor, f"its {what}", unfit, said)
        except PluginError as error:
            return str(error)
        if why:
            return f"processor {processor.name!r}: its {what} {why}"
    return ""


def aside(processor: object, what: str, function: Callable[..., T], *args: object) -> T:
    """Call a function where a stranger's schema may make it take long (F27).

    That is in its plugin's process; raises PluginError where it took too long.  For one of ours, here.
    """
    there = getattr(processor, "aside", None)
    return cast("T", there(what, function, *args)) if there else function(*args)


def unfit(rule: Mapping[str, object]) -> str:
    """Return what is wrong with a stranger's schema; it is asked what it says of nothing, too."""
    try:
        Draft202012Validator.check_schema(rule)
        for part in _parts_of(rule):
            re.compile(str(part.get("pattern", "")))
            _follow(part, rule)
        Draft202012Validator(dict(rule)).is_valid({})
    except SchemaError as error:
        return f"is no JSON Schema: {error.message[:FAULT_SHOWN_CHARS]}"
    except re.error as error:
        return f"has a pattern that is none: {error}"
    except Exception:  # noqa: BLE001  # the reader's door: whatever a stranger's schema trips over
        return "refers to what is not in it, or to itself"
    if rule.get("type") != "object":
        return "is not of type object"
    if rule.get("additionalProperties", rule.get("unevaluatedProperties")) is not False:
        return "leaves additionalProperties open: a misspelt key would be taken; say false"
    return ""


def _parts_of(rule: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(rule, Mapping):
        yield rule
    if isinstance(rule, Mapping | list | tuple):
        for each in rule.values() if isinstance(rule, Mapping) else rule:
            yield from _parts_of(each)


def _follow(part: Any, root: Mapping[str, object]) -> None:
    """Go where refs lead.  Raises LookupError if that is not in `root`, or nowhere."""
    for _ in range(REFS_MAX):
        ref = part.get("$ref") if isinstance(part, Mapping) else None
        if not isinstance(ref, str):
            return
        if not ref.startswith("#/"):
            raise LookupError(ref)
        part = root
        for step in ref[2:].split("/"):
            part = part[step.replace("~1", "/").replace("~0", "~")]
    raise LookupError(part)


def _weave(
    whole: Schema, place: Schema, key: str, rules: Mapping[str, Mapping[str, object]]
) -> None:
    """Say at `place`: if its processor is this one, then `key` (or all of it) is as it wants."""
    place["properties"]["processor"] = {**place["properties"]["processor"], "enum": sorted(rules)}
    conditions = place.setdefault("allOf", [])
    for name, rule in sorted(rules.items()):
        label = f"{name}-{key or 'setting'}"
        whole["$defs"][label] = _moved(rule, f"#/$defs/{label}")
        then = {"$ref": f"#/$defs/{label}"}
        chosen = {"required": ["processor"], "properties": {"processor": {"const": name}}}
        conditions.append({"if": chosen, "then": {"properties": {key: then}} if key else then})


def _moved(rule: object, root: str) -> Any:
    """Return a copy of a schema that stands at `root` of another: its own refs still lead home."""
    if isinstance(rule, Mapping):
        kept = {str(key): value for key, value in rule.items() if key not in ("$schema", "$id")}
        if isinstance(ref := kept.get("$ref"), str) and ref.startswith("#"):
            kept["$ref"] = root + ref[1:]
        return {key: _moved(value, root) if key != "$ref" else value for key, value in kept.items()}
    if isinstance(rule, list | tuple):
        return [_moved(each, root) for each in rule]
    return rule


def _gather(part: object, into: Schema) -> None:
    """Copy what `part` refers to in other files into `into`, and let it refer to the copy."""
    if isinstance(part, dict):
        ref = part.get("$ref", "")
        if isinstance(ref, str) and ".schema.json#/$defs/" in ref:
            file, _, name = ref.partition("#/$defs/")
            part["$ref"] = f"#/$defs/{name}"
            _adopt(file, name, into)
        for each in part.values():
            _gather(each, into)
    elif isinstance(part, list):
        for each in part:
            _gather(each, into)


def _adopt(file: str, name: str, into: Schema) -> None:
    if name in into:
        return
    found = into[name] = _load(file)["$defs"][name]
    _qualify(found, file)
    _gather(found, into)


def _qualify(part: object, file: str) -> None:
    """Let the refs of a part that leaves its file say which file they mean."""
    if isinstance(part, dict):
        if str(part.get("$ref", "")).startswith("#"):
            part["$ref"] = file + part["$ref"]
        for each in part.values():
            _qualify(each, file)
    elif isinstance(part, list):
        for each in part:
            _qualify(each, file)


def _load(file: str) -> Schema:
    text = (resources.files("orchestrator.schemas") / file).read_text("utf-8")
    loaded: Schema = json.loads(text)
    return loaded
