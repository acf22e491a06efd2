"""tools: which ffmpeg a node has, what it can do, and why it cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from media import FFMPEG, sha256

pytestmark = pytest.mark.timeout(300)
OLD = """#!/bin/sh
case "$*" in
  *-version*) echo "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2024";;
  *-enc_time_base*) echo "Invalid time base: filter" >&2; exit 1;;
esac
"""


def tools(path: str = "", **env: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator_compressor.work", "tools", "--path", path],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **env},
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def program(folder: Path, text: str) -> str:
    path = folder / "ffmpeg"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_ffmpeg_of_the_package_is_found_tried_and_described():
    found = tools()
    assert found["path"] == FFMPEG
    assert found["sha256"] == sha256(Path(FFMPEG))
    assert str(found["version"])[0].isdigit()
    assert {"libx264", "libx265", "prores_ks", "aac", "filter:bwdif"} <= set(found["parts"])
    assert "=" not in found["parts"]


def test_old_ffmpeg_is_refused_with_the_way_out(tmp_path):
    path = program(tmp_path, OLD)
    assert tools(path) == {
        "path": "",
        "why": f"ffmpeg 5.1.9-0+deb12u1 ({path}) is too old: 6.1 or newer is needed"
        " (-enc_time_base filter). Install the package imageio-ffmpeg, or name a newer one in"
        ' "programs: {ffmpeg: …}" of the node.',
    }


def test_ffmpeg_of_the_environment_comes_before_the_packages(tmp_path):
    path = program(tmp_path, OLD)
    assert path in str(tools(ORCHESTRATOR_FFMPEG=path)["why"])
    assert tools(FFMPEG, ORCHESTRATOR_FFMPEG=path)["path"] == FFMPEG


@pytest.mark.parametrize(
    ("text", "fact"), [("#!/bin/sh\necho hello\n", "is no ffmpeg"), ("junk", "does not run")]
)
def test_what_is_no_ffmpeg_is_refused(tmp_path, text, fact):
    path = program(tmp_path, text)
    assert fact in str(tools(path)["why"])


def test_missing_program_is_named():
    assert tools("/nowhere/ffmpeg")["why"] == (
        "ffmpeg /nowhere/ffmpeg: is missing or no program; name another, or none"
    )
