"""How many bits pictures get: a setting's ``rate`` as a noun, and what is wrong with it.

A target rate over many parts is shared out by what a first pass found (`share`): each part by
itself would take what it was given and no more, a still one too much, a busy one too little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from orchestrator_compressor.codecs import VideoCodec

UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}
LEAST_BPS = 10_000  #: a size that leaves less for the pictures is a mistake
STEP_BPS = 1000  #: encoders know whole thousands only; 0 would mean another kind of control
ONE_OF = ("crf", "qp", "average", "size")
MOVIE_BYTES = 4096  #: of a file without frames
FRAME_BYTES = 16  #: of a frame in a container's tables
PACKET_BYTES = 8  #: of a packet of sound
PACKET_SAMPLES = 1024
ONE_PASS = frozenset({"av1"})  #: codecs that keep to an average without a first pass
UNCOUNTABLE = frozenset({"flac", "alac"})  #: sound whose size shows only when it is encoded


class Phase(Enum):
    """What an encoder is run for."""

    ONLY = "only"  #: there is no other pass
    FIRST = "first"  #: to see what the pictures need
    SECOND = "second"  #: with what the first found


QSCALE = (1, 31)  #: quantizers of MPEG-2 and MJPEG


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A setting's ``video.rate``; all None: the codec has no choice, or the encoder's own."""

    crf: float | None = None  #: constant quality
    qp: int | None = None  #: constant quantizer
    average: int | None = None  #: bits a second
    size: int | None = None  #: bytes of the whole file
    maximum: int | None = None  #: bits a second, into a player's buffer
    buffer: int | None = None  #: bits that a player can hold
    passes: int | None = None  #: None: two for a target rate, where the codec has them
    phase: Phase = Phase.ONLY
    level: str | None = None  #: what players must be able to do; None: the encoder's choice
    fill: str | None = None  #: of the buffer at the beginning, 0 to 1; None: as encoders reckon

    @property
    def quality(self) -> float | None:
        """The number that says how good it is, whichever scale it is on."""
        return self.crf if self.crf is not None else self.qp

    @property
    def is_target(self) -> bool:
        """Whether the number of bits is given, not the quality."""
        return self.average is not None or self.size is not None

    @property
    def is_constant(self) -> bool:
        """Whether it may never be higher than on average."""
        return self.average is not None and self.average == self.maximum


@dataclass(frozen=True, slots=True)
class Weight:
    """What a first pass found of a part."""

    bits: int
    seconds: Fraction

    @property
    def density(self) -> Fraction:
        """Bits a second."""
        return self.bits / self.seconds


def read(spec: Mapping[str, object]) -> Rate:
    """Return the rate that ``video.rate``, valid against the schema, says."""
    crf, qp, passes = (spec.get(key) for key in ("crf", "qp", "passes"))
    return Rate(
        crf=None if crf is None else float(str(crf)),
        qp=None if qp is None else int(str(qp)),
        average=number(spec.get("average")),
        size=number(spec.get("size")),
        maximum=number(spec.get("maximum")),
        buffer=number(spec.get("buffer")),
        passes=None if passes is None else int(str(passes)),
    )


def number(text: object) -> int | None:
    """Return what ``4.5M`` means; None of nothing."""
    if text is None:
        return None
    digits = str(text)
    return int(Fraction(digits[:-1]) * UNITS[digits[-1]])


def faults(rate: Rate, name: str, codec: VideoCodec) -> Iterator[str]:
    """Yield what is wrong with the rate of a codec, which settings call `name`."""
    given = [key for key in ONE_OF if getattr(rate, key) is not None]
    if len(given) > 1:
        yield f"video.rate: {' and '.join(given)} exclude each other; choose one"
    if not given and (rate.maximum or rate.buffer or rate.passes):
        yield f"video.rate: names none of {', '.join(ONE_OF)}; add one"
    if rate.crf is not None and not codec.crf_max:
        yield f"video.rate.crf: {name} has no such scale; use qp"
    elif rate.crf is not None and rate.crf > codec.crf_max:
        yield f"video.rate.crf: {name} has 0 to {codec.crf_max}, not {rate.crf:g}"
    if rate.qp is not None and name in {"vp9", "av1"}:
        yield f"video.rate.qp: {name} has no fixed quantizer; use crf"
    if rate.qp is not None and not codec.crf_max and not QSCALE[0] <= rate.qp <= QSCALE[1]:
        yield f"video.rate.qp: {name} has {QSCALE[0]} to {QSCALE[1]}, not {rate.qp}"
    if rate.is_target and not codec.statistics and name not in ONE_PASS:
        yield f"video.rate: {name} keeps to no average or size; use {'crf' if codec.crf_max else 'qp'}"
    if rate.passes is not None and given and not rate.is_target:
        yield f"video.rate.passes: is for average and size, not for {given[0]}; remove it"
    yield from _buffer_faults(rate, name, codec)


