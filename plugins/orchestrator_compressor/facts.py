"""What the probe found, as frozen nouns.  A probe's JSON is read here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

Values = Mapping[str, object]
PACKETS = "packets"  #: the table was made from the packets; it may yet prove wrong
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

    @property
    def depth(self) -> int:
        """How many bits a sample deserves: 16 or 24."""
        return 16 if self.sample_format in {"u8", "u8p", "s16", "s16p"} else 24


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
    others: tuple[str, ...] = ()  #: types of the streams that are neither
    existing: frozenset[str] = frozenset()  #: destinations that stand already
    notes: tuple[str, ...] = ()


def read(values: Values) -> Source:
    """Return the source that a probe's result describes.

    Raises ValueError, naming the key, for a result that is not a probe's.
    """
    try:
        table = cast("Values", values.get("table") or {})
        video = cast("Values | None", values.get("video"))
        audio = cast("Sequence[Values]", values.get("audio", ()))
        others = cast("Sequence[Values]", values.get("others", ()))
        return Source(
            path=str(values.get("path", "")),
            format=str(values["format"]),
            fingerprint=cast("Values", values["fingerprint"]),
            mode=str(table.get("mode", PACKETS)),
            table_file=str(table.get("file", "")),
            table_sha256=str(table.get("sha256", "")),
            video=_video(video) if video else None,
            audio=tuple(_audio(each) for each in audio),
            others=tuple(str(each.get("type", "data")) for each in others),
            existing=frozenset(cast("Mapping[str, object]", values.get("existing", {}))),
            notes=tuple(map(str, cast("Sequence[str]", values.get("notes", ())))),
        )
    except KeyError as error:
        raise ValueError(f"the probe's result lacks {error}; probe the source again") from error


def _video(values: Values) -> VideoFacts:
    sar = _fraction(values.get("sar"))
    rate = _fraction(values.get("rate"))
    order = values.get("field_order")
    return VideoFacts(
        index=_int(values["index"]),
        codec=str(values.get("codec", "")),
        width=_int(values["width"]),
        height=_int(values["height"]),
        pixel_format=str(values["pix_fmt"]),
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
    )


def _audio(values: Values) -> AudioFacts:
    duration, samples = values.get("duration_s"), values.get("samples")
    return AudioFacts(
        index=_int(values["index"]),
        codec=str(values.get("codec", "")),
        rate=_int(values["rate"]),
        channels=_int(values["channels"]),
        start=_fraction(values.get("start")) or Fraction(0),
        duration_s=float(cast("float", duration)) if duration else None,
        sample_format=str(values.get("sample_fmt") or ""),
        samples=None if samples is None else _int(samples),
    )


def _int(value: object) -> int:
    return int(cast("int", value))


def _fraction(value: object) -> Fraction | None:
    """Return ``n/d`` as a fraction; None where the source does not say (nothing, or by 0)."""
    if value is None or str(value).endswith("/0"):
        return None
    return Fraction(str(value))


def _named(value: object) -> str | None:
    return None if value in UNSPECIFIED else str(value)
