"""What each codec is called, takes and fits in: the one table that settings and recipes read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from orchestrator_compressor.sequences import CONTAINER, KINDS

PLANAR_8 = ("yuv420p", "yuv422p", "yuv444p")
PLANAR_10 = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
PLANAR_12 = ("yuv420p12le", "yuv422p12le", "yuv444p12le")
RGB_LE = ("rgb24", "rgb48le", "rgba", "rgba64le")
RGB_BE = ("rgb24", "rgb48be", "rgba", "rgba64be")
DEPTHS = ("9le", "10le", "12le", "14le", "16le")
FFV1_FORMATS = frozenset(
    {
        *(f"{name}{depth}" for name in ("gray", *PLANAR_8) for depth in ("", *DEPTHS)),
        *(
            f"yuva{name}p{depth}"
            for name in (420, 422, 444)
            for depth in ("", "9le", "10le", "16le")
        ),
        *("yuv410p", "yuv411p", "yuv440p", "yuv440p10le", "yuv440p12le"),
        *("yuva422p12le", "yuva444p12le", "ya8", "bgr0", "bgra", "rgb48le", "rgba64le"),
        *(f"gbrp{depth}" for depth in DEPTHS),
        *(f"gbrap{depth}" for depth in DEPTHS[1:]),
    }
)


PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
MP2_BITRATES = (64, 96, 112, 128, 160, 192, 224, 256, 320, 384)  #: of two channels, in kbit/s
PREDICTED = ("level", "bFrames", "encoder")  #: keys of codecs that predict frames, as settings say
CINEFORM = (
    *("low", "low+", "medium", "medium+", "high", "high+"),
    *("film1", "film1+", "film1.5", "film2", "film2+", "film3", "film3+"),
)
AV1_PRESETS = tuple(map(str, range(14)))
WHOLE_RATES = (24, 25, 30, 50, 60)
FILM_RATES = frozenset(map(Fraction, WHOLE_RATES)) | {
    Fraction(rate * 1000, 1001) for rate in (24, 30, 60)
}
MXF_RATES = FILM_RATES | {Fraction(rate) for rate in (48, 100, 120)}
"""Frames a second that ffmpeg's MXF muxer takes; it refuses others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Pictures that a codec takes."""

    least: tuple[int, int] = (1, 1)  #: width and height
    step: int = 1  #: the width is a multiple of this
    rates: frozenset[Fraction] = frozenset()  #: exact frames a second; empty: any, or none
    shapes: frozenset[Fraction] = frozenset()  #: of pictures, beside square pixels; empty: any


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCodec:
    """A video codec as a setting names it."""

    encoder: str  #: ffmpeg's name for what writes it
    codec: str  #: ffmpeg's name for what was written
    suffix: str  #: of a segment file: the container that keeps its packets untouched
    containers: frozenset[str]  #: that may hold it
    pixel_formats: frozenset[str]
    keys: frozenset[str]  #: of a setting's ``video`` that it understands, beside those of all
    profiles: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: name -> pixel formats
    crf_max: int = 0  #: 0: it has no quality scale
    intra: bool = False  #: every frame stands alone: joins cost nothing
    even: bool = True  #: width and height must be even
    interlaced: bool = False  #: it can keep two fields a frame
    full_range: bool = True  #: it can hold the full range of values, not only the video range
    says_range: bool = True  #: its packets say so; else only the container can
    nearest: bool = False  #: "as the source has it" means: the format that loses least of it
    pixels_s: float = 20e6  #: pixels encoded a second and thread, a guess: only the order counts
    stall_s: float = 60.0  #: it hangs when it has shown no new frame for so long
    statistics: str = ""  #: of a first pass: of parts, of the whole only; empty: it has one pass
    buffered: bool = False  #: it can keep to a player's buffer
    presets: tuple[str, ...] = ()  #: how much time to spend; empty: no choice
    preset: str = "medium"  #: of those, where a setting names none
    profile: str | None = None  #: where a setting names none; None: the encoder's choice
    key_interval: int = 250  #: frames, where a setting names none
    hardware: Mapping[str, str] = field(default_factory=dict)  #: kind -> ffmpeg's encoder
    decoded: Mapping[str, str] = field(default_factory=dict)  #: pixel format -> as decoders say
    only_full: bool = False  #: it holds the full range and nothing else
    needs_rate: bool = True  #: a setting must say how good; else it has a rate of its own
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCodec:
    """An audio codec as a setting names it."""

    encoder: str  #: ffmpeg's name for what writes it; of PCM it depends on the depth
    codec: str  #: ffmpeg's name for what was written, likewise
    suffix: str  #: of the audio task's file: the container that adds no sample
    containers: frozenset[str]  #: that may hold it
    keys: frozenset[str]  #: of a setting's ``audio`` that it understands, beside those of all
    rates: tuple[int, ...] = ()  #: samples a second that it takes, best first; empty: any
    layouts: tuple[str, ...] = ()  #: of loudspeakers that it takes; empty: any
    bitrates: frozenset[str] = frozenset()  #: that it takes; empty: any
    padding: int = 0  #: samples that it may add at the end
    priming: int = 0  #: samples that it adds at the beginning, which players leave out
    held_back: int = 0  #: samples at the end that it would never write, if no more came
    bitrate_max: int = 512  #: thousand bits a second
    lossless: bool = False


