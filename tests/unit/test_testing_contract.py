"""The contract that plugin authors let their processors be asked about."""

import importlib.metadata as metadata
import itertools
import types
from typing import ClassVar

import pytest

from orchestrator.api import Command, Fault, Review, hookimpl
from orchestrator.testing import check_plugin, check_processor

INSTALLED = sorted(metadata.entry_points(group="orchestrator"), key=lambda each: each.name)


class Odd:
    """Keeps nothing that is promised but its methods."""

    name = "Odd One"
    service = "render"
    setting_schema = None
    schema: ClassVar = {"type": "object", "properties": {"n": {"type": "integer", "default": "x"}}}
    counted = itertools.count()

    def review(self, job):
        return Review(faults=(Fault(("n",), f"asked {next(self.counted)} times"),))

    def probe(self, job):
        return {"when": object()}

    def plan(self, job, facts, room):
        return ()

    def command(self, task, where, done):
        return Command(("true",))

    def progress(self, task, line):
        return None


def breaches(check, *what):
    with pytest.raises(AssertionError) as error:
        check(*what)
    return str(error.value).splitlines()


def plugin(**members):
    module = types.ModuleType("odd")
    vars(module).update(members)
    return module


@pytest.mark.parametrize("offer", INSTALLED, ids=lambda each: each.name)
def test_our_own_plugins_keep_it(offer):
    check_plugin(offer.load())


def test_every_breach_of_a_processor_is_told_at_once():
    assert breaches(check_processor, Odd(), {"n": 3}) == [
        "processor 'Odd One': it breaks the contract:",
        "it has no check; see Processor in orchestrator.api",
        "name 'Odd One': write small letters, digits and single hyphens, as contact-sheet",
        "service is 'render'; write Service.RENDER or Service.COMPRESSOR",
        "schema: it: has no description; it stands behind `wanted:` where a job is refused",
        'schema: it: takes keys that nobody knows; write "additionalProperties": false',
        "schema: n: has no description; it stands behind `wanted:` where a job is refused",
        "schema: n: 'x' stands there as example or default, and does not fit",
        "review: gives two answers to the same question; ask no clock and no disk",
        "processor 'Odd One': probe answered what is not JSON: Object of type object is not JSON "
        "serializable; tell its author",
    ]


def test_schema_that_is_none_is_told():
    odd = types.SimpleNamespace(**{**vars(Odd), "name": "odd", "schema": {"type": "objekt"}})
    told = breaches(check_processor, odd)
    assert any(line.startswith("schema: type: is no JSON Schema: 'objekt'") for line in told)


def test_hook_that_nobody_would_call_is_told():
    told = breaches(
        check_plugin,
        plugin(
            orchestrator_procesors=lambda: (),
            orchestrator_programs=lambda: (),
            orchestrator_processors=hookimpl(lambda: ()),
        ),
    )
    assert told[1:] == [
        "orchestrator_procesors: no hook is called so; did you mean 'orchestrator_processors'?",
        "orchestrator_programs: is never called; write @hookimpl above it",
    ]
