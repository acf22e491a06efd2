"""How nodes find Maya and Shake: neither tells its version where it renders."""

import json
import subprocess
import sys

import pytest
import renderers

from orchestrator.plugin.manager import Plugins

CHECKS = {check.name: check.argv for check in Plugins.installed().programs()}


def found(name, path, way=""):
    """Return the answer of the node's own check, run as a node runs it."""
    filled = {"{python}": sys.executable, "{path}": str(path), "{way}": way and json.dumps(way)}
    words = [filled.get(word, word) for word in CHECKS[name]]
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)


def test_version_of_maya_is_what_maya_says(tmp_path):
    program = renderers.installed(tmp_path, "maya", "maya")
    answer = found("maya", program)
    assert (answer["path"], answer["version"]) == (str(program), "2024")


def test_render_itself_is_refused_as_it_has_no_version(tmp_path):
    (tmp_path / "Render").write_text("#!/bin/sh\necho Usage: Render [options] filename; exit 206\n")
    (tmp_path / "Render").chmod(0o755)
    assert "version of maya" in found("maya", tmp_path / "Render")["why"]


@pytest.mark.parametrize("way", ["", ["env"]], ids=["here", "behind"])
@pytest.mark.parametrize(("folder", "version"), [("shake-v4.10.0606", "4.10.0606"), ("s", "")])
def test_version_of_shake_is_its_folders_and_it_is_never_called(tmp_path, way, folder, version):
    program = tmp_path / folder / "shake"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/window'\n")
    program.chmod(0o755)
    answer = found("shake", program, way)
    assert (answer["path"], answer["version"]) == (str(program), version)
    assert not (tmp_path / "window").exists()


@pytest.mark.parametrize("name", ["maya", "shake"])
def test_program_that_is_not_there_is_named_with_what_to_do(name):
    assert "programs" in found(name, "/nowhere/it")["why"]
