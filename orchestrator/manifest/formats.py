"""The values of a schema's formats ``path`` and ``setting``: found, and made to nouns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any

from orchestrator.manifest.check import is_valid, look
from orchestrator.manifest.finding import Path
from orchestrator.manifest.schema import Processor, aside

ABSOLUTE = ("{storage}", "{source.parent}")  # tokens that stand for an absolute path


def formatted(value: object, schema: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Yield path, text and format of every text in `value` whose schema names a format."""
    return _walk(value, schema, (), schema)


def try_aside(processor: Processor, what: str, value: object, schema: Mapping[str, Any]) -> None:
    """Look first in the process of a plugin that is not ours how long a value takes (F27).

    A pattern, or parts that refer to parts, may take for ever.  Raises PluginError if they do.
    """
    if hasattr(processor, "aside"):
        aside(processor, what, tried, value, schema)


def tried(value: object, schema: Mapping[str, Any]) -> None:
    """Check and find all, for nothing but the time it takes."""
    look(value, schema)
    for _ in formatted(value, schema):
        pass


def absolute(text: str, folder: File) -> str:
    """Return the path `text` as seen from `folder`; ``~`` is the user's home.

    ``..`` is taken out by text, as every node reads it; what begins with a token that stands for
    an absolute path stays.
    """
    if text.startswith(ABSOLUTE):
        return text
    return os.path.normpath(os.path.join(os.path.abspath(folder), os.path.expanduser(text)))


def replaced(value: object, changes: Mapping[Path, object]) -> Any:
    """Return a copy of `value` with what stands at the paths of `changes` replaced."""
    return _replaced(value, (), changes)


def _replaced(value: object, path: Path, changes: Mapping[Path, object]) -> Any:
    if path in changes:
        return changes[path]
    if isinstance(value, dict):
        return {key: _replaced(each, (*path, key), changes) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, (*path, index), changes) for index, each in enumerate(value)]
    return value


def _walk(
    value: object, schema: Any, path: Path, root: Mapping[str, Any]
) -> Iterator[tuple[Path, str, str]]:
    if not isinstance(schema, Mapping):
        return
    if isinstance(value, str) and "format" in schema:
        yield path, value, schema["format"]
    if str(schema.get("$ref", "")).startswith("#/"):
        yield from _walk(value, _find(root, schema["$ref"]), path, root)
    for part in _parts(value, schema, root):
        yield from _walk(value, part, path, root)
    if isinstance(value, dict):
        for key, each in value.items():
            part = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            yield from _walk(each, part, (*path, key), root)
    if isinstance(value, list):
        first = schema.get("prefixItems", ())
        for index, each in enumerate(value):
            part = first[index] if index < len(first) else schema.get("items")
            yield from _walk(each, part, (*path, index), root)


def _parts(value: object, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the parts of a composed schema that speak of `value`."""
    yield from schema.get("allOf", ())
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if is_valid(value, part, root):
            yield part
    if "if" in schema:
        yield schema.get("then" if is_valid(value, schema["if"], root) else "else")


def _find(root: Mapping[str, Any], ref: str) -> Any:
    found: Any = root
    for step in ref[2:].split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found
