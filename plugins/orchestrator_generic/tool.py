"""Any program that renders frames, as a job and its template describe it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import cast

from orchestrator.api import (
    Cause,
    Fault,
    Job,
    Order,
    Pattern,
    Secret,
    Span,
    Trouble,
    frame_pattern,
    frame_text,
)
from orchestrator_generic import recipe, words
from orchestrator_generic.keys import KEYS

NUMBER = re.compile(r"(?:(?<![^\s=:(])-)?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Tool:
    """A renderer, of one job: nothing is known of it but what the job says."""

    asks: Mapping[str, object] = field(default_factory=dict)  #: the template's keys, too
    given: Collection[str] = ()  #: which of them the job itself says

    name = "generic"
    title = "any program"
    keys = KEYS
    required = ()

    @property
    def watch(self) -> str | None:
        """The job's `progress`."""
        return cast("str | None", self.asks.get("progress"))

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The job's `errors`."""
        errors = cast("Sequence[Mapping[str, str]]", self.asks.get("errors", ()))
        return tuple(
            Trouble(
                line=each["line"],
                says=each["says"],
                cause=Cause.UNREADY if each.get("waits") else Cause.FAILED,
            )
            for each in errors
        )

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Try words, names and expressions: nothing of them is found out on a node."""
        return tuple(recipe.faults(self.asks, self.given, job.split.frames))

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return the input, if there is one."""
        return (("input", str(job.asks["input"])),) if "input" in job.asks else ()

    def licences(self, job: Job) -> tuple[str, ...]:
        """Return the job's or its template's `licences`."""
        return tuple(cast("Sequence[str]", self.asks.get("licences", ())))

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the format with this segment's values; `options` stand last, or where it says."""
        form = cast("Sequence[str]", self.asks["format"])
        options = cast("Sequence[str]", self.asks.get("options", ()))
        values, argv = _values(order), list[str]()
        for word in form if words.OPTIONS in form else (*form, words.OPTIONS):
            argv += options if word == words.OPTIONS else [words.filled(word, values)]
        return tuple(argv)

    def made(self, order: Order, frame: Fraction) -> str:
        """Return the name that `frameName` tells, else the one that people want."""
        return self._names(order).path(frame)

    def done(self, span: Span, line: str) -> int | None:
        """Return how many frames of a segment the line that `progress` matched tells."""
        hit = re.search(self.watch or "", line)
        if hit is None:
            return None
        known = {name: text for name, text in hit.groupdict().items() if name in recipe.GROUPS}
        name, text = next(iter(known.items()), ("", hit[0]))
        number = NUMBER.search(text or "")
        if number is None:
            return None
        if not name:
            name = "percent" if hit.string[hit.start() + number.end() :][:1] == "%" else "frame"
        return _frames(span, name, Fraction(number[0]))

    def _names(self, order: Order) -> Pattern:
        wanted = order.pattern
        text = self.asks.get("frameName")
        if text is None:
            return replace(wanted, folder="")
        found = frame_pattern(words.filled(str(text), _values(order)))
        assert found is not None  # `review` has refused it
        return replace(found, decimals=wanted.decimals)


def _values(order: Order) -> Mapping[str, str]:
    asks, span, pattern = order.asks, order.span, order.pattern
    return {
        "executable": order.program,
        "input": order.where.source(str(asks.get("input", ""))),
        "item": str(asks.get("item", "")),
        "start": frame_text(span.first),
        "end": frame_text(span.last),
        "step": frame_text(span.step),
        "count": str(span.count),
        "output": order.folder,
        "prefix": pattern.prefix,
        "suffix": pattern.suffix,
        "digits": str(pattern.digits),
        "hashes": "#" * pattern.digits,
        "name": pattern.name(span.first),
    }


def _frames(span: Span, name: str, number: Fraction) -> int:
    """Return frames done: a frame that is named has begun, those before it are done."""
    if name == "percent":
        return int(number * span.count / 100)
    if name == "count":
        return int(number)
    return int((number - span.first) / span.step)
