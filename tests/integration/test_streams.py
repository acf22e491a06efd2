"""What a source has beside picture and first sound arrives: subtitles, chapters, fonts, timecode."""

import json
from pathlib import Path

import av
import media
import oracle
import pytest
from oracle import Line

from orchestrator_compressor.work import media as nodes

pytestmark = pytest.mark.timeout(300)
CODECS = {"mp4": ("h264", "aac"), "mov": ("h264", "pcm"), "mkv": ("h264", "flac")}
CODECS["webm"] = ("vp9", "opus")
ENGLISH, GERMAN = [1.0, 2.25], [0.4, 1.1, 1.1]


def made(folder: Path, source: Path, container: str, finish: oracle.Patch = oracle.same) -> Line:
    """Carry out a job with one output in this container, to its end."""
    video, audio = CODECS[container]
    rate = {"crf": 50} if video == "vp9" else {"qp": 40}
    spec = {"processor": "compressor", "container": container, "audio": {"codec": audio}}
    spec["video"] = {"codec": video, "rate": rate}
    if video == "h264":
        spec["video"] |= {"preset": "ultrafast", "pixelFormat": "yuv420p"}
    outputs = [{"setting": "own", "destination": str(folder / f"out.{container}")}]
    job = oracle.job(folder, source, outputs, (("own", spec),), segments={"cuts": [20]})
    return Line(folder / "work", job, finish=finish).run()


def notes(line: Line) -> str:
    return "\n".join(note for target in line.targets for note in target.notes)


def listed(path: Path) -> list[tuple[str, str, str]]:
    """Return type, codec and language of each stream but those of chapters and timecode."""
    with av.open(str(path)) as file:
        return [
            (each.type, nodes.codec(each), each.metadata.get("language", "und"))
            for each in file.streams
            if each.type != "data"
        ]


def cues(path: Path, number: int) -> list[float]:
    """Return when the cues of a track are shown; samples that only fill gaps are none."""
    with av.open(str(path)) as file:
        track = file.streams.subtitles[number]
        packets = [packet for packet in file.demux(track) if packet.size > 2]
        return [round(float(packet.pts * packet.time_base), 3) for packet in packets]


def chapters(path: Path) -> list[tuple[float, str]]:
    with av.open(str(path)) as file:
        return [
            (round(float(each["start"] * each["time_base"]), 3), each["metadata"].get("title", ""))
            for each in file.chapters()
        ]


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("container", ["mkv", "webm"])
def test_subtitles_and_chapters_of_a_late_source_arrive_in_matroska(tmp_path, container):
    path = tmp_path / f"out.{container}"
    made(tmp_path, media.generated("everything.mkv"), container)
    kinds = {"mkv": ["ass", "subrip"], "webm": ["webvtt", "webvtt"]}[container]
    assert [row for row in listed(path) if row[0] == "subtitle"] == [
        ("subtitle", kinds[0], "eng"),
        ("subtitle", kinds[1], "deu"),
    ]
    assert (cues(path, 0), cues(path, 1)) == (ENGLISH, GERMAN)
    assert chapters(path) == [(1.0, "From 6000"), (2.5, "From 7500")]


@pytest.mark.pitfall(12)
@pytest.mark.parametrize(("container", "german"), [("mp4", "deu"), ("mov", "ger")])
def test_mp4_and_quicktime_show_cues_that_overlap_together(tmp_path, container, german):
    path = tmp_path / f"out.{container}"
    made(tmp_path, media.generated("everything.mkv"), container)
    subtitles = [row for row in listed(path) if row[0] == "subtitle"]
    assert subtitles == [("subtitle", "mov_text", "eng"), ("subtitle", "mov_text", german)]
    assert (cues(path, 0), cues(path, 1)) == (ENGLISH, [0.4, 1.1, 2.0])
    with av.open(str(path)) as file:
        texts = [bytes(packet)[2:] for packet in file.demux(subtitles=1) if packet.size > 2]
    assert texts[1].startswith(b"Bert\nCarl")


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_first_chapter_that_starts_late_stays_late(tmp_path, container):
    made(tmp_path, media.generated("everything.mkv"), container)
    found = chapters(tmp_path / f"out.{container}")
    assert found == [(0.0, ""), (1.0, "From 6000"), (2.5, "From 7500")]


@pytest.mark.pitfall(12)
def test_matroska_keeps_title_flags_fonts_and_cover(tmp_path):
    made(tmp_path, media.generated("everything.mkv"), "mkv")
    with av.open(str(tmp_path / "out.mkv")) as file:
        german, font, cover = (file.streams[n] for n in (3, 4, 5))
        assert german.metadata["title"] == "Deutsch"
        assert [flag.name for flag in german.disposition] == ["forced"]
        assert (font.type, font.data) == ("attachment", b"a font")
        assert nodes.is_cover(cover)
        assert file.streams.audio[0].metadata["language"] == "deu"
        assert file.metadata["title"] == "Ä film"


