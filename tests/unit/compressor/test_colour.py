"""What colours mean after a setting, and that nothing is converted that nobody knows."""

from typing import Any

import pytest
from compressor_jobs import seen, steady

from orchestrator_compressor import colour, facts, product, settings
from orchestrator_compressor.facts import Colour

PQ = {"range": "tv", "primaries": "bt2020", "trc": "smpte2084", "matrix": "bt2020nc"}
SILENT = dict.fromkeys(("range", "primaries", "trc", "matrix"))
HEVC = {"codec": "hevc", "rate": {"crf": 22}, "pixelFormat": "yuv420p10le"}


def picture(video: Any, **source: Any) -> product.Picture:
    spec = {"processor": "compressor", "container": "mkv", "video": {**HEVC, **video}}
    assert settings.faults(spec) == ()
    values = seen(steady(250), **{"pix_fmt": "yuv420p10le", **source})
    found = product.settle(settings.read("own", spec), facts.read(values)).picture
    assert found
    return found


def test_a_tone_map_makes_sdr_in_bt709():
    found = picture({"toneMap": "hable"}, **PQ)
    assert found.colour == Colour(range="tv", primaries="bt709", trc="bt709", matrix="bt709")
    assert [each.name for each in found.chain] == ["toneMap"]


@pytest.mark.parametrize(
    ("said", "peak"),
    [
        ({}, "peak=10,"),
        ({"max_cll": "1200,300"}, "peak=12,"),
        ({"master_display": "G(1,2)B(1,2)R(1,2)WP(1,2)L(40000000,50)"}, "peak=40,"),
        ({"max_cll": "0,0", "master_display": "L(6000000,50)"}, "peak=6,"),
    ],
)
def test_the_brightest_is_settled_by_the_plan_not_by_each_node(said, peak):
    assert peak in picture({"toneMap": "mobius"}, **PQ, **said).chain[0].words


def test_what_is_not_hdr_is_not_tone_mapped_and_a_note_says_so():
    found = picture({"toneMap": "hable"})
    assert not found.chain
    assert "not HDR" in found.notes[0]


def test_a_conversion_names_both_sides():
    found = picture({"colour": {"primaries": "smpte432"}})
    assert found.colour.primaries == "smpte432"
    assert "pin=bt709:tin=bt709:m=bt709:r=tv:p=smpte432:t=bt709" in found.chain[0].words


def test_what_is_so_already_is_not_converted():
    assert not picture({"colour": {"primaries": "bt709", "transfer": "bt709"}}).chain


def test_a_source_that_does_not_say_is_not_converted_unless_somebody_says_what_it_is():
    asked = {"matrix": "bt709", "primaries": "bt709"}
    with pytest.raises(ValueError, match="does not say its primaries and transfer and matrix"):
        picture({"colour": asked}, **SILENT)
    found = picture({"colour": {**asked, "assume": "bt601-625"}}, **SILENT)
    assert "min=bt470bg:pin=bt470bg:tin=smpte170m" in found.chain[1].words
    assert (found.colour.matrix, found.colour.trc) == ("bt709", "smpte170m")


def test_assumed_is_only_what_a_source_does_not_say():
    found = picture({"colour": {"assume": "bt601-525"}}, matrix=None)
    assert (found.colour.matrix, found.colour.primaries) == ("smpte170m", "bt709")
    assert [each.name for each in found.chain] == ["assume"]
    assert not picture({"colour": {"assume": "bt601-525"}}).chain


def test_hdr_is_not_cut_off_unseen():
    with pytest.raises(ValueError, match="add toneMap"):
        picture({"colour": {"transfer": "bt709"}}, **PQ)


def test_after_a_lut_colours_are_what_the_setting_says():
    found = picture({"lut": "/a.cube", "colour": {"transfer": "bt709"}}, **PQ)
    assert [each.name for each in found.chain] == ["lut", "scale"]
    assert found.colour.trc == "bt709"
    assert "out_color_matrix=bt2020nc" in found.chain[1].words


def test_two_fields_that_share_colour_are_not_converted():
    with pytest.raises(ValueError, match="deinterlace it"):
        picture({"toneMap": "hable"}, field_order="tt", **PQ)


def test_what_cannot_be_converted_is_refused_by_the_plan():
    with pytest.raises(ValueError, match="in ictcp, which cannot be converted"):
        picture({"colour": {"matrix": "bt709"}}, matrix="ictcp")


def test_a_codec_without_full_range_refuses_it():
    spec = {"codec": "prores", "colour": {"range": "pc"}}
    found = settings.faults({"processor": "compressor", "container": "mov", "video": spec})
    assert "video range only" in found[0]


@pytest.mark.parametrize(("lines", "matrix"), [(1080, "bt709"), (576, "smpte170m")])
def test_a_silent_picture_is_taken_for_what_players_take_it(lines, matrix):
    assert colour.presumed(lines) == matrix
