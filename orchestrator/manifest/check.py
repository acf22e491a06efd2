"""Plain data against a schema: every fault, with the place of what is at fault."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from orchestrator.manifest import advice
from orchestrator.manifest.finding import Document, Finding, Path


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    """Match as ECMAScript does: ``$`` is the end of the text, not the line before it."""
    if isinstance(instance, str):
        short = pattern.endswith("$") and instance.endswith("\n")
        if short or not re.search(pattern, instance):
            yield ValidationError("does not match")


_Validator = extend(  # type: ignore[no-untyped-call]  # its stub says nothing
    Draft202012Validator, {"pattern": _pattern}
)


def check(
    document: Document, path: Path, schema: Mapping[str, object], value: object = None
) -> list[Finding]:
    """Return every fault of what stands at `path`, by `schema`; none for what is refused already.

    :param value: what to check where nothing stands at `path`
    """
    findings: list[Finding] = []
    found = document.get(*path) if path in document.places else value
    for error in _Validator(dict(schema)).iter_errors(found):
        for leaf in _leaves(error):
            findings.extend(_describe(document, path, leaf))
    return findings


def look(value: object, schema: Mapping[str, object]) -> None:
    """Find every fault of `value`, and say none."""
    for error in _Validator(dict(schema)).iter_errors(value):
        for _ in _leaves(error):
            pass


def is_valid(value: object, schema: Mapping[str, object], root: Mapping[str, object]) -> bool:
    """Whether `value` fits `schema`, a part of the schema `root`."""
    return bool(_Validator(dict(root)).evolve(schema=schema).is_valid(value))


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Of several forms that a value might have, speak of the one that it nearly has."""
    forms: dict[object, list[ValidationError]] = {}
    for each in error.context or ():
        forms.setdefault(each.relative_schema_path[0], []).append(each)
    near = [form for form in forms.values() if not any(map(_is_other_form, form))]
    if error.validator in ("anyOf", "oneOf") and near:
        for each in max(near, key=lambda form: max(len(e.relative_path) for e in form)):
            yield from _leaves(each)
    else:
        yield error


def _is_other_form(error: ValidationError) -> bool:
    """Whether a value was not even meant to have this form."""
    return error.validator in ("type", "const", "enum") and len(error.relative_path) <= 1


def _describe(document: Document, path: Path, error: ValidationError) -> Iterator[Finding]:
    where = (*path, *error.absolute_path)
    if any(where[: len(refused)] == refused for refused in document.refused):
        return
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        for key in (key for key in advice.unknown(error) if (*where, key) not in document.refused):
            yield document.fault((*where, key), advice.on_unknown(key, where, error), at_key=True)
    elif "propertyNames" in error.absolute_schema_path and isinstance(error.instance, str):
        if (*where, error.instance) not in document.refused:
            yield document.fault((*where, error.instance), advice.on_value(error), at_key=True)
    else:
        yield document.fault(where, advice.on_value(error))
