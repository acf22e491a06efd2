"""The filters of a picture as nouns: ffmpeg's words, and what each must see to be right in a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prop:
    """A small file that a filter reads, under a plain name in the attempt's own folder."""

    name: str  #: there; it is all that ffmpeg's words say of it
    path: str = ""  #: what it is a copy of, as the manifest has it
    text: str | None = (
        None  #: what is in it, if it is no copy; neither: the font that comes with us
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """One step on the way from the source's picture to the output's."""

    name: str  #: as people and notes call it
    words: str  #: ffmpeg's, options and all
    handle: int = 0  #: frames of the source that it must see before and after each
    is_whole: bool = False  #: it needs all earlier frames: a target with it is one segment
    props: tuple[Prop, ...] = ()


def handle(chain: Sequence[Filter]) -> int:
    """Return how many frames before and after a segment a chain must see."""
    return sum(each.handle for each in chain)


def why_whole(chain: Sequence[Filter]) -> str | None:
    """Return why a chain cannot be cut, in half a sentence; None: it can."""
    names = [each.name for each in chain if each.is_whole]
    if not names:
        return None
    return f"{', '.join(names)} need{'s' * (len(names) == 1)} all earlier frames"


def props(chain: Sequence[Filter]) -> tuple[Prop, ...]:
    """Return the files that a chain reads."""
    return tuple(prop for each in chain for prop in each.props)
