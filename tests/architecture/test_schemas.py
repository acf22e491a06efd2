"""The schemas are the reference: described, bounded, closed, and true to the code."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from fake_processors import PROCESSORS
from jsonschema import Draft202012Validator

from orchestrator.errors import Refusal
from orchestrator.manifest.batch import digest, read_batch
from orchestrator.manifest.schema import KINDS, core, schema
from orchestrator.manifest.setting import read_built_in
from orchestrator.manifest.validate import validate
from orchestrator.plugin.manager import Plugins

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "schemas").glob("*.schema.json"))
OPEN = {"batch.schema.json:with", "setting.schema.json:spec"}  # a processor's schema closes them
BOUNDS = {"string": "maxLength", "array": "maxItems"}
MAPS = ("properties", "$defs")


def parts(rule, name=""):
    """Yield each schema in a schema, with the key it stands at."""
    yield name, rule
    for word, value in rule.items():
        if word in MAPS:
            for key, each in value.items():
                yield from parts(each, key)
        elif word in ("items", "additionalProperties", "propertyNames") and isinstance(value, dict):
            yield from parts(value, f"{name}:{word}")
        elif word in ("anyOf", "oneOf", "allOf"):
            for each in value:
                yield from parts(each, f"{name}:{word}")


def everything():
    for file in FILES:
        for name, rule in parts(json.loads(file.read_text())):
            yield f"{file.name}:{name}", rule


EVERYTHING = list(everything())


def faulty(says):
    """Return the keys of which `says` is not true."""
    return [name for name, rule in EVERYTHING if not says(name, rule)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema(kind):
    Draft202012Validator.check_schema(core(kind))
    Draft202012Validator.check_schema(schema(kind, PROCESSORS))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_needs_no_other_file(kind):
    assert set(re.findall(r'"\$ref": "(.)', json.dumps(core(kind)))) == {"#"}


def test_the_schemas_are_installed():
    installed = {each.name for each in resources.files("orchestrator.schemas").iterdir()}
    assert {file.name for file in FILES} <= installed


def test_every_key_has_a_description():
    def described(name, rule):
        return "description" in rule or "$ref" in rule or name.endswith(("anyOf", ":const"))

    assert faulty(described) == []


def test_a_description_fits_behind_wanted():
    def fits(name, rule):
        text = rule.get("description", "a")
        first = text.split(maxsplit=1)[0].rstrip(":,")
        return not text.endswith(".") and (
            text[0].islower() or text[0].isdigit() or first.isupper()
        )

    assert faulty(fits) == []


def test_every_object_is_closed():
    def closed(name, rule):
        return (
            rule.get("type") != "object" or name in OPEN or rule["additionalProperties"] is not True
        )

    assert faulty(closed) == []


def test_every_text_and_list_is_bounded():
    def bounded(name, rule):
        said = rule.get("type", ())
        kinds = said if isinstance(said, list) else [said] if said else []
        return "enum" in rule or all(BOUNDS.get(kind, "type") in rule for kind in kinds)

    assert faulty(bounded) == []


def test_every_number_is_bounded():
    def bounded(name, rule):
        least = "minimum" in rule or "exclusiveMinimum" in rule
        return rule.get("type") not in ("integer", "number") or (least and "maximum" in rule)

    assert faulty(bounded) == []


def resolved(kind):
    whole = core(kind)
    for name, rule in parts(whole):
        yield name, Draft202012Validator(whole).evolve(schema=rule), rule


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_and_examples_are_valid(kind):
    for name, validator, rule in resolved(kind):
        for value in [*rule.get("examples", ()), *([rule["default"]] if "default" in rule else ())]:
            assert validator.is_valid(value), (name, value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_is_the_one_that_the_description_tells(kind):
    for name, _, rule in resolved(kind):
        told = re.search(r"default:? (\S+)$", rule.get("description", ""))
        if told and "default" in rule and not isinstance(rule["default"], dict | list):
            assert (json.dumps(rule["default"]).strip('"') or "none") == told[1], name


MINIMAL = {
    "apiVersion": "orchestrator/v1",
    "kind": "Batch",
    "metadata": {"name": "b"},
    "spec": {"jobs": [{"name": "a", "processor": "shell", "with": {"command": ["ls"]}}]},
}
JOB = ("spec", "jobs", 0)
PLACES = {
    (): core("Batch"),
    ("metadata",): core("Batch")["$defs"]["metadata"],
    ("spec",): core("Batch")["properties"]["spec"],
    ("spec", "notify"): core("Batch")["properties"]["spec"]["properties"]["notify"],
    JOB: core("Batch")["$defs"]["job"],
    (*JOB, "segments"): core("Batch")["$defs"]["job"]["properties"]["segments"],
}
DEFAULTS = [
    (place, key, rule["default"])
    for place, schema in PLACES.items()
    for key, rule in schema["properties"].items()
    if "default" in rule and key != "with"
]


def key_of(tmp_path, data):
    path = tmp_path / "job.yaml"
    path.write_text(json.dumps(data))
    return digest(read_batch(path, PROCESSORS).batch)


@pytest.mark.parametrize(("place", "key", "default"), DEFAULTS, ids=lambda each: str(each))
def test_a_default_written_out_changes_nothing(tmp_path, place, key, default):
    data = json.loads(json.dumps(MINIMAL))
    at = data
    for step in place:
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    at[key] = default
    assert key_of(tmp_path, data) == key_of(tmp_path, MINIMAL)


def errors(kind, data):
    found = Draft202012Validator(schema(kind, PROCESSORS)).iter_errors(data)
    return [list(each.absolute_path) for each in found]


def test_the_printed_schema_describes_with_by_processor():
    data = json.loads(json.dumps(MINIMAL))
    assert errors("Batch", data) == []
    data["spec"]["jobs"][0]["processor"] = "compressor"
    assert [*JOB, "with"] in errors("Batch", data)
    data["spec"]["jobs"][0]["with"] = {"source": "a", "outputs": [{"setting": "x"}]}
    assert errors("Batch", data) == [[*JOB, "with", "outputs", 0]]


def test_the_printed_schema_knows_the_processors():
    data = json.loads(json.dumps(MINIMAL).replace("shell", "maya"))
    assert errors("Batch", data) == [[*JOB, "processor"]]


def test_the_printed_schema_describes_a_setting_by_processor():
    data = {**MINIMAL, "kind": "Setting", "spec": {"processor": "compressor", "container": "avi"}}
    assert errors("Setting", data) == [["spec", "container"]]


def test_printing_leaves_the_schema_as_it_is():
    before = json.dumps(core("Batch"))
    schema("Batch", PROCESSORS)
    assert json.dumps(core("Batch")) == before


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(Refusal, match="'Job': no kind of manifest; there are Cluster, Node"):
        schema("Job", PROCESSORS)


def test_the_cluster_manifest_that_people_copy_is_valid():
    (named,) = validate([ROOT / "clusters.d"], PROCESSORS)
    assert (named.kind, named.name) == ("Cluster", "studio")


def test_manifests_that_people_copy_name_their_schema():
    for file in [*(ROOT / "examples").glob("*.yaml"), *(ROOT / "clusters.d").glob("*.yaml")]:
        first = file.read_text().splitlines()[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert named, file
        assert (file.parent / named[1]).is_file()


@pytest.fixture(scope="module")
def plugins():
    return Plugins.installed()


def test_the_schemas_of_our_processors_are_schemas(plugins):
    for processor in plugins.processors.values():
        Draft202012Validator.check_schema(processor.schema)
        Draft202012Validator.check_schema(processor.setting_schema or {})


@pytest.mark.parametrize("kind", KINDS)
def test_our_processors_are_woven_into_the_printed_schema(plugins, kind):
    Draft202012Validator.check_schema(schema(kind, plugins.processors))


def test_every_built_in_setting_is_valid(plugins):
    found = read_built_in(plugins.settings_folders(), plugins.processors)
    assert "h264-1080p" in {setting.name for setting in found}


def test_the_examples_are_valid(plugins):
    files = sorted((ROOT / "examples").glob("*.yaml"))
    named = validate(files, plugins.processors, plugins.settings_folders())
    assert len({each.file for each in named}) == len(files)


def test_the_printed_schema_accepts_the_built_in_settings(plugins):
    rules = Draft202012Validator(schema("Setting", plugins.processors))
    for setting in read_built_in(plugins.settings_folders(), plugins.processors):
        document = {"apiVersion": "orchestrator/v1", "kind": "Setting"}
        document |= {"metadata": {"name": setting.name}, "spec": setting.spec}
        assert rules.is_valid(document), setting.name
