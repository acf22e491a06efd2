"""A quality that is asked for as a VMAF: which CRF gives it is searched on samples, not guessed.

Pure: the controller says where the samples are, the node asks `next_crf` until it says None.  The
same answers always lead to the same CRF.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import cast

from orchestrator.api import Segment
from orchestrator_compressor.codecs import VideoCodec

KEY = "quality"
TOLERANCE = 0.5  #: points of VMAF
SAMPLE_S = 10.0
SAMPLES_MIN = 3
SAMPLES_MAX = 12
SAMPLE_EVERY_S = 300.0  #: a longer source has more samples
POINTS_A_STEP = 1.0  #: of VMAF, lost by one more CRF: a guess, until two are known
STRIDE = 0.5  #: CRF, of the first step towards an end of the scale, at least
SCALES = {
    **dict.fromkeys(("h264", "hevc"), (10.0, 40.0, 0.25)),
    **dict.fromkeys(("vp9", "av1"), (12.0, 60.0, 1.0)),
}
"""Codec, as settings name it -> least, most and step of the CRFs that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """A setting's ``video.quality``, and the CRFs that may be tried for it."""

    vmaf: float
    tolerance: float
    least: float  #: the best CRF that may be taken
    most: float  #: the worst
    step: float  #: from one CRF to the next
    samples: int | None = None  #: None: by the length of the source
    sample_s: float = SAMPLE_S

    def dump(self) -> dict[str, object]:
        """Return it as JSON data, for a node."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a CRF came to."""

    crf: float
    vmaf: float  #: mean of all frames of the samples


def read(spec: Mapping[str, object] | None, name: str) -> Quality | None:
    """Return the quality that ``video.quality`` says, for the codec that settings call `name`."""
    if spec is None:
        return None
    least, most, step = SCALES[name]
    count = spec.get("samples")
    return Quality(
        vmaf=_float(spec["vmaf"]),
        tolerance=_float(spec.get("tolerance", TOLERANCE)),
        least=_float(spec.get("minCrf", least)),
        most=_float(spec.get("maxCrf", most)),
        step=step,
        samples=None if count is None else int(str(count)),
        sample_s=_float(spec.get("sampleSeconds", SAMPLE_S)),
    )


def load(data: Mapping[str, object]) -> Quality:
    """Return the quality that `dump` wrote."""
    return Quality(**cast("Mapping[str, float]", data))  # type: ignore[arg-type]  # samples: int


def keys(name: str) -> frozenset[str]:
    """Return ``quality`` where the codec that settings call `name` can be searched."""
    return frozenset({KEY} if name in SCALES else ())


def faults(spec: Mapping[str, object], wanted: Quality | None, codec: VideoCodec) -> Iterator[str]:
    """Yield what is wrong with the quality of a setting's ``video``."""
    if wanted is None:
        return
    if "rate" in spec:
        yield "video.quality: the CRF is searched for it; remove video.rate, or quality"
    if wanted.least > wanted.most:
        yield f"video.quality: from CRF {wanted.least:g} to {wanted.most:g} is nothing; swap them"
    if wanted.most > codec.crf_max:
        yield f"video.quality.maxCrf: {spec['codec']} has 0 to {codec.crf_max}, not {wanted.most:g}"
    for key, value in (("minCrf", wanted.least), ("maxCrf", wanted.most)):
        if value % wanted.step:
            yield f"video.quality.{key}: steps of {wanted.step:g} are tried; round {value:g}"


