"""When frames are shown: what a setting asks of frame rate and fields, and what a source gets of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from orchestrator_compressor import filters, table
from orchestrator_compressor.chain import Filter
from orchestrator_compressor.facts import Source, VideoFacts
from orchestrator_compressor.table import Output, Table

AS_SOURCE = "source"
CONFORM = "conform"
DOUBLED = "doubled"
PLAY = "play"
NONE, FRAME, FIELD = "none", "frame", "field"
PROGRESSIVE = "progressive"
ORDERS = {"top": "tff", "bottom": "bff"}
SHORT = {
    **{"23.976": Fraction(24000, 1001), "23.98": Fraction(24000, 1001)},
    **{"29.97": Fraction(30000, 1001), "47.952": Fraction(48000, 1001)},
    **{"59.94": Fraction(60000, 1001), "119.88": Fraction(120000, 1001)},
}
"""Rates as people shorten them -> what they mean; no other number with a point is taken."""
USUAL = (
    *(Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30)),
    *(Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60), Fraction(15), Fraction(12)),
)
RATE_MAX = 300
EXACT = re.compile(r"([1-9][0-9]{0,6})(?:/([1-9][0-9]{0,6}))?")
BWDIF = filters.Takes(gray=8, clear=10)
SHARED = ("yuv420", "yuvj420", "yuva420", "yuv410", "yuv440", "yuvj440")
BWDIF_HANDLE = 1  #: it looks at the frame before and the frame after
FRAMES = re.compile(r"(\d\d:\d\d:\d\d[:;.])(\d\d)")

Spec = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A setting's ``frameRate``, ``deinterlace`` and ``fieldOrder``."""

    rate: str | None = None  #: as written; None: the source's
    is_played: bool = False  #: the source's frames, one by one, at `rate`
    deinterlace: str = NONE  #: none, frame or field
    field_order: str = AS_SOURCE  #: source, progressive, top or bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How the frames of an output follow from those of its source; `table.output` knows the kinds."""

    kind: str = AS_SOURCE  #: source, conform, doubled or play
    rate: Fraction | None = None  #: of conform and play

    @property
    def spec(self) -> dict[str, str]:
        """The words by which nodes make the table of the output."""
        return {"kind": self.kind, **({"rate": str(self.rate)} if self.rate else {})}

    def output(self, times: Table) -> Output:
        """Return when each frame of the output is shown."""
        return table.output(times, self.spec)

    def grid(self, times: Table) -> Table:
        """Return the output as a table that can be cut: its frames, where the source's keys fall."""
        if self.kind == AS_SOURCE:
            return times
        out = self.output(times)
        keys, scenes = (
            tuple(sorted({self._frame(times, out, frame) for frame in frames}))
            for frames in (times.keys, times.scenes)
        )
        return Table(
            tb=out.tb, pts=out.pts, keys=keys, last_duration=out.last_duration, scenes=scenes
        )

    def _frame(self, times: Table, out: Output, frame: int) -> int:
        """Return the first frame of the output that shows `frame` of the source, or a later one."""
        if self.rate is None or self.kind == PLAY:
            return 2 * frame if self.kind == DOUBLED else frame
        tick = table.nearest(times.pts[frame] * times.tb * self.rate)
        return min(tick - out.pts[0], len(out.pts) - 1)

    def start(self, facts: VideoFacts) -> Fraction:
        """Return when the first frame is shown, in seconds of the source's clock."""
        if self.kind != CONFORM or not self.rate:
            return facts.start
        return table.nearest(facts.start * self.rate) / self.rate

    def tb(self, facts: VideoFacts) -> Fraction:
        """Return the seconds of a tick of the output's times."""
        if self.rate:
            return 1 / self.rate
        return facts.tb / 2 if self.kind == DOUBLED else facts.tb

    def frames_s(self, facts: VideoFacts) -> Fraction | None:
        """Return the average rate, frames a second; None: unknown."""
        if self.rate or facts.rate is None:
            return self.rate
        return facts.rate * 2 if self.kind == DOUBLED else facts.rate

    def is_even(self, facts: VideoFacts) -> bool:
        """Whether the frames of the output stand on a grid."""
        return self.rate is not None or facts.is_even


def read(spec: Spec) -> Wish:
    """Return the wish that a setting's ``video``, valid against the schema, says."""
    rate = spec.get("frameRate", AS_SOURCE)
    is_played = isinstance(rate, Mapping)
    value = cast("Spec", rate)[PLAY] if is_played else rate
    return Wish(
        rate=None if value == AS_SOURCE else _text(value),
        is_played=is_played,
        deinterlace=str(spec.get("deinterlace", NONE)),
        field_order=str(spec.get("fieldOrder", AS_SOURCE)),
    )


