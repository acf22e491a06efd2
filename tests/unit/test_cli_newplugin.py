"""`plugins new`: what it writes is whole, and what stands there is never touched."""

import re
import sys

import pytest

from orchestrator.cli.app import main


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words, ends=0):
        monkeypatch.setattr(sys, "argv", ["orchestrator", "plugins", *words])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == ends, said
        return said

    return run


@pytest.mark.parametrize("kind", ["--command", "--frames"])
def test_every_place_of_a_template_is_filled(call, tmp_path, kind):
    assert "cd orchestrator-sum-up\n" in call("new", "sum-up", kind).out
    texts = {p: p.read_text() for p in (tmp_path / "orchestrator-sum-up").rglob("*") if p.is_file()}
    assert {path.name for path in texts} >= {"LICENSE", ".gitignore", "py.typed", "test_sum_up.py"}
    assert [p for p, text in texts.items() if re.search(r"@[A-Z]+@", text)] == []
    package = texts[tmp_path / "orchestrator-sum-up" / "orchestrator_sum_up" / "__init__.py"]
    compile(package, "package", "exec")
    assert "class SumUp:" in package


@pytest.mark.parametrize("name", ["Sum", "sum_up", "-sum", "sum--up", "3d", "a" * 41, "a/b", "é"])
def test_name_that_cannot_be_is_refused(call, tmp_path, name):
    said = call("new", "--", name, ends=2).err
    assert "no name for a processor; write up to 40 small letters" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["shell", "compressor"])
def test_name_of_an_installed_plugin_is_refused(call, tmp_path, name):
    assert f"'{name}': a plugin that is installed has this name" in call("new", name, ends=2).err
    assert list(tmp_path.iterdir()) == []


def test_name_that_means_no_plugin_is_refused(call, tmp_path):
    assert "in ORCHESTRATOR_PLUGINS that means no plugin" in call("new", "none", ends=2).err
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_there_is_not_touched(call, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("mine")
    said = call("new", "sum", "--folder", "mine", ends=2).err
    assert said == "mine: exists; name another folder, or remove it\n"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["README.md"]


def test_list_is_what_is_shown_without_a_word(call):
    assert "shell" in call().out
    assert '"processors"' in call("-o", "json").out
