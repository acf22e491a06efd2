"""In and out points: the frames are the slice of a full decode, the sound is cut to the sample."""

import json
from array import array
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import media
import oracle
import pytest

from orchestrator.api import Kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CUTS = {"open-gop.mp4": {"segments": {"cuts": [7]}}, "late.mpg": {"segments": {"cuts": [1]}}}
SMALL = {"processor": "compressor", "container": "mkv", "video": {"codec": "ffv1"}}
FFV1 = ("ffv1", SMALL)
PCM = (
    "pcm",
    {
        **SMALL,
        "container": "mov",
        "video": {"codec": "prores", "pixelFormat": "yuv422p10le", "size": {"fit": [160, 90]}},
        "audio": {"codec": "pcm", "depth": 16},
    },
)

#: source -> in, out, and the frames that are within
SPANS = {
    # pitfall 1: open groups of pictures before, in and after the part
    "open-gop.mp4": ("00:00:01.04", "60f", 26, 60),
    "late.mpg": ("1.5s", "2.5s", 38, 63),  # a programme stream that starts in the middle
    # pitfall 23: a frame that the edit list hides is none
    "edit-list.mp4": ("13f", None, 13, None),
    "vfr.mp4": ("17f", "41f", 17, 41),
    "timecode.mov": ("01:00:00:10", "01:00:01:15", 10, 40),
}


MADE = frozenset({Kind.ENCODE, Kind.AUDIO, Kind.ASSEMBLE})


@cache
def full(path):
    return oracle.decoded(path), oracle.times(path)


def line(tmp_path, path, points, setting=FFV1, **keys):
    own = {key: value for key, value in zip(("in", "out"), points, strict=True) if value}
    asked = oracle.job(
        tmp_path / "in",
        path,
        [{"setting": setting[0], "destination": str(tmp_path / f"out.{setting[1]['container']}")}],
        (setting,),
        own,
        **keys,
    )
    made = oracle.Line(tmp_path / "line", asked).run(MADE)
    return next(Path(made.folders[made.targets[0].tasks[-3].id]).glob("final.*"))


@pytest.mark.parametrize("name", SPANS)
def test_a_part_is_the_slice_of_the_whole(name, tmp_path):
    path = media.generated(name)
    begin, until, a, b = SPANS[name]
    made = line(tmp_path, path, (begin, until), **CUTS.get(name, {}))

    frames, times = full(path)
    assert oracle.decoded(made) == frames[a:b]
    wanted = [time - times[a] for time in times[a:b]]
    near = [abs(x - y) for x, y in zip(oracle.times(made), wanted, strict=True)]
    assert max(near) <= Fraction(1, 2000)
    with av.open(str(made)) as file:  # pitfall 14
        assert file.metadata.get("TIMECODE") == {"timecode.mov": "01:00:00:10"}.get(name)


def sound(path, folder):
    """The sound as it is decoded: all its samples."""
    out = folder / "sound.raw"
    media.ffmpeg("-i", str(path), "-map", "0:a", "-f", "s16le", str(out))
    return out.read_bytes()


def _click(data):
    """The sample at which it clicks."""
    return next(n for n, value in enumerate(array("h", data)) if abs(value) > 5000)


def starts(path):
    """When picture and sound of a file start, in seconds of its clock."""
    with av.open(str(path)) as file:
        return [
            each.start_time * each.time_base
            for each in (file.streams.video[0], file.streams.audio[0])
        ]


#: source -> by how many samples its own times are blurred: Matroska counts in milliseconds
SOUNDS = {"sound.mp4": 0, "sound.ts": 0, "much-later-sound.mkv": 48}


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_is_cut_to_the_sample(name, tmp_path):
    path = media.generated(name)
    shown, heard = starts(path)
    done = line(tmp_path, path, ("45f", "00:00:02.48"), PCM)

    begin = shown + Fraction(45, 25)
    a, b = (round((time - heard) * 48000) for time in (begin, begin + Fraction(17, 25)))
    whole, made = sound(path, tmp_path), sound(done, tmp_path)
    assert abs(_click(whole) - a - _click(made)) <= SOUNDS[name]
    if not SOUNDS[name]:
        assert whole[2 * a : 2 * b] == made
    assert starts(done) == [0, 0]


