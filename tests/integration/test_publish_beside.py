"""publish: what stands beside a file is put in place with it, and the file comes last (F-STOR-16)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from media import sha256
from pipeline import Done, Pipeline

from orchestrator_compressor.work import publish as work
from orchestrator_compressor.work.folder import digest

pytestmark = pytest.mark.timeout(300)
ALL = ["out.en.srt", "out.mov", "out.thumbs"]
KILLED = """
import os, signal, sys
left = [int(sys.argv[1])]
events = {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}
def hook(event, args):
    if event in events and str(args[0]).startswith(sys.argv[2]):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from orchestrator_compressor.work.__main__ import main
raise SystemExit(main(["publish"]))
"""


@pytest.fixture
def line(tmp_path: Path) -> Pipeline:
    source = tmp_path / "source"
    source.write_bytes(b"source")
    line = Pipeline(tmp_path / "attempts", source, ("-c:v", "copy"))
    line.facts = {"fingerprint": {}}
    return line


@pytest.fixture
def final(tmp_path: Path) -> Done:
    return made(tmp_path / "made", b"new")


def made(folder: Path, data: bytes) -> Done:
    """Return a file, a file beside it and a folder of three, as other tasks leave them."""
    (folder / "thumbs").mkdir(parents=True)
    for n in range(1, 4):
        (folder / f"thumbs/{n:06d}.jpg").write_bytes(data + bytes([n]))
    (folder / "a.srt").write_bytes(data + b" captions")
    (folder / "final.mov").write_bytes(data)
    result = {"file": "final.mov", "sha256": sha256(folder / "final.mov")}
    return Done(folder, 0, result, "", "")


def extras(final: Done) -> list[dict[str, str]]:
    named = (("a.srt", ".en.srt"), ("thumbs", ".thumbs"))
    return [
        {"file": str(final.folder / name), "sha256": digest(final.folder / name), "suffix": suffix}
        for name, suffix in named
    ]


def publish(line: Pipeline, final: Done, out: Path, how: str = "fail", code: int = 0) -> Done:
    return line.publish(final, out / "out.mov", code, ifExists=how, extras=extras(final))


def state(out: Path, stem: str = "out") -> list[bytes | None]:
    """Return what each of the three holds; of a folder, of all files in it."""
    thumbs = out / f"{stem}.thumbs"
    inside = (each.read_bytes() for each in sorted(thumbs.iterdir())) if thumbs.is_dir() else ()
    files = [out / f"{stem}.mov", out / f"{stem}.en.srt"]
    return [*(each.read_bytes() if each.exists() else None for each in files), b"".join(inside)]


def whole(data: bytes) -> list[bytes]:
    return [data, data + b" captions", b"".join(data + bytes([n]) for n in range(1, 4))]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_all_are_placed_once_and_nothing_else_is_left(tmp_path, line, final):
    out = tmp_path / "new/deep"
    done = publish(line, final, out)
    assert (done.result["beside"], names(out), state(out)) == (2, ALL, whole(b"new"))
    assert publish(line, final, out).result == done.result


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_placed_where_one_of_them_exists(tmp_path, line, final, name):
    out = tmp_path / "out"
    publish(line, made(tmp_path / "other", b"somebody's"), out)
    for other in set(ALL) - {name}:
        shutil.rmtree(out / other) if other.endswith("thumbs") else (out / other).unlink()
    done = publish(line, final, out, code=1)
    assert done.result["error"].startswith(f"{out / name}: exists")
    assert names(out) == [name]


def test_replace_replaces_all_but_never_a_folder_of_other_things(tmp_path, line, final):
    out = tmp_path / "out"
    publish(line, made(tmp_path / "other", b"old"), out)
    publish(line, final, out, "replace")
    assert (names(out), state(out)) == (ALL, whole(b"new"))
    (out / "out.thumbs/holiday.jpg").write_bytes(b"dear")
    third = made(tmp_path / "third", b"third")
    done = publish(line, third, out, "replace", code=1)
    assert "has more in it than pictures of an earlier run" in done.result["error"]
    assert (out / "out.thumbs/holiday.jpg").read_bytes() == b"dear"


def test_number_is_one_at_which_all_are_free(tmp_path, line, final):
    out = tmp_path / "out"
    publish(line, made(tmp_path / "other", b"somebody's"), out)
    (out / "out-2.en.srt").write_bytes(b"alone")
    done = publish(line, final, out, "number")
    assert done.result["destination"] == str(out / "out-3.mov")
    assert (state(out), state(out, "out-3")) == (whole(b"somebody's"), whole(b"new"))
    assert publish(line, final, out, "number").result == done.result


def test_changed_picture_is_not_published(tmp_path, line, final):
    told = extras(final)
    (final.folder / "thumbs/000002.jpg").write_bytes(b"forged")
    done = line.publish(final, tmp_path / "out/out.mov", 1, extras=told)
    assert "its hash is" in done.result["error"]
    assert names(tmp_path / "out") == ["out.en.srt"]  # the file itself comes last


def test_what_another_put_there_meanwhile_stays(tmp_path, monkeypatch, final):
    out, make = tmp_path / "out", work.make_folders
    data = {
        **{"file": str(final.folder / "final.mov"), "sha256": final.result["sha256"]},
        **{"destination": str(out / "out.mov"), "attempt": "7f3a01-000009"},
        "extras": extras(final),
    }
    (tmp_path / "input.json").write_text(json.dumps(data))
    monkeypatch.chdir(tmp_path)

    def made_by_two(folder: Path) -> None:
        make(folder)
        if (out / "out.en.srt").exists():  # ours; now another takes the next name
            (out / "out.thumbs").mkdir()
            (out / "out.thumbs/000001.jpg").write_bytes(b"dear")

    monkeypatch.setattr(work, "make_folders", made_by_two)
    with pytest.raises(work.Occupied):
        work.run([])
    assert names(out) == ["out.thumbs"]
    assert (out / "out.thumbs/000001.jpg").read_bytes() == b"dear"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fail", "replace", "number"])
@pytest.mark.parametrize("nth", [3, 8, 14])
def test_killed_at_any_step_the_next_one_ends_it(tmp_path, line, final, how, nth):
    out = tmp_path / "out"
    out.mkdir()
    old = whole(b"old") if how == "replace" else [None, None, b""]
    if how == "replace":
        publish(line, made(tmp_path / "other", b"old"), out)
    folder = tmp_path / "killed"
    folder.mkdir()
    data = {
        **{"file": str(final.folder / "final.mov"), "sha256": final.result["sha256"]},
        **{"destination": str(out / "out.mov"), "attempt": "7f3a01-000009", "ifExists": how},
        "extras": extras(final),
    }
    (folder / "input.json").write_text(json.dumps(data))
    words = [sys.executable, "-c", KILLED, str(nth), str(out)]
    subprocess.run(words, cwd=folder, capture_output=True, env={**os.environ})
    for found, before, after in zip(state(out), old, whole(b"new"), strict=True):
        assert found in (before, after)
    if state(out)[0] == b"new":
        assert state(out) == whole(b"new")
    publish(line, final, out, how)
    assert (names(out), state(out)) == (ALL, whole(b"new"))
