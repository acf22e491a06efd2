"""Test frames: rendered, looked at and published first, before any other is begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import cast

from orchestrator.frames.spans import Span, frame_text
from orchestrator.model.work import Fault

PREVIEW = "preview"  #: key of `with`, and name of the target of test frames
FRAMES_DEFAULT = ("first", "middle", "last")
NAMED_MAX = 5  #: files that a sentence names


def picked(asks: Mapping[str, object], span: Span) -> tuple[Fraction, ...]:
    """Return the test frames of a job that was reviewed: rising, each once; none: it has none."""
    found = (_number(each, span) for each in _named(asks))
    return tuple(sorted({frame for frame in found if frame is not None}))


def faults(asks: Mapping[str, object], span: Span) -> tuple[Fault, ...]:
    """Return each test frame that the job does not render."""
    first, last = frame_text(span.first), frame_text(span.last)
    steps = f" by {frame_text(span.step)}" if span.step != 1 else ""
    return tuple(
        Fault(
            ("preview", "frames", index),
            f"{each} is not rendered: the job's frames are {first} to {last}{steps}; "
            "name one of them, or first, middle, last",
        )
        for index, each in enumerate(_named(asks))
        if _number(each, span) is None
    )


def gate(asks: Mapping[str, object], files: Sequence[str]) -> str:
    """Return why all other frames wait for a person; empty: they do not.

    :param files: of the test frames, where they are published
    """
    if not files or not _preview(asks).get("approve", True):
        return ""
    more = f" and {len(files) - NAMED_MAX} more" if len(files) > NAMED_MAX else ""
    return f"look at the test frames first: {', '.join(files[:NAMED_MAX])}{more}"


def _preview(asks: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", asks.get("preview", {}))


def _named(asks: Mapping[str, object]) -> Sequence[object]:
    """Return the test frames as a job names them."""
    if "preview" not in asks:
        return ()
    return cast("Sequence[object]", _preview(asks).get("frames", FRAMES_DEFAULT))


def _number(named: object, span: Span) -> Fraction | None:
    """Return the number of a test frame; None: it is not rendered."""
    places = {"first": 0, "middle": (span.count - 1) // 2, "last": span.count - 1}
    if isinstance(named, str):
        return span.first + span.step * places[named]
    frame = Fraction(str(named))
    is_rendered = span.first <= frame <= span.last
    return frame if is_rendered and ((frame - span.first) / span.step).denominator == 1 else None