VIDEO: Mapping[str, VideoCodec] = {
    "h264": VideoCodec(
        encoder="libx264",
        codec="h264",
        suffix=".mov",
        containers=frozenset({"mp4", "mov", "mkv", "ts"}),
        pixel_formats=frozenset((*PLANAR_8, *PLANAR_10)),
        keys=frozenset({"preset", "profile", "rate", "keyInterval", *PREDICTED}),
        profiles={
            "baseline": frozenset({"yuv420p"}),
            "main": frozenset({"yuv420p"}),
            "high": frozenset({"yuv420p"}),
            "high10": frozenset({"yuv420p", "yuv420p10le"}),
            "high422": frozenset((*PLANAR_8[:2], *PLANAR_10[:2])),
            "high444": frozenset((*PLANAR_8, *PLANAR_10)),
        },
        crf_max=51,
        interlaced=True,
        pixels_s=15e6,
        statistics="parts",
        buffered=True,
        presets=PRESETS,
        hardware={each: f"h264_{each}" for each in ("nvenc", "qsv", "vaapi", "videotoolbox")},
    ),
    "hevc": VideoCodec(
        encoder="libx265",
        codec="hevc",
        suffix=".mov",
        containers=frozenset({"mp4", "mov", "mkv", "ts"}),
        pixel_formats=frozenset((*PLANAR_8, *PLANAR_10, *PLANAR_12)),
        keys=frozenset({"preset", "profile", "rate", "keyInterval", *PREDICTED, "hdr10"}),
        profiles={
            "main": frozenset({"yuv420p"}),
            "main10": frozenset({"yuv420p10le"}),
            "main422-10": frozenset({"yuv422p10le"}),
            "main444-10": frozenset({"yuv444p10le"}),
        },
        crf_max=51,
        pixels_s=5e6,
        statistics="parts",
        buffered=True,
        presets=PRESETS,
        hardware={each: f"hevc_{each}" for each in ("nvenc", "qsv", "vaapi", "videotoolbox")},
    ),
    "vp9": VideoCodec(
        encoder="libvpx-vp9",
        codec="vp9",
        suffix=".mp4",
        containers=frozenset({"webm", "mp4", "mkv"}),
        pixel_formats=frozenset((*PLANAR_8, *PLANAR_10, *PLANAR_12)),
        keys=frozenset({"rate", "keyInterval"}),
        crf_max=63,
        pixels_s=2e6,
        stall_s=300.0,  # it looks 25 frames ahead: on a busy computer the first took over 60 s
        statistics="whole",
    ),
    "av1": VideoCodec(
        encoder="libsvtav1",
        codec="av1",
        suffix=".mp4",
        containers=frozenset({"mp4", "mkv", "webm"}),
        pixel_formats=frozenset({"yuv420p", "yuv420p10le"}),
        keys=frozenset({"preset", "rate", "keyInterval", "encoder"}),
        crf_max=63,
        pixels_s=5e6,
        stall_s=300.0,  # it looks as far ahead as a group of pictures is long
        presets=AV1_PRESETS,
        preset="6",
        hardware={each: f"av1_{each}" for each in ("nvenc", "qsv", "vaapi")},
    ),
    "prores": VideoCodec(
        encoder="prores_ks",
        codec="prores",
        suffix=".mov",
        containers=frozenset({"mov", "mkv"}),
        pixel_formats=frozenset({"yuv422p10le", "yuv444p10le", "yuva444p10le"}),
        keys=frozenset({"profile"}),
        profiles={
            "proxy": frozenset({"yuv422p10le"}),
            "lt": frozenset({"yuv422p10le"}),
            "422": frozenset({"yuv422p10le"}),
            "422-hq": frozenset({"yuv422p10le"}),
            "4444": frozenset({"yuv444p10le", "yuva444p10le"}),
            "4444-xq": frozenset({"yuv444p10le", "yuva444p10le"}),
        },
        intra=True,
        interlaced=True,
        full_range=False,
        pixels_s=40e6,
        # what is written has 12 bits, whatever it was made of
        decoded={"yuv444p10le": "yuv444p12le", "yuva444p10le": "yuva444p12le"},
    ),
    "dnxhr": VideoCodec(
        encoder="dnxhd",
        codec="dnxhd",
        suffix=".mov",
        containers=frozenset({"mov", "mxf", "mkv"}),
        pixel_formats=frozenset({"yuv422p", "yuv422p10le", "yuv444p10le"}),
        keys=frozenset({"profile"}),
        profiles={
            "lb": frozenset({"yuv422p"}),
            "sq": frozenset({"yuv422p"}),
            "hq": frozenset({"yuv422p"}),
            "hqx": frozenset({"yuv422p10le"}),
            "444": frozenset({"yuv444p10le"}),
        },
        intra=True,
        full_range=False,
        pixels_s=60e6,
        profile="hq",
        limits=Limits(least=(256, 120)),
    ),
    "cineform": VideoCodec(
        encoder="cfhd",
        codec="cfhd",
        suffix=".mov",
        containers=frozenset({"mov", "mkv"}),
        pixel_formats=frozenset({"yuv422p10le", "gbrp12le", "gbrap12le"}),
        keys=frozenset({"profile"}),
        profiles={name: frozenset({"yuv422p10le", "gbrp12le", "gbrap12le"}) for name in CINEFORM},
        intra=True,
        full_range=False,
        says_range=False,
        pixels_s=30e6,
        profile="film2",
        limits=Limits(least=(64, 64), step=32),  # else what it writes cannot be decoded
    ),
    "mpeg2": VideoCodec(
        encoder="mpeg2video",
        codec="mpeg2video",
        suffix=".mov",
        containers=frozenset({"ts", "mxf", "mov", "mkv"}),
        pixel_formats=frozenset({"yuv420p", "yuv422p"}),
        keys=frozenset({"rate", "keyInterval", "bFrames"}),
        key_interval=12,
        interlaced=True,
        full_range=False,
        needs_rate=False,
        pixels_s=60e6,
        limits=Limits(
            rates=FILM_RATES,
            shapes=frozenset({Fraction(4, 3), Fraction(16, 9), Fraction(221, 100)}),
        ),
    ),
    "mjpeg": VideoCodec(
        encoder="mjpeg",
        codec="mjpeg",
        suffix=".mov",
        containers=frozenset({"mov", "mkv"}),
        pixel_formats=frozenset(PLANAR_8),
        keys=frozenset({"rate"}),
        intra=True,
        only_full=True,
        pixels_s=60e6,
    ),
    "ffv1": VideoCodec(
        encoder="ffv1",
        codec="ffv1",
        suffix=".mkv",
        containers=frozenset({"mkv"}),
        pixel_formats=FFV1_FORMATS,
        keys=frozenset(),
        intra=True,
        even=False,
        interlaced=True,
        says_range=False,
        pixels_s=30e6,
    ),
}

