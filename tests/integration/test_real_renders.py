"""Real Blender and real POV-Ray on several nodes: each frame is the one the program renders alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import av
import pytest
from pair import pair

from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import State

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FRAMES = range(1, 27)

#: What every frame differs in: a ball moves and changes its colour, and an include is found
BALL = """#version 3.7;
#include "ground.inc"
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at <0, 0, 0> }
light_source { <5, 8, -6> rgb 1 }
sphere { <2*clock-1, 0.01*frame_number, 0>, 0.7 pigment { rgb <clock, 0.4, 1-clock> } }
"""
GROUND = "plane { y, -0.7 pigment { checker rgb 1 rgb 0.2 } }\n"

CUBE = """import bpy, os
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples, scene.cycles.use_denoising = 2, False
scene.render.resolution_x, scene.render.resolution_y = 64, 36
cube = bpy.data.objects["Cube"]
cube.keyframe_insert("location", frame=-3)
cube.location.x = 3
cube.keyframe_insert("location", frame=30)
bpy.ops.wm.save_as_mainfile(filepath=os.path.abspath("scene.blend"))
"""


def needed(program):
    """Skip the test where a program is not there."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}: apt install {program}")


def alone(folder, *words):
    """Run a program without us; its words are those of its documents."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def pixels(file):
    """Return what is seen in a file: dates of rendering stand beside it, and differ."""
    with av.open(str(file)) as container:
        frame = next(container.decode(video=0))
        plane = frame.reformat(format="rgba").planes[0]
    lines = (bytes(plane)[at * plane.line_size :] for at in range(frame.height))
    return b"".join(line[: 4 * frame.width] for line in lines)


def assert_equal(ours, theirs, count):
    """Check that both have `count` frames, each like its twin, and no two alike."""
    names = sorted(file.name for file in ours)
    assert names == sorted(file.name for file in theirs)
    assert len(names) == count
    seen = [pixels(file) for file in sorted(ours)]
    assert seen == [pixels(file) for file in sorted(theirs)]
    assert len(set(seen)) == count


@pytest.fixture(scope="module")
def blend(tmp_path_factory):
    needed("blender")
    folder = tmp_path_factory.mktemp("blender")
    alone(folder, "blender", "-b", "--factory-startup", "--python-expr", CUBE)
    return folder / "scene.blend"


@pytest.fixture
def ball(tmp_path):
    needed("povray")
    folder = tmp_path / "a scene"
    folder.mkdir()
    (folder / "ground.inc").write_text(GROUND)
    (folder / "ball.pov").write_text(BALL)
    return folder / "ball.pov"


def on_two_nodes(folder, job):
    """Render a job on two nodes; each must have worked, or there is nothing proven."""
    with pair(folder, n1={}, n2={}) as both:
        batch = both.submit(job)
        assert both.run(batch) is State.SUCCESSFUL, both.ledger.standings(batch)
        assert both.nodes_of(batch, "/render") == {"n1", "n2"}


def by_itself(folder, *jobs):
    """Render with `orchestrator run`, as people do; return what it printed."""
    document = {"apiVersion": "orchestrator/v1", "kind": "Batch", "metadata": {"name": "real"}}
    (folder / "real.yaml").write_text(yaml_text({**document, "spec": {"jobs": list(jobs)}}))
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "run", "real.yaml"],
        cwd=folder,
        env={**os.environ, "ORCHESTRATOR_STATE": str(folder / "state")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def pov(scene, destination, frames, **keys):
    asks = {"scene": str(scene), "width": 64, "height": 36, "frames": frames, **keys}
    return {
        "name": "ball",
        "processor": "povray",
        "with": {**asks, "minFrames": 5, "destination": str(destination)},
    }


def test_povray_on_two_nodes_renders_the_frames_it_renders_alone(tmp_path, ball):
    frames = {"start": FRAMES[0], "end": FRAMES[-1]}
    on_two_nodes(tmp_path, pov(ball, tmp_path / "out/ball##.png", frames))
    words = ("+Iball.pov", "+O../alone/ball.png", "+FN", "+W64", "+H36", "+KFI1", "+KFF26", "-D")
    (tmp_path / "alone").mkdir()
    alone(ball.parent, "povray", *words)
    ours, theirs = ((tmp_path / each).iterdir() for each in ("out", "alone"))
    assert_equal([*ours], [*theirs], len(FRAMES))


def test_povray_alone_on_this_computer_keeps_the_clock_of_the_whole(tmp_path, ball):
    part = pov(
        ball,
        "part/f####.tga",
        {"start": 3, "end": 23, "step": 4},
        animation={"start": 1, "end": 26},
    )
    between = pov(ball, "between/f####.tga", {"start": -1, "end": 1, "step": 0.5})
    circle = pov(ball, "circle/f#.tga", {"start": 7, "end": 9}, cyclic=True)
    jobs = [{**job, "name": f"job{at}"} for at, job in enumerate((part, between, circle))]
    code, said = by_itself(tmp_path, *jobs)
    assert code == 0, said
    words = ("+Iball.pov", "+W64", "+H36", "-D", "+FT")
    for each in ("part", "between", "circle"):
        (tmp_path / "alone" / each).mkdir(parents=True)
    whole = ("+KFI1", "+KFF26", "+SF3", "+EF23", "+STP4")
    alone(ball.parent, "povray", *words, "+O../alone/part/f00.tga", *whole)
    alone(ball.parent, "povray", *words, "+O../alone/between/f.tga", "+KFI0", "+KFF4")
    circle = ("+KC", "+KFI7", "+KFF9")
    alone(ball.parent, "povray", *words, "+O../alone/circle/f.tga", *circle)
    assert [file.name for file in sorted((tmp_path / "between").iterdir())] == [
        "f-0000.5.tga",
        "f-0001.0.tga",
        "f0000.0.tga",
        "f0000.5.tga",
        "f0001.0.tga",
    ]
    assert_equal([*(tmp_path / "part").iterdir()], [*(tmp_path / "alone/part").iterdir()], 6)
    order = ("f-0001.0", "f-0000.5", "f0000.0", "f0000.5", "f0001.0")
    for at, name in enumerate(order):
        mine, its = tmp_path / f"between/{name}.tga", tmp_path / f"alone/between/f{at}.tga"
        assert pixels(mine) == pixels(its)
    assert pixels(tmp_path / "circle/f9.tga") == pixels(tmp_path / "alone/circle/f09.tga")


def cube(blend, destination, frames, **keys):
    asks = {"scene": str(blend), "frames": frames, "minFrames": 13, **keys}
    return {
        "name": "cube",
        "processor": "blender",
        "with": {**asks, "destination": str(destination)},
    }


def test_blender_on_two_nodes_renders_the_frames_it_renders_alone(tmp_path, blend):
    frames = {"start": FRAMES[0], "end": FRAMES[-1]}
    on_two_nodes(tmp_path, cube(blend, tmp_path / "out/cube.####.png", frames))
    words = ("-b", str(blend), "-o", str(tmp_path / "alone/cube.####"), "-F", "PNG")
    alone(tmp_path, "blender", *words, "-s", "1", "-e", "26", "-a")
    ours, theirs = ((tmp_path / each).iterdir() for each in ("out", "alone"))
    assert_equal([*ours], [*theirs], len(FRAMES))


def test_blender_counts_below_zero_and_says_in_a_sentence_what_a_scene_lacks(tmp_path, blend):
    (tmp_path / "look.py").write_text(
        "import bpy\nbpy.data.images.new('wood', 8, 8).source = 'FILE'\n"
        "bpy.data.images['wood'].filepath = '/mnt/studio/wood.png'\n"
        "bpy.data.images['wood'].use_fake_user = True\n"
    )
    below = cube(blend, "out/cube.####.exr", {"start": -3, "end": 3, "step": 3}, threads=1)
    lacks = cube(blend, "lacks/cube.####.png", {"start": 1, "end": 1}, scripts=["look.py"])
    code, said = by_itself(tmp_path, below, {**lacks, "name": "lacks"})
    assert code == 1
    names = [file.name for file in sorted((tmp_path / "out").iterdir())]
    assert names == ["cube.-0003.exr", "cube.0000.exr", "cube.0003.exr"]
    assert "Blender does not find the image /mnt/studio/wood.png; put it where" in said
    assert not (tmp_path / "lacks/cube.0001.png").exists()
