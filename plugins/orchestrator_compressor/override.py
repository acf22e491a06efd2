"""A job's output may change keys of the setting it names, for itself alone."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

Spec = Mapping[str, object]
MERGED = frozenset({"video", "audio", "options"})
"""Keys whose own keys are changed one by one; whatever stands deeper is replaced as a whole: a rate
of two kinds would be none."""
INSTEAD = {"rate": "quality", "quality": "rate"}
"""Key of ``video`` -> the other way to say the same, whose place it takes."""


def merged(spec: Spec, override: Spec) -> dict[str, object]:
    """Return a setting's spec with the keys of `override` in place of its own."""
    found = dict(spec)
    for key, value in override.items():
        own = spec.get(key)
        both = key in MERGED and isinstance(own, Mapping) and isinstance(value, Mapping)
        found[key] = _changed(own, value) if both else value  # type: ignore[arg-type]  # both are
    return found


def _changed(own: Spec, keys: Spec) -> dict[str, object]:
    gone = {INSTEAD[key] for key in keys if key in INSTEAD}
    return {**{key: value for key, value in own.items() if key not in gone}, **keys}


def place(override: Spec, fault: str) -> tuple[str, ...] | None:
    """Return where in `override` a fault stands, which begins with its key, ``video.rate: …``.

    None: it is not of its making.
    """
    found: list[str] = []
    here: object = override
    for key in fault.partition(":")[0].split("."):
        if not isinstance(here, Mapping) or key not in here:
            break
        found.append(key)
        here = here[key]
    return tuple(found) or None


def schema(of_job: Mapping[str, Any], of_setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a job's ``with``, in which an override may have a setting's keys.

    Nothing is required of one, as the setting has it; nor can it be of another processor.
    """
    whole = deepcopy(dict(of_job))
    known = deepcopy(dict(of_setting["properties"]))
    del known["processor"]
    for key in MERGED:
        known[key].pop("required", None)
    items = whole["properties"]["outputs"]["items"]["properties"]
    items["override"] = {**items["override"], "properties": known}
    return whole
