"""A VMAF is asked for and found; what a report says of quality is what another run measures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import Any

import media
import oracle
import pytest
from jsonschema import Draft202012Validator

from orchestrator.api import Kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SCHEMA = json.loads(
    resources.files("orchestrator_compressor").joinpath("report.schema.json").read_text()
)
TOLERANCE = 1.0


def video(**more: Any) -> dict[str, Any]:
    return {"codec": "h264", "preset": "veryfast", "pixelFormat": "yuv420p", **more}


def line(folder: Path, source: str, spec: dict[str, Any], **keys: Any) -> oracle.Line:
    """A job of one measured output with a report, cut into parts of 30 frames."""
    output = {"setting": "q", "destination": str(folder / "out.mp4"), "measure": ["vmaf", "xpsnr"]}
    setting = {"processor": "compressor", "container": "mp4", "video": spec}
    asked = oracle.job(
        folder,
        media.generated(source),
        [{**output, "report": str(folder / "out.report")}],
        settings=(("q", setting),),
        segments={"frames": 30},
    )
    return oracle.Line(folder, asked, **keys)


def report(done: oracle.Line, folder: Path | None = None) -> dict[str, Any]:
    """The report of a job's output, as it was published or lies in a folder; it fits its schema."""
    path = (folder / "report.json") if folder else done.folder / "out.report.json"
    found: dict[str, Any] = json.loads(path.read_text())
    assert not list(Draft202012Validator(SCHEMA).iter_errors(found))
    return found


def directly(made: Path, source: Path, folder: Path) -> tuple[list[float], float]:
    """VMAF of each frame and XPSNR of all, by a command that knows nothing of ours."""
    graph = (
        "[0:v]setpts=N/TB/25[a];[1:v]setpts=N/TB/25,split[b][c];"
        "[a][b]libvmaf=log_fmt=json:log_path=v[d];[d][c]xpsnr=stats_file=x"
    )
    words = [oracle.FFMPEG, "-v", "error", "-i", str(made), "-i", str(source), "-lavfi", graph]
    subprocess.run([*words, "-f", "null", "-"], cwd=folder, check=True, stdin=subprocess.DEVNULL)
    rows = json.loads((folder / "v").read_text())["frames"]
    average = re.search(r"XPSNR average, .* y: (\S+)", (folder / "x").read_text())
    assert average
    return [each["metrics"]["vmaf"] for each in rows], float(average[1])


@pytest.mark.parametrize(
    ("source", "spec"),
    [
        ("b-frames.mp4", video(quality={"vmaf": 90, "tolerance": TOLERANCE})),
        (
            "ntsc.mov",
            video(quality={"vmaf": 85, "samples": 2, "sampleSeconds": 0.7, "tolerance": TOLERANCE}),
        ),
    ],
)
def test_the_search_finds_the_crf_of_a_vmaf(tmp_path, source, spec):
    done = line(tmp_path, source, spec).run()
    sought, told = spec["quality"]["vmaf"], report(done)
    search = told["search"]
    assert abs(search["vmaf"] - sought) <= TOLERANCE
    assert len(search["tried"]) <= 6
    assert search["crf"] in [each["crf"] for each in search["tried"]]
    encodes = [done.words[id] for id in done.encodes()]
    assert all(words[words.index("-crf") + 1] == f"{search['crf']:g}" for words in encodes)
    # what is cut into short parts, or only looked at in samples, is a little beside it
    assert abs(told["measured"]["overall"]["vmaf"]["mean"] - sought) <= TOLERANCE + 1.5


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> oracle.Line:
    """A job whose second segment was encoded far worse than the others."""

    def spoil(words: list[str]) -> list[str]:
        is_second = any("trim=start_pts=15360:" in word for word in words)
        return [
            "48" if is_second and before == "-crf" else word
            for before, word in zip(["", *words], words, strict=False)
        ]

    folder = tmp_path_factory.mktemp("spoiled")
    return line(folder, "b-frames.mp4", video(rate={"crf": 20}), patch=spoil).run()


