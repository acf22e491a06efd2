"""What becomes of a source's other streams: subtitles, cover pictures, fonts, chapters, timecode.

Pictures and first sound are `product`'s.  All else comes from the source itself, in the finishing
pass, never from parts; what the container cannot hold is left out, and a note names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from orchestrator_compressor.codecs import MOV_LIKE, SOUND_ONLY
from orchestrator_compressor.facts import OtherFacts, Source
from orchestrator_compressor.settings import Setting

TEXT = frozenset({"subrip", "ass", "ssa", "webvtt", "mov_text", "text"})
"""Subtitles that are text: one can be made of another."""

HELD: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({"mov_text"}),
    "mov": frozenset({"mov_text"}),
    "webm": frozenset({"webvtt"}),
    "mkv": frozenset(
        {"subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
    ),
}
"""Container -> subtitles that pass into it untouched; one that is not named holds none."""

MADE: Mapping[str, str] = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "mkv": "subrip"}
"""Container -> what other text becomes there."""

COVERS: Mapping[str, str] = {"mjpeg": "jpg", "png": "png"}
POSTER = -100  #: in place of a stream: the picture that the streams task made
POSTER_FILE = "poster.jpg"
COVERED = frozenset({"mp4", "m4a", "mkv"})  #: containers that hold a cover picture
CHAPTERED = frozenset({"mp4", "mov", "m4a", "mkv", "webm"})
TIMECODED = frozenset({"mp4", "mov", "mkv", "mxf"})
SPEECHLESS = frozenset({"wav", "mxf"})  #: containers that cannot say a language
TIMECODE = re.compile(r"\d\d:\d\d:\d\d[:;.]\d\d")
ISO_639 = re.compile(r"[a-z]{3}")
DROPPING = 30  #: drop-frame timecode needs a multiple of these frames a second
KNOWN_DATA = frozenset({"timecode", "chapters"})  #: data streams that are kept in another way

QUICKTIME: Mapping[str, str] = {
    **{"fre": "fra", "deu": "ger", "nld": "dut", "swe": "sve", "ell": "gre", "isl": "ice"},
    **{"hrv": "hr ", "zho": "chi", "fas": "per", "gle": "iri", "sqi": "alb", "rum": "ron"},
    **{"cze": "ces", "slo": "slk", "srp": "sr ", "mkd": "mac", "eus": "baq", "cym": "wel"},
    **{"msa": "may", "hye": "arm", "kat": "geo", "bod": "tib", "mya": "bur", "pan": "pa "},
}
"""Language -> what a QuickTime file calls it: it has a list of its own, with names of its own."""

QUICKTIME_ALIKE = frozenset(
    {
        *("eng", "fra", "ger", "ita", "dut", "sve", "spa", "dan", "por", "nor", "heb"),
        *("jpn", "ara", "fin", "gre", "ice", "mlt", "tur", "chi", "urd", "hin", "tha"),
        *("kor", "lit", "pol", "hun", "est", "lav", "per", "rus", "ron", "ces", "slk"),
        *("slv", "bul", "ukr", "bel", "vie", "ind", "cat", "may"),
    }
)
"""Languages that a QuickTime file calls as all do; it cannot say others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtitle:
    """A track of subtitles that is kept."""

    stream: int  #: of the source
    codec: str  #: in the finished file
    is_made: bool  #: of text of another kind
    is_stacked: bool  #: its cues overlap, and the container shows one at a time
    language: str
    title: str  #: empty: ffmpeg brings it along by itself
    disposition: str  #: likewise
    file: str = ""  #: of the streams task, where it is none of the source's


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A cover picture that is kept."""

    stream: int
    codec: str

    @property
    def file(self) -> str:
        """Its name, where it is an attachment."""
        if self.stream == POSTER:
            return POSTER_FILE
        return f"cover-{self.stream}.{COVERS[self.codec]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """All that is kept beside pictures and sound."""

    subtitles: tuple[Subtitle, ...] = ()
    covers: tuple[Cover, ...] = ()
    attachments: int = 0
    chapters: int = 0  #: of the source
    timecode: str | None = None  #: of the first frame
    start: Fraction | None = None  #: of the earliest cue that is kept, on the source's clock
    notes: tuple[str, ...] = ()


def settle(setting: Setting, source: Source, rate: Fraction | None) -> Others:
    """Return what `setting` keeps of the source's other streams.

    :param rate: of the pictures, frames a second; None where they stand on no grid, or are none
    """
    container = setting.container
    subtitles = [each for each in source.others if _becomes(each, setting)]
    timecode = source.timecode if _keeps_timecode(setting, source.timecode, rate) else None
    starts = [each.start for each in subtitles if each.start is not None]
    return Others(
        subtitles=tuple(_subtitle(each, setting) for each in subtitles),
        covers=tuple(
            Cover(stream=each.index, codec=each.codec)
            for each in source.others
            if _is_cover(each) and container in COVERED
        ),
        attachments=source.attachments if container == "mkv" and setting.video else 0,
        chapters=source.chapters if container in CHAPTERED else 0,
        timecode=timecode,
        start=min(starts, default=None),
        notes=() if container in SOUND_ONLY else tuple(_notes(setting, source, timecode)),
    )


def language(container: str, name: str) -> str:
    """Return how a container writes down a language; empty where it cannot, or nobody knows it."""
    if name == "und" or container in SPEECHLESS:
        return ""
    if container in MOV_LIKE and not ISO_639.fullmatch(name):
        return ""
    if container != "mov":
        return name
    return name if name in QUICKTIME_ALIKE else QUICKTIME.get(name, "")


def _becomes(other: OtherFacts, setting: Setting) -> str | None:
    """Return the codec that a subtitle has in the finished file; None: it is not kept."""
    if other.type != "subtitle" or not setting.video:
        return None
    if other.codec in HELD.get(setting.container, ()):
        return other.codec
    return MADE.get(setting.container) if other.codec in TEXT else None


def _subtitle(other: OtherFacts, setting: Setting) -> Subtitle:
    codec = _becomes(other, setting) or other.codec
    is_made = codec != other.codec
    return Subtitle(
        stream=other.index,
        codec=codec,
        is_made=is_made,
        is_stacked=is_made and other.overlaps and setting.container in MOV_LIKE,
        language=language(setting.container, other.language),
        title=other.title,
        disposition=other.disposition,
    )


def _is_cover(other: OtherFacts) -> bool:
    return other.type == "attached" and other.codec in COVERS


def _keeps_timecode(setting: Setting, timecode: str | None, rate: Fraction | None) -> bool:
    if not timecode or not setting.video or setting.container not in TIMECODED:
        return False
    if rate is None or not TIMECODE.fullmatch(timecode):
        return False
    return timecode[8] == ":" or round(rate) % DROPPING == 0


def _notes(setting: Setting, source: Source, timecode: str | None) -> Iterator[str]:
    name, container = setting.name, setting.container
    for each in source.others:
        if _becomes(each, setting) or each.type in KNOWN_DATA:
            continue
        if _is_cover(each) and container in COVERED:
            continue
        what = " ".join(filter(None, (each.type, each.codec, each.language)))
        yield f"{name}: stream {each.index} is not kept in {container}: {what}"
    if source.attachments and container != "mkv":
        yield f"{name}: {container} holds no attachments; {source.attachments} are not kept"
    if source.chapters and container not in CHAPTERED:
        yield f"{name}: {container} holds no chapters; {source.chapters} are not kept"
    if source.timecode and not timecode and container in TIMECODED:
        yield f"{name}: timecode {source.timecode} is not kept: the source has no even frame rate"