DOLBY = (
    *("mono", "stereo", "2.1", "3.0", "4.0", "quad", "5.0", "5.1"),
    *("quad(side)", "5.0(side)", "5.1(side)"),
)

PCM_LE = frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})
PCM_BE = frozenset({"pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"})

STILLS: Mapping[str, VideoCodec] = {
    name: VideoCodec(
        encoder=encoder,
        codec=encoder,
        suffix=suffix,
        containers=frozenset({"sequence"}),
        pixel_formats=frozenset(formats),
        keys=frozenset(),
        intra=True,
        even=False,
        nearest=True,
        pixels_s=20e6,
    )
    for name, encoder, suffix, formats in (
        ("tiff", "tiff", ".tif", ("gray", "gray16le", "ya8", "ya16le", *RGB_LE)),
        ("png", "png", ".png", ("gray", "gray16be", "ya8", "ya16be", *RGB_BE)),
        ("exr", "exr", ".exr", ("grayf32le", "gbrpf32le", "gbrapf32le")),
        ("dpx", "dpx", ".dpx", ("gray", "gbrp10le", "gbrp12le", *RGB_BE)),
        ("jpeg", "mjpeg", ".jpg", ("yuvj420p", "yuvj422p", "yuvj444p")),
    )
}
"""Images that stand alone: an output is a folder of them."""

