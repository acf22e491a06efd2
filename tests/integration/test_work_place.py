"""Placing a folder of images: whole or not at all, and never somebody else's files."""

import json

import pytest
from pipeline import Pipeline

from orchestrator_compressor.work.attempt import sha256

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def images(tmp_path):
    """What a finished sequence left behind, and what is asked of its place."""
    made = tmp_path / "made"
    (made / "final").mkdir(parents=True)
    rows = []
    for number in range(9, 12):
        path = made / "final" / f"frame.{number:06d}.png"
        path.write_bytes(b"image %d" % number)
        rows.append([path.name, path.stat().st_size, sha256(path)])
    (made / "frames.json").write_text(json.dumps(rows))
    return {
        "folder": str(made / "final"),
        "listing": str(made / "frames.json"),
        "sha256": sha256(made / "frames.json"),
        "destination": str(tmp_path / "out" / "shot" / "shot.%03d.png"),
        "attempt": "led-a000001",
    }


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


WHOLE = {f"shot.{n:03d}.png": b"image %d" % n for n in range(9, 12)}


def test_a_folder_is_placed_once_and_found_again(images, tmp_path):
    line = Pipeline(tmp_path / "line", tmp_path, [])
    shot = tmp_path / "out" / "shot"
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / ".shot.led-a000000.part"  # a power cut left it behind
    left.mkdir()
    for _ in range(2):
        assert line.verb("place", images).result["destination"] == str(shot)
    assert files(shot) == WHOLE
    assert [path.name for path in shot.parent.iterdir()] == ["shot"]

    (shot / "shot.010.png").unlink()
    (shot / "shot.010.png").write_bytes(b"another")
    assert "exists" in line.verb("place", images, code=1).result["error"]
    placed = line.verb("place", {**images, "ifExists": "number"}).result["destination"]
    assert placed == f"{shot}-2"
    assert line.verb("place", {**images, "ifExists": "number"}).result["destination"] == placed
    line.verb("place", {**images, "ifExists": "replace"})
    assert files(shot) == files(shot.with_name("shot-2")) == WHOLE
    assert len(list(shot.parent.iterdir())) == 2


def test_a_folder_with_other_files_is_never_replaced(images, tmp_path):
    shot = tmp_path / "out" / "shot"
    shot.mkdir(parents=True)
    (shot / "notes.txt").write_text("mine")
    said = Pipeline(tmp_path / "line", tmp_path, []).verb(
        "place", {**images, "ifExists": "replace"}, code=1
    )
    assert "holds notes.txt" in said.result["error"]
    assert list(files(shot)) == ["notes.txt"]


def test_an_image_that_changed_is_not_placed(images, tmp_path):
    (tmp_path / "made" / "final" / "frame.000010.png").write_bytes(b"IMAGE 10")
    said = Pipeline(tmp_path / "line", tmp_path, []).verb("place", images, code=1)
    assert "has changed since it was accepted" in said.result["error"]
    assert not list((tmp_path / "out").iterdir())
