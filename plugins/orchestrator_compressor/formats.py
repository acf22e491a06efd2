"""Pixel formats as what they can hold: which one of a codec's is nearest to a source's."""

from __future__ import annotations

import re
from collections.abc import Iterable

BITS = re.compile(r"(?:p|gray|ya|^)(9|10|12|14|16)(?:le|be)$")
TRIPLES = {"rgb48": 16, "bgr48": 16, "rgba64": 16, "bgra64": 16}


def depth(name: str) -> int:
    """Return how many bits a value of a pixel has; floating point counts as 32."""
    if "f32" in name or "f16" in name:
        return 32
    if found := next((bits for start, bits in TRIPLES.items() if name.startswith(start)), None):
        return found
    hit = BITS.search(name)
    return int(hit[1]) if hit else 8


def is_clear(name: str) -> bool:
    """Return whether a format holds transparency."""
    return name.startswith(("yuva", "gbrap", "rgba", "argb", "abgr", "bgra", "ya", "pal8"))


def is_gray(name: str) -> bool:
    """Return whether a format holds no colour."""
    return name.startswith(("gray", "ya", "mono")) and not name.startswith("yuv")


def chroma(name: str) -> str:
    """Return how a format halves colour: 420, 422; everything else keeps all: 444."""
    return next((each for each in ("420", "422") if each in name), "444")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the format of `known` that loses least of `name`, and is no larger than it must be."""
    if name in set(known):
        return name
    return min(sorted(known), key=lambda each: _distance(name, each))


def _distance(theirs: str, ours: str) -> tuple[int, ...]:
    missing = depth(theirs) - depth(ours)
    return (
        is_clear(theirs) and not is_clear(ours),
        is_gray(ours) and not is_gray(theirs),
        max(0, missing),
        is_clear(ours) and not is_clear(theirs),
        is_gray(theirs) and not is_gray(ours),
        -missing,
        chroma(ours) != chroma(theirs),
        ours.endswith("be"),
    )
