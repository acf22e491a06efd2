"""A settled picture or sound as the words that ffmpeg's encoders want."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator_compressor import hardware, hdr10, ratewords
from orchestrator_compressor.product import Picture, Sound
from orchestrator_compressor.settings import Video

Words = list[str]

PRORES = {"proxy": 0, "lt": 1, "422": 2, "422-hq": 3, "4444": 4, "4444-xq": 5}
PLAIN_SAMPLES = {"flac": ("s16", "s32"), "alac": ("s16p", "s32p")}
"""Encoder -> what it calls samples of 16 and of 24 bits."""
PRORES_DEFAULT = "422"
AV1_LEVELS = 6  #: how parallel SVT-AV1 can be
MPEG2_RATE = ("-b:v", "8M", "-maxrate", "9M", "-bufsize", "1835k")  #: of DVDs and of broadcast
MPEG2_B_FRAMES = 2
FRAME_THREADS = ((32, 6), (16, 5), (8, 3), (4, 2))
"""x265's own rule, said aloud: (threads from, frames encoded at once).  Its bytes depend on it."""


def video_words(picture: Picture, threads: int) -> Words:
    """Return the encoder and its options; every group of pictures is closed."""
    video = picture.video
    if video.hardware:
        words = [*hardware.words(video), *hardware.pixel_words(picture)]
        return ["-c:v", video.encoder, *words]
    fields = ["+ildct+ilme"] if picture.first_field else []
    words = _told(ENCODERS[video.name](video, threads), hdr10.params(picture.hdr10))
    flags = [*fields, *CLOSED.get(video.name, ())]
    return [
        *("-c:v", video.encoder),
        *words,
        *("-pix_fmt", picture.pixel_format),
        *(["-flags", "".join(flags)] if flags else []),
        *("-threads", str(threads)),
    ]


CLOSED: Mapping[str, tuple[str, ...]] = {"mpeg2": ("+cgop",)}
"""Codec -> flags that close its groups of pictures, where it has no words of its own for that."""


def _told(words: Words, params: Words) -> Words:
    """Return the words with more parameters for x265, whose words end in them."""
    return [*words[:-1], ":".join([words[-1], *params])] if params else words


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
    params = [
        f"keyint={video.key_interval}{_fixed(video)}:open-gop=0:stitchable=1",
        *ratewords.h264(video.rate),
    ]
    held = [] if video.level is None else ["-level", video.level]
    if video.level is not None and video.rate.level:  # that of a setting is the later word
        params.append(f"level={video.level}")
    b_frames = [] if video.b_frames is None else ["-bf", str(video.b_frames)]
    words = [*_preset(video), *_rate(video), *_profile(video), *held, *b_frames]
    return [*words, "-x264-params", ":".join(params)]


def _hevc(video: Video, threads: int) -> Words:
    frames = next((count for least, count in FRAME_THREADS if threads >= least), 1)
    params = [
        f"keyint={video.key_interval}{_fixed(video)}:open-gop=0",
        f"pools={threads}:frame-threads={frames}:log-level=error",
        *ratewords.hevc(video.rate),
        *([] if video.level is None else [f"level-idc={video.level}"]),
        *([] if video.b_frames is None else [f"bframes={video.b_frames}"]),
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


def _av1(video: Video, threads: int) -> Words:
    # a group of pictures ends with a keyframe, not one that later frames may look across
    params = f"keyint={video.key_interval}:irefresh-type=2:lp={min(threads, AV1_LEVELS)}"
    return [*_preset(video), *_rate(video), "-svtav1-params", params]


def _dnxhr(video: Video, threads: int) -> Words:
    return ["-profile:v", f"dnxhr_{video.profile}"]


def _cineform(video: Video, threads: int) -> Words:
    return ["-quality", str(video.profile)]


def _mpeg2(video: Video, threads: int) -> Words:
    b_frames = MPEG2_B_FRAMES if video.b_frames is None else video.b_frames
    rate = MPEG2_RATE if video.rate.qp is None else ("-q:v", str(video.rate.qp))
    # a new scene would end a group of pictures early: it refuses to close them then
    scenes = ("-sc_threshold", "1000000000")
    return [*rate, "-g", str(video.key_interval), "-bf", str(b_frames), *scenes]


def _mjpeg(video: Video, threads: int) -> Words:
    return ["-q:v", str(video.rate.qp)]


ENCODERS: Mapping[str, Callable[[Video, int], Words]] = {
    "h264": _h264,
    "hevc": _hevc,
    "vp9": _vp9,
    "av1": _av1,
    "prores": _prores,
    "dnxhr": _dnxhr,
    "cineform": _cineform,
    "mpeg2": _mpeg2,
    "mjpeg": _mjpeg,
    "ffv1": _ffv1,
    "tiff": _tiff,
    "png": _plain,
    "exr": _exr,
    "dpx": _plain,
    "jpeg": _jpeg,
}


def _fixed(video: Video) -> str:
    return f":min-keyint={video.key_interval}:scenecut=0" if video.fixed_keys else ""


def _preset(video: Video) -> Words:
    return ["-preset", video.preset]


def _rate(video: Video) -> Words:
    return ratewords.words(video.name, video.rate)


def _profile(video: Video) -> Words:
    return [] if video.profile is None else ["-profile:v", video.profile]
