"""Filters and frame rates across joins: each segment's frames are those of a single pass.

The words are the plan's; most tests look at what the filters hand to the encoder, the last ones at
finished files.  That a handle is needed is seen in `test_oracle_is_sharp.py`.
"""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import media
import oracle
import pytest
from segmented import Probed

from orchestrator.api import Kind
from orchestrator_compressor import filters
from orchestrator_compressor.facts import VideoFacts
from orchestrator_compressor.work import gates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
CUTS = [1, 23]
#: constant rate, uneven times, a stream that starts late, an edit list
SOURCES = ["filtered.mp4", "filtered-vfr.mp4", "filtered.ts", "filtered-edit-list.mp4"]
FILTERS = {
    "frame": {"deinterlace": "frame"},
    "atadenoise": {"filters": [{"atadenoise": "strong"}]},
    "alone": {  # those that look at one frame at a time
        "filters": [
            {"fadeIn": 1},
            {"fadeOut": 1},
            {"denoise": "light"},
            {"sharpen": 0.5},
            {"blur": 0.7},
            {"deband": "medium"},
            {"eq": {"brightness": 0.05, "contrast": 1.1, "gamma": 1.2, "saturation": 1.2}},
        ]
    },
    "sum": {"deinterlace": "field", "filters": [{"blend": 3}, {"deflicker": 4}]},
    "30": {"frameRate": 30},
    "24000/1001": {"frameRate": "24000/1001"},
    "60": {"frameRate": 60},
    "all at once": {
        "frameRate": 23.976,
        "deinterlace": "frame",
        "filters": [{"blend": 2}, {"fadeOut": 1}],
    },
}


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """Return each source, probed once."""
    folder = tmp_path_factory.mktemp("probed")
    return {name: Probed.of(folder / name, media.generated(name)) for name in SOURCES}


@pytest.mark.pitfall(5)
@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("filtered", FILTERS)
def test_segments_are_what_a_single_pass_makes(tmp_path, probed, name, filtered):
    video, told = FILTERS[filtered], {}
    if "deinterlace" in video:
        told = {"field_order": "tt"}  # no matter what it is: what is made of it has to be the same
    plan = probed[name].plan(tmp_path, video, CUTS, **told)
    parts, whole = plan.segments(), plan.single()
    assert [len(part) for part in parts] == [task.segment.frames for task in plan.encodes()]
    assert [frame for part in parts for frame in part] == [frame for _, frame in whole]
    times = plan.output(probed[name].line.table())
    assert [tick for tick, _ in whole] == list(times.pts)


@pytest.mark.parametrize("name", sorted(filters.KINDS))
def test_filters_take_the_pixels_that_they_are_said_to_take(name):
    kind = filters.KINDS[name]
    facts = VideoFacts(
        index=0, codec="ffv1", width=64, height=64, pixel_format="yuv422p", duration_s=1
    )
    value = {"eq": {"gamma": 1.1}, "hqdn3d": {}, "sharpen": 0.5, "blur": 1, "deflicker": 4}
    value |= {"blend": 3, "fadeIn": 1, "fadeOut": 1}
    taken = []
    for pixel_format in PIXELS:
        seen = replace(facts, pixel_format=pixel_format)
        try:
            filters.check("own", name, kind.takes, seen)
        except ValueError:
            continue
        taken.append(kind.make(value.get(name, "light"), seen).words)
    assert taken
    formats = [each for each in PIXELS if is_taken(kind, replace(facts, pixel_format=each))]
    graph = "".join(
        f"[{n}:v]null,{words},format={each}[o{n}];"
        for n, (words, each) in enumerate(zip(taken, formats, strict=True))
    )
    assert not converted(formats, graph.rstrip(";"))


@pytest.mark.pitfall(17, 24)
def test_a_doubled_avi_has_a_time_for_each_field(tmp_path):
    line, file = made(tmp_path, "fields.avi", {**X264, "deinterlace": "field"}, [31, 79])
    times = oracle.times(file)
    assert media.field_order(file) == "P"
    assert len(set(times)) == len(times) == 80 == 2 * len(line.table().pts)
    assert times == [Fraction(n, 50) for n in range(80)]


