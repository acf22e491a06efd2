"""Sound: every kind of file to the sample, as loud as asked, faded to the last sample, all tracks."""

import re
import subprocess
from array import array
from fractions import Fraction
from hashlib import md5
from pathlib import Path

import av
import media
import oracle
import pytest
from media import FFMPEG, TRACKS, generated

from orchestrator.api import Kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MADE = frozenset({Kind.ENCODE, Kind.AUDIO, Kind.ASSEMBLE, Kind.VERIFY})
ENCODED = frozenset({Kind.AUDIO})
VIDEO = {"codec": "h264", "preset": "ultrafast", "rate": {"crf": 30}}
CLICK = 96000  #: the sample at 2 s
PRIMED = 256  #: samples that a bare AC-3 file begins with and cannot say


def sound_of(container, **audio):
    return {"processor": "compressor", "container": container, "audio": audio}


def made(folder, source, *outputs, kinds=MADE):
    """Carry a job out up to its verdict; (name, container[, spec]) -> path of each finished file.

    Without a finished file, that of the encoded sound.
    """
    listed = [
        {"setting": name, "destination": str(folder / f"{name}.{ends}")}
        for name, ends, *_ in outputs
    ]
    own = tuple((name, spec[0]) for name, _, *spec in outputs if spec)
    line = oracle.Line(folder / "tasks", oracle.job(folder, source, listed, own)).run(kinds)
    last = Kind.ASSEMBLE if Kind.ASSEMBLE in kinds else Kind.AUDIO
    return line, {
        target.name: next(Path(line.folders[task.id]).glob("[fa][iu]*.*"))
        for target in line.targets
        for task in target.tasks
        if task.kind is last
    }


def samples(path, track=0):
    """Return the samples of each channel, as fractions of full scale."""
    found = array("f")
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="flt")
        channels = file.streams.audio[track].layout.nb_channels
        for frame in file.decode(audio=track):
            for part in resampler.resample(frame):
                found.frombytes(bytes(part.planes[0])[: part.samples * channels * 4])
    return [found[channel::channels] for channel in range(channels)]


def apart(found, wanted):
    """Return the largest distance between two lists of samples of one length."""
    return max(abs(a - b) for a, b in zip(found, wanted, strict=True))


