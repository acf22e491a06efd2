"""What is easily done wrong where a file is encoded in parts, and which tests show it done right.

A test that shows a row carries the mark ``pitfall`` with its number; `test_pitfalls.py` of the
architecture sees to it that no row is without one.  ``pytest -m pitfall`` runs them all.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

ROWS: Mapping[int, str] = {
    1: "cuts away from keyframes and open groups in the source: segments are slices of its decode",
    2: "open groups in the output: each segment begins with a keyframe that is shown first",
    3: "B-frames and tiny segments: decode times rise and are never after the frame is shown",
    4: "uneven frames: their times are the source's, exactly or within the container's rounding",
    5: "filters and frame rates at joins: the frames are those of one pass",
    6: "intermediates with coarse clocks: rate, times and length are exact, and nothing drifts",
    7: "headers that differ between parts: refused; the joined file decodes as its parts do",
    8: "very many parts: few files are open at a time",
    9: "rate control that starts anew in each part: rate and quality stay those of one pass",
    10: "buffers that run empty at joins: found before anything is published",
    11: "sound: samples, content and distance from the picture; its failure fails the output",
    12: "subtitles, chapters, fonts and data: from the source, at their times",
    13: "captions within the pictures: all arrive, once",
    14: "timecode: set once, the source's or the one asked for",
    15: "HDR10, colour and tags: with the first frame of each segment and in the container",
    16: "rotation, pixel shape, range and format: the plan decides, all segments agree",
    17: "fields and alpha: from the frames, kept, doubled or refused",
    18: "image sequences: no hole is skipped, no name is missing",
    19: "reference movies, and sources that are cut off or damaged: refused with the place",
    20: "resuming and order: numbers, not names; never a part of another setting",
    21: "progress and load: never over the plan, never back, as many threads as planned",
    22: "traps of the library that joins: every codec in every container decodes as it did",
    23: "edit lists and cover pictures: hidden frames are none, covers are no film",
    24: "clocks: sound is as long as it says, no two frames have one time",
}

LATER: Mapping[int, str] = {}
"""Rows without a test, and why: what they are about is not there yet."""

MARK = re.compile(r"\bmark\.pitfall\(([\d,\s]+)\)")


def shown(tests: Iterable[Path]) -> Mapping[int, list[str]]:
    """Return, for each number that a mark names, the files that do."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for path in tests:
        for numbers in MARK.findall(path.read_text(encoding="utf-8")):
            for number in re.findall(r"\d+", numbers):
                found[int(number)].append(path.name)
    return found