def samples(frames: int, duration: Fraction, wanted: Quality) -> tuple[Segment, ...]:
    """Return the parts of an output that are encoded to find the CRF, spread evenly over it.

    All of it where it is short; `duration` in seconds.
    """
    usual = max(SAMPLES_MIN, -int(-duration // Fraction(SAMPLE_EVERY_S)))
    count = wanted.samples or min(SAMPLES_MAX, usual)
    length = Fraction(str(wanted.sample_s))
    each = max(1, round(frames * length / duration)) if duration else frames
    if count * length >= duration or count * each >= frames:
        return (Segment(0, 0, frames),)
    starts = [(2 * n + 1) * frames // (2 * count) - each // 2 for n in range(count)]
    return tuple(Segment(n, a, a + each) for n, a in enumerate(starts))


def next_crf(tried: Sequence[Tried], wanted: Quality) -> float | None:
    """Return the CRF to try next; None: `chosen` knows enough.

    Interpolation between the nearest that is good enough and the nearest that is not; each try
    takes at least a quarter off what is left between them, so that any curve comes to an end.
    While all are on one side, it goes on in strides that double.
    """
    if not tried:
        return _on_grid((wanted.least + wanted.most) / 2, wanted)
    if any(abs(each.vmaf - wanted.vmaf) <= wanted.tolerance for each in tried):
        return None
    good, bad = _nearest(tried, wanted)
    low = wanted.least - wanted.step if good is None else good.crf
    high = wanted.most + wanted.step if bad is None else bad.crf
    if high - low < 2 * wanted.step:  # neighbours, or the end of the scale
        return None
    guess = _guess(tried, good, bad, wanted)
    if good and bad:
        quarter = (high - low) / 4
        guess = min(max(guess, low + quarter), high - quarter)
    else:  # towards an end of the scale: no slower than twice as far each time
        stride = STRIDE * 2 ** (len(tried) - 1)
        guess = max(guess, low + stride) if good else min(guess, high - stride)
    return min(max(_on_grid(guess, wanted), low + wanted.step), high - wanted.step)


def chosen(tried: Sequence[Tried], wanted: Quality) -> Tried:
    """Return what is taken of all that was tried: the nearest to the wish, else one above it.

    Raises ValueError, in words for people, where the best that may be taken is not good enough.
    """
    near = [each for each in tried if abs(each.vmaf - wanted.vmaf) <= wanted.tolerance]
    if near:
        return min(near, key=lambda each: (abs(each.vmaf - wanted.vmaf), -each.crf))
    good, _ = _nearest(tried, wanted)
    if good is None:
        best = min(tried, key=lambda each: each.crf)
        raise ValueError(
            f"VMAF {wanted.vmaf:g} cannot be reached: CRF {best.crf:g}, the best that may be taken, "
            f"comes to {best.vmaf:.2f}; allow a lower minCrf, or ask for less"
        )
    return good


def note(found: Tried, wanted: Quality) -> str:
    """Say what people should know of a choice that is not as asked; empty: it is."""
    if found.vmaf <= wanted.vmaf + wanted.tolerance:
        return ""
    why = "the worst that may be taken" if found.crf >= wanted.most else "the next is below"
    return f"VMAF {found.vmaf:.2f} instead of {wanted.vmaf:g}: CRF {found.crf:g} is {why}"


def _nearest(tried: Sequence[Tried], wanted: Quality) -> tuple[Tried | None, Tried | None]:
    """Return the worst that is good enough and the best that is not.

    Where noise puts a good one behind a bad one, the good one is not believed.
    """
    by_crf = sorted(tried, key=lambda each: each.crf)
    bad = next((each for each in by_crf if each.vmaf < wanted.vmaf), None)
    good = [each for each in by_crf if bad is None or each.crf < bad.crf]
    return (good[-1] if good else None), bad


def _guess(tried: Sequence[Tried], good: Tried | None, bad: Tried | None, wanted: Quality) -> float:
    """Return where a straight line through two known points, or one and a usual slope, is right."""
    if good and bad:
        a, b = good, bad
    else:
        near = sorted(tried, key=lambda each: (abs(each.vmaf - wanted.vmaf), each.crf))
        a = near[0]
        b = near[1] if len(near) > 1 else replace(a, crf=a.crf + 1, vmaf=a.vmaf - POINTS_A_STEP)
    fall = (a.vmaf - b.vmaf) / (b.crf - a.crf)
    return a.crf + (a.vmaf - wanted.vmaf) / (fall if fall > 0 else POINTS_A_STEP)


def _on_grid(crf: float, wanted: Quality) -> float:
    on = round(crf / wanted.step) * wanted.step
    return min(max(on, wanted.least), wanted.most)


def _float(value: object) -> float:
    return float(str(value))
