"""The JSON Schema of a frame render's ``with``: what all have, and a renderer's own keys."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.frames.movie import RATE_DEFAULT
from orchestrator.frames.preview import FRAMES_DEFAULT
from orchestrator.frames.renderer import Renderer

TEST_FRAMES_MAX = 20  #: every other segment needs each of them

FRAMES_MIN = 10  #: a segment's, unless a job says otherwise (F-SEG-9)

_NUMBER = {"type": "number", "minimum": -1_000_000, "maximum": 1_000_000}

COMMON: Mapping[str, object] = {
    "frames": {
        "description": "the frames to render, by their numbers",
        "type": "object",
        "additionalProperties": False,
        "required": ["start", "end"],
        "properties": {
            "start": {"description": "number of the first frame; below 0 too", **_NUMBER},
            "end": {"description": "number of the last frame", **_NUMBER},
            "step": {
                "description": "from one frame to the next; 0.5 renders between frames; default 1",
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1_000_000,
                "default": 1,
            },
        },
        "examples": [{"start": 1, "end": 240}],
    },
    "minFrames": {
        "description": "frames of a segment, at least; fewer use more nodes and cost more starts",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
        "default": FRAMES_MIN,
    },
    "destination": {
        "description": "the files of the frames, with #### (or %04d) where the number stands",
        "type": "string",
        "minLength": 1,
        "maxLength": 4096,
        "format": "path",
        "examples": ["/mnt/studio/out/shot12/shot12.####.exr"],
    },
    "numberFrom": {
        "description": "number of the first file, and one more for each after it, whatever the "
        "frames are called; default: files have their frames' numbers",
        "type": "integer",
        "minimum": 0,
        "maximum": 1_000_000,
    },
    "skipExisting": {
        "description": "whether whole frames that are there already stay, and only what is missing "
        "or broken is rendered; default false",
        "type": "boolean",
        "default": False,
    },
    "sequenceCheck": {
        "description": "whether the whole sequence is looked at once more where it was put; "
        "default true",
        "type": "boolean",
        "default": True,
    },
    "blackFrames": {
        "description": "whether frames that are black all over are accepted, and counted, or fail "
        "their segment; default accept",
        "enum": ["accept", "fail"],
        "default": "accept",
    },
    "executable": {
        "description": "path of the program; default: the one the node has",
        "type": "string",
        "minLength": 1,
        "maxLength": 4096,
        "format": "path",
    },
    "options": {
        "description": "words to add to the command, as the program documents them",
        "type": "array",
        "maxItems": 1000,
        "items": {"description": "one word", "type": "string", "maxLength": 8192},
        "default": [],
    },
    "preview": {
        "description": "test frames: rendered and published first, before any other is begun",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "frames": {
                "description": "which: first, middle, last, or frames by their numbers",
                "type": "array",
                "minItems": 1,
                "maxItems": TEST_FRAMES_MAX,
                "items": {
                    "description": "first, middle, last, or the number of a frame",
                    "anyOf": [{"enum": [*FRAMES_DEFAULT]}, _NUMBER],
                },
                "default": [*FRAMES_DEFAULT],
            },
            "approve": {
                "description": "whether the others wait until a person types orchestrator resume",
                "type": "boolean",
                "default": True,
            },
        },
        "examples": [{"frames": ["first", "last"], "approve": True}],
    },
    "movie": {
        "description": "a film of the frames, made by a job of its own, <job>-movie, after this",
        "type": "object",
        "additionalProperties": False,
        "required": ["setting", "destination"],
        "properties": {
            "setting": {
                "description": "the name of a Setting of the compressor",
                "type": "string",
                "minLength": 1,
                "maxLength": 63,
                "examples": ["h264-1080p"],
            },
            "destination": {
                "description": "the file to write, as in a job of the compressor",
                "type": "string",
                "minLength": 1,
                "maxLength": 4096,
                "format": "path",
                "examples": ["/mnt/studio/out/shot12.mp4"],
            },
            "fps": {
                "description": "frames a second: 24, 23.976, 24000/1001",
                "type": ["number", "string"],
                "pattern": "^[0-9./]{1,15}$",
                "maxLength": 15,
                "minimum": 0.001,
                "maximum": 1000,
                "default": RATE_DEFAULT,
            },
        },
    },
    "nonZeroIsFailure": {
        "description": "whether an exit code other than 0 fails the segment; default true",
        "type": "boolean",
        "default": True,
    },
}


def schema_of(renderer: Renderer) -> Mapping[str, object]:
    """Return the schema of ``with``: a renderer's own keys first; it may say common ones anew."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": renderer.name,
        "description": f"frames rendered by {renderer.title}",
        "type": "object",
        "additionalProperties": False,
        "required": [*renderer.required, "frames", "destination"],
        "properties": {
            **renderer.keys,
            **{k: v for k, v in COMMON.items() if k not in renderer.keys},
        },
    }