def faults(wish: Wish, codec: str, *, keeps_fields: bool) -> Iterator[str]:
    """Yield what is wrong with a wish; `keeps_fields`: the codec can hold two fields a frame."""
    if wish.rate is not None:
        try:
            _rate(wish.rate)
        except ValueError as error:
            yield f"video.frameRate: {error}"
        if wish.deinterlace == FIELD:
            yield (
                "video.frameRate: with deinterlace: field the rate is twice the source's; remove "
                "frameRate, or choose deinterlace: frame"
            )
    if wish.field_order in ORDERS:
        if not keeps_fields:
            yield f"video.fieldOrder: {codec} keeps no fields; choose progressive"
        if wish.deinterlace != NONE:
            yield "video.fieldOrder: what is deinterlaced has no fields; remove one of the two"


def settle(wish: Wish, facts: VideoFacts, *, on_grid: bool = False) -> Timing:
    """Return what becomes of the times of a source.

    :param on_grid: the output's frames must stand on an exact grid; those of a source that do not
        are conformed to the usual rate that is nearest to theirs
    """
    if wish.rate is not None:
        return Timing(kind=PLAY if wish.is_played else CONFORM, rate=_rate(wish.rate))
    if on_grid and not facts.is_grid:
        theirs = facts.rate or USUAL[0]
        return Timing(kind=CONFORM, rate=min(USUAL, key=lambda rate: abs(rate - theirs)))
    is_doubled = wish.deinterlace == FIELD and facts.first_field is not None
    return Timing(kind=DOUBLED if is_doubled else AS_SOURCE)


def first_field(wish: Wish, facts: VideoFacts, *, keeps_fields: bool) -> str | None:
    """Return which field of the output comes first, tff or bff; None: it is progressive."""
    if wish.field_order in ORDERS:
        return ORDERS[wish.field_order]
    if wish.field_order == PROGRESSIVE or wish.deinterlace != NONE or not keeps_fields:
        return None
    return facts.first_field


def fields(setting: str, wish: Wish, facts: VideoFacts) -> tuple[Filter, ...]:
    """Return the filters that take the fields of a source apart, or let the other come first.

    Raises ValueError, one sentence for people, where that would convert its pixels.
    """
    theirs, ours = facts.first_field, ORDERS.get(wish.field_order)
    if theirs is None:
        return ()
    if wish.deinterlace != NONE:
        filters.check(setting, "deinterlace", BWDIF, facts)
        mode = f"bwdif=mode=send_{wish.deinterlace}:parity={theirs}:deint=all"
        return (Filter("deinterlace", mode, handle=BWDIF_HANDLE),)
    if ours is None or ours == theirs:
        return ()
    if filters.planar(facts.pixel_format).startswith(SHARED):
        raise ValueError(
            f"setting {setting}: fields cannot change places in {facts.pixel_format}, they share "
            "lines of colour; keep fieldOrder: source, or deinterlace"
        )
    # copy: of a frame that the decoder still holds, fieldorder returns lines that were never written
    return (Filter("fieldOrder", f"copy,setfield=mode={theirs},fieldorder=order={ours}"),)


def notes(wish: Wish, facts: VideoFacts, source: Source, *, on_grid: bool = False) -> Iterator[str]:
    """Yield what people should know, in half a sentence each."""
    if wish.deinterlace != NONE and facts.first_field is None:
        yield "the source is progressive; nothing is deinterlaced"
    if settle(wish, facts, on_grid=on_grid) != settle(wish, facts):
        rate = settle(wish, facts, on_grid=True).rate
        yield f"frames of the source stand on no grid: conformed to {rate} a second"
    if wish.is_played:
        cues = sum(each.type == "subtitle" for each in source.others)
        if cues or source.chapters:
            yield "played at another rate, it keeps neither subtitles nor chapters of the source"


def retimed(source: Source, timing: Timing) -> Source:
    """Return a source whose other streams fit the output's times.

    The frames in its timecode are counted at the output's rate.  Cues and chapters cannot follow
    frames that play at another rate: they go.
    """
    facts = source.video
    if facts is None or timing.kind == AS_SOURCE:
        return source
    code, old, new = source.timecode, facts.rate, timing.frames_s(facts)
    if code and old and new and (hit := FRAMES.fullmatch(code)):
        frames = int(hit[2]) * round(new) // round(old)
        source = replace(source, timecode=f"{hit[1]}{frames:02d}")
    if timing.kind != PLAY:
        return source
    others = tuple(each for each in source.others if each.type != "subtitle")
    return replace(source, others=others, chapters=0)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rate(text: str) -> Fraction:
    """Return the rate that `text` says.

    Raises ValueError for one that is not exact, or absurd.
    """
    if text in SHORT:
        return SHORT[text]
    hit = EXACT.fullmatch(text)
    if not hit:
        known = ", ".join(SHORT)
        raise ValueError(f"{text} is not exact; write a fraction (30000/1001), or one of {known}")
    rate = Fraction(int(hit[1]), int(hit[2] or 1))
    if not 1 <= rate <= RATE_MAX:
        raise ValueError(f"{text} is not within 1 and {RATE_MAX} frames a second")
    return rate
