"""What the probe found, as frozen nouns.  A probe's JSON is read here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from orchestrator_compressor.sequences import Images
from orchestrator_compressor.span import Span, advanced
from orchestrator_compressor.table import ratio

Values = Mapping[str, object]
WHOLE_MAX = 10**18
FLAGS = re.compile(r"[a-z_+]*")
NIT = 10000  #: in the units of a mastering display
LANGUAGE = re.compile(r"[A-Za-z0-9-]{2,16}")
WORD = re.compile(r"[A-Za-z0-9_.,+ -]*")
PAIR = r"\(\d{1,9},\d{1,9}\)"
MASTER_DISPLAY = re.compile(rf"G{PAIR}B{PAIR}R{PAIR}WP{PAIR}L{PAIR}")
MAX_CLL = re.compile(r"\d{1,5},\d{1,5}")
PACKETS = "packets"  #: the table was made from the packets; it may yet prove wrong
STAND_IN = "reference.mov"  #: in an attempt's folder: what a movie with references is read through
DECODER = "decoder"  #: it was made by the decoder that will encode; nothing is more right
UNSPECIFIED = frozenset({None, "", "unknown", "unspecified", "reserved"})
INTERLACED = {"tt": "tff", "tb": "tff", "bb": "bff", "bt": "bff"}
"""Order of fields, as headers say it -> as filters do: which field is shown first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """What the numbers of a picture mean; None: the source does not say."""

    range: str | None = None  #: tv or pc
    primaries: str | None = None
    trc: str | None = None
    matrix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """The stream of pictures that is encoded."""

    index: int  #: of the stream in its file
    codec: str
    width: int  #: as stored, before any rotation
    height: int
    pixel_format: str
    sar: Fraction = Fraction(1)  #: shape of a pixel, width by height
    rotation: int = 0  #: degrees
    field_order: str = "progressive"
    colour: Colour = Colour()
    rate: Fraction | None = None  #: average, frames a second
    start: Fraction = Fraction(0)  #: of the first frame, in seconds of the source's clock
    tb: Fraction = Fraction(1)  #: seconds a tick of its times
    is_even: bool = True  #: its frames stand on a grid of that rate, rounded to its ticks
    is_grid: bool = True  #: … and exactly so
    duration_s: float | None = None  #: of all its frames; None: unknown
    captions: bool = False  #: closed captions stand in its pictures (A53)
    peak_nits: int | None = None  #: how bright it gets; None: it does not say
    duration: Fraction | None = None  #: in seconds, of frames on a grid
    master_display: str = ""  #: of HDR10, in x265's words; empty: the source does not say
    max_cll: str = ""  #: likewise

    @property
    def is_turned(self) -> bool:
        """Whether width and height change places when it is shown."""
        return abs(self.rotation) % 180 == 90

    @property
    def first_field(self) -> str | None:
        """Return ``tff`` or ``bff`` of an interlaced source; None of a progressive one."""
        return INTERLACED.get(self.field_order)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """A stream of sound."""

    index: int
    codec: str
    rate: int
    channels: int
    start: Fraction  #: seconds of the source's clock
    duration_s: float | None = None  #: None: unknown
    sample_format: str = ""
    samples: int | None = None  #: None: could not be counted
    language: str = ""  #: three letters; empty: the source does not say
    title: str = ""
    layout: str = ""  #: of loudspeakers, in ffmpeg's words; empty: the source does not say
    disposition: str = ""  #: flags in ffmpeg's words: ``default+dub``

    @property
    def depth(self) -> int:
        """How many bits a sample deserves: 16 or 24."""
        return 16 if self.sample_format in {"u8", "u8p", "s16", "s16p"} else 24


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFacts:
    """A stream that is neither the pictures nor sound."""

    index: int
    type: str  #: subtitle, attached (a cover picture), timecode, chapters, video, data
    codec: str = ""  #: empty: unknown
    language: str = ""
    title: str = ""  #: only where ffmpeg does not bring it along by itself
    disposition: str = ""  #: likewise, in ffmpeg's words
    start: Fraction | None = None  #: of its first cue, in seconds of the source's clock
    overlaps: bool = False  #: two of its cues are shown at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source file as its probe found it."""

    path: str
    format: str  #: ffmpeg's name of the demuxer, all of it
    fingerprint: Values
    mode: str  #: who made the table: packets or decoder
    table_file: str = ""  #: name in the probe's folder
    table_sha256: str = ""
    video: VideoFacts | None = None
    audio: tuple[AudioFacts, ...] = ()
    others: tuple[OtherFacts, ...] = ()
    attachments: int = 0  #: files in it: fonts
    chapters: int = 0
    timecode: str | None = None  #: of its first frame
    marks: Values | None = None  #: file and sha256 of its cues and chapters; None: it has none
    existing: frozenset[str] = frozenset()  #: destinations that stand already
    notes: tuple[str, ...] = ()
    refers: tuple[Values, ...] = ()  #: files that its media stand in: path, size, mtime_ns
    stand_in: str = ""  #: path of what it is read through then
    props: tuple[str, ...] = ()  #: digests of the files that settings name, in the order asked
    images: Images | None = None  #: it is a sequence of these; `path` is then a pattern
    span: Span | None = None  #: the part that is meant; all else here tells of that part only


