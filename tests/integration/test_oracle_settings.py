"""Every built-in setting with pictures, as one whole job cut unevenly, equals one uninterrupted run.

How equal, is by codec: packets, decoded frames, or count, times and headers with a bound on quality.
Encoders that are not deterministic by nature are made so here, the same way for both.
"""

import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import av
import media
import oracle
import pytest
from compressor_jobs import AUDIO, built_in, seen, steady

from orchestrator.api import Kind, Segment
from orchestrator_compressor import facts, graph, handles, product, recipe, settings
from orchestrator_compressor import table as tables
from orchestrator_compressor.recipe import Means
from orchestrator_compressor.timing import Timing
from orchestrator_compressor.work import join, part
from orchestrator_compressor.work.trouble import Trouble

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

KINDS = frozenset({Kind.ENCODE, Kind.AUDIO, Kind.ASSEMBLE, Kind.VERIFY})
CUTS = [1, 12]  #: the first segment is one frame
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
MASK = "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='mod(4*X+5*N,1024)'"
MASTERING = b"\x89\x18"  #: type and size of the message of HEVC that tells of it


@cache
def clip(kind):
    """Return a source of 25 frames: plain, with transparency, or in HDR10."""
    path = (
        media.cache()
        / "generated"
        / f"oracle-settings-{kind}.{'mkv' if kind == 'alpha' else 'mov'}"
    )
    picture = "testsrc2=s=256x144:r=25:d=1,noise=alls=8:allf=t:all_seed=7"
    words = {
        "plain": [
            *("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "veryfast"),
            *("-g", "10", "-pix_fmt", "yuv420p"),
        ],
        "alpha": ["-f", "lavfi", "-i", f"{picture},format=yuva444p10le,{MASK}", "-c:v", "ffv1"],
        "hdr10": [
            *("-f", "lavfi", "-i", picture, "-c:v", "libx265", "-preset", "ultrafast"),
            *(
                "-vf",
                "format=yuv420p10le,setparams=range=tv:color_primaries=bt2020:"
                "color_trc=smpte2084:colorspace=bt2020nc",
            ),
            "-x265-params",
            f"log-level=none:hdr10=1:repeat-headers=1:master-display={DISPLAY}:max-cll=1000,400",
        ],
    }
    media.ffmpeg(*words[kind], str(path))
    return path


def line(folder, setting, source, patch=oracle.same, cuts=CUTS, **output):
    """Carry out a job of one output."""
    end = built_in()[setting]["container"]
    outputs = [{"setting": setting, "destination": str(folder / f"out/a.{end}"), **output}]
    job = oracle.job(folder, source, outputs, segments={"cuts": cuts})
    return oracle.Line(folder / "work", job, patch).run(KINDS)


def final(done):
    """Return the finished file; its own gates have held."""
    (folder,) = (folder for id, folder in done.folders.items() if id.endswith("/assemble"))
    (file,) = Path(folder).glob("final.*")
    return file


def check_times(done):
    """Compare the times of all frames with the source's, as exactly as the container can."""
    file, table = final(done), done.table()
    wanted = [(pts - table.pts[0]) * table.tb for pts in table.pts]
    found = oracle.times(file)
    allowed = {".mkv": Fraction(1, 1000), ".webm": Fraction(1, 1000)}.get(file.suffix, 0)
    assert len(found) == len(wanted)
    assert max(abs(f - w) for f, w in zip(found, wanted, strict=True)) <= allowed


def told(words, option, *more):
    """Return the words with more parameters behind an option of the encoder."""
    at = words.index(option) + 1
    return [*words[:at], ":".join([words[at], *more]), *words[at + 1 :]]


def instead(words, option, *other):
    """Return the words with others in place of an option and its value."""
    at = words.index(option)
    return [*words[:at], *other, *words[at + 2 :]]


def x264(words):
    words = instead(instead(words, "-crf", "-qp", "24"), "-preset", "-preset", "veryfast")
    return told(words, "-x264-params", "scenecut=0")


def x265(words):
    words = instead(instead(words, "-crf"), "-preset", "-preset", "ultrafast")
    exact = "qp=30:scenecut=0:min-keyint=1:pools=1:frame-threads=1"
    return told(words, "-x265-params", exact)


def svt(words):
    """A keyframe each 8 frames, and no looking across them."""
    at = words.index("-svtav1-params") + 1
    params = words[at].replace("keyint=240", "keyint=8")
    words = [*words[:at], f"{params}:scd=0:pred-struct=1", *words[at + 1 :]]
    return instead(words, "-preset", "-preset", "10")


PACKETS = sorted(
    name
    for name, spec in built_in().items()
    if spec.get("video", {}).get("codec") in {"prores", "dnxhr", "ffv1", "mjpeg"}
)
FRAMES = {
    "cineform": (oracle.same, CUTS),
    "h264-1080p": (x264, CUTS),
    "h264-master": (x264, CUTS),
    "hevc-8bit": (x265, CUTS),
    "hevc-10bit": (x265, CUTS),
    "av1": (svt, [8, 16, 24]),  # the last segment is one frame
    "mpeg2": (oracle.same, CUTS),
}
OTHERS = {"vp9", "hevc-hdr10"}
ELSEWHERE = {
    *("seq-tiff", "seq-png", "seq-exr", "seq-dpx", "seq-jpeg"),  # test_sequences.py
    *("hls", "dash"),  # test_ladders.py
    "h264-size",  # test_two_pass.py
}


def test_every_built_in_setting_with_pictures_has_its_oracle():
    named = {name for name, spec in built_in().items() if "video" in spec}
    assert named == {*PACKETS, *FRAMES, *OTHERS, *ELSEWHERE}


@pytest.mark.parametrize("setting", PACKETS)
def test_packets_are_those_of_a_single_pass(tmp_path, setting):
    done = line(tmp_path, setting, clip("plain"))
    assert oracle.packets(final(done)) == oracle.packets(done.single_pass(CUTS))
    assert len(done.encodes()) == len(CUTS) + 1
    check_times(done)


@pytest.mark.parametrize("setting", sorted(FRAMES))
def test_frames_are_those_of_a_single_pass(tmp_path, setting):
    patch, cuts = FRAMES[setting]
    done = line(tmp_path, setting, clip("plain"), patch, cuts)
    parts = 1 if setting == "mpeg2" else len(cuts) + 1  # its buffer is that of the whole
    assert len(done.encodes()) == parts
    whole = done.single_pass([] if setting in {"mpeg2", "av1"} else cuts)
    assert oracle.decoded(final(done)) == oracle.decoded(whole)
    check_times(done)
    if parts > 1:
        assert {0, *cuts} <= set(oracle.keyframes(final(done)))  # pitfall 2


def test_vp9_is_as_good_as_a_single_pass(tmp_path):
    """Not identical by nature: count, times and headers are; and nothing is lost at joins."""
    done = line(tmp_path, "vp9", clip("plain"), partial(told_vp9, "-cpu-used", "8"))
    whole = done.single_pass(CUTS)
    check_times(done)
    assert {0, *CUTS} <= set(oracle.keyframes(final(done)))
    assert quality(final(done)) >= quality(whole) - 0.5


def told_vp9(option, value, words):
    return [*words[:-1], option, value, words[-1]]


def quality(file):
    """Return the PSNR of a file against the plain clip, in dB."""
    words = [oracle.FFMPEG, "-nostdin", "-hide_banner", "-i", str(file), "-i", str(clip("plain"))]
    graph = "[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]psnr"
    done = subprocess.run(
        [*words, "-lavfi", graph, "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return float(re.findall(r"average:([\d.]+)", done.stderr)[-1])


@pytest.mark.pitfall(15)
def test_hdr10_is_told_at_the_first_frame_of_each_segment(tmp_path):
    """Pitfall 15: in band, in each part; and the colour and the tag of the finished file."""
    done = line(tmp_path, "hevc-hdr10", clip("hdr10"), x265)
    assert oracle.decoded(final(done)) == oracle.decoded(done.single_pass(CUTS))
    check_times(done)
    with av.open(str(final(done))) as file:
        context = file.streams.video[0].codec_context
        assert context.codec_tag == "hvc1"
        assert (int(context.color_trc), int(context.color_primaries), int(context.colorspace)) == (
            *(16, 9),
            9,
        )
        packets = sorted((p.pts, bytes(p)) for p in file.demux(video=0) if p.size)
    said = [at for at, (_, data) in enumerate(packets) if MASTERING in data]
    assert {0, *CUTS} <= set(said)
    for id in done.encodes():
        with av.open(f"{done.folders[id]}/segment.mov") as file:
            frame = next(file.decode(video=0))
            names = {data.type.name for data in frame.side_data}
            assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= names


def test_hdr10_of_a_source_that_has_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not say what display it was graded on"):
        line(tmp_path, "hevc-hdr10", clip("plain"))


def test_transparency_is_kept_plane_by_plane(tmp_path):
    """Pitfall 17: the alpha plane, which ProRes keeps without loss, is that of the source."""
    done = line(tmp_path, "prores-4444", clip("alpha"))
    assert oracle.packets(final(done)) == oracle.packets(done.single_pass(CUTS))
    planes = alpha(final(done))
    assert planes == alpha(clip("alpha"))
    assert len(set(planes)) == len(planes) == 25
    opaque = line(tmp_path / "opaque", "h264-1080p", clip("alpha"))
    assert "h264-1080p: the source's transparency is not kept" in opaque.targets[0].notes


def alpha(file):
    """Return the hash of each frame's plane of transparency, with 10 bits."""
    text = media.ffmpeg(
        *("-i", str(file), "-map", "0:v:0", "-vf", "alphaextract,format=gray10le"),
        *("-fps_mode", "passthrough", "-f", "framemd5", "-"),
    )
    return [row.split(",")[-1].strip() for row in text.splitlines() if not row.startswith("#")]


@pytest.mark.media
@pytest.mark.parametrize(("setting", "patch"), [("hevc-8bit", x265), ("h264-1080p", x264)])
def test_captions_in_the_pictures_come_through(tmp_path, setting, patch):
    """Pitfall 13: as many frames with captions as the source has, and every pair of their text.

    Two of the cuts are in the middle of a text; ffmpeg's `fps` moves each pair a frame ahead.
    """
    small = {"video": {"size": {"fit": [160, 90]}}}
    source = media.real("sintel-captions.ts")
    done = line(tmp_path, setting, source, patch, [1, 12, 100], override=small)
    found, wanted = captions(final(done)), captions(source)
    assert len(found) == len(wanted) == 240
    assert len(spoken(wanted)) > 60
    assert [pair for _, pair in spoken(found)] == [pair for _, pair in spoken(wanted)]
    moved = {b - a for (a, _), (b, _) in zip(spoken(wanted), spoken(found), strict=True)}
    assert moved <= {-1, 0}


def spoken(captions):
    """Return the pairs that say something, each with the number of its frame."""
    return [(number, pair) for number, pairs in captions for pair in pairs]


def captions(file):
    """Return each frame's number with its pairs of CEA-608, those that say something.

    How many empty ones a frame carries follows from the rate, and is no text.
    """
    found = []
    with av.open(str(file)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            for data in (bytes(each) for each in frame.side_data if each.type.name == "A53_CC"):
                triples = zip(data[::3], data[1::3], data[2::3], strict=False)
                pairs = [three for three in triples if three[0] & 4 and not three[0] & 2]
                found.append((number, [each for each in pairs if (each[1] | each[2]) & 127]))
    return found


def test_a_segment_of_another_preset_is_refused(tmp_path):
    """Pitfall 7: its headers are others, and a player would decode it by those of the first."""
    times, pieces = steady(25), []
    values = seen(times, width=256, height=144)
    source = facts.read({**values, "audio": [AUDIO], "path": str(clip("plain"))})
    for number, (a, b, preset) in enumerate([(0, 1, "veryfast"), (1, 25, "medium")]):
        spec = {**built_in()["h264-1080p"]}
        spec["video"] = {**spec["video"], "preset": preset}
        picture = product.settle(settings.read("s", spec), source).picture
        out = tmp_path / f"{number}.mov"
        cut = handles.cut(times, tables.same(times), Segment(number, a, b), Timing(), 0)
        cut = replace(cut, rate=graph.rate(times))
        means = Means(ffmpeg=media.FFMPEG, threads=2)
        media.ffmpeg(*recipe.encode(means, source, cut, picture, str(out))[1:])
        made = part.read(out)
        kept = ("payload_sha256", "extradata_sha256", "tag", "depth")
        pieces.append(join.Piece(path=out, a=a, b=b, **{key: getattr(made, key) for key in kept}))
    with pytest.raises(Trouble, match=r"segment 1 .* codec headers differ from those of the first"):
        join.join(pieces, tables.same(times), tmp_path / "video.mov")
