"""Settings: the built-in ones are right, absurd ones are refused with a sentence."""

from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, built_in, job
from jsonschema import Draft202012Validator

from orchestrator_compressor import asks, settings
from orchestrator_compressor.audio import LAYOUTS
from orchestrator_compressor.codecs import AUDIO, COPYABLE, ENDINGS, SOUND_ONLY, VIDEO

SCHEMA = dict(COMPRESSOR.setting_schema or {})
H264 = {"codec": "h264", "pixelFormat": "yuv420p", "rate": {"crf": 20}}


def spec(**more: Any) -> dict[str, Any]:
    return {"processor": "compressor", "container": "mp4", "video": H264, **more}


@pytest.mark.parametrize("name", sorted(built_in()))
def test_a_built_in_setting_is_valid_and_without_fault(name):
    found = built_in()[name]
    assert not list(Draft202012Validator(SCHEMA).iter_errors(found))
    assert settings.faults(found) == ()


def test_the_promised_settings_are_built_in():
    promised = {"ffv1-archive", "h264-1080p", "prores-422-hq", "hevc-10bit", "vp9", "aac", "wav"}
    promised |= {"aiff", "flac", "ac3", "mp3", "opus"}
    assert promised <= set(built_in())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"container": "webm"}, "webm cannot hold h264"),
        ({"container": "wav"}, "wav holds sound only"),
        ({"audio": {"codec": "pcm"}}, "mp4 cannot hold pcm"),
        ({"audio": {"codec": "aac", "depth": 16}}, "audio.depth: aac has no such choice"),
        ({"audio": {"codec": "aac", "rate": 12345}}, "aac cannot have 12345"),
        ({"video": {**H264, "pixelFormat": "yuva420p"}}, "has no transparency"),
        ({"video": {**H264, "pixelFormat": "gbrp"}}, "h264 has no gbrp; it has yuv420p"),
        ({"video": {**H264, "profile": "main10"}}, "h264 has no main10"),
        ({"video": {**H264, "profile": "high", "pixelFormat": "yuv422p"}}, "high cannot have"),
        ({"video": {**H264, "rate": {"crf": 60}}}, "h264 has 0 to 51, not 60"),
        ({"video": {"codec": "h264"}}, "h264 needs one"),
        ({"video": {"codec": "ffv1", "preset": "slow"}}, "ffv1 has no such choice"),
        ({"video": None}, "neither video nor audio"),
        ({"audio": {"codec": "mp3", "layout": "5.1"}}, "mp3 has no 5.1; it has mono, stereo"),
        ({"audio": {"codec": "aac", "layout": "mono", "channels": 2}}, "mono has 1"),
        ({"audio": {"codec": "mp3", "channels": 6}}, "mp3 cannot have 6; it has 1, 2"),
        ({"audio": {"codec": "mp3", "bitrate": "448k"}}, "mp3 has 320k at most"),
        ({"audio": {"codec": "aac", "volume": 3, "loudness": {}}}, "loudness sets it already"),
        ({"audio": {"codec": "copy", "volume": 3}}, "copy has no such choice"),
        ({"container": "flac", "video": None, "audio": {"codec": "flac", "tracks": "all"}}, "one"),
    ],
)
def test_an_absurd_setting_is_refused_with_a_sentence(changes, said):
    wanted = {key: value for key, value in spec(**changes).items() if value is not None}
    assert any(said in text for text in settings.faults(wanted)), settings.faults(wanted)


def test_a_vp9_quantizer_is_refused():
    video = {"codec": "vp9", "rate": {"qp": 20}}
    assert "no fixed quantizer" in settings.faults(spec(container="webm", video=video))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "half"},
        {"size": {"fit": [8, 8]}},
        {"rate": {"average": 5}},
        {"filters": ["denoise"]},
    ],
)
def test_the_schema_refuses_what_is_not_there_yet(wrong):
    assert not Draft202012Validator(SCHEMA).is_valid(spec(video={**H264, **wrong}))


def test_defaults_are_those_that_the_schema_tells():
    video = SCHEMA["properties"]["video"]["properties"]
    audio = SCHEMA["properties"]["audio"]["properties"]
    found = settings.read("x", spec(audio={"codec": "aac"}))
    plain = settings.read("x", spec(video={"codec": "h264"}, audio={"codec": "pcm"}))
    assert found.video is not None
    assert found.audio is not None
    assert plain.video is not None
    assert plain.audio is not None
    assert f"default {found.video.preset};" in video["preset"]["description"]
    assert f"default {found.video.key_interval}," in video["keyInterval"]["description"]
    assert plain.video.pixel_format == video["pixelFormat"]["default"]
    assert found.audio.bitrate == audio["bitrate"]["default"]
    assert found.allow_segmenting is SCHEMA["properties"]["allowSegmenting"]["default"]
    assert plain.audio.depth is None
    assert plain.video.shape.fit is None
    assert found.faststart is False


