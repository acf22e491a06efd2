"""What the plan fixes of an output's pictures and sound, so that nodes never guess."""

from fractions import Fraction
from typing import Any

import pytest
from compressor_jobs import AUDIO, built_in, seen, steady

from orchestrator_compressor import facts, product, settings
from orchestrator_compressor.product import Picture, Product
from orchestrator_compressor.supplied import NONE, Supplied


def made(setting: str, audio: Any = None, spec: Any = None, **video: Any) -> Product:
    values = seen(steady(250), **video)
    if audio is not None:
        values["audio"] = audio
    found = settings.read(setting, spec or built_in()[setting])
    return product.settle(found, facts.read(values))


def picture(setting: str, **video: Any) -> Picture:
    found = made(setting, **video).picture
    assert found
    return found


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((3840, 2160), (1920, 1080)),
        ((1280, 720), (1280, 720)),
        ((321, 181), (320, 180)),
        ((2160, 3840), (608, 1080)),
    ],
)
def test_h264_1080p_fits_within_its_box_with_even_sizes(size, wanted):
    found = picture("h264-1080p", width=size[0], height=size[1])
    assert (found.width, found.height) == wanted


def test_ffv1_keeps_odd_sizes_pixel_format_and_does_not_scale():
    found = picture("ffv1-archive", width=321, height=181, pix_fmt="yuv444p10le")
    assert (found.width, found.height, found.pixel_format) == (321, 181, "yuv444p10le")
    assert not found.chain


def test_a_turned_source_changes_width_and_height():
    found = picture("prores-422-hq", rotation=-90, sar="4/3")
    assert (found.width, found.height, found.sar) == (1080, 1920, Fraction(3, 4))


def test_pixels_that_are_not_square_are_counted_as_shown():
    found = picture("h264-1080p", width=1440, height=1080, sar="4/3")
    assert (found.width, found.height, found.sar) == (1440, 1080, Fraction(4, 3))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("rgb24", "bgr0"), ("yuvj420p", "yuv420p"), ("yuv422p10be", "yuv422p10le")],
)
def test_ffv1_takes_a_format_that_holds_the_same_values(theirs, ours):
    assert picture("ffv1-archive", pix_fmt=theirs).pixel_format == ours


def test_a_pixel_format_without_equal_is_refused():
    with pytest.raises(ValueError, match="ffv1 has no xyz12le"):
        picture("ffv1-archive", pix_fmt="xyz12le")


def test_a_profile_that_the_source_does_not_fit_is_refused():
    spec = {**built_in()["h264-1080p"]}
    spec["video"] = {**spec["video"], "pixelFormat": "source"}
    with pytest.raises(ValueError, match="profile high cannot have yuv422p"):
        made("x", spec=spec, pix_fmt="yuv422p")


def test_full_range_becomes_video_range_only_where_it_must():
    assert picture("prores-422-hq", range="pc").colour.range == "tv"
    assert picture("h264-1080p", range="pc").colour.range == "pc"
    assert not picture("h264-1080p", range="pc").chain


def test_rgb_gets_a_matrix_in_yuv():
    found = picture("h264-1080p", pix_fmt="rgb24", matrix="gbr", range="pc")
    assert (found.colour.matrix, found.colour.range) == ("bt709", "tv")
    assert "out_color_matrix=bt709" in found.chain[0].words


def test_the_file_begins_with_its_earliest_stream():
    found = made("h264-1080p", start="1/2", audio=[{**AUDIO, "start": "1/4"}])
    assert found.zero == Fraction(1, 4)


@pytest.mark.parametrize(
    ("theirs", "codec"),
    [
        ({"codec": "pcm_s16le", "sample_fmt": "s16"}, "pcm_s16le"),
        ({"codec": "pcm_s24le", "sample_fmt": "s32"}, "pcm_s24le"),
        ({"codec": "aac", "sample_fmt": "fltp"}, "pcm_s24le"),
    ],
)
def test_wav_has_the_depth_that_the_source_deserves(theirs, codec):
    sound = made("wav", audio=[{**AUDIO, **theirs}]).sound
    assert sound
    assert sound.codec == codec


def test_a_rate_that_a_codec_lacks_becomes_its_best():
    sound = made("vp9", audio=[{**AUDIO, "rate": 44100, "samples": 44100}]).sound
    assert sound
    assert (sound.rate, sound.samples) == (48000, 48000)


