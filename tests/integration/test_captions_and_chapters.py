"""What a job gives beside its source arrives, and what stands beside an output is right."""

import re
import subprocess
from pathlib import Path

import av
import media
import oracle
import pytest
from oracle import FFMPEG, Line

from orchestrator_compressor.work import media as nodes

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
FAST = {"rate": {"qp": 40}, "preset": "ultrafast", "pixelFormat": "yuv420p"}
H264 = {"codec": "h264", **FAST}
SRT = """1
00:00:00,200 --> 00:00:00,800
Hello <i>you</i>

2
00:00:01,000 --> 00:00:01,400
A {brace}, 3 < 4 and
a second line
"""
HOSTILE = "a=b; # [CHAPTER]\n;FFMETADATA1\ntitle=\\x ' \" %s"
SCC = (
    "Scenarist_SCC V1.0\n\n{}\t9420 9420 94ae 94ae 9470 9470 c8e5 ecec ef80 942f 942f\n\n{}\t942c\n"
)


def spec(container: str = "mp4", video: dict | None = None, **more) -> dict:
    return {"processor": "compressor", "container": container, "video": video or H264, **more}


def made(folder: Path, source: Path, own: dict, given: dict | None = None, **keys) -> Line:
    outputs = [{"setting": "own", "destination": str(folder / f"out.{own['container']}")}]
    finish = keys.pop("finish", oracle.same)
    keys = {"segments": {"cuts": [20]}} | keys
    job = oracle.job(folder, source, outputs, (("own", own),), given, **keys)
    return Line(folder / "work", job, finish=finish).run()


def notes(line: Line) -> str:
    return "\n".join(note for target in line.targets for note in target.notes)