VIDEO = {**VIDEO, **STILLS}

AUDIO: Mapping[str, AudioCodec] = {
    "aac": AudioCodec(
        encoder="aac",
        codec="aac",
        suffix=".m4a",
        containers=frozenset({"mp4", "mov", "mkv", "m4a", "ts"}),
        keys=frozenset({"bitrate"}),
        rates=(48000, 44100, 96000, 88200, 64000, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
        layouts=("mono", "stereo", "2.1", "3.0", "4.0", "quad", "5.0", "5.1", "6.1", "7.1"),
        padding=2048,
        priming=1024,
    ),
    "opus": AudioCodec(
        encoder="libopus",
        codec="opus",
        suffix=".ogg",
        containers=frozenset({"webm", "mp4", "mkv", "ogg"}),
        keys=frozenset({"bitrate"}),
        rates=(48000,),
        layouts=("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"),
        padding=960,
        priming=312,
    ),
    "flac": AudioCodec(
        encoder="flac",
        codec="flac",
        suffix=".flac",
        containers=frozenset({"mkv", "mp4", "flac", "ogg"}),
        keys=frozenset({"depth"}),
        lossless=True,
    ),
    "pcm": AudioCodec(
        encoder="pcm_s{depth}{order}",
        codec="pcm_s{depth}{order}",
        suffix=".mov",
        containers=frozenset({"mov", "mkv", "wav", "w64", "aiff", "mxf"}),
        keys=frozenset({"depth"}),
        lossless=True,
    ),
    "alac": AudioCodec(
        encoder="alac",
        codec="alac",
        suffix=".m4a",
        containers=frozenset({"m4a", "mov", "mp4", "mkv"}),
        keys=frozenset({"depth"}),
        layouts=("mono", "stereo", "3.0", "4.0", "5.0", "5.1"),
        lossless=True,
    ),
    "mp3": AudioCodec(
        encoder="libmp3lame",
        codec="mp3",
        suffix=".mov",
        containers=frozenset({"mp3", "mp4", "mov", "mkv"}),
        keys=frozenset({"bitrate"}),
        rates=(48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
        layouts=("mono", "stereo"),
        padding=2304,
        priming=1105,
        bitrate_max=320,
    ),
    "ac3": AudioCodec(
        encoder="ac3",
        codec="ac3",
        suffix=".m4a",
        containers=frozenset({"ac3", "mp4", "mov", "mkv"}),
        keys=frozenset({"bitrate"}),
        rates=(48000, 44100, 32000),
        layouts=DOLBY,
        padding=1792,
        priming=256,
        held_back=256,
        bitrate_max=640,
    ),
    "eac3": AudioCodec(
        encoder="eac3",
        codec="eac3",
        suffix=".mov",
        containers=frozenset({"eac3", "mp4", "mov", "mkv"}),
        keys=frozenset({"bitrate"}),
        rates=(48000, 44100, 32000),
        layouts=DOLBY,
        padding=1792,
        priming=256,
        held_back=256,
        bitrate_max=640,
    ),
    "mp2": AudioCodec(
        encoder="mp2",
        codec="mp2",
        suffix=".mov",
        containers=frozenset({"ts", "mkv"}),
        keys=frozenset({"bitrate"}),
        rates=(48000, 44100, 32000),
        bitrates=frozenset(f"{each}k" for each in MP2_BITRATES),
        layouts=("stereo",),
        padding=1152,
    ),
}

COPYABLE: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}),
    "m4a": frozenset({"aac", "alac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm"}),
    "webm": frozenset({"opus", "vorbis"}),
    "wav": PCM_LE,
    "w64": PCM_LE,
    "aiff": PCM_BE,
    "flac": frozenset({"flac"}),
    "mp3": frozenset({"mp3"}),
    "ogg": frozenset({"opus", "vorbis", "flac"}),
    "ac3": frozenset({"ac3"}),
    "eac3": frozenset({"eac3"}),
    "ts": frozenset({"aac", "mp3", "mp2", "ac3", "eac3"}),
}
"""Container -> sound that may pass into it untouched; one that is not named takes any (mkv)."""