@pytest.mark.pitfall(24)
@pytest.mark.media
def test_a_real_avi_has_416_distinct_times(tmp_path):
    source = Probed.of(tmp_path / "probed", media.real("movie-hello.avi"))
    video = {"deinterlace": "field", "size": {"fit": [160, 120]}}
    plan = source.plan(tmp_path, video, [30], field_order="tt")
    whole = plan.single()
    assert len({tick for tick, _ in whole}) == len(whole) == 416
    assert [frame for part in plan.segments() for frame in part] == [frame for _, frame in whole]


@pytest.mark.pitfall(17)
def test_fields_are_kept_or_change_places(tmp_path):
    line, kept = made(tmp_path / "kept", "fields-h264.mp4", X264, [13])
    assert media.field_order(kept) == "B"
    video = {**PRORES, "fieldOrder": "top"}
    moved = made(tmp_path / "moved", "fields-h264.mp4", video, [13])[1]
    assert media.field_order(moved) == "T"
    (lost,) = gates.picture(
        gates.read_picture(media.generated("filtered.mp4"), []), {"video": WITH_FIELDS}, "mp4"
    )
    assert gate(line, "interlaced") == "True"
    assert not lost.ok


@pytest.mark.pitfall(4)
def test_uneven_frames_conform_to_a_grid(tmp_path):
    video = {**X264, "frameRate": 23.976}
    line, file = made(tmp_path, "filtered-vfr.mp4", video, [20])
    times = oracle.times(file)
    assert times == [Fraction(1001 * n, 24000) for n in range(len(times))]
    source = line.table()
    assert abs(times[-1] + Fraction(1001, 24000) - source.duration) <= Fraction(1001, 24000)
    assert gate(line, "frame rate") == "24000/1001"


def test_frames_play_at_another_rate(tmp_path):
    video = {**PRORES, "frameRate": {"play": 24}, "filters": [{"blend": 2}]}
    line, file = made(tmp_path, "filtered-vfr.mp4", video, [20])
    count = len(line.table().pts)
    assert oracle.times(file) == [Fraction(n, 24) for n in range(count)]


WITH_FIELDS = {"interlaced": True}
X264 = {"codec": "h264", "preset": "ultrafast", "rate": {"qp": 28}}
PRORES = {"codec": "prores", "profile": "proxy", "pixelFormat": "yuv422p10le"}
VIDEO = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY})
PIXELS = [
    *("yuv420p", "yuv411p", "yuv440p", "yuvj420p", "yuvj422p", "gray", "gray10le", "gray16le"),
    *("yuv422p10le", "yuv420p10le", "yuv444p12le", "yuv422p12le", "yuv444p16le"),
    *("yuva420p", "yuva444p10le", "yuva444p16le", "yuv440p10le", "bgr0", "gbrp10le"),
]


def made(folder, name, video, cuts):
    """Return the line of a whole job and its finished file: the frames are those of a single pass."""
    end = "mp4" if video["codec"] == "h264" else "mov"
    spec = {"processor": "compressor", "container": end, "video": video}
    outputs = [{"setting": "own", "destination": str(folder / f"out/a.{end}")}]
    source = media.generated(name)
    job = oracle.job(folder, source, outputs, (("own", spec),), segments={"cuts": cuts})
    line = oracle.Line(folder / "work", job).run(VIDEO)
    (task,) = (id for id in line.folders if id.endswith("/assemble"))
    file = Path(line.folders[task]) / f"final.{end}"
    assert oracle.decoded(file) == oracle.decoded(line.single_pass(cuts))
    return line, file


def gate(line, name):
    """Return what the report says of a gate."""
    (task,) = (id for id in line.folders if id.endswith("/verify"))
    report = json.loads((Path(line.folders[task]) / "report.json").read_text())
    (found,) = (each["found"] for each in report["gates"] if each["gate"] == name)
    return found


def is_taken(kind, facts):
    try:
        filters.check("own", "filter", kind.takes, facts)
    except ValueError:
        return False
    return True


def converted(formats, graph):
    """Return what ffmpeg says of conversions that nobody asked for."""
    inputs = [
        word
        for each in formats
        for word in ("-f", "rawvideo", "-s", "64x64", "-pix_fmt", each, "-i", "/dev/zero")
    ]
    outputs = [
        word
        for n in range(len(formats))
        for word in ("-map", f"[o{n}]", "-frames:v", "1", "-f", "null", "-")
    ]
    said = media.said("-v", "verbose", *inputs, "-filter_complex", graph, *outputs)
    return [line for line in said.splitlines() if "auto_scale" in line]