def test_sound_alone_has_a_part_too(tmp_path):
    path = media.generated("sound.wav")
    setting = ("wav16", {**SMALL, "container": "wav", "audio": {"codec": "pcm"}})
    del setting[1]["video"]
    done = line(tmp_path, path, ("00:01.25", "2.5s"), setting)
    assert sound(done, tmp_path) == sound(path, tmp_path)[2 * 60000 : 2 * 120000]


def test_cues_chapters_and_cover_are_those_of_the_part(tmp_path):
    # five seconds late; what each file says is compared by its own `verify` as well
    path = media.generated("everything.mkv")
    small = {"codec": "h264", "preset": "ultrafast", "rate": {"qp": 30}}
    with_sound = {"video": small, "audio": {"codec": "aac"}, "processor": "compressor"}
    own = [(end, {**with_sound, "container": end}) for end in ("mkv", "mp4")]
    outputs = [{"setting": end, "destination": str(tmp_path / f"out.{end}")} for end, _ in own]
    asked = oracle.job(tmp_path / "in", path, outputs, tuple(own), {"in": "1s", "out": "2.72s"})
    oracle.Line(tmp_path / "line", asked).run()

    for end in ("mkv", "mp4"):
        made = tmp_path / f"out.{end}"
        with av.open(str(made)) as file:
            told = [
                (float(c["start"] * c["time_base"]), c["metadata"]["title"])
                for c in file.chapters()
            ]
            assert [stream.type for stream in file.streams].count("subtitle") == 2
        assert told == [(0.0, "From 6000"), (pytest.approx(1.5, abs=0.001), "From 7500")]
        shown = media.ffmpeg("-i", str(made), "-map", "0:s:0", "-f", "srt", "-")
        times = [row for row in shown.splitlines() if "-->" in row]
        assert times == ["00:00:00,000 --> 00:00:00,500", "00:00:01,250 --> 00:00:01,720"]


def _length(file, track):
    """How many samples a track has."""
    file.seek(0)
    return sum(frame.samples for frame in file.decode(track))


def test_what_else_is_made_is_of_the_part(tmp_path):
    # loudness and fades of each track, captions beside it, small pictures, the job's own marks
    path = media.generated("tracks.mkv")
    (tmp_path / "a.srt").write_text("1\n00:00:00,200 --> 00:00:09,000\nHello\n")
    setting = {
        **{"processor": "compressor", "container": "mkv"},
        "video": {"codec": "ffv1", "timecodeBurnIn": {"start": "10:00:00:00"}},
        "audio": {
            **{"codec": "flac", "tracks": "all", "loudness": {"integrated": -20}},
            "fades": {"in": "0.1s", "out": "0.1s"},
        },
        "captions": {"sidecar": "vtt"},
        "poster": {"at": "0%"},
        "thumbnails": {"every": "0.5s", "width": 64},
    }
    given = {
        **{"in": "12f", "out": "00:00:01.48", "startTimecode": "20:00:00:00"},
        "captions": str(tmp_path / "a.srt"),
        "chapters": [{"at": "00:00:00.000", "title": "A"}, {"at": "20:00:00:20", "title": "B"}],
    }
    output = {"setting": "own", "destination": str(tmp_path / "out.mkv"), "measure": ["xpsnr"]}
    asked = oracle.job(
        tmp_path / "in", path, [output], (("own", setting),), given, segments={"cuts": [7]}
    )
    made = oracle.Line(tmp_path / "line", asked).run()

    with av.open(str(tmp_path / "out.mkv")) as file:
        chapters = [
            (each["start"] * each["time_base"], each["metadata"]["title"])
            for each in file.chapters()
        ]
        assert chapters == [(0, "A"), (Fraction(4, 5), "B")]
        assert file.metadata["TIMECODE"] == "20:00:00:00"
        assert [_length(file, track) for track in file.streams.audio] == [48000] * 3
    shown = (tmp_path / "out.vtt").read_text()
    assert "00:00:00.200 --> 00:00:01.000" in shown
    assert len(list((tmp_path / "out.thumbs").iterdir())) == 2
    report = next(Path(made.folders[id]) for id in made.folders if id.endswith("/verify"))
    told = json.loads((report / "report.json").read_text())
    assert told["measured"]["overall"]["xpsnr"]["mean"] > 60
