"""Filters of a setting: which there are, what they may be told, and which pixels they take."""

from dataclasses import replace
from fractions import Fraction

import pytest
from compressor_jobs import COMPRESSOR

from orchestrator_compressor import chain, filters
from orchestrator_compressor.facts import Colour, VideoFacts

FACTS = VideoFacts(
    index=0, codec="h264", width=64, height=64, pixel_format="yuv420p", duration_s=10.0
)


def made(*entries, **facts):
    return filters.chain("own", filters.read({"filters": entries}), replace(FACTS, **facts))


def test_the_schema_names_the_filters_that_there_are():
    video = COMPRESSOR.setting_schema["properties"]["video"]["properties"]
    assert set(video["filters"]["items"]["properties"]) == set(filters.KINDS)


def test_handles_add_up():
    found = made({"blend": 4}, {"atadenoise": "light"}, {"sharpen": 0.5}, {"deflicker": 6})
    assert chain.handle(found) == 3 + 5 + 0 + 6
    assert chain.why_whole(found) is None


@pytest.mark.parametrize(
    ("entry", "pixels", "said"),
    [
        ({"denoise": "light"}, "yuv422p10le", "denoise takes 8 bits at most"),
        ({"hqdn3d": {}}, "yuva444p10le", "hqdn3d would lose transparency"),
        ({"sharpen": 1}, "bgr0", "sharpen works on YUV"),
        ({"sharpen": 1}, "gbrp10le", "sharpen works on YUV"),
        ({"fadeIn": 1}, "gray10le", "fadeIn needs colour"),
    ],
)
def test_a_filter_that_would_convert_pixels_unseen_is_refused(entry, pixels, said):
    with pytest.raises(ValueError, match=f"setting own: {said}, and the source is {pixels}"):
        made(entry, pixel_format=pixels)


def test_packed_pixels_are_put_in_planes_aloud():
    facts = replace(FACTS, pixel_format="uyvy422")
    found = filters.made_fit(made({"blur": 1}, pixel_format="uyvy422"), facts)
    assert [each.words for each in found] == ["format=yuv422p", "gblur=sigma=1"]
    assert filters.made_fit((), facts) == ()


@pytest.mark.parametrize(
    ("pixels", "colour", "low", "span"),
    [
        ("yuv420p", Colour(), 16, 219),
        ("yuv420p", Colour(range="pc"), 0, 255),
        ("yuvj420p", Colour(), 0, 255),
        ("yuv422p10le", Colour(), 64, 876),
    ],
)
def test_brightness_knows_the_range_of_the_source(pixels, colour, low, span):
    (found,) = made({"eq": {"brightness": -0.1}}, pixel_format=pixels, colour=colour)
    assert f"y='{low}+{span}*pow(clip(((val-{low})/{span}-0.5)*1+0.5+(-0.1)" in found.words


def test_fades_stand_on_the_sources_clock():
    first, last = made({"fadeIn": 1}, {"fadeOut": 2.5}, start=FACTS.start + 5)
    assert first.words == "fade=t=in:st=5.000000:d=1.000000"
    assert last.words == "fade=t=out:st=12.500000:d=2.500000"
    (early,) = made({"fadeIn": 1}, start=FACTS.start - Fraction(1, 4))
    assert early.words == "fade=t=in:st=0.000000:d=0.750000"
