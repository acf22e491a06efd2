"""What lines and exit codes of Shake, Maya and the renderers in it come to; what their words are."""

import re
import shlex
from pathlib import Path

import pytest
import renderers
from ruamel.yaml import YAML

from orchestrator.api import Accept, Cause, Job, Kind, Outcome, Places, Segment, Task
from orchestrator.model.work import Ending
from orchestrator.plugin.manager import Plugins

PLUGINS = Plugins.installed()
GOLDEN = Path(__file__).parents[1] / "golden"
SPAN = {"first": "1", "last": "4", "step": "1"}
WELL = {"frames": 4, "missing": [], "broken": [], "black": 0}
SCENES = {"maya": "scene", "shake": "script"}


def task(name, **asks):
    frames = {"start": 1, "end": 4}
    own = {SCENES[name]: "/s/a", "frames": frames, "destination": "/out/f.####.exr", **asks}
    job = Job(id="b-0001/j", name="j", processor=name, asks=own)
    return Task(
        id="b-0001/j/frames/000000/render",
        job=job,
        kind=Kind.RENDER,
        target="frames",
        segment=Segment(0, 0, 4),
        args={"span": SPAN},
    )


def verdict(name, *lines, code=0, **asks):
    """Return what a segment comes to whose frames are all right, after such lines."""
    outcome = Outcome(
        attempt="a1", ending=Ending.EXITED, exit_code=code, result=WELL, noticed=lines
    )
    return PLUGINS.processor(name).check(task(name, **asks), outcome)


def noticed(name, line):
    """Whether the node would tell of a line."""
    where = Places(attempt="/a", programs={name: name, "python": "python"})
    command = PLUGINS.processor(name).command(task(name), where, {})
    return re.search(f"(?:{command.notice})", line) is not None


LICENCES = [
    ("maya", "FLEXlm error: -15,570.  System Error: 115", "-15"),
    ("maya", "FLEXnet Licensing error:-5,357", "-5"),
    ("maya", "Maya: License was not obtained", "Maya"),
    ("maya", "License error: -97,121.  System Error: 61", "-97"),
    ("maya", "Error: could not get a license", "Maya"),
    ("maya", "00:00:01  WARNING | rendering with watermarks because of failed auth", "Arnold"),
    ("maya", "[clm.v1] license checkout error (44)", "Arnold"),
    ("maya", "[V-Ray] Could not obtain a license (22).", "V-Ray"),
    ("maya", "[Redshift] Maxon licensing error: User not logged in (7)", "Redshift"),
    ("shake", "shake: Couldn't check out a license.", "licence"),
    ("shake", "License server: could not connect", "licence"),
]


WATERMARKED = {"Arnold", "V-Ray", "Redshift"}  # they render without a licence, and write on it


@pytest.mark.parametrize(("name", "line", "says"), LICENCES)
def test_refused_licence_is_no_failure_and_waits(name, line, says):
    assert noticed(name, line)
    found = verdict(name, line, code=1)
    assert found.cause is Cause.UNREADY
    assert says in found.why


@pytest.mark.parametrize(("name", "line", "says"), LICENCES)
def test_whole_frames_count_where_another_server_gave_the_licence(name, line, says):
    found = verdict(name, line)
    assert (found == Accept()) is (says not in WATERMARKED)


