"""The finishing pass: one ffmpeg that encodes no picture and no sound; streams, offsets, names meet.

Pictures and sound come from the parts we made, all else from the source.  Where each begins is said
at its input; ``-copyts`` then keeps ffmpeg from moving it to its own start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from orchestrator_compressor import streams
from orchestrator_compressor.codecs import MOV_LIKE
from orchestrator_compressor.encoders import Words
from orchestrator_compressor.facts import Source
from orchestrator_compressor.product import Picture, Product
from orchestrator_compressor.recipe import Means, begin, guarded, opened
from orchestrator_compressor.streams import POSTER, POSTER_FILE, Subtitle

TAGS = {"hevc": "hvc1"}  #: what players look for, where it is not ffmpeg's own choice
TIMESCALE = 90000  #: of a movie header, where no exact one is small enough
TIMESCALE_MAX = 10_000_000
WAV_MAX = 4_000_000_000  #: bytes of samples that a plain wav surely holds
DEMUXERS = {
    **{".mov": "mov", ".m4a": "mov", ".mp4": "mov", ".mkv": "matroska"},
    **{".ffmeta": "ffmetadata", ".jpg": "jpeg_pipe"},
}
"""Suffix of a file of ours -> demuxer that may open it, where it is not called like the suffix."""
VIDEO = "video"  #: stem of the joined pictures
CHAPTERS = "chapters.ffmeta"
NOWHERE = "-1"  #: in place of an input
STILL = ("-frames:v", "1", "-f", "image2", "-update", "1")
"""How a single picture is written."""
ATTACHING = frozenset({"mkv"})  #: containers in which a cover picture is a file, not a stream
MIME = {"mjpeg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The files that the finishing pass joins."""

    video: str | None  #: the assembled pictures
    audio: tuple[str, ...]  #: of the audio task, a file for each track
    chapters: str | None = None  #: those of the source, by its new beginning
    subtitles: dict[int, str] = field(default_factory=dict)  #: stacked or cut ones, by stream
    covers: dict[int, str] = field(default_factory=dict)  #: those that are attached, by stream
    poster: str | None = None  #: a cover that is made, and a stream of the file


def parts(
    product: Product,
    source: Source,
    here: Callable[[str], str],
    audio: Sequence[str],
    made: Callable[[str], str] = str,
) -> Parts:
    """Return the files that the pass needs; all but `audio` are made just before it, ``here``.

    :param made: where a file of the streams task is
    """
    others, picture = product.others, product.picture
    attached = others.covers if product.setting.container in ATTACHING else ()
    return Parts(
        video=here(VIDEO + picture.video.codec.suffix) if picture else None,
        audio=tuple(audio),
        chapters=here(CHAPTERS) if others.chapters else None,
        subtitles={
            each.stream: made(each.file)
            if each.file
            else here(f"subtitle-{each.stream}{_suffix(each, source)}")
            for each in others.subtitles
            if each.is_stacked or each.file or source.span
        },
        covers={
            each.stream: made(each.file) if each.stream == POSTER else here(each.file)
            for each in attached
        },
        poster=made(POSTER_FILE)
        if not attached and any(each.stream == POSTER for each in others.covers)
        else None,
    )


def _suffix(subtitle: Subtitle, source: Source) -> str:
    """Return the ending of a file that can hold the track: as one cue a time, or as it is."""
    if subtitle.is_stacked:
        return ".srt"
    codecs = {each.index: each.codec for each in source.others}
    return ".mp4" if codecs.get(subtitle.stream) == "mov_text" else ".mkv"


@dataclass(slots=True)
class Inputs:
    """The inputs so far, and which is which."""

    words: Words = field(default_factory=list)
    count: int = 0

    def add(self, words: Words, start: Fraction | None = None) -> str:
        """Append one and return its number; `start`: what is added to its times."""
        offset = [] if start is None else ["-itsoffset", _seconds(start)]
        self.words += [*offset, *words]
        self.count += 1
        return str(self.count - 1)


def finish(means: Means, source: Source, product: Product, parts: Parts, out: str) -> Words:
    """Return the words that make the finished file of its parts and its source."""
    zero, inputs, maps = product.zero, Inputs(), list[str]()
    if parts.video and product.picture:
        maps += ["-map", inputs.add(_ours(parts.video), product.picture.start - zero) + ":v"]
    for path, sound in zip(parts.audio, product.sounds, strict=False):
        maps += ["-map", inputs.add(_ours(path), sound.start - zero) + ":a"]
    made = {
        n: inputs.add(_ours(path), -zero if n >= 0 else Fraction(0))  # ours begin with the file
        for n, path in parts.subtitles.items()
    }
    if parts.poster:
        made[POSTER] = inputs.add(_ours(parts.poster))
    chapters = inputs.add(_ours(parts.chapters)) if parts.chapters else None
    # images have nothing to tell
    last = NOWHERE if source.images else inputs.add(opened(source), -zero)
    is_bare = source.span is not None or (source.chapters and not product.others.chapters)
    theirs = NOWHERE if is_bare else last
    for each in product.copied:
        maps += ["-map", f"{last}:{each.index}"]
    return [
        *begin(means),
        "-copyts",  # else each input is moved to its own start
        *inputs.words,
        *maps,
        *_maps(product, parts, last, made),
        *("-map_metadata", _named(product, parts, last)),
        *("-map_chapters", chapters or theirs),
        *("-c", "copy"),
        *_names(product, parts),
        *_tags(product),
        *_timecode(source, product),
        *(w for k, v in product.extras.metadata.items() for w in ("-metadata", f"{k}={v}")),
        out,
    ]