ENDINGS: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({".mp4", ".m4v"}),
    "mov": frozenset({".mov", ".qt"}),
    "mkv": frozenset({".mkv", ".mka"}),
    "webm": frozenset({".webm"}),
    "m4a": frozenset({".m4a", ".m4b"}),
    "wav": frozenset({".wav", ".wave"}),
    "w64": frozenset({".w64"}),
    "aiff": frozenset({".aiff", ".aif"}),
    "flac": frozenset({".flac"}),
    "mp3": frozenset({".mp3"}),
    "ogg": frozenset({".ogg", ".oga", ".opus"}),
    "ac3": frozenset({".ac3"}),
    "eac3": frozenset({".eac3", ".ec3"}),
    CONTAINER: frozenset(ending for endings in KINDS.values() for ending in endings),
    "mxf": frozenset({".mxf"}),
    "ts": frozenset({".ts", ".m2t", ".mts", ".m2ts"}),
    "hls": frozenset({""}),
    "dash": frozenset({""}),
}
"""Container -> endings that people give its files; the first thing a player looks at."""

SOUND_ONLY = frozenset({"m4a", "wav", "w64", "aiff", "flac", "mp3", "ogg", "ac3", "eac3"})
"""Containers that hold no pictures."""

ONE_SOUND = SOUND_ONLY - {"m4a"}
"""Containers that hold one track of sound."""

STARTLESS = frozenset({"mxf"})
"""Containers whose streams all begin and end at the same time: they cannot say otherwise."""

SOUND_RATES: Mapping[str, int] = {"mxf": 48000}
"""Container -> the only rate of sound that it takes."""

MOV_LIKE = frozenset({"mp4", "mov", "m4a"})
"""Containers that ffmpeg's mov muxer writes: they have tags, a time scale and a fast start."""

SAME_PIXELS: Mapping[str, str] = {
    "yuvj420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuvj440p": "yuv440p",
    "yuvj444p": "yuv444p",
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "p010le": "yuv420p10le",
    "p210le": "yuv422p10le",
    "rgb24": "bgr0",
    "bgr24": "bgr0",
    "rgb0": "bgr0",
    "gbrp": "bgr0",
    "rgba": "bgra",
    "argb": "bgra",
    "abgr": "bgra",
    "gbrap": "bgra",
    "pal8": "bgra",
    "monow": "gray",
    "monob": "gray",
}
"""Pixel format -> one that holds the same values otherwise arranged: nothing is lost."""


def decoded_as(codec: VideoCodec, pixel_format: str, color_range: str | None) -> str:
    """Return what a decoder calls a pixel format: of some codecs, full range has its own names."""
    full = f"yuvj{pixel_format.removeprefix('yuv')}"
    of_those = codec.codec in {"h264", "hevc", "mjpeg"}
    if of_those and color_range == "pc" and full in SAME_PIXELS:
        return full
    return codec.decoded.get(pixel_format, pixel_format)


def has_alpha(pixel_format: str) -> bool:
    """Return whether a pixel format has a plane of transparency."""
    return pixel_format.startswith(("yuva", "gbrap", "rgba", "argb", "abgr", "bgra", "ya"))


def is_rgb(pixel_format: str) -> bool:
    """Return whether a pixel format holds red, green and blue."""
    return pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8"))


def byte_order(container: str) -> str:
    """Return how samples that are not compressed stand in a container: ``le`` or ``be``."""
    return "be" if container == "aiff" else "le"


def sound_family(codec: str) -> str:
    """Return what `COPYABLE` calls ffmpeg's `codec`: all of PCM is ``pcm``."""
    return "pcm" if codec.startswith("pcm_") else codec
