import logging
import types

import pytest
from outsiders import stranger

from orchestrator.api import ProgramCheck, Service, hookimpl
from orchestrator.cli import offers
from orchestrator.errors import PluginError
from orchestrator.manifest import advice
from orchestrator.manifest.setting import faulty, read_built_in
from orchestrator.model.cluster import PluginRules
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


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """Return the plugins with two strangers who take names that others have."""
    monkeypatch.syspath_prepend(tmp_path)
    check = "@hookimpl\ndef orchestrator_programs(): return [ProgramCheck({!r}, ('{}',))]\n"
    folder = "@hookimpl\ndef orchestrator_settings(): return Path({!r})\n"
    for name, like, program in (("one", "shell", "povray"), ("two", "one", "povray-beta")):
        settings = tmp_path / name
        settings.mkdir()
        for each in ("both", "web-1080p", name):
            (settings / f"{each}.yaml").write_text("kind: Setting\n")
        more = check.format(program, name) + folder.format(str(settings))
        own = f"class Own({name}): name = '{like}'\n"
        offer = f"@hookimpl\ndef orchestrator_processors(): return ({name}(), Own())\n"
        stranger(tmp_path, name, f"from pathlib import Path\n{more}{own}{offer}")
    plugins = Plugins.installed()
    yield plugins
    plugins.close()


def test_name_that_a_stranger_takes_stays_with_ours_and_of_two_strangers_neither_has_it(strangers):
    shell = strangers.processor("shell")
    assert type(shell).__module__ == "orchestrator_shell"
    assert "two" in strangers.processors
    both = "processor 'one': it comes from 'one' and 'two', so neither has it; remove or deny one"
    with pytest.raises(PluginError, match=f"^{both}$"):
        strangers.processor("one")
    assert advice.no_processor("one", strangers.processors) == both
    argvs = {check.name: check.argv for check in strangers.programs()}
    assert (argvs["povray-beta"], argvs["povray"] != ("one",)) == (("two",), True)


def test_settings_of_strangers_are_files_that_nobody_contests(strangers):
    files = [path.stem for path in strangers.settings_folders() if path.is_file()]
    assert files == ["one", "two"]
    assert read_built_in(strangers.settings_folders(), strangers.processors)
    assert len(faulty(strangers.settings_folders(), strangers.processors)) == 2


def test_plugins_say_which_of_their_names_do_not_count(strangers):
    notes = {origin.name: origin.notes for origin in strangers.origins()}
    assert "processor 'shell' is that of 'shell', which keeps it" in notes["one"]
    assert "program 'povray' is that of 'povray', which keeps it" in notes["one"]
    assert "processor 'one' comes from 'one' too: neither has it" in notes["two"]
    assert "setting 'both' comes from 'two' too: neither has it" in notes["one"]
    assert notes["shell"] == ()


def test_rules_of_several_places_let_in_what_all_of_them_let_in(monkeypatch, tmp_path):
    monkeypatch.setenv(offers.ENVIRONMENT, "acme, odd")
    allowed = offers.both(PluginRules(allow=("odd", "well"), deny=("a",)), offers.of_environment())
    assert allowed == PluginRules(allow=("odd",), deny=("a",))
    monkeypatch.setenv(offers.ENVIRONMENT, "none")
    assert offers.of_environment().allow == ()


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        ("plugins: {allow: [odd]}", PluginRules(allow=("odd",))),
        (
            "plugins: {deny: [odd]}\n  services: {render: {instances: no}}",
            PluginRules(deny=("odd",)),
        ),
        ("plugins: {alow: [odd]}", offers.NOTHING),
        ("plugins: none", offers.NOTHING),
        ("plugins: {allow: [odd]", offers.NOTHING),
        ("active: true", PluginRules()),
    ],
)
def test_node_of_a_job_file_says_it_before_anything_is_imported(tmp_path, said, rules):
    job = tmp_path / "job.yaml"
    head = "apiVersion: orchestrator/v1\nkind: Node\nmetadata: {name: n}\nspec:\n  "
    job.write_text(f"{head}{said}\n")
    assert offers.rules(job) == rules
