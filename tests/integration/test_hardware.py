"""A setting that asks for silicon goes only to a node that has it, tried, not only listed."""

import json
import os
import subprocess
import sys

import media
import oracle
import pytest
import silicon

from orchestrator.api import Kind
from orchestrator.decide.place import lacks
from orchestrator.model.node import Identity, Program
from orchestrator.plugin.manager import Plugins

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

FAST = (
    "fast",
    {
        "processor": "compressor",
        "container": "mp4",
        "video": {
            "codec": "h264",
            "encoder": "nvenc",
            "pixelFormat": "yuv420p",
            "rate": {"crf": 24},
        },
    },
)
KINDS = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY})


def node(ffmpeg):
    """Return what a node with this ffmpeg says of itself."""
    words = [sys.executable, "-m", "orchestrator_compressor.work", "tools", "--path", ffmpeg]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    program = Program(
        name="ffmpeg",
        path=found["path"],
        version=found["version"],
        sha256=found["sha256"],
        parts=frozenset(found["parts"]),
    )
    return Identity(
        version="1",
        python="python",
        cores=2,
        memory_bytes=1,
        instances={},
        programs=(program,),
    )


def test_a_job_for_silicon_is_done_where_it_is_and_nowhere_else(tmp_path):
    source, out = media.generated("sound.mp4"), str(tmp_path / "out/a.mp4")
    outputs = [{"setting": "fast", "destination": out}]
    job = oracle.job(tmp_path, source, outputs, (FAST,), segments={"cuts": [1, 30]})
    own = silicon.ffmpeg(tmp_path)
    needs = Plugins.installed().processor("compressor").review(job).needs
    assert lacks(job, needs, node(own)) is None
    # the package's build lists the encoder, too: only the trial tells that nothing is behind it
    why = lacks(job, needs, node(media.FFMPEG))
    assert why is not None
    assert why.endswith("has no encoder h264_nvenc, needed by setting fast.")

    done = oracle.Line(tmp_path / "work", job, ffmpeg=own).run(KINDS)
    (encode,) = done.encodes()  # whatever its cuts: one segment
    assert "h264_nvenc" in done.words[encode]
    (folder,) = (folder for id, folder in done.folders.items() if id.endswith("/assemble"))
    times = done.table()
    assert oracle.times(tmp_path / folder / "final.mp4") == [
        (pts - times.pts[0]) * times.tb for pts in times.pts
    ]


JOB = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {{name: silicon}}
spec:
  jobs:
    - name: clip
      processor: compressor
      with: {{source: {source}, outputs: [{{setting: fast, destination: out/a.mp4}}]}}
---
apiVersion: orchestrator/v1
kind: Setting
metadata: {{name: fast, description: in silicon}}
spec:
  processor: compressor
  container: mp4
  video: {{codec: h264, encoder: nvenc, pixelFormat: yuv420p, rate: {{crf: 24}}}}
"""


def test_this_computer_refuses_what_it_has_no_silicon_for(tmp_path):
    (tmp_path / "job.yaml").write_text(JOB.format(source=media.generated("sound.mp4")))
    refused = run(tmp_path, media.FFMPEG)
    assert refused.returncode == 2
    assert "has no encoder h264_nvenc, needed by setting fast." in refused.stderr
    assert not (tmp_path / "out").exists()
    assert run(tmp_path, silicon.ffmpeg(tmp_path)).returncode == 0
    assert (tmp_path / "out/a.mp4").exists()


def run(folder, ffmpeg):
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", "run", "job.yaml"],
        cwd=folder,
        env={
            **os.environ,
            "ORCHESTRATOR_STATE": str(folder / "state"),
            "ORCHESTRATOR_FFMPEG": ffmpeg,
        },
        capture_output=True,
        text=True,
        check=False,
    )
