"""The keys of a job's ``with``, and those that a template has of them."""

from __future__ import annotations

from collections.abc import Mapping

_EXECUTABLE: Mapping[str, object] = {
    "description": "path of the program, or its name where nodes have it on their PATH; "
    "default: the template's",
    "anyOf": [
        {"description": "a path", "type": "string", "pattern": "/", "format": "path"},
        {"description": "a name", "type": "string", "pattern": "^[^/]+$"},
    ],
    "maxLength": 4096,
    "examples": ["/opt/render/bin/draw", "aerender"],
}
_EXPRESSION: Mapping[str, object] = {"type": "string", "minLength": 1, "maxLength": 500}

TEMPLATE: Mapping[str, object] = {
    "executable": _EXECUTABLE,
    "format": {
        "description": "the command, a word each, with placeholders as {start}; no shell reads it",
        "type": "array",
        "minItems": 1,
        "maxItems": 1000,
        "items": {"description": "one word", "type": "string", "maxLength": 8192},
        "examples": [["{executable}", "-s", "{start}", "-e", "{end}", "-o", "{output}/{name}"]],
    },
    "frameName": {
        "description": "how the program names its files, #### for the number, with {prefix}, "
        "{suffix} and {item}; default: as the destination",
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "examples": ["frame####{suffix}"],
    },
    "progress": {
        "description": "a regular expression; a line that it matches tells the frame that the "
        "program has come to, or with a % how far it is: the first number in it, or the group "
        "(?P<frame>...), (?P<count>...) of frames done, (?P<percent>...); default: none does",
        **_EXPRESSION,
        "examples": ["Rendering frame [0-9]+"],
    },
    "errors": {
        "description": "lines of output that say what went wrong",
        "type": "array",
        "maxItems": 50,
        "items": {
            "description": "a line, and what it means",
            "type": "object",
            "additionalProperties": False,
            "required": ["line", "says"],
            "properties": {
                "line": {"description": "a regular expression", **_EXPRESSION},
                "says": {
                    "description": "the reason, in one sentence; {name} is what the group "
                    "(?P<name>...) of the line holds",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 500,
                },
                "waits": {
                    "description": "whether it is no failure, and the segment waits, as for a "
                    "licence; default false",
                    "type": "boolean",
                    "default": False,
                },
            },
        },
        "default": [],
    },
    "licences": {
        "description": "what each running segment holds one of; `limits.licences` counts them",
        "type": "array",
        "maxItems": 20,
        "uniqueItems": True,
        "items": {"description": "a name", "type": "string", "minLength": 1, "maxLength": 63},
        "default": [],
        "examples": [["nuke_r"]],
    },
    "nonZeroIsFailure": {
        "description": "whether an exit code other than 0 fails the segment; default true",
        "type": "boolean",
        "default": True,
    },
}

KEYS: Mapping[str, object] = {
    **TEMPLATE,
    "input": {
        "description": "the file that the program reads; every node must see it",
        "type": "string",
        "minLength": 1,
        "maxLength": 4096,
        "format": "path",
    },
    "item": {
        "description": "any text, as the name of a composition; {item} in the format",
        "type": "string",
        "maxLength": 8192,
    },
    "template": {
        "description": "name of a Setting that has the format and what goes with it",
        "type": "string",
        "minLength": 1,
        "maxLength": 63,
        "format": "setting",
        "examples": ["after-effects"],
    },
}

SETTING: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "a template of generic",
    "description": "how a program is called to render frames",
    "type": "object",
    "additionalProperties": False,
    "required": ["processor", "format"],
    "properties": {
        "processor": {"description": "whose template it is", "const": "generic"},
        **TEMPLATE,
    },
}
