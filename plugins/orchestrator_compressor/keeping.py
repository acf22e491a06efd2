"""What a setting says of all beside pictures and sound: what is kept, and what is put beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

Spec = Mapping[str, object]
ANY = ""  #: captions of whatever language, the first
DROP = "drop"
WIDTH = 320  #: of a thumbnail, in pixels
SHEET_WIDTH = 1280


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time of a film: after so many seconds, or that part of it."""

    seconds: Fraction | None = None
    part: Fraction | None = None  #: 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnails:
    """Small pictures of the film, beside it."""

    every: Fraction  #: seconds
    width: int
    format: str  #: jpeg | png


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A picture of many small ones."""

    columns: int
    rows: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """All of it."""

    embed: bool | None = None  #: captions as tracks; None: as far as the file's own can
    sidecar: str | None = None  #: srt, vtt, scc, itt
    burn: str | None = None  #: the language whose captions become part of the pictures, or `ANY`
    chapters: bool = True
    metadata: bool = True
    timecode: bool = True
    poster: Moment | None = None
    thumbnails: Thumbnails | None = None
    sheet: Sheet | None = None


ALL = Keeping()


def read(spec: Spec) -> Keeping:
    """Return what a setting's spec, valid against the schema, says of it."""
    captions = cast("Spec", spec.get("captions", {}))
    burn, sidecar = captions.get("burnIn", False), captions.get("sidecar")
    poster, small = cast("Spec", spec.get("poster", {})), spec.get("thumbnails")
    return Keeping(
        embed=cast("bool | None", captions.get("embed")),
        sidecar=None if sidecar is None else str(sidecar),
        burn=None if burn is False else ANY if burn is True else str(burn),
        chapters=spec.get("chapters") != DROP,
        metadata=spec.get("metadata") != DROP,
        timecode=spec.get("timecode") != DROP,
        poster=_moment(str(poster["at"])) if poster else None,
        thumbnails=_thumbnails(cast("Spec", small)) if small else None,
        sheet=_sheet(cast("Mapping[str, int]", spec.get("contactSheet"))),
    )


def faults(keeping: Keeping, *, has_video: bool) -> Iterator[str]:
    """Yield what is wrong with it beyond the schema."""
    if keeping.poster and keeping.poster.part is not None and keeping.poster.part > 1:
        yield "poster.at: a film has no more than 100%"
    if has_video:
        return
    asked = {
        "captions.burnIn": keeping.burn is not None,
        "thumbnails": keeping.thumbnails,
        "contactSheet": keeping.sheet,
    }
    for key in (key for key, value in asked.items() if value):
        yield f"{key}: there are no pictures; add video, or remove it"


def _moment(text: str) -> Moment:
    if text.endswith("%"):
        return Moment(part=Fraction(text[:-1]) / 100)
    return Moment(seconds=Fraction(text.removesuffix("s")))


def _thumbnails(spec: Spec) -> Thumbnails:
    return Thumbnails(
        every=Fraction(str(spec["every"]).removesuffix("s")),
        width=cast("int", spec.get("width", WIDTH)),
        format=str(spec.get("format", "jpeg")),
    )


def _sheet(spec: Mapping[str, int] | None) -> Sheet | None:
    if not spec:
        return None
    return Sheet(columns=spec["columns"], rows=spec["rows"], width=spec.get("width", SHEET_WIDTH))
