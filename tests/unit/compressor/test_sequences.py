"""Names and numbers of image sequences."""

import random
from fractions import Fraction

import pytest
from compressor_jobs import COMPRESSOR, job

from orchestrator_compressor import destination, settings
from orchestrator_compressor.formats import nearest
from orchestrator_compressor.sequences import Images, gaps, lacking, opened, pattern, rate
from orchestrator_compressor.table import dump, load


@pytest.mark.parametrize(
    ("path", "number", "name"),
    [
        ("/s/a.%04d.exr", 7, "a.0007.exr"),
        ("/s/a.####.exr", 12345, "a.12345.exr"),
        ("/s/100%_a.%02d.png", 3, "100%_a.03.png"),
        ("/s/%d.tif", 10, "10.tif"),
        ("/s/take#2.%03d.dpx", 1, "take#2.001.dpx"),
    ],
)
def test_a_pattern_names_each_number_and_knows_it_again(path, number, name):
    found = pattern(path)
    assert found.name(number) == name
    assert found.number(name) == number
    for other in (f"x{name}", f"{name}~", name.replace(str(number), f"00000{number}")):
        assert found.number(other) is None


@pytest.mark.parametrize("path", ["/s/a.mov", "/s/a.%s.png", "/%04d/a.png", "/s/a.%99d.png"])
def test_other_names_are_files(path):
    assert pattern(path) is None


def test_more_than_a_hundred_thousand_names_are_in_order():
    # pitfall 20: as texts, 1000000 would stand before 999999
    found = pattern("out/a.%06d.png")
    first, count = 900_000, 200_000
    names = [found.name(number) for number in range(first, first + count)]
    assert names[99_999:100_001] == ["a.999999.png", "a.1000000.png"]
    random.Random(7).shuffle(names)
    assert sorted(map(found.number, names)) == list(range(first, first + count))


def test_all_holes_are_named_by_their_numbers():
    holes = list(gaps([1, 2, 4, 7, 8], 0, 10))
    assert holes == [(0, 0), (3, 3), (5, 6), (9, 9)]
    assert lacking(holes, 4) == "0000, 0003, 0005-0006, 0009"
    assert list(gaps(range(5, 10), 5, 10)) == []
    assert lacking([(n, n) for n in range(0, 40, 2)], 2).endswith("14 and 12 holes more")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (24, Fraction(24)),
        ("24000/1001", Fraction(24000, 1001)),
        (23.976, Fraction(24000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        ("1/0", None),
        ("0", None),
        ("1e9", None),
    ],
)
def test_a_rate_is_read_as_people_write_it(text, found):
    assert rate(text) == found


def test_each_frame_is_sought_as_its_own_file():
    times = load(dump(Images(first=1001, count=50, rate=Fraction(24000, 1001)).table))
    assert times.seek(0) == ("-start_number", "1001", "-itsoffset", "0.000000")
    assert times.seek(24) == ("-start_number", "1025", "-itsoffset", "1.001000")
    assert times.after == 50  # more files may lie there
    words = opened("/a%b/c.####.exr", Fraction(24))
    assert words[-1] == "file:/a%%b/c.%04d.exr"
    assert words[words.index("-format_whitelist") + 1] == "image2"


@pytest.mark.parametrize(
    ("source", "known", "found"),
    [
        ("yuv420p", "seq-png", "rgb24"),
        ("yuv422p10le", "seq-png", "rgb48be"),
        ("yuv422p10le", "seq-dpx", "gbrp10le"),
        ("yuva444p12le", "seq-dpx", "rgba64be"),
        ("bgra", "seq-tiff", "rgba"),
        ("gray10le", "seq-tiff", "gray16le"),
        ("rgb24", "seq-exr", "gbrpf32le"),
        ("rgba64be", "seq-exr", "gbrapf32le"),
        ("yuv420p", "seq-jpeg", "yuvj420p"),
        ("rgba", "seq-jpeg", "yuvj444p"),
    ],
)
def test_images_hold_what_the_source_has_and_no_more(source, known, found):
    spec = job(_folder(known)).settings[known]
    assert nearest(source, settings.read(known, spec).video.codec.pixel_formats) == found


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        ({"rate": 24}, "only an image sequence needs it"),
        ({"rate": "1/0", "source": "/s/a.%04d.png"}, "is no frame rate"),
        ({"rate": 24, "source": "/s/a.%04d.svg"}, "is no sequence of TIFF"),
        ({"in": 1001}, "1001 is the number of a file"),
        ({"out": "1.5"}, "1.5 is no time; write 00:00:10.5"),
    ],
)
def test_what_does_not_fit_together_is_a_fault(asks, said):
    asked = job("wav")
    changed = type(asked)(
        **{name: getattr(asked, name) for name in asked.__slots__}
        | {"asks": {**asked.asks, **asks}}
    )
    (fault,) = COMPRESSOR.review(changed).faults
    assert said in fault.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("out/a.png", "name them by number"),
        ("a.%06d.png", "images need a folder of their own"),
        ("out/a.%06d.jpg", "ends in .jpg, but setting seq-png writes png"),
        ("out/{source.stem}.%06d.png", None),
    ],
)
def test_a_sequence_has_a_number_and_a_folder(name, said):
    setting = settings.read("seq-png", job(_folder("seq-png")).settings["seq-png"])
    found = list(destination.faults(name, setting))
    assert (said is None and not found) or said in found[0]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("report", "/out/s", "of which there is no report"),
        ("measure", ["vmaf"], "whose quality is not measured"),
    ],
)
def test_images_are_neither_measured_nor_reported(key, value, said):
    (fault,) = COMPRESSOR.review(job({**_folder("seq-png"), key: value})).faults
    assert fault.path == ("outputs", 0, key)
    assert said in fault.text


@pytest.mark.parametrize(
    "more",
    [
        {"poster": {"at": "1s"}},
        {"thumbnails": {"every": "1s"}},
        {"contactSheet": {"columns": 2, "rows": 2}},
        {"captions": {"sidecar": "srt"}},
    ],
)
def test_nothing_stands_beside_images(more):
    spec = {**job(_folder("seq-png")).settings["seq-png"], **more}
    (said,) = settings.faults(spec)
    assert "nothing stands beside a sequence of images" in said


def test_a_sequence_claims_its_folder():
    assert COMPRESSOR.review(job(_folder("seq-png"))).claims == (
        (("outputs", 0, "destination"), "/out/s"),
    )


def _folder(setting):
    return {"setting": setting, "destination": "/out/s/s.%06d.png"}
