"""The keys of ``with`` that are POV-Ray's own, and the words they become."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, cast

from orchestrator.api import Job, Order

_PATH = {"type": "string", "minLength": 1, "maxLength": 4096, "format": "path"}
_PIXELS = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
_RANGE_MAX = 1_000_000

KEYS: Mapping[str, object] = {
    "scene": {"description": "the scene", **_PATH, "examples": ["/mnt/studio/shot12.pov"]},
    "ini": {
        "description": "INI files, read first; name.ini[section] reads a section too",
        "type": "array",
        "maxItems": 50,
        "items": {"description": "one INI file", **_PATH},
    },
    "library": {
        "description": "folders where includes, images and fonts are looked for; the scene's own first",
        "type": "array",
        "maxItems": 50,
        "items": {"description": "one folder", **_PATH},
    },
    "header": {"description": "a file to include before the scene", **_PATH},
    "width": {"description": "of the picture, in pixels; default: the INI's", **_PIXELS},
    "height": {"description": "of the picture, in pixels; default: the INI's", **_PIXELS},
    "quality": {
        "description": "0, rough, to 11; 9 has all textures; POV-Ray's default is 9",
        "type": "integer",
        "minimum": 0,
        "maximum": 11,
    },
    "antialias": {
        "description": "threshold of antialiasing, finer towards 0; false: none",
        "oneOf": [{"type": "number", "minimum": 0, "maximum": 3}, {"const": False}],
    },
    "sampling": {
        "description": "method of antialiasing: 1 not adaptive, 2 adaptive",
        "type": "integer",
        "minimum": 1,
        "maximum": 2,
    },
    "depth": {
        "description": "of antialiasing: how often a pixel is divided",
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
    },
    "jitter": {
        "description": "of samples, in pixels; false: none, and frames do not flicker",
        "oneOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"const": False}],
    },
    "alpha": {"description": "whether the background is transparent", "type": "boolean"},
    "bits": {
        "description": "of each colour of a PNG or PPM; POV-Ray's default is 8",
        "type": "integer",
        "minimum": 5,
        "maximum": 16,
    },
    "threads": {
        "description": "of one POV-Ray; its default is one a core",
        "type": "integer",
        "minimum": 1,
        "maximum": 512,
    },
    "declares": {
        "description": "numbers that the scene finds declared: name -> number",
        "type": "object",
        "maxProperties": 200,
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,39}$"},
        "additionalProperties": {"description": "its value", "type": "number"},
    },
    "animation": {
        "description": "the frames that the clock runs over, where `frames` are a part of them",
        "type": "object",
        "additionalProperties": False,
        "required": ["start", "end"],
        "properties": {
            "start": {
                "description": "number of the first",
                "type": "number",
                "minimum": -_RANGE_MAX,
                "maximum": _RANGE_MAX,
            },
            "end": {
                "description": "number of the last",
                "type": "number",
                "minimum": -_RANGE_MAX,
                "maximum": _RANGE_MAX,
            },
        },
    },
    "cyclic": {
        "description": "whether the clock comes to its end one frame after the last, as a film "
        "that is played in a circle wants; default: what the INI says, else false",
        "type": "boolean",
    },
    "clock": {
        "description": "the clock's values; default: what the INI says, else from 0 to 1",
        "type": "object",
        "additionalProperties": False,
        "required": ["start", "end"],
        "properties": {
            "start": {"description": "at the first frame", "type": "number"},
            "end": {"description": "at the last frame", "type": "number"},
        },
    },
}

PATHS = ("scene", "header", "ini", "library")
SIMPLE: Mapping[str, str] = {
    "width": "+W",
    "height": "+H",
    "quality": "+Q",
    "sampling": "+AM",
    "depth": "+R",
    "threads": "+WT",
}
"""Keys whose value stands right behind the option."""

SWITCHES: Mapping[str, str] = {"antialias": "A", "jitter": "J"}
"""Keys with a number, or false."""


def named(job: Job) -> tuple[tuple[str, str], ...]:
    """Return (key, path) of each file and folder that it names, as it names them."""
    found: list[tuple[str, str]] = []
    for key in PATHS:
        said = job.asks.get(key, ())
        paths = [said] if isinstance(said, str) else cast("list[str]", said)
        found += [(key, path) for path in paths]
    return tuple(found)


def without_section(path: str) -> str:
    """Return the file of ``name.ini[section]``."""
    return path.rpartition("[")[0] if path.endswith("]") else path


def words(order: Order) -> tuple[str, ...]:
    """Return the words of its own keys, but for those of frames; INI files come first."""
    asks, sees = order.asks, order.where.source
    own = posixpath.dirname(str(asks["scene"]))
    return (
        *(quoted(sees(path)) for key, path in named(order.job) if key == "ini"),
        f"+I{quoted(sees(str(asks['scene'])))}",
        f"+L{quoted(sees(own))}",
        *(f"+L{quoted(sees(path))}" for key, path in named(order.job) if key == "library"),
        *(f"+HI{quoted(sees(path))}" for key, path in named(order.job) if key == "header"),
        *(f"{option}{asks[key]}" for key, option in SIMPLE.items() if key in asks),
        *(_switched(asks, key, letter) for key, letter in SWITCHES.items() if key in asks),
        *(("+UA" if asks["alpha"] else "-UA",) if "alpha" in asks else ()),
        *(f"Declare={name}={value}" for name, value in _declared(asks).items()),
    )


def quoted(path: str) -> str:
    """Return a path as POV-Ray reads it: it takes quotes off, and blanks need them."""
    if not any(letter in path for letter in " \t'\";,=[]()"):
        return path
    return f"'{path}'" if '"' in path else f'"{path}"'


def _switched(asks: Mapping[str, object], key: str, letter: str) -> str:
    value = asks[key]
    return f"-{letter}" if value is False else f"+{letter}{value}"


def _declared(asks: Mapping[str, object]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", asks.get("declares", {}))
