"""A ladder: the same pictures in several sizes and rates, cut at the same frames, for streaming.

Each rung becomes a target of its own, encoded in segments as any; one more target packages them.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from orchestrator_compressor.facts import Source
from orchestrator_compressor.keeping import Keeping
from orchestrator_compressor.product import settle
from orchestrator_compressor.settings import Setting
from orchestrator_compressor.supplied import Supplied

RUNG = "mp4"  #: the kind of file that a rung is, before it is packaged
BARE = Keeping(embed=False, chapters=False, metadata=False, timecode=False)
CHUNK_S = Fraction(6)  #: how long a piece is that a player loads at once, about


def rung(setting: Setting, number: int) -> Setting:
    """Return the setting that a rung of a ladder is encoded by: pictures alone."""
    return replace(
        setting,
        container=RUNG,
        video=setting.ladder[number].video,
        ladder=(),
        audio=None,
        copy_audio=False,
        faststart=False,
        keeping=BARE,
    )


def kept(setting: Setting, source: Source) -> tuple[int, ...]:
    """Return the rungs that a source deserves: a larger box that comes to no larger size is none."""
    boxes: dict[tuple[int, int], int] = {}
    found = []
    for number, each in enumerate(setting.ladder):
        picture = settle(rung(setting, number), source).picture
        if (
            picture
            and boxes.setdefault((picture.width, picture.height), each.height) == each.height
        ):
            found.append(number)
    return tuple(found)


def given(supplied: Supplied) -> Supplied:
    """Return what of all that a job gives a ladder can use: a timecode may be drawn."""
    return Supplied(timecode=supplied.timecode)


def names(setting: Setting) -> tuple[str, ...]:
    """Return what each rung is called: by its height, and a number where that is not enough."""
    heights = [each.height for each in setting.ladder]
    found: list[str] = []
    for n, height in enumerate(heights):
        before = heights[:n].count(height)
        found.append(f"{height}p" + (f"-{before + 1}" if before else ""))
    return tuple(found)


def chunk_frames(key_interval: int, rate: Fraction) -> int:
    """Return how many frames a piece has: whole groups of pictures, about `CHUNK_S` long."""
    return key_interval * max(1, round(CHUNK_S * rate / key_interval))
