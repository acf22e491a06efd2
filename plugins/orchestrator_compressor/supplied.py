"""What a job gives its outputs that its source has not: captions, chapters, names (F-CLI-12)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

from orchestrator_compressor import timecode
from orchestrator_compressor.captions import KINDS
from orchestrator_compressor.marks import SECOND, Chapter, nanoseconds

Values = Mapping[str, object]
Where = tuple[str | int, ...]

LANGUAGES: Mapping[str, str] = {
    **{"ar": "ara", "bg": "bul", "ca": "cat", "cs": "cze", "da": "dan", "de": "ger", "el": "gre"},
    **{"en": "eng", "es": "spa", "et": "est", "fa": "per", "fi": "fin", "fr": "fre", "he": "heb"},
    **{"hi": "hin", "hr": "hrv", "hu": "hun", "id": "ind", "is": "ice", "it": "ita", "ja": "jpn"},
    **{"ko": "kor", "lt": "lit", "lv": "lav", "nl": "dut", "no": "nor", "pl": "pol", "pt": "por"},
    **{"ro": "rum", "ru": "rus", "sk": "slo", "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha"},
    **{"tr": "tur", "uk": "ukr", "vi": "vie", "zh": "chi"},
}
"""Languages in two letters -> in three, as containers write them."""

CLOCK_MARK = "."  #: 00:01:00.000 is a time; with another mark it is a timecode


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A file of captions."""

    path: str
    language: str = ""  #: as it was written: two letters or three
    title: str = ""

    @property
    def kind(self) -> str:
        """srt, vtt, scc or itt."""
        return KINDS[posixpath.splitext(self.path)[1].lower()]

    @property
    def track_language(self) -> str:
        """Its language in three letters."""
        return LANGUAGES.get(self.language, self.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """All of it."""

    captions: tuple[Caption, ...] = ()
    chapters: tuple[tuple[str, str], ...] = ()  #: at, title; in place of the source's
    chapters_file: str = ""  #: likewise, in a file: AT TITLE in each line
    metadata: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    timecode: str | None = None  #: of the first frame

    @property
    def has_chapters(self) -> bool:
        """Whether its chapters replace the source's."""
        return bool(self.chapters or self.chapters_file)


NONE = Supplied()


def read(asks: Values) -> Supplied:
    """Return what a job's ``with``, valid against the schema, gives."""
    captions, chapters = asks.get("captions", ()), asks.get("chapters", ())
    named = [{"path": captions}] if isinstance(captions, str) else captions
    at = cast("Sequence[Values]", () if isinstance(chapters, str) else chapters)
    return Supplied(
        captions=tuple(_caption(each) for each in cast("Sequence[Values]", named)),
        chapters=tuple((str(each["at"]), str(each["title"])) for each in at),
        chapters_file=chapters if isinstance(chapters, str) else "",
        metadata=cast("Mapping[str, str]", asks.get("metadata", {})),
        annotations=cast("Mapping[str, str]", asks.get("annotations", {})),
        timecode=cast("str | None", asks.get("startTimecode")),
    )


def _caption(each: Values) -> Caption:
    said = {key: str(each[key]) for key in ("language", "title") if key in each}
    return Caption(path=str(each["path"]), **said)


def files(asks: Values) -> Iterator[tuple[Where, str]]:
    """Yield each file that is read beside the source, and where it is named."""
    captions, given = asks.get("captions"), read(asks)
    for n, each in enumerate(given.captions):
        yield ("captions",) if isinstance(captions, str) else ("captions", n, "path"), each.path
    if given.chapters_file:
        yield ("chapters",), given.chapters_file


def faults(asks: Values) -> Iterator[tuple[Where, str]]:
    """Yield what is wrong with it beyond the schema, and where."""
    for where, path in files(asks):
        ending = posixpath.splitext(path)[1].lower()
        if where[0] == "captions" and ending not in KINDS:
            known = " ".join(sorted(KINDS))
            yield where, f"ends in {ending or 'nothing'}; captions are read from {known}"
    captions = asks.get("captions", ())
    named = cast("Sequence[Values]", () if isinstance(captions, str) else captions)
    for n, each in enumerate(named):
        language = str(each.get("language", "und"))
        if len(language) == 2 and language not in LANGUAGES:
            text = f"{language}: write this language in three letters"
            yield ("captions", n, "language"), text
    if code := asks.get("startTimecode"):
        yield from ((("startTimecode",), text) for text in _code_faults(str(code)))


def _code_faults(code: str) -> Iterator[str]:
    if timecode.read(code).hours > 23:
        yield f"{code}: a day has 24 hours"


def chapters(
    asked: Sequence[tuple[str, str]],
    end: int,
    rate: Fraction | None,
    first: str | None,
    lead: Fraction = Fraction(0),
) -> tuple[Chapter, ...]:
    """Return chapters by their times from the beginning, in nanoseconds; each ends with the next.

    :param end: of the film
    :param rate: frames a second, for timecode; None: it has no even rate
    :param first: timecode of the first frame
    :param lead: when that is shown, in seconds from the beginning

    Raises ValueError for a time that is none, stands twice, or lies outside of the film.
    """
    found = sorted((_at(text, rate, first, lead), title, text) for text, title in asked)
    starts = [start for start, _, _ in found]
    for (start, _, text), following in zip(found, [*starts[1:], end], strict=True):
        if not 0 <= start < end:
            raise ValueError(f"chapter at {text}: is not within the film of {end / SECOND:.3f} s")
        if start == following:
            raise ValueError(f"chapter at {text}: there are two of them")
    ends = [*starts[1:], end]
    return tuple(
        Chapter(start=start, end=stop, title=title)
        for (start, title, _), stop in zip(found, ends, strict=True)
    )


def lines(text: str) -> tuple[tuple[str, str], ...]:
    """Return the chapters of a file: AT and title in each line; ``#`` begins a remark.

    Raises ValueError that names the line.
    """
    found = []
    for n, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        at, *title = line.strip().replace("\t", " ").split(" ", 1)
        try:
            _check_at(at)
        except ValueError as error:
            raise ValueError(f"line {n}: {error}") from error
        found.append((at, title[0].strip() if title else ""))
    if not found:
        raise ValueError("has no chapters in it")
    return tuple(found)


def _check_at(text: str) -> None:
    if text[8:9] == CLOCK_MARK:
        _clock(text)
    else:
        timecode.read(text)


def _at(text: str, rate: Fraction | None, first: str | None, lead: Fraction) -> int:
    """Return a time, or a timecode counted from the first frame's, in nanoseconds."""
    if text[8:9] == CLOCK_MARK:
        return nanoseconds(_clock(text))
    code = timecode.read(text)
    if rate is None:
        raise ValueError(
            f"chapter at {text}: the film has no even frame rate; write 00:00:00.000 instead"
        )
    if why := timecode.why_not(code, rate):
        raise ValueError(f"chapter at {why}")
    begin = timecode.seconds(timecode.read(first), rate) if first else Fraction(0)
    return nanoseconds(timecode.seconds(code, rate) - begin + lead)


def _clock(text: str) -> Fraction:
    head, _, rest = text.partition(CLOCK_MARK)
    parts = head.split(":")
    if len(parts) != 3 or not all(p.isdecimal() for p in (*parts, rest)):
        raise ValueError(f"{text!r} is no time; write it like 00:01:00.000")
    hours, minutes, seconds = map(int, parts)
    return (hours * 60 + minutes) * 60 + seconds + Fraction(f"0.{rest}")
