"""The size and shape of an output: within its box, even, and as it looked before."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator_compressor import geometry
from orchestrator_compressor.facts import VideoFacts
from orchestrator_compressor.geometry import Crop, Layout, Pad, Shape

sizes = st.integers(64, 9000)
boxes = st.tuples(sizes, sizes)
pixels = st.fractions(Fraction(1, 2), Fraction(2), max_denominator=45)
turns = st.sampled_from([0, 90, 180, -90])


def facts(width, height, **more):
    return VideoFacts(
        index=0, codec="h264", width=width, height=height, **{"pixel_format": "yuv420p", **more}
    )


@st.composite
def sources(draw):
    return facts(draw(sizes), draw(sizes), sar=draw(pixels), rotation=draw(turns))


def settle(shape, source, *, even=True, interlaced=False) -> Layout:
    return geometry.settle(shape, source, even=even, interlaced=interlaced)


def looks_the_same(layout: Layout) -> bool:
    """Whether a picture has its shape within a pixel, or two where numbers must be even."""
    ours, theirs = layout.picture, layout.kept
    wide = ours.height * theirs.shown / ours.sar
    return (
        abs(ours.width - wide) <= 1 + theirs.shown / ours.sar
        or abs(ours.height - ours.width * ours.sar / theirs.shown) <= 2
    )


@given(sources(), boxes, st.booleans())
def test_a_fitted_picture_is_within_its_box_even_and_no_larger(source, box, even):
    layout = settle(Shape(fit=box), source, even=even)
    picture, upright = layout.frame, geometry.upright(source)
    assert picture.width * picture.sar <= box[0]
    assert picture.height <= box[1]
    assert (picture.width, picture.height) <= (upright.width, upright.height)
    assert not even or (picture.width % 2, picture.height % 2) == (0, 0)


@given(sources(), boxes, pixels)
def test_another_shape_of_pixels_keeps_that_of_the_picture(source, box, pixel):
    for shape in (Shape(pixel=pixel), Shape(fit=box, pixel=pixel), Shape(percent=50, pixel=pixel)):
        layout = settle(shape, source, even=False)
        assert layout.frame.sar == pixel
        assume(layout.picture.width > 8)
        assume(layout.picture.height > 8)
        assert looks_the_same(layout)


@given(sources(), boxes)
def test_bars_make_an_exact_size_of_any_picture(source, box):
    box = (box[0] // 2 * 2, box[1] // 2 * 2)
    layout = settle(Shape(exact=box, pixel=Fraction(1), pad=Pad()), source)
    assert (layout.frame.width, layout.frame.height) == box
    assert box[0] - layout.picture.width <= 1 or box[1] - layout.picture.height <= 1
    assert 0 <= layout.x <= box[0] - layout.picture.width
    assert 0 <= layout.y <= box[1] - layout.picture.height
    assert (layout.x % 2, layout.y % 2) == (0, 0)


@given(sources(), st.fractions(Fraction(1, 2), Fraction(3), max_denominator=20))
def test_bars_to_a_shape_are_on_one_side_only(source, to):
    layout = settle(Shape(pad=Pad(to=to)), source, even=False)
    frame, picture = layout.frame, layout.picture
    assert frame.width == picture.width or frame.height == picture.height
    line = picture.height * to / frame.sar if frame.height == picture.height else None
    assert line is None or 0 <= frame.width - line < 1


def test_an_exact_size_fills_and_has_square_pixels_unless_said():
    found = geometry.read({"size": {"exact": [1920, 1080]}})
    layout = settle(found, facts(720, 576, sar=Fraction(16, 15)))
    assert (layout.frame.width, layout.frame.height, layout.frame.sar) == (1920, 1080, 1)
    found = geometry.read({"size": {"exact": [720, 576]}, "pixelAspect": "64/45"})
    assert settle(found, facts(1920, 1080)).frame.sar == Fraction(64, 45)


def test_pixels_become_square_by_width():
    found = geometry.read({"pixelAspect": "square"})
    layout = settle(found, facts(720, 576, sar=Fraction(64, 45)))
    assert (layout.frame.width, layout.frame.height) == (1024, 576)


def test_a_crop_counts_in_the_source_as_it_stands_upright():
    layout = settle(Shape(crop=Crop(top=280, bottom=280)), facts(1920, 1080, rotation=90))
    assert (layout.frame.width, layout.frame.height) == (1080, 1360)
    assert geometry.cropping(layout)[0].words == "crop=w=1080:h=1360:x=0:y=280"


@pytest.mark.parametrize(
    ("crop", "more", "words"),
    [
        (Crop(left=100, right=220), {}, "takes 320 of 320 pixels of the width"),
        (Crop(top=240), {}, "takes 240 of 240 pixels of the height"),
        (Crop(left=3), {}, "crop.left: .* for 2 pixels"),
        (Crop(top=2), {"interlaced": True}, "crop.top: .* for 4 pixels"),
        (Crop(bottom=2), {"interlaced": True}, "crop.bottom: .* for 4 pixels"),
    ],
)
def test_a_crop_that_cannot_be_is_refused_with_both_numbers(crop, more, words):
    with pytest.raises(ValueError, match=words):
        settle(Shape(crop=crop), facts(320, 240), **more)


def test_any_pixel_may_be_cut_away_where_each_has_its_own_colour():
    layout = settle(Shape(crop=Crop(left=3)), facts(321, 240, pixel_format="yuv444p10le"))
    assert layout.frame.width == 318
    assert settle(Shape(crop=Crop(top=2)), facts(320, 240, pixel_format="yuv422p"), interlaced=True)


def test_bars_smaller_than_the_picture_are_refused():
    with pytest.raises(ValueError, match="640x480 is smaller than the picture, 1280x720"):
        settle(Shape(pad=Pad(to=(640, 480))), facts(1280, 720))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"size": {"exact": [321, 180]}}, "size.exact: 321x180 is odd"),
        ({"pad": {"to": [320, 181]}}, "pad.to: 320x181 is odd"),
        ({"pad": {}}, "to what is not said"),
    ],
)
def test_what_no_source_makes_right_is_told_at_once(spec, words):
    shape = geometry.read(spec)
    (text,) = geometry.faults(shape, "h264", even=True)
    assert words in text


def test_the_picture_of_two_fields_begins_with_its_first_line():
    shape = Shape(exact=(720, 576), pad=Pad(), pixel=Fraction(1))
    assert settle(shape, facts(720, 566), interlaced=True).y % 4 == 0
