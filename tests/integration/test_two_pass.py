"""A given rate over many parts: shared out by what each needs, and kept in a player's buffer."""

import json
import re
import subprocess
from pathlib import Path

import av
import oracle
import pytest
from media import FFMPEG, generated

from orchestrator.api import Kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]  # some processes on a busy computer

SECONDS = 8
PARTS = 4
WORK = frozenset({Kind.ANALYSE, Kind.ENCODE})


def line(folder: Path, codec: str, **rate: object) -> oracle.Line:
    video = {"codec": codec, "preset": "veryfast", "keyInterval": 50, "rate": rate}
    setting = {"processor": "compressor", "container": "mp4", "video": video}
    output = {"setting": "two", "destination": str(folder / "out.mp4")}
    job = oracle.job(
        folder, generated("uneven.mp4"), [output], (("two", setting),), segments={"seconds": 2}
    )
    return oracle.Line(folder / "line", job)


def psnr(made: Path, seconds: float) -> float:
    """Return how near two seconds of the source a part comes, in decibels."""
    words = [FFMPEG, "-hide_banner", "-nostdin", "-i", str(made), "-ss", str(seconds), "-t", "2"]
    graph = "[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]psnr"
    done = subprocess.run(
        [*words, "-i", str(generated("uneven.mp4")), "-lavfi", graph, "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    return min(100.0, float(re.search(r"average:(\S+)", done.stderr)[1]))


def naive(words: list[str], codec: str, folder: Path, average: int) -> Path:
    """Encode one part as if it were all: two passes with the average rate."""
    folder.mkdir()
    for number in "12":
        again = words[words.index("--") + 1 :]
        again[again.index("-b:v") + 1] = str(average)
        again = [word.replace("pass=2", f"pass={number}") for word in again]
        if codec == "h264":
            again[again.index("-pass") + 1] = number
        again[-1] = str(folder / Path(again[-1]).name)
        subprocess.run(again, cwd=folder, check=True, capture_output=True)
    return Path(again[-1])


@pytest.mark.pitfall(9)
@pytest.mark.parametrize(("codec", "average"), [("h264", 200_000), ("hevc", 250_000)])
def test_rate_is_shared_out_by_need(tmp_path, codec, average):
    made = line(tmp_path, codec, average=f"{average // 1000}k").run(WORK)
    encodes = made.encodes()
    values = [made.done[id].values for id in encodes]
    total = sum(each["bits"] for each in values) / SECONDS
    assert abs(total / average - 1) <= 0.03
    assert len(encodes) == PARTS
    assert len({each["extradata_sha256"] for each in values}) == 1
    rates = [int(made.words[id][made.words[id].index("-b:v") + 1]) for id in encodes]
    assert max(rates[:2]) * 4 < average < min(rates[2:])
    ours = [psnr(Path(made.words[id][-1]), 2 * number) for number, id in enumerate(encodes)]
    busy = naive(made.words[encodes[-1]], codec, tmp_path / "naive", average)
    assert min(ours) >= psnr(busy, 6) + 1


def _unbounded(words: list[str]) -> list[str]:
    """Let the encoder of the last part know nothing of the buffer, until it is told of less."""
    last = any("start_pts=150" in word for word in words)
    if last and words[words.index("-maxrate") + 1] == "300000":
        at = words.index("-maxrate")
        return [*words[:at], *words[at + 4 :]]
    return words


@pytest.mark.pitfall(10)
def test_part_that_breaks_the_buffer_is_encoded_again_alone(tmp_path):
    wanted = line(tmp_path, "h264", crf=10, maximum="300k", buffer="300k")
    wanted.patch = _unbounded
    wanted.run(frozenset({Kind.ENCODE, Kind.ASSEMBLE}))
    (rework,) = wanted.reworks
    (id,) = rework.changes
    assert id == wanted.encodes()[-1]
    assert "bits too late" in rework.why
    assert wanted.words[id][wanted.words[id].index("-maxrate") + 1] == "270000"
    assert wanted.done[id].values["tightened"] == 1
    assert len(list((tmp_path / "line").glob("*encode*"))) == PARTS + 1


def vmaf(made: Path, source: Path) -> float:
    """Return VMAF of a file against its source."""
    log = made.with_suffix(".json")
    graph = "[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];"
    graph += f"[a][b]libvmaf=n_subsample=5:log_fmt=json:log_path={log.name}"
    words = [FFMPEG, "-v", "error", "-nostdin", "-i", str(made), "-i", str(source)]
    subprocess.run([*words, "-lavfi", graph, "-f", "null", "-"], check=True, cwd=made.parent)
    return json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"]


@pytest.mark.pitfall(9)
def test_quality_costs_little_more_in_parts(tmp_path):
    source = generated("twenty-seconds.mp4")
    video = {"codec": "h264", "preset": "veryfast", "rate": {"crf": 23}}
    setting = {"processor": "compressor", "container": "mp4", "video": video}
    output = {"setting": "crf", "destination": str(tmp_path / "out.mp4")}
    made = oracle.Line(tmp_path / "l", oracle.job(tmp_path, source, [output], (("crf", setting),)))
    made.run()
    parts = [made.done[id].values for id in made.encodes()]
    assert len(parts) == 2  # of ten seconds each, as the rule has it
    whole = made.single_pass([])
    bits = sum(part["bits"] for part in parts)
    assert bits <= 1.05 * sum(8 * size for size in sizes(whole))
    assert vmaf(tmp_path / "out.mp4", source) >= vmaf(whole, source) - 0.5


def sizes(file: Path) -> list[int]:
    """Return the bytes of each packet."""
    with av.open(str(file)) as opened:
        return [packet.size for packet in opened.demux(video=0)]