def test_the_report_says_what_a_direct_run_measures(tmp_path, spoiled):
    told = report(spoiled)
    vmaf, xpsnr = directly(spoiled.folder / "out.mp4", media.generated("b-frames.mp4"), tmp_path)
    assert len(vmaf) == told["picture"]["frames"] == 100
    assert told["measured"]["overall"]["vmaf"]["mean"] == pytest.approx(fmean(vmaf), abs=0.002)
    assert told["measured"]["overall"]["xpsnr"]["mean"] == pytest.approx(xpsnr, abs=0.002)
    for each in told["segments"]:
        part = vmaf[each["first"] : each["first"] + each["frames"]]
        assert each["vmaf"]["mean"] == pytest.approx(fmean(part), abs=0.002)
        assert each["vmaf"]["min"] == pytest.approx(min(part), abs=0.002)
    assert [each["frame"] for each in told["joins"]] == [30, 60]
    assert told["joins"][0]["vmaf"]["mean"] == pytest.approx(fmean(vmaf[18:42]), abs=0.002)
    assert told["seconds"]["vmaf"] == pytest.approx(
        [fmean(vmaf[n : n + 25]) for n in range(0, 100, 25)], abs=0.002
    )
    assert sum(told["seconds"]["bits"]) == told["picture"]["bits"]
    assert "class=bad" not in (spoiled.folder / "out.report.html").read_text()


def test_a_bad_segment_shows_up(spoiled):
    told = report(spoiled)
    first, second, third = (each["vmaf"]["mean"] for each in told["segments"])
    assert second < min(first, third) - 20
    assert 30 <= told["measured"]["overall"]["vmaf"]["worst"] < 60
    assert told["segments"][1]["xpsnr"]["mean"] < told["segments"][0]["xpsnr"]["mean"] - 3


def test_a_file_that_is_refused_leaves_its_report(tmp_path, spoiled):
    (verify,) = [task for task in spoiled.targets[0].tasks if task.kind is Kind.VERIFY]
    made = shutil.copy(
        Path(spoiled.folders[verify.id.replace("/verify", "/assemble")]) / "final.mp4", tmp_path
    )
    data = bytearray(Path(made).read_bytes())
    middle = data.index(b"mdat") + 20_000
    data[middle : middle + 64] = bytes(64)
    Path(made).write_bytes(data)
    asked = json.loads((Path(spoiled.folders[verify.id]) / "input.json").read_text())
    (tmp_path / "input.json").write_text(json.dumps({**asked, "file": made, "metrics": []}))
    words = spoiled.words[verify.id]
    words = words[: words.index("--")]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True).returncode == 1
    told = report(spoiled, tmp_path)
    assert not told["ok"]
    failed = [gate["gate"] for gate in told["gates"] if not gate["ok"]]
    assert failed == ["sha256", "packets of the segments"]
    assert "2 of 15 gates failed" in (tmp_path / "report.html").read_text()


def test_what_cannot_be_had_fails_with_figures(tmp_path):
    spec = video(quality={"vmaf": 99, "minCrf": 38, "maxCrf": 40})
    with pytest.raises(
        AssertionError, match=r"VMAF 99 cannot be reached: CRF 38, .* allow a lower"
    ):
        line(tmp_path, "b-frames.mp4", spec).run()


def test_a_codec_that_says_otherwise_what_its_numbers_mean_is_measured_by_its_numbers(tmp_path):
    """Decoders of MJPEG always tell of one matrix: converted to it, all was 16 dB worse."""
    spec = {"codec": "mjpeg", "pixelFormat": "yuv422p", "rate": {"qp": 2}}
    output = {"setting": "q", "destination": str(tmp_path / "out.mov"), "measure": ["xpsnr"]}
    named = {**spec, "colour": {"matrix": "bt709", "assume": "bt709"}}
    setting = {"processor": "compressor", "container": "mov", "video": named}
    asked = oracle.job(
        tmp_path,
        media.generated("b-frames.mp4"),
        [{**output, "report": str(tmp_path / "out.report")}],
        settings=(("q", setting),),
    )
    told = report(oracle.Line(tmp_path, asked).run())
    assert told["measured"]["overall"]["xpsnr"]["mean"] > 30
