"""The last tasks of an output that is a sequence of images: its files are gathered, judged, placed."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

from orchestrator.api import Command, Kind
from orchestrator_compressor import sequences
from orchestrator_compressor.steps.step import FINAL, Step, segments, source, work

FRAME = "frame.%06d"  #: stem of what an encoder writes
LISTING = "frames.json"


def gather(step: Step) -> Command:
    """Return the command that brings the images of all segments into one folder."""
    asked = {
        **source(step),
        "segments": [
            {
                "path": step.there(id, LISTING),
                "sha256": step.values(id).get("sha256", ""),
                "first": first(step) + a,
                "count": b - a,
            }
            for id, a, b in segments(step)
        ],
        "folder": FINAL,
    }
    return work(step, "gather", [], asked)


def inspect(step: Step) -> Command:
    """Return the command that judges the folder of images."""
    made, picture = step.id(Kind.ASSEMBLE), step.product.picture
    assert picture  # a sequence has nothing else
    asked = {
        **source(step),
        "folder": step.there(made, FINAL),
        "listing": step.there(made, LISTING),
        "sha256": step.values(made).get("sha256", ""),
        "first": first(step),
        "count": segments(step)[-1][2],
        "expect": headers(step),
    }
    return work(step, "inspect", [], asked)


def place(step: Step) -> Command:
    """Return the command that puts the folder in its place."""
    made = step.id(Kind.ASSEMBLE)
    asked = {
        **source(step),
        "folder": step.there(made, FINAL),
        "listing": step.there(made, LISTING),
        "sha256": step.values(made).get("sha256", ""),
        "destination": step.where.source(str(step.task.args["destination"])),
        "ifExists": step.output.if_exists.value,
        "attempt": PurePosixPath(step.where.attempt).name,
    }
    return work(step, "place", [], asked)


def first(step: Step) -> int:
    """Return the number of the first image: the source's own, if that is a sequence, else 1."""
    return step.source.images.first if step.source.images else 1


def headers(step: Step) -> dict[str, object]:
    """Return what the headers of each image must say."""
    picture = step.product.picture
    assert picture
    return {
        "codec": picture.video.codec.codec,
        "width": picture.width,
        "height": picture.height,
        "pix_fmt": picture.pixel_format,
    }


def written(step: Step, words: list[str], start: int) -> list[str]:
    """Return an encoder's words such that it writes images, numbered from segment's first frame."""
    picture = step.product.picture
    assert picture
    name = FRAME + picture.video.codec.suffix
    number = str(first(step) + start)
    return [*words[:-1], "-f", sequences.DEMUXER, "-start_number", number, posixpath.basename(name)]