def test_the_schema_names_the_codecs_and_containers_there_are():
    properties = SCHEMA["properties"]
    assert set(properties["video"]["properties"]["codec"]["enum"]) == set(VIDEO)
    assert set(properties["audio"]["properties"]["codec"]["enum"]) == {*AUDIO, "copy"}
    assert set(properties["container"]["enum"]) == set(ENDINGS)
    profiles = {name for codec in VIDEO.values() for name in codec.profiles}
    assert set(properties["video"]["properties"]["profile"]["enum"]) == profiles


def test_every_layout_and_container_of_sound_that_is_named_there_is():
    named = SCHEMA["properties"]["audio"]["properties"]["layout"]["enum"]
    assert set(named) == {*LAYOUTS, "source"}
    assert {container for codec in AUDIO.values() for container in codec.containers} <= set(ENDINGS)
    assert set(COPYABLE) >= SOUND_ONLY


def test_aiff_has_samples_the_other_way_round():
    assert settings.read("aiff", built_in()["aiff"]).encoders == ("pcm_s24be",)


def overridden(override: Any, setting: str = "h264-1080p") -> Any:
    """Return a job of one output that changes its setting."""
    each = {"setting": setting, "destination": "/out/a.mp4", "override": override}
    return job(each)


def test_an_output_may_change_keys_of_its_setting():
    changed = {"video": {"rate": {"crf": 18}, "size": "source"}, "allowSegmenting": False}
    found = asks.read(overridden(changed)).outputs[0].setting
    plain = settings.read("h264-1080p", built_in()["h264-1080p"])
    assert found.video is not None
    assert plain.video is not None
    assert (found.video.rate.crf, found.video.shape.fit, found.allow_segmenting) == (
        18,
        None,
        False,
    )
    assert (found.video.preset, found.audio) == (plain.video.preset, plain.audio)
    # what stands deeper is replaced as a whole: one kind of rate, not two
    found = asks.read(overridden({"video": {"rate": {"qp": 20}}})).outputs[0].setting
    assert found.video is not None
    assert (found.video.rate.crf, found.video.rate.qp) == (None, 20)
    # nor a rate and a quality, which says the same in another way
    found = asks.read(overridden({"video": {"quality": {"vmaf": 95}}})).outputs[0].setting
    assert found.video is not None
    assert found.video.quality is not None
    assert found.video.rate.crf is None


@pytest.mark.parametrize(
    ("override", "setting", "path", "said"),
    [
        ({"video": {"rate": {"crf": 60}}}, "h264-1080p", "override/video/rate/crf", "0 to 51"),
        ({"container": "webm"}, "h264-1080p", "override/container", "webm cannot hold h264"),
        ({"audio": {"channels": 2}}, "silent", "override/audio", "audio.codec: the setting names"),
        ({"video": {"size": "source"}}, "wav", "override/video", "video.codec: the setting names"),
        ({"extension": ".mov"}, "h264-1080p", "override/extension", "is called .m4v, .mp4"),
    ],
)
def test_a_fault_of_an_override_is_told_where_it_stands(override, setting, path, said):
    silent = {"silent": spec(audio="copy")}
    each = {"setting": setting, "destination": "/out/a", "override": override}
    faults = COMPRESSOR.review(job(each, specs=silent)).faults
    assert "/".join(map(str, faults[0].path)) == f"outputs/0/{path}"
    assert said in faults[0].text


@pytest.mark.parametrize(
    ("override", "is_fine"),
    [
        ({"video": {"rate": {"crf": 18}}}, True),
        ({"container": "mov", "audio": "copy"}, True),
        ({"video": {"crf": 18}}, False),
        ({"video": {"rate": {"crf": "best"}}}, False),
        ({"processor": "shell"}, False),
        ({}, False),
    ],
)
def test_an_override_has_the_schema_of_a_setting(override, is_fine):
    each = {"setting": "wav", "destination": "a", "override": override}
    asked = {"source": "a", "outputs": [each]}
    assert Draft202012Validator(dict(COMPRESSOR.schema)).is_valid(asked) is is_fine


def test_a_setting_says_which_encoders_it_needs():
    found = settings.read("vp9", built_in()["vp9"])
    assert found.encoders == ("libvpx-vp9", "libopus")
