"""How many bits pictures get: a setting's ``rate`` as a noun, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A setting's ``video.rate``; all None: the codec has no choice, or the encoder's own."""

    crf: float | None = None  #: constant quality
    qp: int | None = None  #: constant quantizer

    @property
    def quality(self) -> float | None:
        """The number that says how good it is, whichever scale it is on."""
        return self.crf if self.crf is not None else self.qp


def read(spec: Mapping[str, object]) -> Rate:
    """Return the rate that ``video.rate``, valid against the schema, says."""
    crf, qp = spec.get("crf"), spec.get("qp")
    return Rate(
        crf=None if crf is None else float(str(crf)), qp=None if qp is None else int(str(qp))
    )


def faults(rate: Rate, codec: str, crf_max: int) -> Iterator[str]:
    """Yield what is wrong with the rate of a codec, of whose quality scale `crf_max` is the end."""
    if rate.crf is not None and rate.crf > crf_max:
        yield f"video.rate.crf: {codec} has 0 to {crf_max}, not {rate.crf:g}"
    if rate.qp is not None and codec == "vp9":
        yield "video.rate.qp: vp9 has no fixed quantizer; use crf"
