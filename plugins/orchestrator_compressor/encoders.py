"""A settled picture or sound as the words that ffmpeg's encoders want."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator_compressor import ratewords
from orchestrator_compressor.product import Picture, Sound
from orchestrator_compressor.settings import Video

Words = list[str]

PRORES = {"proxy": 0, "lt": 1, "422": 2, "422-hq": 3, "4444": 4, "4444-xq": 5}
PLAIN_SAMPLES = {"flac": ("s16", "s32"), "alac": ("s16p", "s32p")}
"""Encoder -> what it calls samples of 16 and of 24 bits."""
PRORES_DEFAULT = "422"
FRAME_THREADS = ((32, 6), (16, 5), (8, 3), (4, 2))
"""x265's own rule, said aloud: (threads from, frames encoded at once).  Its bytes depend on it."""


def video_words(picture: Picture, threads: int) -> Words:
    """Return the encoder and its options; every group of pictures is closed."""
    video = picture.video
    fields = ["-flags", "+ildct+ilme"] if picture.first_field else []
    words = ENCODERS[video.name](video, threads)
    return [
        *("-c:v", video.codec.encoder),
        *words,
        *("-pix_fmt", picture.pixel_format),
        *fields,
        *("-threads", str(threads)),
    ]


def sound_words(sound: Sound) -> Words:
    """Return the encoder and its options; the rate is named, never negotiated."""
    audio = sound.audio
    words = ["-c:a", sound.encoder]
    if "bitrate" in audio.codec.keys:
        words += ["-b:a", audio.bitrate]
    if sound.encoder in PLAIN_SAMPLES:
        words += ["-sample_fmt", PLAIN_SAMPLES[sound.encoder][sound.depth != 16]]
    return [*words, "-ar", str(sound.rate)]


def _h264(video: Video, threads: int) -> Words:
    params = [f"keyint={video.key_interval}:open-gop=0:stitchable=1", *ratewords.h264(video.rate)]
    joined = ":".join(params)
    return [*_preset(video), *_rate(video), *_profile(video), "-x264-params", joined]


def _hevc(video: Video, threads: int) -> Words:
    frames = next((count for least, count in FRAME_THREADS if threads >= least), 1)
    params = [
        f"keyint={video.key_interval}:open-gop=0",
        f"pools={threads}:frame-threads={frames}:log-level=error",
        *ratewords.hevc(video.rate),
    ]
    joined = ":".join(params)
    return [*_preset(video), *_rate(video), *_profile(video), "-a53cc", "1", "-x265-params", joined]


def _vp9(video: Video, threads: int) -> Words:
    rate = _rate(video) if video.rate.is_target else [*_rate(video), "-b:v", "0"]
    return [*rate, "-row-mt", "1", "-g", str(video.key_interval)]


def _prores(video: Video, threads: int) -> Words:
    profile = PRORES[video.profile or PRORES_DEFAULT]
    return ["-profile:v", str(profile), "-vendor", "apl0"]


def _ffv1(video: Video, threads: int) -> Words:
    return ["-level", "3", "-g", "1", "-slices", "16", "-slicecrc", "1"]


def _plain(video: Video, threads: int) -> Words:
    return []


def _tiff(video: Video, threads: int) -> Words:
    return ["-compression_algo", "lzw"]


def _exr(video: Video, threads: int) -> Words:
    return ["-compression", "zip16"]


def _jpeg(video: Video, threads: int) -> Words:
    return ["-q:v", "2"]


ENCODERS: Mapping[str, Callable[[Video, int], Words]] = {
    "h264": _h264,
    "hevc": _hevc,
    "vp9": _vp9,
    "prores": _prores,
    "ffv1": _ffv1,
    "tiff": _tiff,
    "png": _plain,
    "exr": _exr,
    "dpx": _plain,
    "jpeg": _jpeg,
}


def _preset(video: Video) -> Words:
    return ["-preset", video.preset]


def _rate(video: Video) -> Words:
    return ratewords.words(video.name, video.rate)


def _profile(video: Video) -> Words:
    return [] if video.profile is None else ["-profile:v", video.profile]
