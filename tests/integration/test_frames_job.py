"""Whole render jobs by the command line, with a renderer that goes wrong as its scene says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from standin_render import png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BATCH = """
apiVersion: orchestrator/v1
kind: Batch
metadata: {{name: {name}}}
spec:
  jobs:
    - name: shot
      processor: standin
      with: {{scene: shot.json, frames: {{start: -1, end: 10}}, minFrames: 3, executable: /bin/true, {more}
             destination: "out/{{scene.stem}}.####.png"}}
      actions: [{{command: [/bin/sh, -c, "echo {{destination}} $(ls out | wc -l) >> acted"]}}]
      workingDirectory: {folder}
"""


class Place:
    """A folder with a scene, and the stand-in installed as a wheel would install it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        info = folder / "plugins/orchestrator_standin-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: orchestrator-standin\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text("[orchestrator]\nstandin = standin\n")
        here = Path(__file__).parents[1]
        self.env = {**os.environ, "PYTHONPATH": f"{info.parent}{os.pathsep}{here}"}

    def scene(self, **told: object) -> None:
        (self.folder / "shot.json").write_text(json.dumps(told))
        (self.folder / "shot.json.starts").unlink(missing_ok=True)

    def starts(self) -> list[str]:
        path = self.folder / "shot.json.starts"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, name: str, more: str = "") -> dict:
        text = BATCH.format(name=name, more=more, folder=self.folder)
        (self.folder / f"{name}.yaml").write_text(text)
        return json.loads(self.call("run", f"{name}.yaml", "-o", "json")[1])

    def call(self, *words: str) -> tuple[int, str]:
        argv = [sys.executable, "-m", "orchestrator", *words, "--state", "state"]
        done = subprocess.run(argv, cwd=self.folder, env=self.env, capture_output=True, text=True)
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode, done.stdout

    def frames(self) -> dict[str, bytes]:
        files = (path for path in (self.folder / "out").iterdir() if path.is_file())
        return {path.name: path.read_bytes() for path in files}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def name(number: int) -> str:
    return f"shot.{'-' if number < 0 else ''}{abs(number):04d}.png"


WHOLE = {name(number): png(Fraction(number)) for number in range(-1, 11)}


def test_segment_that_fails_costs_only_itself_and_is_all_that_is_done_again(place):
    place.scene(**{"3": "missing", "4": "cut", "trouble": "no texture a.tx"})
    ended = place.run("first")
    (target,) = ended["targets"]
    assert ended["status"] == "Failed"
    assert "frame 0003 is missing, frame 0004 cannot be decoded" in target["reason"]
    assert "texture a.tx is not there" in target["reason"]
    assert place.starts().count("2-4") == 3
    lacking = {name(number) for number in (2, 3, 4)}
    assert place.frames().keys() == WHOLE.keys() - lacking
    assert not (place.folder / "acted").exists()

    place.scene()
    code, _ = place.call("retry", "first-0001")
    assert code == 0
    assert place.run("first")["status"] == "Successful"
    assert place.starts() == ["2-4"]
    acted = (place.folder / "acted").read_text()
    assert acted == f"{place.folder}/out/shot.####.png 12\n"
    assert place.frames() == WHOLE
    (place.folder / "out" / name(7)).write_bytes(png(Fraction(70)))
    code, said = place.call("controller", "check", "--files")
    assert (code, said.count("is another file than was published")) == (1, 1)
    assert f"out/{name(7)} is" in said


def test_only_what_is_missing_or_broken_is_rendered(place):
    place.scene(layers=True)
    out = place.folder / "out"
    out.mkdir()
    for file, data in WHOLE.items():
        (out / file).write_bytes(data[:50] if file == name(5) else data)
    (out / name(0)).unlink()
    (out / name(6)).unlink()
    ended = place.run("again", "skipExisting: true,")
    (target,) = ended["targets"]
    assert ended["status"] == "Successful", ended
    assert sorted(place.starts()) == ["0-0", "5-6"]
    assert {file: data for file, data in place.frames().items() if file in WHOLE} == WHOLE
    assert sorted(path.name for path in (out / "depth").iterdir()) == [
        f"made {number}.png" for number in ("000", "005", "006")
    ]
    assert target["frames"] == 3
    assert target["notes"] == [
        "9 of 12 frames were there already",
        "3 more files were published beside the frames",
    ]