def pcm(path):
    """Return the hash of all samples, as 24 bits."""
    words = [FFMPEG, "-v", "error", "-nostdin", "-i", str(path), "-map", "0:a"]
    done = subprocess.run(
        [*words, "-f", "s24le", "-"], check=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    return md5(done.stdout).hexdigest()


def loudness(path):
    """Return loudness and true peak, as another filter than the one that made it measures them."""
    words = [FFMPEG, "-hide_banner", "-nostdin", "-nostats", "-i", str(path)]
    said = subprocess.run(
        [*words, "-af", "loudnorm=print_format=json,ebur128=peak=true", "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    ).stderr
    told = dict(re.findall(r'"(input_\w+)" : "([^"]+)"', said))
    return float(told["input_i"]), float(told["input_tp"])


@pytest.mark.pitfall(11, 24)
@pytest.mark.parametrize(
    ("outputs", "lossless"),
    [
        (
            [("aiff", "aiff"), ("flac", "flac"), ("alac", "m4a", sound_of("m4a", codec="alac"))],
            True,
        ),
        ([("mp3", "mp3"), ("opus", "opus"), ("ac3", "ac3")], False),
    ],
)
def test_every_sound_file_has_all_samples_and_the_click_in_its_place(tmp_path, outputs, lossless):
    source = generated("sound.wav")
    _, files = made(tmp_path, source, *outputs)
    assert set(files) == {name for name, *_ in outputs}
    for name, path in files.items():
        (found,) = samples(path)
        click = next(n for n, value in enumerate(found) if abs(value) > 0.3)
        assert abs(click - CLICK - (PRIMED if name == "ac3" else 0)) <= 1, name
        assert 0 <= len(found) - 192000 <= 1792, name
        if lossless:
            assert pcm(path) == pcm(source), name
            with av.open(str(path)) as file:
                assert file.duration == 4_000_000, name


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "aac"])
def test_every_kind_of_sound_file_is_read_to_the_sample(tmp_path, suffix):
    source = tmp_path / f"click.{suffix}"
    media.ffmpeg("-i", str(generated("sound.wav")), str(source))
    _, files = made(tmp_path, source, ("wav", "wav"), kinds=ENCODED)
    (found,) = samples(files["wav"])
    assert 0 <= len(found) - 192000 <= 1536
    assert apart(found, samples(source)[0][: len(found)]) < 2e-4
    click = next(n for n, value in enumerate(found) if abs(value) > 0.3)
    unsaid = 1024 if suffix == "aac" else 0  # bare AAC cannot say with what it begins
    assert abs(click - CLICK - unsaid) <= 1


def test_sound_is_as_loud_as_asked_and_fades_to_its_last_sample(tmp_path):
    wanted = {"integrated": -16, "peak": -1}
    fades = {"in": "0.5s", "out": "1s"}
    source = generated("tone.wav")
    line, files = made(
        tmp_path,
        source,
        ("even", "wav", sound_of("wav", codec="pcm", loudness=wanted)),
        ("tight", "m4a", sound_of("m4a", codec="aac", loudness={"integrated": -14, "peak": -9})),
        ("faded", "wav", sound_of("wav", codec="pcm", fades=fades)),
        kinds=ENCODED,
    )
    told = {id.split("/")[2]: done.values for id, done in line.done.items() if "/audio" in id}
    assert told["even"]["loudness"]["gain"] == "linear"
    assert told["tight"]["loudness"]["gain"] == "dynamic"
    assert abs(told["tight"]["loudness"]["integrated"] + 14) <= 0.5
    before, after = samples(source), samples(files["even"])
    gain = max(after[0]) / max(before[0])
    assert apart(after[0], [value * gain for value in before[0]]) < 1e-5
    assert loudness(files["even"])[0] == pytest.approx(-16, abs=0.5)
    with av.open(str(files["tight"])) as file:
        assert file.streams.audio[0].rate == 44100
    for plain, soft in zip(before, samples(files["faded"]), strict=True):
        count, begins, ends = len(plain), 22050, 44100
        ramp = [min(n / begins, (count - n) / ends, 1) for n in range(count)]
        # a fade that is two samples late would be 1.6e-5 off
        assert apart(soft, [a * b for a, b in zip(plain, ramp, strict=True)]) < 1e-5


def test_what_cannot_be_so_loud_is_refused(tmp_path):
    loud = sound_of("wav", codec="pcm", loudness={"integrated": -6, "peak": -9})
    with pytest.raises(AssertionError, match="-6 cannot be reached with peaks of -9 dBTP"):
        made(tmp_path, generated("tone.wav"), ("loud", "wav", loud), kinds=ENCODED)


def test_six_channels_become_two_without_clipping(tmp_path):
    source = generated("surround.flac")
    stereo = sound_of("wav", codec="pcm", layout="stereo")
    both = ("stereo", "wav", stereo), ("mp3", "mp3")
    _, files = made(tmp_path, source, *both, kinds=ENCODED)
    found = samples(files["stereo"])
    assert len(found) == len(samples(files["mp3"])) == 2
    # front + centre and back 3 dB lower, the sum made small enough; the same in all: as it was
    assert apart(found[0], samples(source)[0]) < 2e-4
    assert max(found[0]) < 1


def test_all_tracks_keep_their_names_and_places(tmp_path):
    source = generated("tracks.mkv")
    line, files = made(
        tmp_path,
        source,
        ("made", "mp4", {**sound_of("mp4", codec="aac", tracks="all"), "video": VIDEO}),
        ("kept", "mkv", sound_of("mkv", codec="copy", tracks=["deu", 1])),
        ("one", "wav", sound_of("wav", codec="pcm", tracks=["deu"])),
    )
    assert told(files["made"]) == list(TRACKS)
    assert told(files["kept"]) == [TRACKS[1], TRACKS[0]]
    with av.open(str(files["made"])) as file:
        starts = [stream.start_time * stream.time_base for stream in file.streams.audio]
    # a sound that starts late is shown with its silent priming before it
    primed = Fraction(1024, 48000)
    assert [
        abs(a - b) < Fraction(1, 500) for a, b in zip(starts, (0, 0.25 - primed, 0), strict=True)
    ]
    assert len(line.done[next(id for id in line.done if "made/audio" in id)].values["more"]) == 2
    assert len(samples(files["one"])[0]) == pytest.approx(96000, abs=1536)


def told(path):
    """Return language, title and flag of each track of sound."""
    with av.open(str(path)) as file:
        return [
            (
                stream.metadata["language"],
                stream.metadata.get("title") or stream.metadata.get("name"),
                "+".join(str(flag.name) for flag in stream.disposition),
            )
            for stream in file.streams.audio
        ]


def test_broadcast_files_hold_all_tracks_whose_fades_end_with_the_last_sample(tmp_path):
    """MXF makes sound as long as the pictures, at 48 kHz: fades go by what is written, not read."""
    source = tmp_path / "source.mkv"
    tones = [f"sine=f=300:r={rate}:d={length}" for rate, length in ((48000, 1), (44100, 0.9))]
    media.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=256x144:r=25:d=1", "-f", "lavfi", "-i", tones[0]),
        *("-f", "lavfi", "-i", tones[1], "-map", "0", "-map", "1", "-map", "2"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        *("-c:v", "mpeg4", "-q:v", "2", "-c:a", "pcm_s16le", str(source)),
    )
    both = {"tracks": "all", "fades": {"in": "0.2s", "out": "0.5s"}}
    dnxhr = {"codec": "dnxhr", "profile": "lb", "pixelFormat": "yuv422p"}
    mpeg2 = {"codec": "mpeg2", "pixelFormat": "yuv420p", "rate": {"qp": 4}}
    mxf = {**sound_of("mxf", codec="pcm", depth=16, **both), "video": dnxhr}
    ts = {**sound_of("ts", codec="mp2", bitrate="192k", **both), "video": mpeg2}
    _, files = made(tmp_path, source, ("mxf", "mxf", mxf), ("ts", "ts", ts))
    (plain,), (soft,) = samples(source), samples(files["mxf"])
    (padded,) = samples(files["mxf"], 1)
    count, begins, ends = 48000, 9600, 24000
    assert (len(soft), len(padded)) == (count, count)
    ramp = [min(n / begins, (count - n) / ends, 1) for n in range(count)]
    assert apart(soft, [a * b for a, b in zip(plain, ramp, strict=True)]) < 1e-4
    half = max(padded[35900:36100])  # of the way through its end
    assert half == pytest.approx(max(plain) / 2, rel=0.02)
    assert max(map(abs, padded[43300:])) == 0  # it is shorter than the pictures: silence
    with av.open(str(files["ts"])) as file:
        heard = [(s.codec_context.name, s.layout.name) for s in file.streams.audio]
        languages = [s.metadata["language"] for s in file.streams.audio]
    assert heard == [("mp2", "stereo")] * 2  # of one channel
    assert languages == ["eng", "deu"]
