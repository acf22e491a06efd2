import logging
import types

import pytest

from orchestrator.api import ProgramCheck, Service, hookimpl
from orchestrator.errors import PluginError
from orchestrator.plugin.manager import Plugins


def plugin(**hooks):
    """Return a plugin module that implements the hooks given without their prefix."""
    module = types.ModuleType("given")
    for name, answer in hooks.items():
        setattr(module, f"orchestrator_{name}", hookimpl(answer))
    return module


def offering(*names):
    processors = [types.SimpleNamespace(name=name, service=Service.RENDER) for name in names]
    return plugin(processors=lambda: processors)


def test_installed_plugins_are_found_through_their_entry_point():
    assert {"compressor", "shell"} <= Plugins.installed().processors.keys()


def test_every_plugins_processors_count():
    both = Plugins.given(one=offering("maya"), two=offering("nuke", "blender"))
    assert sorted(both.processors) == ["blender", "maya", "nuke"]
    assert [origin.processors for origin in both.origins()] == [("maya",), ("blender", "nuke")]


def test_two_plugins_may_not_claim_one_name():
    with pytest.raises(PluginError, match="'maya' comes from both 'one' and 'two'; remove one"):
        Plugins.given(one=offering("maya"), two=offering("maya"))


def test_unknown_processor_names_the_known():
    with pytest.raises(PluginError, match="no processor is called 'maia'; known: maya, nuke"):
        Plugins.given(one=offering("nuke", "maya")).processor("maia")


def test_misspelt_hook_is_refused_at_start():
    with pytest.raises(PluginError, match="orchestrator_procesors"):
        Plugins.given(bad=plugin(procesors=lambda: ()))


def test_offers_of_all_plugins_are_gathered(tmp_path):
    check = ProgramCheck("maya", ("{python}", "-c", "pass"))
    one = plugin(settings=lambda: tmp_path / "a", programs=lambda: [check])
    both = Plugins.given(one=one, two=plugin(settings=lambda: tmp_path / "b"))
    assert set(both.settings_folders()) == {tmp_path / "a", tmp_path / "b"}
    assert both.programs() == (check,)


def test_capability_is_looked_for_as_a_program_is():
    gpu = ProgramCheck("gpu", ("{python}", "-c", "pass"))
    plugins = Plugins.given(one=plugin(capabilities=lambda: [gpu]))
    assert (plugins.checks(), plugins.programs()) == ({"gpu": gpu.argv}, ())


def test_name_that_two_plugins_look_for_is_the_first_ones_and_both_are_named(caplog):
    def looks(*words):
        return plugin(programs=lambda: [ProgramCheck("maya", words), ProgramCheck("same", ())])

    def raises():
        raise RuntimeError("no list today")

    given = {"two": looks("b"), "bad": plugin(capabilities=raises), "one": looks("a")}
    assert Plugins.given(**given).checks() == {"maya": ("a",), "same": ()}
    (refused,) = [r.getMessage() for r in caplog.records if r.action == "check_refused"]
    assert "plugin two: it looks for 'maya'" in refused
    assert "plugin one, whose" in refused
    assert [r.action for r in caplog.records].count("plugin_failed") == 1


def test_end_of_a_batch_is_told_to_everyone_even_if_one_raises(caplog):
    heard = []

    def deaf(batch, failed):
        raise RuntimeError("no mail server")

    plugins = Plugins.given(
        bad=plugin(batch_ended=deaf),
        good=plugin(batch_ended=lambda batch, failed: heard.append((batch, failed))),
        shy=plugin(batch_ended=lambda batch: heard.append(batch)),
    )
    with caplog.at_level(logging.ERROR):
        plugins.batch_ended("b-0001", 2)
    assert sorted(heard, key=str) == [("b-0001", 2), "b-0001"]
    assert [(r.action, "plugin bad" in r.getMessage()) for r in caplog.records] == [
        ("plugin_failed", True)
    ]
