"""What codecs and containers cannot take is refused with a sentence before anything is encoded."""

from fractions import Fraction
from typing import Any

import pytest
from compressor_jobs import job, planned, seen, steady
from jsonschema import Draft202012Validator

from orchestrator.api import Kind
from orchestrator_compressor import facts, hdr10, product, settings
from orchestrator_compressor.processor import load
from orchestrator_compressor.table import Table

DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
PQ = {"primaries": "bt2020", "trc": "smpte2084", "matrix": "bt2020nc", "pix_fmt": "yuv420p10le"}
DNXHR = {"codec": "dnxhr", "profile": "hq", "pixelFormat": "yuv422p"}
CINEFORM = {"codec": "cineform", "pixelFormat": "yuv422p10le"}
MPEG2 = {"codec": "mpeg2", "pixelFormat": "yuv420p"}
JITTER = Table(tb=Fraction(1, 1000), pts=(0, 40, 81, 120), keys=(0,), last_duration=40)


def plan(video: Any, container: str = "mov", times: Any = None, **seen: Any) -> Any:
    spec = {"processor": "compressor", "container": container, "video": video}
    asked = job({"setting": "own", "destination": f"/out/a.{container}"}, specs={"own": spec})
    return planned(asked, times, **seen)


@pytest.mark.parametrize(
    ("video", "container", "times", "seen", "said"),
    [
        (DNXHR, "mov", None, {"width": 160, "height": 90}, "dnxhr needs 256x120 at least"),
        (CINEFORM, "mov", None, {"width": 854}, "cineform needs a width that is a multiple of 32"),
        (MPEG2, "ts", JITTER, {}, "mpeg2 needs a constant frame rate"),
        (MPEG2, "ts", steady(50, Fraction(12)), {}, "mpeg2 cannot have 12 frames a second"),
        (
            MPEG2,
            "ts",
            None,
            {"sar": "3/2"},
            "pixels that are not square as 16:9, 221:100, 4:3 only",
        ),
        (DNXHR, "mxf", JITTER, {}, "mxf needs a constant frame rate"),
        (DNXHR, "mxf", steady(50, Fraction(15)), {}, "mxf cannot have 15 frames a second"),
        (DNXHR, "mxf", None, {"sar": "4/3"}, "mxf forgets that pixels of dnxhr are not square"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(video, container, times, seen, said):
    with pytest.raises(ValueError, match=r"^setting own: ") as error:
        plan(video, container, times, **seen)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("video", "container", "times", "seen"),
    [
        (DNXHR, "mov", JITTER, {"sar": "4/3"}),
        ({**MPEG2, "frameRate": 25}, "ts", JITTER, {}),
        (DNXHR, "mxf", steady(50, Fraction(24000, 1001)), {}),
        (MPEG2, "ts", None, {"width": 720, "height": 576, "sar": "64/45"}),
        (CINEFORM, "mov", None, {"width": 1280, "height": 720}),
    ],
)
def test_pictures_that_fit_are_planned(video, container, times, seen):
    assert plan(video, container, times, **seen)


def test_mpeg2_by_its_buffer_is_one_segment_and_by_a_quantizer_is_not():
    asked = job({"setting": "own", "destination": "/out/a.ts"}, specs={"own": of(MPEG2)})
    (whole,) = planned(asked, steady(6000))
    assert len(encodes(whole)) == 1
    assert whole.notes[0].endswith("its buffer (VBV) is that of the whole stream")
    by_qp = {**MPEG2, "rate": {"qp": 3}}
    asked = job({"setting": "own", "destination": "/out/a.ts"}, specs={"own": of(by_qp)})
    assert len(encodes(planned(asked, steady(6000))[0])) > 1


def of(video: Any) -> dict[str, Any]:
    return {"processor": "compressor", "container": "ts", "video": video}


def encodes(target: Any) -> list[Any]:
    return [task for task in target.tasks if task.kind is Kind.ENCODE]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("source", DISPLAY),
        ({"masterDisplay": DISPLAY.replace("50", "60"), "maxCll": "900,300"}, "max-cll=900,300"),
    ],
)
def test_hdr10_is_said_by_the_source_or_by_the_setting(wanted, said):
    found = facts.read(seen(steady(50), **PQ, master_display=DISPLAY, max_cll="1000,400"))
    picture = product.settle(hdr(wanted), found).picture
    assert picture is not None
    assert said in ":".join(hdr10.params(picture.hdr10))
    assert picture.colour.trc == hdr10.TRANSFER


def test_a_setting_that_says_hdr10_names_colour_that_the_source_does_not():
    values = seen(steady(50), **{**PQ, "primaries": None, "trc": None, "matrix": None})
    picture = product.settle(hdr({"masterDisplay": DISPLAY}), facts.read(values)).picture
    assert picture is not None
    assert (picture.colour.primaries, picture.colour.matrix) == ("bt2020", "bt2020nc")


@pytest.mark.parametrize(
    ("seen_as", "wanted", "said"),
    [
        (PQ, "source", "does not say what display"),
        (
            {**PQ, "trc": "bt709"},
            {"masterDisplay": DISPLAY},
            "the pictures are no HDR10: they have bt709",
        ),
        ({**PQ, "master_display": f"{DISPLAY}:crf=1"}, "source", "does not say what display"),
    ],
)
def test_what_is_no_hdr10_is_not_called_so(seen_as, wanted, said):
    with pytest.raises(ValueError, match=said):
        product.settle(hdr(wanted), facts.read(seen(steady(50), **seen_as)))


