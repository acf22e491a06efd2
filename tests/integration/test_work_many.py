"""Assembly of very many segments: few files open, little memory, exact times (Av1an died here)."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from media import FFMPEG, generated
from pipeline import Pipeline, times

from orchestrator_compressor import table

pytestmark = pytest.mark.timeout(300)
SEGMENTS = 1500
FRAMES = 24  #: each
FILES_MAX = 256
MEMORY_MAX_KB = 150 << 10
FILM = Fraction(1001, 24000)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An attempt's folder that asks for one real segment, 1500 times."""
    tmp_path = tmp_path_factory.mktemp("many")
    line = Pipeline(
        tmp_path / "attempts", generated("b-frames.mp4"), ("-c:v", "libx264", "-qp", "24")
    )
    line.probe()
    part = line.record(line.encode(0, FRAMES), 0, FRAMES)
    assert part["depth"] > 0
    count = SEGMENTS * FRAMES
    film = table.Table(
        tb=FILM / 1001, pts=tuple(range(0, count * 1001, 1001)), keys=(0,), last_duration=1001
    )
    (tmp_path / "index.bin").write_bytes(table.dump(film))
    folder = tmp_path / "joined"
    folder.mkdir()
    data = {
        "table": {"path": str(tmp_path / "index.bin")},
        "segments": [{**part, "a": a, "b": a + FRAMES} for a in range(0, count, FRAMES)],
        "video": "video.mov",
    }
    (folder / "input.json").write_text(json.dumps(data))
    return folder


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.pitfall(6, 8)
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_1500_segments_need_few_files_and_little_memory(asked, container):
    final = asked / f"final.{container}"
    data = json.loads((asked / "input.json").read_text())
    (asked / "input.json").write_text(json.dumps({**data, "final": final.name}))
    words = [
        *(sys.executable, "-m", "orchestrator_compressor.work", "assemble", "--"),
        *(FFMPEG, "-nostdin", "-v", "error", "-progress", "pipe:1", "-nostats", "-copyts"),
        *("-i", f"file:{asked}/video.mov", "-c", "copy", str(final)),
    ]
    # A small process in between: a child's peak begins with that of the process that starts it.
    limited = ["sh", "-c", f'ulimit -n {FILES_MAX}; exec "$@"', "sh", sys.executable, "-I", "-S"]
    done = subprocess.run([*limited, "-c", PEAK, *words], cwd=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < MEMORY_MAX_KB
    assert not (asked / "video.mov").exists()
    wanted = [k * FILM for k in range(SEGMENTS * FRAMES)]
    if container == "mp4":
        assert times(final) == wanted
        return
    pairs = zip(times(final), wanted, strict=True)  # a clock of whole milliseconds, and no drift
    assert max(abs(found - time) for found, time in pairs) <= Fraction(1, 2000)
