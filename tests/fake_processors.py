"""Two small processors for tests of manifests: real code, no media."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.work import Fault, Job, Review, Service

TOKENS = {"source.stem", "setting", "storage", "width"}
OUTPUT = {
    "description": "an output: a setting and a destination",
    "type": "object",
    "additionalProperties": False,
    "required": ["setting", "destination"],
    "properties": {
        "setting": {
            "description": "the name of a setting",
            "type": "string",
            "maxLength": 63,
            "format": "setting",
        },
        "destination": {
            "description": "the path of the file to write",
            "type": "string",
            "maxLength": 4096,
            "format": "path",
        },
        "ifExists": {"description": "fail or replace", "enum": ["fail", "replace"]},
    },
}
WITH = {
    "type": "object",
    "additionalProperties": False,
    "required": ["source", "outputs"],
    "properties": {
        "source": {
            "description": "the path of a file, or a list of them",
            "anyOf": [
                {"type": "string", "maxLength": 4096, "format": "path"},
                {"type": "array", "maxItems": 9, "items": {"type": "string", "format": "path"}},
            ],
        },
        "outputs": {
            "description": "what is made of the source",
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "items": {"$ref": "#/$defs/output"},
        },
    },
    "$defs": {"output": OUTPUT},
}
SETTING = {
    "type": "object",
    "additionalProperties": False,
    "required": ["processor", "container"],
    "properties": {
        "processor": {"const": "compressor"},
        "container": {"description": "mp4 or mov", "enum": ["mp4", "mov"]},
        "lut": {"description": "the path of a table", "type": "string", "format": "path"},
        "crf": {"description": "0 to 51", "type": "integer", "minimum": 0, "maximum": 51},
    },
}
COMMAND = {
    "type": "object",
    "additionalProperties": False,
    "required": ["command"],
    "properties": {
        "command": {
            "description": "a command as a list of words",
            "type": "array",
            "minItems": 1,
            "maxItems": 500,
            "items": {"description": "a word; quote numbers", "type": "string"},
        }
    },
}


@dataclass(frozen=True, kw_only=True)
class FakeCompressor:
    """Writes each destination once, and knows a few tokens."""

    name: str = "compressor"
    service: Service = Service.COMPRESSOR
    schema: Mapping[str, object] = field(default_factory=lambda: WITH)
    setting_schema: Mapping[str, object] | None = field(default_factory=lambda: SETTING)

    def review(self, job: Job) -> Review:
        faults, claims = [], []
        for index, output in enumerate(job.asks["outputs"]):
            path = ("outputs", index, "destination")
            for token in re.findall(r"{([^{}]*)}", output["destination"]):
                if token not in TOKENS:
                    faults.append(Fault(path, f"unknown token {{{token}}}; known: setting"))
            claims.append((path, output["destination"].replace("{setting}", output["setting"])))
        return Review(faults=tuple(faults), claims=tuple(claims), needs={"ffmpeg": ()})


@dataclass(frozen=True, kw_only=True)
class FakeShell:
    """Has no settings, and nothing to say."""

    name: str = "shell"
    service: Service = Service.RENDER
    schema: Mapping[str, object] = field(default_factory=lambda: COMMAND)
    setting_schema: Mapping[str, object] | None = None

    def review(self, job: Job) -> Review:
        return Review()


PROCESSORS = {"compressor": FakeCompressor(), "shell": FakeShell()}