def _maps(product: Product, parts: Parts, last: str, made: dict[int, str]) -> Iterator[str]:
    others = product.others
    for each in others.subtitles:
        own = made.get(each.stream)
        yield from ("-map", f"{own}:0" if own else f"{last}:{each.stream}")
    for cover in others.covers:
        if cover.stream == POSTER and parts.poster:
            yield from ("-map", f"{made[POSTER]}:0")
        elif cover.stream not in parts.covers:
            yield from ("-map", f"{last}:{cover.stream}")
    if others.attachments:
        yield from ("-map", f"{last}:t")
    for path in parts.covers.values():
        yield from ("-attach", path)


def _names(product: Product, parts: Parts) -> Iterator[str]:
    """Yield what streams are called and made of, where ffmpeg does not bring it along by itself."""
    others, container = product.others, product.setting.container
    for n, heard in enumerate(product.heard):
        yield from _said(f"a:{n}", "language", streams.language(container, heard.language))
    for n, sound in enumerate(product.sounds):
        yield from _said(f"a:{n}", "title", sound.title)
        if sound.disposition or len(product.sounds) > 1:
            yield from (f"-disposition:a:{n}", sound.disposition or "0")
    for n, each in enumerate(others.subtitles):
        if each.is_made:
            yield from (f"-c:s:{n}", ENCODERS.get(each.codec, each.codec))
        yield from _said(f"s:{n}", "language", each.language)
        yield from _said(f"s:{n}", "title", each.title)
        if each.disposition:
            yield from (f"-disposition:s:{n}", each.disposition)
    mapped = [cover for cover in others.covers if cover.stream not in parts.covers]
    for n, _ in enumerate(mapped, start=1 if product.picture else 0):
        yield from (f"-disposition:v:{n}", "attached_pic")
    attached = [cover for cover in others.covers if cover.stream in parts.covers]
    for n, cover in enumerate(attached, start=others.attachments):
        yield from _said(f"t:{n}", "mimetype", MIME[cover.codec])
        yield from _said(f"t:{n}", "filename", cover.file)


ENCODERS = {"subrip": "srt"}  #: codec -> its encoder, where that has another name


def _said(stream: str, key: str, value: str) -> Words:
    return [f"-metadata:s:{stream}", f"{key}={value}"] if value else []


def _tags(product: Product) -> Words:
    """Return what the container alone can say, or says in a way of its own."""
    setting, picture = product.setting, product.picture
    if setting.container in MOV_LIKE:
        fast = ["-movflags", "+faststart"] if setting.faststart else []
        tag = TAGS.get(picture.video.name) if picture else None
        return [
            *fast,
            *(["-tag:v:0", tag] if tag else []),
            *("-movie_timescale", str(_timescale(product))),
        ]
    if setting.container == "wav" and _is_long(product):
        return ["-rf64", "auto"]
    if picture is None or picture.video.codec.suffix != ".mkv":
        return []
    shape = picture.sar * picture.width / picture.height
    return [
        *(["-color_range", "pc"] if _is_range_unsaid(picture) else []),
        *(["-aspect", f"{shape.numerator}:{shape.denominator}"] if picture.sar != 1 else []),
    ]


def _is_long(product: Product) -> bool:
    """Whether a wav might not be able to say its own length."""
    sound = product.sound
    if sound is None or sound.samples is None:
        return True
    return sound.samples * sound.channels * sound.depth // 8 > WAV_MAX


def _timecode(source: Source, product: Product) -> Words:
    """Return the timecode, set once for the whole; one that does not fit must not come along."""
    code, container = product.others.timecode, product.setting.container
    if code and product.others.covers and container in MOV_LIKE:  # else a cover has one, too
        return ["-metadata", "timecode=", "-metadata:s:v:0", f"timecode={code}"]
    if code:
        return ["-timecode", code]
    # that of a part may be unknown, and then the source's own must not come along
    return ["-metadata", "timecode="] if source.timecode or source.span else []


def _named(product: Product, parts: Parts, last: str) -> str:
    """Return the input whose names the file gets: the source, or a part of ours, which has none.

    None at all would take the names of streams with them.
    """
    if product.setting.keeping.metadata and last != NOWHERE:
        return last
    return "0" if parts.video or parts.audio else NOWHERE


def _is_range_unsaid(picture: Picture) -> bool:
    return picture.colour.range == "pc" and not picture.video.codec.says_range


def _timescale(product: Product) -> int:
    """Return ticks a second in which starts and lengths are whole; else they are rounded to ms."""
    rates = (heard.rate for heard in product.heard)
    ticks = lcm(product.picture.tb.denominator if product.picture else 1, *rates)
    return ticks if ticks <= TIMESCALE_MAX else TIMESCALE


def _ours(path: str) -> Words:
    suffix = path[path.rindex(".") :]
    named = ["-f", "jpeg_pipe"] if suffix == ".jpg" else []  # else its ending decides
    return [*named, *guarded(DEMUXERS.get(suffix, suffix[1:]), path)]


def _seconds(value: Fraction) -> str:
    text = f"{float(value):.6f}"
    return "0.000000" if text == "-0.000000" else text
