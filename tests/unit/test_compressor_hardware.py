"""Hardware encoders: their words, what they cannot do, and that each job knows which it needs."""

from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, job, planned, seen, steady

from orchestrator.api import Kind
from orchestrator_compressor import hardware, settings
from orchestrator_compressor.codecs import VIDEO
from orchestrator_compressor.encoders import video_words
from orchestrator_compressor.facts import read
from orchestrator_compressor.product import settle
from orchestrator_compressor.recipe import Cut, Means, encode, filters

FOUND = read(seen(steady(50)))


def spec(kind: str, codec: str = "h264", **video: Any) -> dict[str, Any]:
    usual = {"pixelFormat": "yuv420p", "rate": {"crf": 24}, "encoder": kind}
    return {
        "processor": "compressor",
        "container": "mp4",
        "video": {"codec": codec, **usual, **video},
    }


@pytest.mark.parametrize(
    ("kind", "codec", "said"),
    [
        ("nvenc", "h264", "h264_nvenc -preset p4 -rc vbr -cq 24 -b:v 0 -g 250 -pix_fmt nv12"),
        ("qsv", "hevc", "hevc_qsv -preset medium -global_quality 24 -g 250 -pix_fmt nv12"),
        ("vaapi", "av1", "av1_vaapi -rc_mode CQP -global_quality 24 -g 250"),
        ("videotoolbox", "hevc", "hevc_videotoolbox -q:v 53 -allow_sw 0 -g 250 -pix_fmt nv12"),
    ],
)
def test_each_kind_has_words_of_its_own(kind, codec, said):
    picture = settle(settings.read("s", spec(kind, codec)), FOUND).picture
    assert " ".join(video_words(picture, 4)) == f"-c:v {said}"


def test_vaapi_pictures_are_brought_to_the_device_last():
    picture = settle(settings.read("s", spec("vaapi")), FOUND).picture
    cut = Cut(start=0, end=None, tb=picture.tb)
    words = encode(Means(ffmpeg="ffmpeg", threads=1), FOUND, cut, picture, "a.mov")
    assert words.index("-vaapi_device") < words.index("-i")
    assert words[words.index("-vf") + 1].endswith(",setpts=PTS-STARTPTS,format=nv12,hwupload")
    assert "hwupload" not in filters(cut, picture)  # what is measured against stays where it is


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (spec("videotoolbox", "av1"), "video.encoder: no videotoolbox makes av1; nvenc, qsv"),
        (spec("vaapi", preset="slow"), "video.preset: vaapi has no such choice"),
        (spec("nvenc", pixelFormat="yuv422p"), "nvenc makes yuv420p and yuv420p10le; name one"),
        (spec("nvenc", pixelFormat="yuv420p10le"), "silicon makes h264 with 8 bits"),
        (spec("qsv", level="4.1"), "video.level: qsv has no such choice"),
        (spec("nvenc", "prores"), "video.encoder: prores has no such choice"),
    ],
)
def test_what_silicon_cannot_do_is_refused(wanted, said):
    assert any(said in text for text in settings.faults(wanted)), settings.faults(wanted)


def test_a_job_needs_the_very_encoder_and_is_one_segment():
    wanted = job({"setting": "fast", "destination": "/out/a.mp4"}, specs={"fast": spec("nvenc")})
    assert ("h264_nvenc", "setting fast") in COMPRESSOR.review(wanted).needs["ffmpeg"]
    (target,) = planned(wanted)
    assert len([task for task in target.tasks if task.kind is Kind.ENCODE]) == 1
    assert target.notes == ("fast: encoded as one segment: h264_nvenc is a hardware encoder",)


def test_encoders_of_silicon_are_those_that_nodes_try():
    made = {name for codec in VIDEO.values() for name in codec.hardware.values()}
    assert made == hardware.NAMES
    assert not made & {codec.encoder for codec in VIDEO.values()}