def absent(values: Values) -> str:
    """Return why a source cannot be read although it is there; empty: it can."""
    if values.get("absent") is not True:
        return ""
    files = ", ".join(map(str, cast("Sequence[object]", values.get("missing", ()))))
    return (
        f"{values.get('path', 'the source')}: it refers to files that are not there: {files}; put "
        "them there, or save it self-contained"
    )


def read(values: Values) -> Source:
    """Return the source that a probe's result describes.

    Raises ValueError, naming the key, for a result that is not a probe's.
    """
    try:
        table = cast("Values", values.get("table") or {})
        video = cast("Values | None", values.get("video"))
        audio = cast("Sequence[Values]", values.get("audio", ()))
        others = cast("Sequence[Values]", values.get("others", ()))
        found = Source(
            path=str(values.get("path", "")),
            format=_word(values["format"]),
            fingerprint=cast("Values", values["fingerprint"]),
            mode=str(table.get("mode", PACKETS)),
            table_file=str(table.get("file", "")),
            table_sha256=str(table.get("sha256", "")),
            video=_video(video) if video else None,
            audio=tuple(_audio(each) for each in audio),
            others=tuple(_other(each) for each in others),
            attachments=_int(values.get("attachments") or 0),
            chapters=_int(values.get("chapters") or 0),
            timecode=cast("str | None", values.get("timecode")),
            marks=cast("Values | None", values.get("marks")),
            existing=frozenset(cast("Mapping[str, object]", values.get("existing", {}))),
            notes=tuple(map(str, cast("Sequence[str]", values.get("notes", ())))),
            refers=_refers(values),
            props=tuple(map(str, cast("Sequence[str]", values.get("props", ())))),
            images=_images(cast("Values | None", values.get("images"))),
        )
        return _spanned(found, values.get("span"))
    except KeyError as error:
        raise ValueError(f"the probe's result lacks {error}; probe the source again") from error
    except (TypeError, AttributeError, ValueError) as error:
        what = " ".join(str(error).split())
        raise ValueError(f"the probe's result: {what}; probe the source again") from error


def _images(told: Values | None) -> Images | None:
    if told is None:
        return None
    rate = ratio(str(told["rate"]))
    if rate <= 0:
        raise ValueError(f"a rate of {rate}")
    return Images(first=_int(told["first"], least=0), count=_int(told["count"], least=1), rate=rate)


def _spanned(found: Source, told: object) -> Source:
    """Return a source as its part between in and out points: it starts and ends with that.

    Cues and chapters were cut by the probe already.
    """
    if not told:
        return found
    span = Span.load(cast("Values", told))
    video = found.video and _within(found.video, span)
    rate = video.rate if video and video.is_even else None
    timecode = found.timecode and advanced(found.timecode, span.first, rate)
    cut = tuple(_clipped(each, span) for each in found.audio)
    audio = tuple(each for each in cut if each.samples is None or each.samples > 0)
    notes = found.notes
    if found.audio and not audio:
        notes = (*notes, f"{found.path}: has no sound between in and out")
    return replace(
        found, video=video, audio=audio, timecode=timecode or None, span=span, notes=notes
    )


def _within(video: VideoFacts, span: Span) -> VideoFacts:
    """Return pictures as those of them that are within a span."""
    length, seconds = None if span.end is None else span.end - span.first, video.duration_s
    stop = span.stop
    if stop is None and seconds is not None:
        stop = video.start + Fraction(seconds).limit_denominator(10**6)
    return replace(
        video,
        start=span.start,
        duration_s=None if stop is None else float(stop - span.start),
        duration=length / video.rate if length and video.rate and video.duration else None,
    )


def _clipped(audio: AudioFacts, span: Span) -> AudioFacts:
    """Return a track as the samples of it that are within a span."""
    length = audio.duration_s if audio.samples is None else Fraction(audio.samples, audio.rate)
    if length is None:
        return replace(audio, start=max(audio.start, span.start))
    end = audio.start + Fraction(length)
    end, start = end if span.stop is None else min(end, span.stop), max(audio.start, span.start)
    seconds = max(Fraction(0), end - start)
    samples = None if audio.samples is None else round(seconds * audio.rate)
    return replace(audio, start=start, duration_s=float(seconds), samples=samples)


