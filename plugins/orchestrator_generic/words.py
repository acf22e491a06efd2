"""Words with placeholders: ``-s {start}``.  A word stays one word, and no shell reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")

OPTIONS = "{options}"
"""A word of its own: the job's `options` stand in its place, a word each."""

KNOWN: Mapping[str, str] = {
    "executable": "the program",
    "input": "the job's input, as the node sees it",
    "item": "the job's item",
    "start": "the first frame of the segment",
    "end": "its last frame",
    "step": "from one frame to the next",
    "count": "how many frames it has",
    "output": "the folder that the frames go to",
    "prefix": "what stands before the number in a frame's name",
    "suffix": "what stands behind it, the ending included",
    "digits": "how many digits the number has",
    "hashes": "as many # as it has digits",
    "name": "the name of the segment's first frame",
}
NAMING = ("prefix", "suffix", "hashes", "item")
"""Those that the name of a file may have: the others change with the segment."""


def names(words: Sequence[str]) -> set[str]:
    """Return the names of all placeholders."""
    return {hit["name"] for word in words for hit in PLACE.finditer(word) if hit["name"]}


def fault(word: str, known: Sequence[str] = tuple(KNOWN)) -> str:
    """Return what is wrong with a word, for people; empty: nothing."""
    if word == OPTIONS:
        return ""
    for hit in PLACE.finditer(word):
        if hit[0] in ("{", "}"):
            return f"a single {hit[0]} stands for nothing; write {hit[0] * 2} for a brace"
        if hit["name"] is not None and hit["name"] not in known:
            there = ", ".join(f"{{{name}}}" for name in known)
            return f"{hit[0]} is no placeholder; there are {there}; write {{{{ for a brace"
    return ""


def filled(word: str, values: Mapping[str, str]) -> str:
    """Return a word, which has no fault, with the values in their places."""
    return PLACE.sub(lambda hit: values[hit["name"]] if hit["name"] else hit[0][0], word)