def test_sound_of_a_source_without_any_is_a_note_beside_pictures():
    found = made("h264-1080p", audio=[])
    assert found.sound is None
    assert "h264-1080p: the source has no sound" in found.notes


@pytest.mark.parametrize(
    ("codec", "layout", "channels", "wanted"),
    [
        ("mp3", "5.1", 6, ("stereo", 2)),  # the most that it has
        ("ac3", "7.1", 8, ("5.1", 6)),
        ("opus", "5.1(side)", 6, ("5.1", 6)),  # it refuses others
        ("aac", "stereo", 2, (None, 2)),
        ("pcm", "hexagonal", 6, (None, 6)),  # it takes any
        ("alac", "", 3, (None, 3)),  # what is not told is what is usual
    ],
)
def test_a_codec_gets_loudspeakers_that_it_has(codec, layout, channels, wanted):
    spec = {"processor": "compressor", "container": "mkv", "audio": {"codec": codec}}
    theirs = {**AUDIO, "layout": layout, "channels": channels}
    found = made("x", spec=spec, audio=[theirs])
    assert found.sound
    assert (found.sound.layout, found.sound.channels) == wanted
    assert any("mixed down" in note for note in found.notes) is (wanted[1] < channels)


@pytest.mark.parametrize(
    ("tracks", "streams"),
    [
        ("first", [1]),
        ("all", [1, 2, 3]),
        (["deu", 1], [2, 1]),
        (["eng", 1], [1, 3]),  # each once
    ],
)
def test_the_tracks_that_are_named_are_kept_in_their_order(tracks, streams):
    audio = [
        {**AUDIO, "index": n, "language": language, "start": f"{n}/4"}
        for n, language in ((1, "eng"), (2, "deu"), (3, "eng"))
    ]
    for codec in ("aac", "copy"):
        wanted = {"codec": codec, "tracks": tracks}
        spec = {"processor": "compressor", "container": "mkv", "audio": wanted}
        found = made("x", spec=spec, audio=audio)
        assert [
            getattr(each, "stream", getattr(each, "index", 0)) for each in found.heard
        ] == streams
        assert found.zero == Fraction(min(streams), 4)


@pytest.mark.parametrize(("wish", "said"), [("fra", "in fra: it has eng"), (2, "2: it has 1")])
def test_a_track_that_is_not_there_is_refused(wish, said):
    audio = {"codec": "aac", "tracks": [wish]}
    spec = {"processor": "compressor", "container": "mkv", "audio": audio}
    with pytest.raises(ValueError, match=f"no track of sound {said}"):
        made("x", spec=spec, audio=[{**AUDIO, "language": "eng"}])


def test_copied_sound_must_fit_the_container():
    spec = {**built_in()["h264-1080p"], "audio": "copy"}
    assert made("x", spec=spec, audio=[{**AUDIO, "codec": "aac"}]).copied
    with pytest.raises(ValueError, match="mp4 cannot hold pcm_s16le"):
        made("x", spec=spec)


def test_what_is_lost_is_noted():
    found = made("h264-1080p", pix_fmt="yuva444p10le", trc="smpte2084", audio=[AUDIO, AUDIO])
    text = "\n".join(found.notes)
    assert "transparency is not kept" in text
    assert "not tone mapped" in text
    assert "the first of 2 tracks" in text


def test_sound_that_passes_untouched_is_not_cut():
    values = seen(steady(250)) | {"span": {"first": 0, "end": 25, "start": "0", "stop": "1"}}
    spec = {"processor": "compressor", "container": "mov", "audio": "copy"}
    with pytest.raises(ValueError, match="cannot be cut to the sample"):
        product.settle(settings.read("copied", spec), facts.read(values))


def test_the_timecode_that_a_job_gives_is_the_one_that_is_drawn():
    spec = {**built_in()["h264-1080p"]}
    spec["video"] = {**spec["video"], "timecodeBurnIn": {}}
    source = facts.read(seen(steady(100)))
    wanted = settings.read("x", spec)
    plain, given = (
        product.settle(wanted, source, each) for each in (NONE, Supplied(timecode="01:00:00:00"))
    )
    assert any("no timecode" in note for note in plain.notes)
    assert not any("no timecode" in note for note in given.notes)