def written(folder: Path, name: str, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


def cues(path: Path, number: int = 0) -> list[tuple[float, str]]:
    """Return when each cue is shown, and its text."""
    with av.open(str(path)) as file:
        track = file.streams.subtitles[number]
        skip = 2 if track.codec_context.name == "mov_text" else 0
        packets = [packet for packet in file.demux(track) if packet.size > 2]
        return [
            (
                round(float(packet.pts * packet.time_base), 3),
                bytes(packet)[skip:].split(b"\0")[0].decode(),
            )
            for packet in packets
        ]


def chapters(path: Path) -> list[tuple[float, str]]:
    with av.open(str(path)) as file:
        return [
            (round(float(each["start"] * each["time_base"]), 3), each["metadata"].get("title", ""))
            for each in file.chapters()
        ]


def grey(path: Path, *how: str) -> bytes:
    """Return the first picture of a file, 16 by 9, as grey values."""
    words = [FFMPEG, "-v", "error", "-nostdin", *how, "-i", str(path), "-frames:v", "1"]
    words += ["-vf", "scale=16:9:flags=area,format=gray", "-f", "rawvideo", "-"]
    return subprocess.run(words, check=True, capture_output=True).stdout


def apart(one: bytes, other: bytes) -> float:
    """Return by how much two pictures differ, in steps of 256."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


@pytest.mark.pitfall(12, 14)
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_all_that_a_job_gives_is_in_the_file_and_beside_it(tmp_path, container):
    own = spec(container, captions={"sidecar": "vtt"}, poster={"at": "50%"})
    if container == "mp4":
        own["thumbnails"] = {"every": "0.5s", "width": 64}
        own["contactSheet"] = {"columns": 3, "rows": 2, "width": 192}
    given = {
        "captions": [
            {"path": written(tmp_path, "a.srt", SRT), "language": "de", "title": "Deutsch"}
        ],
        "chapters": [
            {"at": "00:00:00.500", "title": HOSTILE.replace("\n", " ")},
            {"at": "23:59:59;29", "title": "Two"},
        ],
        "metadata": {"title": HOSTILE, "comment": "x\ty"},
        "annotations": {"reel.no": HOSTILE},
        "startTimecode": "23:59:58;29",
    }
    source = media.generated("drop-frame.mp4")
    line = made(tmp_path, source, own, given)
    path = tmp_path / f"out.{container}"
    with av.open(str(path)) as file:
        kinds = [each.type for each in file.streams if each.type != "data"]
        assert kinds == ["video", "subtitle", "video"]
        assert [nodes.is_cover(each) for each in file.streams.video] == [False, True]
        assert file.streams.subtitles[0].metadata["language"] == "ger"
        said = {key.lower(): value for key, value in file.metadata.items()}
        assert (said["title"], said["comment"]) == (HOSTILE, "x\ty")
        assert said.get("reel.no") == (HOSTILE if container == "mkv" else None)
        assert nodes.timecode(file) == "23:59:58;29"
        tracks = [each for each in file.streams.data if "timecode" in each.metadata]
        assert len(tracks) == (0 if container == "mkv" else 1)
    late = [(0.5, given["chapters"][0]["title"]), (1.001, "Two")]
    assert chapters(path) == ([(0.0, ""), *late] if container == "mp4" else late)
    assert [time for time, _ in cues(path)] == [0.2, 1.0]
    assert cues(path)[1][1] == "A {brace}, 3 < 4 and\na second line"
    assert ("no annotations" in notes(line)) == (container == "mp4")
    if container == "mp4":
        beside(tmp_path, source)


def beside(folder: Path, source: Path) -> None:
    """Check the files beside an output: how many, and that they show what they should."""
    text = (folder / "out.de.vtt").read_text()
    assert "00:00:01.000 --> 00:00:01.400\nA {brace}, 3 &lt; 4 and\na second line\n" in text
    small = sorted(each.name for each in (folder / "out.thumbs").iterdir())
    assert small == [f"{n:06d}.jpg" for n in range(1, 6)]
    for n, name in enumerate(small):
        shown = grey(folder / "out.thumbs" / name)
        frame = int(n / 2 * 30 / 1.001)  # the one that is shown then
        times = ((each * 1.001 / 30 - 0.001) for each in (frame, abs(frame - 7)))
        wanted, other = (grey(source, "-ss", f"{max(0, time):.4f}") for time in times)
        assert apart(shown, wanted) < apart(shown, other) / 2
    with av.open(str(folder / "out.sheet.jpg")) as sheet:
        frame = next(sheet.decode(video=0))
        assert (frame.width, frame.height) == (192, 72)


def test_burned_captions_are_those_of_a_single_pass_and_stand_in_their_time(tmp_path):
    text = SRT.replace("a second line", "Ünïcode")
    given = {"captions": [{"path": written(tmp_path, "a.srt", text), "language": "eng"}]}
    own = spec("mkv", {"codec": "ffv1"}, captions={"burnIn": "en", "embed": False})
    source = media.generated("everything.mkv")  # starts at 5 s
    line = made(tmp_path, source, own, given, segments={"cuts": [7, 27, 28]})
    assert oracle.packets(tmp_path / "out.mkv") == oracle.packets(line.single_pass([]))
    frames = zip(oracle.decoded(tmp_path / "out.mkv"), oracle.decoded(source), strict=True)
    drawn = [n for n, (a, b) in enumerate(frames) if a != b]
    times = [round(time * 1000) for time in oracle.times(tmp_path / "out.mkv")]
    assert drawn == [n for n, t in enumerate(times) if 200 <= t < 800 or 1000 <= t < 1400]


def test_closed_captions_of_a_file_count_from_the_timecode(tmp_path):
    text = SCC.format("01:00:00:15", "01:00:01:15")
    given = {
        "captions": written(tmp_path, "a.scc", text),
        "startTimecode": "01:00:00:00",
    }
    own = spec("mov", captions={"sidecar": "scc"})
    made(tmp_path, media.generated("timecode.mov"), own, given)
    # 25 pairs a second are not 29.97: the tenth pair after the fifteenth frame shows it
    assert cues(tmp_path / "out.mov") == [(round(24 * 1.001 / 30, 3), "Hello")]
    assert (tmp_path / "out.scc").read_text() == text


@pytest.mark.media
def test_closed_captions_of_a_real_stream_become_text(tmp_path):
    source = media.real("sintel-captions.ts")
    own = spec("mov", {"codec": "prores", "profile": "proxy", "pixelFormat": "yuv422p10le"})
    own["captions"] = {"sidecar": "srt", "embed": True}
    made(tmp_path, source, own)
    words = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", f"movie={source}[out+subcc]"]
    done = subprocess.run([*words, "-map", "0:s", "-f", "srt", "-"], capture_output=True, text=True)
    found = (tmp_path / "out.srt").read_text()
    assert spoken(found) == spoken(done.stdout)
    assert len(spoken(found)) == 5
    # the picture begins 0.119 s after the sound, and the file with what is first of its streams
    assert [time for time, _ in cues(tmp_path / "out.mov")] == [1.0, 5.0, 6.958]


def spoken(text: str) -> list[str]:
    """Return the lines of a file of captions that are text."""
    bare = re.sub(r"<[^>]*>|\{[^}]*\}", "", text)
    lines = [line.strip() for line in bare.split("\n")]
    return [line for line in lines if line and "-->" not in line and not line.isdecimal()]


@pytest.mark.pitfall(13)
@pytest.mark.media
def test_hevc_keeps_closed_captions_of_each_picture(tmp_path):
    own = spec("mp4", {"codec": "hevc", **FAST})
    made(tmp_path, media.real("sintel-captions.ts"), own, segments={"cuts": [100]})
    with av.open(str(tmp_path / "out.mp4")) as file:
        kinds = [[data.type.name for data in each.side_data] for each in file.decode(video=0)]
    assert [each.count("A53_CC") for each in kinds] == [1] * 240


def test_what_a_setting_drops_is_gone(tmp_path):
    dropped = {key: "drop" for key in ("chapters", "metadata", "timecode")}
    own = spec("mkv", captions={"embed": False, "sidecar": "srt"}, **dropped)
    made(tmp_path, media.generated("everything.mkv"), own, {"metadata": {"artist": "Me"}})
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert not file.streams.subtitles
        assert "title" not in {key.lower() for key in file.metadata}
        assert file.metadata["ARTIST"] == "Me"
        assert not file.chapters()
    assert (tmp_path / "out.eng.srt").read_text().startswith("1\n00:00:01,000 --> ")
    assert (tmp_path / "out.deu.srt").exists()


def test_file_that_lost_what_the_job_gives_is_refused(tmp_path):
    def finish(words: list[str]) -> list[str]:
        assert "title=Mine" in words
        return [word.replace("title=Mine", "title=Other") for word in words]

    with pytest.raises(AssertionError, match="metadata title is Other instead of Mine"):
        made(
            tmp_path,
            media.generated("timecode.mov"),
            spec(),
            {"metadata": {"title": "Mine"}},
            finish=finish,
        )
