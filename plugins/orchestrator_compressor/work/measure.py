"""The quality of a finished file, a figure a frame and metric, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator_compressor.measure import LOGS
from orchestrator_compressor.table import Output
from orchestrator_compressor.work import child, figures

LABEL = "gate"  #: of progress lines


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured."""

    rows: Mapping[str, Sequence[float]] = field(default_factory=dict)  #: metric -> of each frame
    why_not: str = ""  #: in one sentence, where something was asked for and could not be


def measure(
    words: list[str], metrics: Sequence[str], frames: int | None, times: Output | None
) -> Measured:
    """Measure by `words`; a file of another number of frames than planned is not compared."""
    if not metrics or not words or times is None:
        return Measured()
    planned = len(times.pts)
    if frames != planned:
        return Measured(
            why_not=f"the file has {frames} frames and the plan {planned}: none stands for another"
        )
    ended = child.run(words, label=LABEL)
    if ended.code:
        said = child.bare(ended.tail[-1]) if ended.tail else "it said nothing"
        return Measured(why_not=f"the comparison ended with code {ended.code}: {said}")
    rows = {each: figures.read(each, Path(LOGS[each])) for each in metrics}
    for each in metrics:
        Path(LOGS[each]).unlink()
    if short := [len(each) for each in rows.values() if len(each) != planned]:
        return Measured(
            why_not=f"{short[0]} frames of file and source met instead of {planned}:"
            " one of them ends early"
        )
    return Measured(rows)