def test_hdr10_is_that_of_the_pictures_once_they_are_converted():
    """HLG made PQ is HDR10, and PQ that is tone mapped is none."""
    to_pq = hdr({"masterDisplay": DISPLAY}, colour={"transfer": "smpte2084"})
    hlg = facts.read(seen(steady(50), **{**PQ, "trc": "arib-std-b67"}))
    picture = product.settle(to_pq, hlg).picture
    assert picture is not None
    assert (picture.colour.trc, bool(picture.hdr10)) == (hdr10.TRANSFER, True)
    source = facts.read(seen(steady(50), **PQ, master_display=DISPLAY))
    with pytest.raises(ValueError, match="the pictures are no HDR10: they have bt709"):
        product.settle(hdr("source", toneMap="hable"), source)


def hdr(wanted: Any, **more: Any) -> settings.Setting:
    """Return a setting that asks for HDR10 like this."""
    video = {"codec": "hevc", "pixelFormat": "yuv420p10le", "rate": {"crf": 22}, "hdr10": wanted}
    video |= more
    spec = {"processor": "compressor", "container": "mp4", "video": video}
    assert Draft202012Validator(dict(load().setting_schema or {})).is_valid(spec)
    assert settings.faults(spec) == ()
    return settings.read("own", spec)


@pytest.mark.parametrize(
    ("video", "said"),
    [
        ({"codec": "av1", "preset": "slow", "rate": {"crf": 30}}, "av1 has no slow; it has 0, 1"),
        ({"codec": "av1", "rate": {"qp": 30}}, "av1 has no fixed quantizer"),
        ({"codec": "h264", "preset": 6, "rate": {"crf": 30}}, "h264 has no 6; it has ultrafast"),
        ({"codec": "mjpeg", "rate": {"crf": 3}}, "mjpeg has no such scale; use qp"),
        ({"codec": "mjpeg", "rate": {"qp": 40}}, "mjpeg has 1 to 31, not 40"),
        ({"codec": "hevc", "hdr10": "source", "rate": {"crf": 3}}, "video.hdr10: needs 10 bits"),
        ({"codec": "h264", "hdr10": "source", "rate": {"crf": 3}}, "h264 has no such choice"),
        ({"codec": "dnxhr", "profile": "hq", "pixelFormat": "yuv422p10le"}, "hq cannot have"),
        ({"codec": "mjpeg", "rate": {"qp": 4}, "colour": {"range": "tv"}}, "full range only"),
        ({"codec": "mpeg2", "quality": {"vmaf": 90}}, "mpeg2 has no such choice"),
        (
            {"codec": "h264", "encoder": "nvenc", "quality": {"vmaf": 90}},
            "video.quality: nvenc has no such choice",
        ),
    ],
)
def test_choices_that_a_codec_has_not_are_refused(video, said):
    spec = {"processor": "compressor", "container": "mkv", "video": video}
    assert any(said in text for text in settings.faults(spec)), settings.faults(spec)


def test_sound_cannot_be_copied_where_it_must_begin_with_the_picture():
    spec = {"processor": "compressor", "container": "mxf", "video": DNXHR, "audio": "copy"}
    with pytest.raises(ValueError, match="in mxf sound begins and ends with the pictures"):
        product.settle(settings.read("own", spec), facts.read(seen(steady(50))))


def test_sound_in_mxf_is_as_long_as_the_pictures_and_has_its_only_rate():
    spec = {
        "processor": "compressor",
        "container": "mxf",
        "video": DNXHR,
        "audio": {"codec": "pcm"},
    }
    values = seen(steady(50))
    values["audio"] = [{**values["audio"][0], "rate": 44100, "start": "1/25", "samples": 441000}]
    sound = product.settle(settings.read("own", spec), facts.read(values)).sound
    assert sound is not None
    assert (sound.rate, sound.samples, sound.lead, sound.start) == (48000, 96000, 1920, 0)


@pytest.mark.parametrize(
    ("audio", "container", "said"),
    [
        ({"codec": "mp2", "bitrate": "100k"}, "ts", "mp2 cannot have 100k; it has 64k, 96k"),
        ({"codec": "mp2", "channels": 1}, "ts", "mp2 cannot have 1; it has 2"),
        ({"codec": "pcm", "rate": 44100}, "mxf", "mxf takes 48000; remove it"),
    ],
)
def test_choices_of_sound_that_there_are_not_are_refused(audio, container, said):
    spec = {"processor": "compressor", "container": container, "video": MPEG2, "audio": audio}
    assert any(said in text for text in settings.faults(spec)), settings.faults(spec)


def test_an_ending_other_than_the_settings_is_noted():
    video = {"codec": "h264", "rate": {"crf": 20}}
    spec = {"processor": "compressor", "container": "mp4", "video": video, "extension": ".m4v"}
    (target,) = planned(job({"setting": "own", "destination": "/out/a.mp4"}, specs={"own": spec}))
    assert target.notes == ("/out/a.mp4: written as named, though own wants .m4v",)
