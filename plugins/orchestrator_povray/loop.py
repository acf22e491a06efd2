"""POV-Ray's animation loop: which frames it numbers, and where its clock stands at each.

It numbers whole frames from 0, and its clock runs over the whole animation, whichever frames of it
are rendered.  A range that it cannot number is rendered by positions, from 0, with the same clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from orchestrator.api import Job, Span, frame_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """An animation as POV-Ray is told of it."""

    initial: int
    final: int
    begin: Fraction  #: the frame of people that `initial` is
    step: Fraction  #: of people's frames, from one number of POV-Ray's to the next
    clock: tuple[Fraction, Fraction] | None  #: at `initial` and `final`; None: the scene's own
    is_cyclic: bool | None  #: whether the clock comes to its end one frame later; None: as the INI

    def number(self, frame: Fraction) -> int:
        """Return POV-Ray's number of a frame."""
        return self.initial + int((frame - self.begin) / self.step)

    @property
    def digits(self) -> int:
        """Return how wide it writes numbers in names: as wide as the last, or the one after."""
        return len(str(self.final + bool(self.is_cyclic)))

    def words(self, span: Span) -> tuple[str, ...]:
        """Return the words for a part of it."""
        first, last = self.number(span.first), self.number(span.last)
        stride = int(span.step / self.step)
        clock = zip(("+KI", "+KF"), self.clock or (), strict=False)
        cyclic = {True: ("+KC",), False: ("-KC",), None: ()}[self.is_cyclic]
        return (
            *cyclic,
            f"+KFI{self.initial}",
            f"+KFF{self.final}",
            *(f"{option}{_decimal(value)}" for option, value in clock),
            f"+SF{first}",
            f"+EF{last}",
            *((f"+STP{stride}",) if stride > 1 else ()),
        )


def whole(job: Job) -> tuple[Fraction, Fraction]:
    """Return the first and the last frame of the animation that the clock runs over."""
    said = _map(job, "animation") or _map(job, "frames")
    return Fraction(str(said["start"])), Fraction(str(said["end"]))


def loop_of(job: Job) -> Loop:
    """Return the loop of a job that was reviewed.

    One frame alone has no clock to run (POV-Ray would divide by 0): it is told of a second.
    """
    said, asked = _map(job, "clock"), _map(job, "frames")
    clock = (Fraction(str(said.get("start", 0))), Fraction(str(said.get("end", 1))))
    first, last = whole(job)
    start, end, step = (Fraction(str(asked.get(key, 1))) for key in ("start", "end", "step"))
    if all(number.denominator == 1 and number >= 0 for number in (first, last, start, step)):
        return Loop(
            initial=int(first),
            final=max(int(last), int(first) + 1),
            begin=first,
            step=Fraction(1),
            clock=clock if said else None,
            is_cyclic=cast("bool | None", job.asks.get("cyclic")),
        )
    pace = (clock[1] - clock[0]) / (last - first + bool(job.asks.get("cyclic")) or 1)
    final = max(int((end - start) / step), 1)
    at = [clock[0] + pace * (frame - first) for frame in (start, start + step * final)]
    return Loop(
        initial=0, final=final, begin=start, step=step, clock=(at[0], at[1]), is_cyclic=False
    )


def _map(job: Job, key: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", job.asks.get(key, {}))


def _decimal(number: Fraction) -> str:
    if number.denominator == 1:
        return frame_text(number)
    return f"{float(number):.12f}".rstrip("0")
