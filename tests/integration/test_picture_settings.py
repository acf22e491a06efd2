"""Size, colours and what is drawn on pictures: right, and the same in segments as in one pass."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import media
import oracle
import pytest

from orchestrator.api import Kind
from orchestrator_compressor.work import props
from orchestrator_compressor.work.trouble import Trouble

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENCODE = frozenset({Kind.ENCODE})
RED, GREEN, BLUE, WHITE, BLACK = (
    *((63, 102, 240), (173, 42, 26), (32, 240, 118), (235, 128, 128), (16, 128, 128)),
)
NEAR = 6  #: of a colour of a still picture, after scaling
WARM = "LUT_3D_SIZE 2\n" + "".join(
    f"{min(1, r + 0.1):.1f} {g * 0.9:.1f} {b * 0.7:.1f}\n"
    for b in (0, 1)
    for g in (0, 1)
    for r in (0, 1)
)


def ffv1(**video):
    return {
        "processor": "compressor",
        "container": "mkv",
        "video": {"codec": "ffv1", **video},
    }


def line(folder, path, *specs, cuts=(), patch=oracle.same):
    """Encode a source by settings, in segments."""
    own = tuple((f"own-{number:02d}", spec) for number, spec in enumerate(specs))
    outputs = [{"setting": name, "destination": str(folder / f"out/{name}.mkv")} for name, _ in own]
    split = {"segments": {"cuts": list(cuts)} if cuts else {"frames": 1000}}
    job = oracle.job(folder, path, outputs, own, **split)
    return oracle.Line(folder / "work", job, patch).run(ENCODE)


def parts(done):
    return [next(Path(done.folders[id]).glob("segment.*")) for id in done.encodes()]


def hashes(done):
    return [each for part in parts(done) for each in oracle.decoded(part)]


def first(path):
    with av.open(str(path)) as file:
        return next(file.decode(video=0))


def pixel(frame, x, y):
    """The three values of a pixel; of a negative place, from the other edge."""
    found = []
    for plane in frame.planes:
        x_at, y_at = x % frame.width, y % frame.height
        wide = -(-frame.width // plane.width)
        high = -(-frame.height // plane.height)
        found.append(bytes(plane)[y_at // high * plane.line_size + x_at // wide])
    return tuple(found)


def corners(frame, x=2, y=2):
    """The colours of the four corners, from the upper left, so many pixels inside."""
    return [pixel(frame, at_x, at_y) for at_y in (y, -y - 1) for at_x in (x, -x - 1)]


def alike(found, wanted):
    return all(
        abs(a - b) <= NEAR
        for f, w in zip(found, wanted, strict=True)
        for a, b in zip(f, w, strict=True)
    )


UPRIGHT = [RED, GREEN, BLUE, WHITE]
TURNED = [GREEN, WHITE, RED, BLUE]


CASES = {
    "turned-quarters.mov": [
        ({}, (120, 160), (1, 2), (2, 2), TURNED),
        ({"crop": {"bottom": 80}}, (120, 80), (1, 2), (2, 2), [GREEN, WHITE] * 2),
        ({"pixelAspect": "square"}, (60, 160), (1, 1), (2, 2), TURNED),
    ],
    "wide-quarters.mov": [
        ({"pixelAspect": "square"}, (320, 120), (1, 1), (2, 2), UPRIGHT),
        ({"size": {"fit": [160, 160]}}, (80, 60), (2, 1), (2, 2), UPRIGHT),
        ({"size": {"exact": [200, 200]}, "pad": {}}, (200, 200), (1, 1), (2, 2), [BLACK] * 4),
        ({"size": {"exact": [200, 200]}, "pad": {}}, (200, 200), (1, 1), (2, 65), UPRIGHT),
    ],
    "quarters.mov": [
        ({"size": {"exact": [200, 60]}}, (200, 60), (1, 1), (2, 2), UPRIGHT),
        ({"size": {"percent": 50}}, (80, 60), (1, 1), (2, 2), UPRIGHT),
        ({"pad": {"to": "2/1", "colour": "#0000ff"}}, (240, 120), (1, 1), (2, 2), [BLUE] * 4),
        ({"pad": {"to": "2/1", "colour": "#0000ff"}}, (240, 120), (1, 1), (42, 2), UPRIGHT),
        (
            {"crop": {"left": 80}, "pixelAspect": "2/1"},
            (40, 120),
            (2, 1),
            (2, 2),
            [GREEN, GREEN, WHITE, WHITE],
        ),
    ],
}


@pytest.mark.pitfall(16)
@pytest.mark.parametrize("name", CASES)
def test_a_size_is_right_to_the_corners(tmp_path, name):
    cases = CASES[name]
    done = line(tmp_path, media.generated(name), *(ffv1(**video) for video, *_ in cases))
    for part, (video, size, sar, where, wanted) in zip(parts(done), cases, strict=True):
        frame = first(part)
        assert (frame.width, frame.height) == size, video
        with av.open(str(part)) as file:
            found = file.streams.video[0].sample_aspect_ratio
        assert (found.numerator, found.denominator) == sar, video
        assert alike(corners(frame, *where), wanted), (video, corners(frame, *where))


HOSTILE = "50% %{pts} 'it''s' \\: \\n;[a],b=c\n\N{MATHEMATICAL FRAKTUR CAPITAL T} \N{GRINNING FACE} \"x\" `id` $(id) drawtext=text=x"


@pytest.fixture
def logo(tmp_path):
    """A red square with a transparent edge."""
    path = tmp_path / "it's a [logo], 50%:1;.png"
    media.ffmpeg(
        *("-f", "lavfi", "-i", "color=red:s=20x20,format=rgba,pad=24:24:2:2:color=black@0"),
        *("-frames:v", "1", f"file:{path}"),
    )
    return path


@pytest.fixture
def lut(tmp_path):
    path = tmp_path / "it's, [warm]:1;.cube"
    path.write_text(WARM)
    return path


def looks(logo, lut):
    """All that is drawn and converted, in two settings."""
    drawn = {
        "size": {"fit": [128, 96]},
        "crop": {"left": 8, "top": 6},
        "pad": {"to": "4/3"},
        "colour": {
            "assume": "bt709",
            "primaries": "bt2020",
            "transfer": "bt2020-10",
            "matrix": "bt2020nc",
        },
        "watermark": {"image": str(logo), "opacity": 0.5},
        "text": {"text": HOSTILE, "size": 8, "box": True},
        "timecodeBurnIn": {"start": "00:00:59:20"},
    }
    graded = {
        "size": {"fit": [128, 96]},
        "pixelFormat": "yuv422p10le",
        "colour": {"assume": "pq"},
        "toneMap": "hable",
        "lut": str(lut),
        "watermark": {"image": str(logo), "position": "centre", "size": 50},
    }
    return ffv1(**drawn), ffv1(**graded)


@pytest.mark.parametrize(("name", "look"), [("vfr.mp4", 0), ("vfr.mp4", 1), ("sound.ts", 0)])
def test_what_is_drawn_and_converted_is_that_of_a_single_pass(tmp_path, logo, lut, name, look):
    """In uneven cuts, one of them a single frame; times of a TS do not begin at 0."""
    source = media.generated(name)
    count = len(oracle.decoded(source))
    cuts = [1, count // 3, count // 3 + 1]
    done = line(tmp_path, source, looks(logo, lut)[look], cuts=cuts)
    found, wanted = hashes(done), oracle.decoded(done.single_pass(cuts))
    assert len(set(wanted)) == count
    assert found == wanted


UPPER = 40  #: lines that the timecode is drawn on; the mark is below


def box(plain, marked):
    """Where two pictures differ below: the first and last line, the first and last column."""
    pair = [first(path) for path in (plain, marked)]
    wide, high = pair[0].width, pair[0].height
    rows = [
        [bytes(each.planes[0])[y * each.planes[0].line_size :][:wide] for y in range(high)]
        for each in pair
    ]
    lines = [y for y in range(UPPER, high) if rows[0][y] != rows[1][y]]
    columns = [x for x in range(wide) if any(rows[0][y][x] != rows[1][y][x] for y in lines)]
    return lines[0], lines[-1], columns[0], columns[-1]


def upper(path, number, text=""):
    """The hash of the upper part of a frame, with `text` on it by a command of our own."""
    (path.parent / "words.txt").write_text(text)
    (path.parent / "font.ttf").write_bytes(props.content({}))
    letters = (
        "drawtext=fontfile=font.ttf:textfile=words.txt:fontsize=14:fontcolor=yellow"
        ":x=(w-text_w)/2:y=4:y_align=font:box=1:boxcolor=black@0.5:boxborderw=3"
    )
    words = [f"select=eq(n\\,{number})", *([letters] if text else []), "format=yuv420p"]
    done = subprocess.run(
        [
            *(media.FFMPEG, "-v", "error", "-nostdin", "-i", path.name),
            *("-vf", ",".join((*words, f"crop=h={UPPER}:y=0"))),
            *("-frames:v", "1", "-f", "framemd5", "-"),
        ],
        cwd=path.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split(",")[-1].strip()


@pytest.mark.parametrize(
    ("name", "start", "shown"),
    [
        ("timecode.mov", "source", ["01:00:00:00", "01:00:00:01", "01:00:00:19", "01:00:01:24"]),
        ("drop-frame.mp4", "00:00:59;20", ["00:00:59;20", "00:00:59;21", "00:01:00;11", None]),
    ],
)
def test_each_segment_bears_its_timecode_and_the_mark_in_its_place(
    tmp_path, logo, name, start, shown
):
    """Of the first and last frame of each segment; pitfall 14."""
    burn = {"start": start, "size": 15, "colour": "yellow"}
    mark = {"image": str(logo), "position": "bottom-right", "margin": 10}
    done = line(
        tmp_path,
        media.generated(name),
        ffv1(),
        ffv1(timecodeBurnIn=burn, watermark=mark),
        cuts=[1, 20],
    )
    plain, drawn = parts(done)[:3], parts(done)[3:]
    last = len(oracle.decoded(plain[2])) - 1
    for text, part, number in zip(shown, (0, 1, 1, 2), (0, 0, 18, last), strict=True):
        found = upper(drawn[part], number)
        assert found != upper(plain[part], number)
        assert text is None or found == upper(plain[part], number, text), text
    places = {box(one, two) for one, two in zip(plain, drawn, strict=True)}
    # 24 pixels, the outer two transparent, on even ones: colour is shared by two
    assert places == {(58, 77, 128, 147)}


def test_hdr_becomes_sdr_in_light_in_tags_and_in_what_frames_say(tmp_path):
    spec = {
        "processor": "compressor",
        "container": "mp4",
        "video": {
            "codec": "h264",
            "pixelFormat": "yuv420p",
            "preset": "ultrafast",
            "rate": {"qp": 10},
            "toneMap": "hable",
        },
    }
    source = media.generated("hdr10.mov")
    outputs = [{"setting": "own", "destination": str(tmp_path / "out/a.mp4")}]
    job = oracle.job(tmp_path, source, outputs, (("own", spec),), segments={"cuts": [3, 11]})
    kinds = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY})
    done = oracle.Line(tmp_path / "work", job).run(kinds)
    (final,) = (Path(f) / "final.mp4" for id, f in done.folders.items() if id.endswith("/assemble"))
    frame = first(final)
    with av.open(str(final)) as file:
        context = file.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert context.color_range == 1
    assert not {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} & {
        each.type.name for each in frame.side_data
    }
    assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= {
        each.type.name for each in first(source).side_data
    }
    light = [bytes(frame.planes[0])[y * frame.planes[0].line_size :][:128] for y in range(96)]
    assert 10 <= min(map(min, light)) <= 24
    assert 180 <= max(map(max, light)) <= 240


def test_a_lut_changes_each_colour_as_it_says(tmp_path, lut):
    """Of red, green, blue and white: red a tenth more, green a tenth less, blue three tenths less."""
    spec = ffv1(lut=str(lut), pixelFormat="gbrp16le")
    done = line(tmp_path, media.generated("quarters.mov"), spec)
    frame = first(parts(done)[0]).reformat(format="gbrp")
    wanted = [(0, 0, 255), (230, 0, 26), (0, 178, 26), (230, 178, 255)]  # green, blue, red
    assert alike(corners(frame), wanted), corners(frame)


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("lut", None, "is missing; put it there"),
        ("lut", b"LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "no LUT of three dimensions"),
        ("image", b"#EXTM3U\nfile:///etc/passwd\n", "no PNG or JPEG"),
        ("font", b"", "no font"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_anything_is_encoded(
    tmp_path, kind, content, said
):
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Trouble, match=said) as caught:
        props.look(kind, str(path))
    assert str(path) in str(caught.value)


def test_a_file_that_changes_while_a_job_runs_ends_it(tmp_path, lut, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = {"name": "lut.cube", "path": str(lut), "digest": props.look("lut", str(lut))}
    props.place([wanted])
    assert (tmp_path / "lut.cube").read_text() == WARM
    lut.write_text(WARM.replace("0.7", "0.6"))
    with pytest.raises(Trouble, match="has changed since the job was planned"):
        props.place([wanted])


def test_a_timecode_that_counted_frames_would_be_found_out(tmp_path):
    def counting(words):
        at = words.index("-vf") + 1
        own = "textfile=timecode.txt:expansion=normal"
        assert own in words[at]
        count = words[at].replace(own, r"timecode=00\\:00\\:00\\:00:timecode_rate=25")
        return [*words[:at], count, *words[at + 1 :]]

    spec = ffv1(timecodeBurnIn={"size": 15})
    done = line(tmp_path, media.generated("timecode.mov"), spec, cuts=[1], patch=counting)
    assert hashes(done) != oracle.decoded(done.single_pass([1]))