def _refers(values: Values) -> tuple[Values, ...]:
    paths = cast("Sequence[str]", values.get("refers", ()))
    stamps = cast("Sequence[Values]", values.get("stamps", ()))
    if len(paths) != len(stamps):
        raise ValueError(f"it refers to {len(paths)} files, and tells of {len(stamps)}")
    return tuple(
        {"path": str(path), **{key: int(str(each[key])) for key in ("size", "mtime_ns")}}
        for path, each in zip(paths, stamps, strict=True)
    )


def _video(values: Values) -> VideoFacts:
    sar = _fraction(values.get("sar"))
    rate = _fraction(values.get("rate"))
    order, duration = values.get("field_order"), values.get("duration_s")
    return VideoFacts(
        index=_int(values["index"]),
        codec=_word(values.get("codec", "")),
        width=_int(values["width"], least=1),
        height=_int(values["height"], least=1),
        pixel_format=_word(values["pix_fmt"]),
        sar=sar if sar else Fraction(1),
        rotation=_int(values.get("rotation") or 0),
        field_order=str(order) if order in INTERLACED else "progressive",
        colour=Colour(
            range=_named(values.get("range")),
            primaries=_named(values.get("primaries")),
            trc=_named(values.get("trc")),
            matrix=_named(values.get("matrix")),
        ),
        rate=rate if rate else None,
        start=_fraction(values.get("start")) or Fraction(0),
        tb=_fraction(values.get("tb")) or Fraction(1),
        is_even=bool(values.get("constant", True)),
        is_grid=bool(values.get("grid", True)),
        duration_s=None if duration is None else _seconds(duration),
        captions=bool(values.get("captions")),
        peak_nits=_peak(values),
        duration=frames / rate if rate and (frames := _int(values.get("frames") or 0)) else None,
        master_display=_like(MASTER_DISPLAY, values.get("master_display")),
        max_cll=_like(MAX_CLL, values.get("max_cll")),
    )


def _peak(values: Values) -> int | None:
    """Return the brightest of a picture: of its content where that is said, else of its display."""
    light = re.match(r"(\d{1,6}),", str(values.get("max_cll") or ""))
    if light and int(light[1]):
        return int(light[1])
    display = re.search(r"L\((\d{5,12}),", str(values.get("master_display") or ""))
    return int(display[1]) // NIT if display else None


def _audio(values: Values) -> AudioFacts:
    duration, samples = values.get("duration_s"), values.get("samples")
    return AudioFacts(
        index=_int(values["index"]),
        codec=_word(values.get("codec", "")),
        rate=_int(values["rate"], least=1),
        channels=_int(values["channels"], least=1),
        start=_fraction(values.get("start")) or Fraction(0),
        duration_s=_seconds(duration) if duration else None,
        sample_format=_word(values.get("sample_fmt") or ""),
        samples=None if samples is None else _int(samples),
        language=_tag(values.get("language")),
        title=str(values.get("title") or ""),
        layout=str(values.get("layout") or ""),
        disposition=_flags(values.get("disposition") or ""),
    )


def _other(values: Values) -> OtherFacts:
    return OtherFacts(
        index=_int(values["index"]),
        type=str(values.get("type", "data")),
        codec=str(values.get("codec") or ""),
        language=_tag(values.get("language")),
        title=str(values.get("title") or ""),
        disposition=str(values.get("disposition") or ""),
        start=_fraction(values.get("start")),
        overlaps=bool(values.get("overlaps")),
    )


def _tag(value: object) -> str:
    """Return a language; it becomes part of a file's name.  What is none is not known."""
    return value if isinstance(value, str) and LANGUAGE.fullmatch(value) else ""


def _int(value: object, least: int = -WHOLE_MAX) -> int:
    if type(value) is not int or not least <= value <= WHOLE_MAX:
        raise ValueError(f"{str(value)[:40]!r} is no number that is meant here")
    return value


def _seconds(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= cast("float", value) <= WHOLE_MAX:
        raise ValueError(f"{str(value)[:40]!r} is no length of time")
    return float(cast("float", value))


def _flags(value: object) -> str:
    if not isinstance(value, str) or not FLAGS.fullmatch(value):
        raise ValueError(f"{str(value)[:40]!r} are no flags")
    return value


def _word(value: object) -> str:
    """Return a name of ffmpeg's.  It becomes part of a word: of a filter, of a list of formats."""
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise ValueError(f"{str(value)[:40]!r} is no name")
    return value


def _fraction(value: object) -> Fraction | None:
    """Return ``n/d`` as a fraction; None where the source does not say (nothing, or by 0)."""
    if value is None or str(value).endswith("/0"):
        return None
    return ratio(str(value))


def _like(pattern: re.Pattern[str], value: object) -> str:
    """Return a text that looks as it must; empty where it does not, or is not there."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _named(value: object) -> str | None:
    return None if value is None or value in UNSPECIFIED else _word(value)
