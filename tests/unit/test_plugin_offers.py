"""Subcommands and defaults of jobs: what plugins may answer, and who is named where they may not."""

import types

import pytest

from orchestrator.api import Service, Subcommand, hookimpl
from orchestrator.errors import PluginError
from orchestrator.model.default import Default
from orchestrator.plugin.manager import Plugins


def plugin(**hooks):
    module = types.ModuleType("given")
    for name, answer in hooks.items():
        setattr(module, f"orchestrator_{name}", hookimpl(answer))
    return module


def knowing(**plugins):
    """Return plugins of which one offers `maya`."""
    processors = [types.SimpleNamespace(name="maya", service=Service.RENDER)]
    return Plugins.given(maya=plugin(processors=lambda: processors), **plugins)


def commanding(*names):
    offered = [Subcommand(name, f"Do {name}.", "tools.cli:main") for name in names]
    return plugin(commands=lambda: offered)


def saying(**keys):
    def job_defaults(processor):
        return keys if processor == "maya" else {}

    return plugin(job_defaults=job_defaults)


def test_every_plugin_s_subcommands_are_there():
    offered = Plugins.given(one=commanding("report"), two=commanding("sync")).subcommands({"run"})
    assert {name: plugin for name, (plugin, _) in offered.by_name.items()} == {
        "report": "one",
        "sync": "two",
    }
    assert offered.refused == {}


def test_a_name_of_ours_is_refused_and_the_rest_stays():
    offered = Plugins.given(one=commanding("run", "report")).subcommands({"run"})
    assert list(offered.by_name) == ["report"]
    assert (
        "'run' of plugin 'one' has the name of one of orchestrator's own" in offered.refused["run"]
    )


def test_a_name_that_two_offer_is_neither_s():
    both = Plugins.given(one=commanding("report", "a"), two=commanding("report", "b"))
    offered = both.subcommands(())
    assert sorted(offered.by_name) == ["a", "b"]
    assert "comes from both 'one' and 'two'; remove one" in offered.refused["report"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("report", "answered str"),
        (["report"], "offers str"),
        ([Subcommand("Report!", "", "a:b")], "offers 'Report!'"),
        ([Subcommand("report", "", "os.system('x')")], r"offers \"os.system"),
        ([Subcommand("report", "", None)], "offers None"),
    ],
)
def test_an_answer_that_is_no_list_of_subcommands_names_its_plugin(answer, said):
    with pytest.raises(PluginError, match=f"plugin 'bad': orchestrator_commands {said}"):
        Plugins.given(bad=plugin(commands=lambda: answer)).subcommands(())


def test_a_plugin_that_raises_is_named():
    def broken(processor):
        raise OSError("no such file")

    with pytest.raises(PluginError, match="plugin 'bad': orchestrator_job_defaults raised OSError"):
        knowing(bad=plugin(job_defaults=broken)).job_defaults("maya")


def test_defaults_of_a_processor_are_asked_once_and_merged_key_by_key():
    asked = []

    def counting(processor):
        asked.append(processor)
        return {"with": {"minFrames": 4}, "timeout": "4h"}

    both = knowing(
        one=plugin(job_defaults=counting),
        two=saying(env={"OCIO": "/ocio"}, timeout="4h"),
    )
    assert {each.path: each.value for each in both.job_defaults("maya")} == {
        ("with", "minFrames"): 4,
        ("timeout",): "4h",
        ("env", "OCIO"): "/ocio",
    }
    assert Default(("env", "OCIO"), "/ocio", "two") in both.job_defaults("maya")
    assert asked == ["maya"]


def test_two_plugins_that_differ_are_both_named():
    both = knowing(one=saying(timeout="1h"), two=saying(timeout="2h"))
    with pytest.raises(PluginError, match="timeout in jobs") as told:
        both.job_defaults("maya")
    assert all(word in str(told.value) for word in ("'one'", "'1h'", "'two'", "'2h'"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["timeout"], "answered list"),
        ({"timeout": object()}, "answered what is not JSON"),
        ({"processor": "shell"}, "answered 'processor', which only a manifest can say"),
    ],
)
def test_defaults_that_are_none_name_their_plugin(answer, said):
    with pytest.raises(PluginError, match=f"plugin 'bad': orchestrator_job_defaults {said}"):
        knowing(bad=plugin(job_defaults=lambda: answer)).job_defaults("maya")


def test_a_processor_that_nobody_offers_has_no_defaults():
    assert knowing(one=plugin(job_defaults=lambda: {"timeout": "1h"})).job_defaults("nuke") == ()
