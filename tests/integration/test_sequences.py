"""Image sequences as sources and as outputs: nothing is left out, and nothing is in between."""

import json
import shutil
from pathlib import Path

import av
import media
import oracle
import pytest
from pipeline import Pipeline

from orchestrator.api import Kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
MADE = frozenset({Kind.ENCODE, Kind.ASSEMBLE})
#: half of it is seen through: where alpha is lost or made, its hash is another
CLEAR = "testsrc2=s=64x48:r=24,format=yuva444p,geq=lum=p(X\\,Y):a=mod(X*5+N*9\\,256)"


def images(folder, name, count, first, source=("testsrc2=s=64x48:r=24", "rgb24")):
    """A sequence of so many images; each is another one."""
    folder.mkdir(parents=True, exist_ok=True)
    media.ffmpeg(
        *("-f", "lavfi", "-i", source[0], "-frames:v", str(count), "-pix_fmt", source[1]),
        *("-start_number", str(first), str(folder).replace("%", "%%") + f"/{name}"),
    )
    return folder / name


def made(tmp_path, path, *outputs, settings=(), more=None, kinds=frozenset(Kind), **keys):
    """Carry out a job; an output is a setting and a destination within ``out``."""
    asked = oracle.job(
        tmp_path / "in",
        path,
        [{"setting": name, "destination": str(tmp_path / "out" / to)} for name, to in outputs],
        settings,
        more,
        **keys,
    )
    return oracle.Line(tmp_path / "line", asked).run(kinds)


