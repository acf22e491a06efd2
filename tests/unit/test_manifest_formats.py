"""Formats are found wherever a schema can put them."""

from pathlib import Path

import pytest

from orchestrator.manifest.formats import absolute, formatted, replaced

PATH = {"type": "string", "format": "path"}
SCHEMAS = {
    "property": ({"properties": {"a": PATH}}, {"a": "x", "b": "y"}, [("a",)]),
    "items": ({"items": PATH}, ["x", "y"], [(0,), (1,)]),
    "first items": ({"prefixItems": [{}, PATH], "items": {}}, ["x", "y", "z"], [(1,)]),
    "any key": ({"additionalProperties": PATH}, {"a": "x"}, [("a",)]),
    "reference": (
        {"properties": {"a": {"$ref": "#/$defs/x~1y"}}, "$defs": {"x/y": PATH}},
        {"a": "x"},
        [("a",)],
    ),
    "all of": ({"allOf": [PATH]}, "x", [()]),
    "one of": ({"oneOf": [{"type": "integer"}, PATH]}, "x", [()]),
    "another of": ({"anyOf": [{"type": "string", "maxLength": 0, "format": "path"}, {}]}, "x", []),
    "then": (
        {"if": {"required": ["k"]}, "then": {"properties": {"a": PATH}}},
        {"k": 1, "a": "x"},
        [("a",)],
    ),
    "else": (
        {"if": {"required": ["k"]}, "then": {}, "else": {"properties": {"a": PATH}}},
        {"a": "x"},
        [("a",)],
    ),
    "no text": ({"properties": {"a": {"format": "path"}}}, {"a": 1}, []),
    "anything": ({"additionalProperties": True}, {"a": "x"}, []),
}


@pytest.mark.parametrize(("schema", "value", "places"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_format_is_found(schema, value, places):
    assert [path for path, _, kind in formatted(value, schema) if kind == "path"] == places


def test_what_is_replaced_is_a_copy():
    value = {"a": ["x", {"b": "y"}]}
    assert replaced(value, {("a", 1, "b"): "z"}) == {"a": ["x", {"b": "z"}]}
    assert value == {"a": ["x", {"b": "y"}]}


def test_a_path_of_an_unknown_home_stays_below_the_folder(monkeypatch):
    assert absolute("~nobody-at-all/x", Path("/m")) == "/m/~nobody-at-all/x"