def _buffer_faults(rate: Rate, name: str, codec: VideoCodec) -> Iterator[str]:
    if rate.maximum is None and rate.buffer is None:
        return
    if not codec.buffered:
        yield f"video.rate.maximum: {name} keeps to none; remove maximum and buffer"
    elif rate.qp is not None:
        yield "video.rate.maximum: a fixed quantizer keeps to none; use crf"
    elif rate.buffer is None:
        yield "video.rate.maximum: says nothing without a buffer; add how much a player can hold"
    elif rate.maximum is None:
        yield "video.rate.buffer: says nothing without a maximum; add how fast it is filled"
    elif rate.average is not None and rate.average > rate.maximum:
        yield "video.rate.average: is above maximum; lower it"


def sound_faults(rate: Rate, audio: str | None, *, copied: bool) -> Iterator[str]:
    """Yield why the size of a whole file cannot be kept to with this sound."""
    if rate.size is None:
        return
    if copied or audio in UNCOUNTABLE:
        which = "copied sound" if copied else f"{audio}"
        yield f"video.rate.size: how large {which} gets is not known before; use average"


def why_whole(rate: Rate, name: str, codec: VideoCodec) -> str | None:
    """Return why a picture of this rate cannot be cut, in half a sentence; None: it can."""
    if not rate.is_target:
        return None
    if rate.passes == 1:
        return "its setting says passes: 1, and one pass does not know what other parts need"
    if not codec.statistics:
        return f"{name} has one pass only, which does not know what other parts need"
    if codec.statistics != "parts":
        return f"the first pass of {name} does not tell what a part needs"
    if rate.is_constant:
        return "a constant rate is kept over all of it"
    return None


def has_two_passes(rate: Rate, codec: VideoCodec) -> bool:
    """Return whether an analysis comes before the encode."""
    return rate.is_target and rate.passes != 1 and bool(codec.statistics)


def average(rate: Rate, seconds: Fraction, frames: int, sound: float) -> int | None:
    """Return how many bits a second the pictures may have; None: as many as their quality takes.

    :param sound: bits of all sound
    Raises ValueError, half a sentence, for a size that the pictures do not fit in.
    """
    if rate.size is None:
        return rate.average
    table = 8 * (MOVIE_BYTES + FRAME_BYTES * frames)
    bits = int((8 * rate.size - table - Fraction(sound)) / seconds)
    if bits < LEAST_BPS:
        raise ValueError(
            f"video.rate.size: {rate.size} bytes leave {max(0, bits)} bits a second for pictures of "
            f"{float(seconds):.0f} s; name a larger size"
        )
    return bits if rate.maximum is None else min(bits, rate.maximum)


def sound_table(samples: int) -> int:
    """Return how many bits a container's tables take for so many samples of encoded sound."""
    return 8 * PACKET_BYTES * -(-samples // PACKET_SAMPLES)


def share(parts: Sequence[Weight], average: int, maximum: int | None = None) -> Fraction:
    """Return by how much more bits each part gets than its first pass took.

    Together they have `average` bits a second.  None has more than `maximum`: what is left of the
    share of such a part is given to the others.
    """
    left = average * sum((part.seconds for part in parts), Fraction())
    bits = sum(part.bits for part in parts)
    scale = Fraction(0)
    for part in sorted(parts, key=lambda part: part.density, reverse=True):
        scale = Fraction(left) / bits
        if maximum is None or scale * part.density <= maximum:
            return scale
        left -= maximum * part.seconds
        bits -= part.bits
        scale = maximum / part.density  # should all be at the maximum, this is the least of it
    return scale


def shared(part: Weight, scale: Fraction, maximum: int | None = None) -> int:
    """Return how many bits a second a part gets, in whole thousands."""
    rate = max(STEP_BPS, round(scale * part.density / STEP_BPS) * STEP_BPS)
    return rate if maximum is None else min(rate, maximum)