def pictures(path, *words):
    """The hash of each decoded picture, in RGB unless `words` say otherwise."""
    how = words or ("-pix_fmt", "rgb24")
    told = media.ffmpeg("-i", str(path), *how, "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return [line.split(",")[-1].strip() for line in told.splitlines() if line[0] != "#"]


def named(folder, count, name, first):
    """The hash of each file, after a look at the names."""
    wanted = [name % number for number in range(first, first + count)]
    assert sorted(path.name for path in folder.iterdir()) == sorted(wanted)
    return [media.sha256(folder / each) for each in wanted]


def test_a_sequence_becomes_a_movie_and_another_sequence(tmp_path):
    # an odd folder, hashes for digits, and one digit more after a while
    folder = tmp_path / "100%04d #1"
    images(folder, "a b.%04d.png", 12, first=9995)
    line = made(
        tmp_path,
        folder / "a b.####.png",
        ("ffv1-archive", "{source.stem}.mkv"),
        ("seq-png", "png/png.%06d.png"),
        more={"rate": "24000/1001", "in": 9996, "out": "00:00:00.459"},
        segments={"cuts": [1]},
    )

    wanted = [pictures(folder / f"a b.{n:04d}.png")[0] for n in range(9996, 10006)]
    assert pictures(tmp_path / "out" / "a b.mkv") == wanted
    assert line.table().tb == oracle.Fraction(1001, 24000)
    # pitfall 18: names complete, and their own numbers
    assert len(named(tmp_path / "out" / "png", 10, "png.%06d.png", first=9996)) == 10
    there = sorted((tmp_path / "out" / "png").iterdir())
    assert [pictures(path)[0] for path in there] == wanted


def test_images_of_uneven_segments_are_those_of_a_single_run(tmp_path):
    path = media.generated("one-frame-gop.mp4")
    tiff = ["-c:v", "tiff", "-compression_algo", "lzw", "-pix_fmt", "rgb24"]
    jpeg = ["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"]
    line = made(
        tmp_path,
        path,
        ("seq-tiff", "tif/tif.%06d.tif"),
        ("seq-jpeg", "jpg/jpg.%06d.jpg"),
        more={"out": "6f"},
        kinds=MADE,
        segments={"cuts": [4]},
    )

    # pitfall 18
    for target, ending, encoder in (("seq-tiff", "tif", tiff), ("seq-jpeg", "jpg", jpeg)):
        words = next(line.words[id] for id in line.encodes() if target in id)
        chain = words[words.index("-vf") + 1].split(",")[1:]
        whole = tmp_path / ending
        whole.mkdir()
        media.ffmpeg(
            *("-i", str(path), "-frames:v", "6", "-vf", ",".join(chain), *encoder),
            *("-fps_mode", "passthrough", f"{whole}/{ending}.%06d.{ending}"),
        )
        final = Path(line.folders[f"{line.job.id}/{target}/assemble"]) / "final"
        found = named(final, 6, f"frame.%06d.{ending}", first=1)
        assert found == named(whole, 6, f"{ending}.%06d.{ending}", first=1)
        assert len(set(found)) == 6


def test_a_movie_of_a_sequence_has_what_any_has(tmp_path):
    path = images(tmp_path / "shots", "a.%04d.png", 12, first=103)
    (tmp_path / "a.srt").write_text("1\n00:00:00,100 --> 00:00:09,000\nHello\n")
    spec = {
        **{"processor": "compressor", "container": "mp4"},
        "video": {
            **{"codec": "h264", "rate": {"crf": 30}, "preset": "ultrafast"},
            **{"pixelFormat": "yuv420p", "timecodeBurnIn": {"start": "10:00:00:00"}},
        },
        "captions": {"sidecar": "srt"},
        "poster": {"at": "0%"},
        "thumbnails": {"every": "0.25s", "width": 32},
    }
    outputs = [
        {
            **{"setting": "own", "destination": str(tmp_path / "out.mp4")},
            **{"report": str(tmp_path / "told"), "measure": ["vmaf"]},
        }
    ]
    given = {
        **{"rate": 24, "in": 105, "startTimecode": "01:00:00:00"},
        **{"captions": str(tmp_path / "a.srt"), "metadata": {"title": "Shots"}},
        "chapters": [{"at": "01:00:00:00", "title": "A"}],
    }
    asked = oracle.job(
        tmp_path / "in", path, outputs, (("own", spec),), given, segments={"cuts": [4]}
    )
    oracle.Line(tmp_path / "line", asked).run()

    assert len(pictures(tmp_path / "out.mp4", "-map", "0:v:0")) == 10
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert file.metadata["title"] == "Shots"
        assert file.streams.video[0].metadata["timecode"] == "01:00:00:00"
        assert [each["metadata"]["title"] for each in file.chapters()] == ["A"]
    assert "00:00:00,100 --> 00:00:00,417" in (tmp_path / "out.srt").read_text()
    assert len(list((tmp_path / "out.thumbs").iterdir())) == 2
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["measured"]["overall"]["vmaf"]["mean"] > 20
    assert (tmp_path / "told.html").exists()


@pytest.mark.pitfall(18)
def test_a_hole_or_another_size_is_found_before_anything_is_encoded(tmp_path):
    path = images(tmp_path / "shots", "a.%04d.png", 8, first=103)
    probe = Pipeline(tmp_path / "probe", path, [])
    assert probe.probe(rate="24").result["images"] == {"first": 103, "count": 8, "rate": "24"}

    # pitfall 18
    (path.parent / "a.0107.png").unlink()
    said = probe.probe(rate="24", code=1).result
    assert f"{path}: sequence lacks 0107; put" in said["error"]
    assert said["cause"] == "source"
    assert probe.probe(rate="24", points=[None, 107]).result["images"]["count"] == 4
    assert "it has 103 to 110" in probe.probe(rate="24", points=[90, 107], code=1).result["error"]

    images(tmp_path / "other", "a.%04d.png", 1, first=107, source=("testsrc2=s=66x48", "rgb24"))
    shutil.copy(tmp_path / "other" / "a.0107.png", path.parent)
    error = probe.probe(rate="24", code=1).result["error"]
    assert "a.0107.png has 66x48 and a.0103.png 64x48" in error
    away = Pipeline(tmp_path / "away", tmp_path / "gone" / "a.%04d.png", [])
    assert "no folder" in away.probe(rate="24", code=1).result["error"]
    assert "say its frame rate" in probe.probe(code=1).result["error"]


def test_what_looks_like_a_pattern_may_be_a_file(tmp_path):
    path = tmp_path / "a.%04d.mov"
    shutil.copy(media.generated("one-frame-gop.mp4"), path)
    assert Pipeline(tmp_path / "probe", path, []).probe().result["video"]["frames"] == 100


def test_alpha_is_kept(tmp_path):
    # pitfall 17: the plane itself is compared, from 16 bits of a PNG to each output
    path = images(tmp_path / "in", "a.%02d.png", 3, 1, (CLEAR, "rgba64be"))
    prores = {"codec": "prores", "profile": "4444", "pixelFormat": "yuva444p10le"}
    spec = {"processor": "compressor", "container": "mov", "video": prores}
    line = made(
        tmp_path,
        path,
        ("seq-dpx", "dpx/dpx.%06d.dpx"),
        ("seq-exr", "exr/exr.%06d.exr"),
        ("clear", "clear.mov"),
        settings=(("clear", spec),),
        more={"rate": 24},
        kinds=MADE,
    )

    def planes(source):
        return pictures(source, "-vf", "format=rgba,alphaextract", "-pix_fmt", "gray")

    wanted = planes(path)
    assert len(set(wanted)) == 3
    for target, name in (
        ("seq-dpx", "final/frame.%06d.dpx"),
        ("seq-exr", "final/frame.%06d.exr"),
        ("clear", "final.mov"),
    ):
        assert planes(Path(line.folders[f"{line.job.id}/{target}/assemble"]) / name) == wanted