FAULTS = [
    ("maya", 'Plug-in, "mtoa", was not found on MAYA_PLUG_IN_PATH.', "mtoa", "ignorePluginErrors"),
    ("maya", "Error: line 1: Could not load vrayformaya.so", "vrayform", "ignorePluginErrors"),
    ("maya", 'Error: Cannot find procedure "rsPreference".', "rsPreference", "ignorePluginErrors"),
    ("maya", "// Error: [mtoa] Failed batch render //", "mtoa", "ignorePluginErrors"),
    ("maya", "Warning: Unrecognized node type 'aiSky'; preserving it", "aiSky", "ignorePluginErrors"),
    ("maya", "Error: Cannot open file /tex/wood.tx", "/tex/wood.tx", "ignoreMissingFiles"),
    ("maya", "Warning: Texture file /tex/a b.png doesn't exist", "/tex/a b.png", "ignoreMissingFiles"),
    ("maya", "Error: Failed to open IFF file for reading : /t/a.iff", "/t/a.iff", "ignoreMissingFiles"),
    ("maya", "mental ray: out of memory", "memory", None),
    ("maya", "Error: Cannot open project: /mnt/film", "/mnt/film", None),
    ("maya", "Error: Cannot load scene '/s/a.mb'", "/s/a.mb", None),
    ("maya", "Error: Camera 'shotCam' does not exist", "shotCam", None),
    ("maya", "Usage: ./Render [options] filename", "options", None),
    ("shake", "Error: could not open file /plates/a.0012.cin", "/plates/a.0012", "ignoreScriptFailures"),
    ("shake", "cannot load plugin keylight.so", "keylight.so", None),
    ("shake", "error: undefined function 'MyMacro'", "MyMacro", None),
    ("shake", "Font 'Century Gothic' not found", "Century Gothic", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line", "says", "unless"), FAULTS)
def test_known_line_is_the_reason_although_frames_and_exit_code_are_right(name, line, says, unless):
    assert noticed(name, line)
    found = verdict(name, line)
    assert found.cause is Cause.FAILED
    assert says in found.why
    if unless:
        assert verdict(name, line, **{unless: True}) == Accept()


HARMLESS = [
    ("maya", "Licenses checked out: maya 2024 until 2027-05-15"),
    ("maya", "License acquired"),
    ("maya", "Rendering frame 5 (license server lic-15 answered)"),
    ("maya", "Result: /usr/autodesk/maya2024/plug-ins/mtoa.so loaded"),
    ("shake", "--> Rendering frame 12 ..."),
    ("shake", "License checked out."),
]


@pytest.mark.parametrize(("name", "line"), HARMLESS)
def test_line_that_tells_of_nothing_wrong_is_none_of_them(name, line):
    assert verdict(name, line) == Accept()


@pytest.mark.parametrize(("code", "says"), [(206, "project"), (211, "log"), (255, "start")])
def test_exit_code_of_maya_is_explained(code, says):
    assert f"exit code {code}" in verdict("maya", code=code).why
    assert says in verdict("maya", code=code).why


def commands():
    for name in SCENES:
        for path in sorted((GOLDEN / name).glob("*.yaml")):
            for text in YAML(typ="safe").load(path).get("commands", {}).values():
                yield pytest.param(name, shlex.split(text)[1:], id=f"{name}-{path.stem}")


@pytest.mark.parametrize(("name", "words"), list(commands()))
def test_stand_in_reads_every_golden_command_and_writes_each_frame_apart(name, words):
    asked = renderers.RENDERERS[name](words)
    assert asked.frames
    assert len({str(file) for file in asked.files}) == len(asked.frames)
    assert all(str(file).startswith("OUT/frames/") for file in asked.files)


def test_stand_in_refuses_a_word_that_the_program_does_not_have():
    for name, words in (
        ("maya", ["-r", "redshift", "-rt", "2", "a.mb"]),
        ("shake", ["-exec", "a.shk", "-t", "-5-10"]),
    ):
        with pytest.raises(renderers.Usage):
            renderers.RENDERERS[name](words)


def words(name, where, **asks):
    return PLUGINS.processor(name).command(task(name, **asks), where, {}).words()


def test_paths_are_as_the_node_calls_them():
    where = Places(
        attempt="/a", programs={"maya": "maya", "python": "python"}, paths={"/s": "/Volumes/s"}
    )
    said = words("maya", where, project="/s/film", options=["-preRender", "/s/x.mel"])
    assert said[said.index("-proj") + 1] == "/Volumes/s/film"
    assert said[-3:] == ["-preRender", "/Volumes/s/x.mel", "/Volumes/s/a"]
    assert words("maya", where, executable="/s/bin/Render")[0] == "/Volumes/s/bin/Render"


def licences(name, **asks):
    return PLUGINS.processor(name).review(task(name, **asks).job).licences


def test_segments_hold_the_licences_of_their_renderer():
    assert licences("maya") == ("maya",)
    assert licences("maya", renderer="arnold") == ("maya", "arnold")
    assert licences("shake") == ("shake",)


def test_scene_and_project_are_files_that_every_node_must_see():
    review = PLUGINS.processor("maya").review(task("maya", project="/s/film").job)
    assert [file for _, file in review.media] == ["/s/a", "/s/film/workspace.mel"]