@pytest.mark.pitfall(12)
def test_what_a_container_cannot_hold_is_named(tmp_path):
    done = made(tmp_path, media.generated("everything.mkv"), "mov")
    assert "own: mov holds no attachments; 1 are not kept" in notes(done)
    assert "own: stream 5 is not kept in mov: attached mjpeg" in notes(done)


@pytest.mark.pitfall(12, 23)
def test_cover_stays_a_cover_in_mp4(tmp_path):
    made(tmp_path, media.generated("everything.mkv"), "mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert [nodes.is_cover(each) for each in file.streams.video] == [False, True]


def test_bitmap_subtitles_pass_into_matroska_and_are_named_elsewhere(tmp_path):
    source = media.generated("bitmap-subtitles.mkv")
    made(tmp_path / "1", source, "mkv")
    assert listed(tmp_path / "1/out.mkv")[1] == ("subtitle", "hdmv_pgs_subtitle", "fra")
    done = made(tmp_path / "2", source, "mp4")
    assert [row[0] for row in listed(tmp_path / "2/out.mp4")] == ["video"]
    assert "stream 1 is not kept in mp4: subtitle hdmv_pgs_subtitle fra" in notes(done)


@pytest.mark.pitfall(14)
@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
@pytest.mark.parametrize(
    ("name", "timecode"), [("timecode.mov", "01:00:00:00"), ("drop-frame.mp4", "01:00:00;02")]
)
def test_timecode_is_that_of_the_source(tmp_path, name, timecode, container):
    made(tmp_path, media.generated(name), container)
    with av.open(str(tmp_path / f"out.{container}")) as file:
        assert nodes.timecode(file) == timecode
        tracks = [each for each in file.streams.data if "timecode" in each.metadata]
        assert len(tracks) == (0 if container == "mkv" else 1)


def test_timecode_of_uneven_frames_is_left_out_and_named(tmp_path):
    done = made(tmp_path, media.generated("uneven-timecode.mov"), "mov")
    assert "timecode 01:00:00:00 is not kept: the source has no even frame rate" in notes(done)
    with av.open(str(tmp_path / "out.mov")) as file:
        assert nodes.timecode(file) is None


def test_names_in_another_encoding_stop_nothing(tmp_path):
    made(tmp_path, media.generated("latin-1.mkv"), "mp4")
    assert chapters(tmp_path / "out.mp4") == [(0.0, "From 0")]


@pytest.mark.media
def test_captions_of_a_real_stream_stay_in_its_pictures(tmp_path):
    made(tmp_path, media.real("sintel-captions.ts"), "mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        kinds = {data.type.name for frame in file.decode(video=0) for data in frame.side_data}
    assert "A53_CC" in kinds


@pytest.mark.pitfall(16)
def test_turned_source_stands_upright(tmp_path):
    made(tmp_path, media.generated("turned.mov"), "mp4")
    with av.open(str(tmp_path / "out.mp4")) as file:
        frame = next(file.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (90, 160, 0)


def gates(line: Line) -> set[str]:
    (folder,) = (each for id, each in line.folders.items() if id.endswith("/verify"))
    report = json.loads((Path(folder) / "report.json").read_text())
    return {gate["gate"] for gate in report["gates"]}


def test_report_has_a_gate_for_each_of_them(tmp_path):
    done = made(tmp_path, media.generated("everything.mkv"), "mkv")
    assert {"rotation", "streams", "cues of subtitles 1", "times of subtitles 1"} <= gates(done)
    assert {"chapters", "times of chapters"} <= gates(done)


def instead(old: str, new: str) -> oracle.Patch:
    """Return a patch that puts words in the place of words that follow each other."""
    there, put = old.split(), new.split()

    def patch(given: list[str]) -> list[str]:
        at = next(n for n in range(len(given)) if given[n : n + len(there)] == there)
        return [*given[:at], *put, *given[at + len(there) :]]

    return patch


@pytest.mark.parametrize(
    ("name", "container", "patch", "gate"),
    [
        ("everything.mkv", "mkv", instead("-map 3:2", ""), "streams is"),
        ("everything.mkv", "mkv", instead("language=deu", "language=fra"), "streams is"),
        ("everything.mkv", "mkv", instead("-5.000000", "-4.900000"), "times of subtitles 0 is"),
        ("everything.mkv", "mp4", instead("-map 2:0", "-map 4:2"), "cues of subtitles 1 is"),
        ("everything.mkv", "mp4", instead("-map_chapters 3", "-map_chapters 4"), "chapters is"),
        ("timecode.mov", "mov", instead("01:00:00:00", "01:00:00:01"), "timecode is"),
        ("timecode.mov", "mp4", instead("-timecode 01:00:00:00", ""), "timecode is"),
        ("timecode.mov", "mp4", instead("-copyts", "-copyts -display_rotation 90"), "rotation is"),
    ],
)
def test_file_that_lost_one_of_them_is_refused(tmp_path, name, container, patch, gate):
    with pytest.raises(AssertionError, match=gate):
        made(tmp_path, media.generated(name), container, patch)
