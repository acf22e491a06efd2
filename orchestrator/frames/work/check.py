"""check: look at every frame that a renderer left.  Exit code 0 proves nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from orchestrator.frames.work import kinds, movies
from orchestrator.frames.work.attempt import FRAMES, leave
from orchestrator.frames.work.images import Image, NotAnImage, look

LISTED_MAX = 20
"""Of frames that are missing, broken or black, those that the result names: it must stay small."""

SAID_MAX = 160  #: characters of what is wrong with one
OTHERS_MAX = 100_000
"""Files beside the frames; more are not looked at."""


@dataclass(slots=True)
class Found:
    """What there is of the frames of a segment."""

    good: dict[str, dict[str, object]] = field(default_factory=dict)  #: number -> file and facts
    images: dict[str, Image] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    beside: dict[str, dict[str, object]] = field(default_factory=dict)  #: relative path -> facts

    def fail(self, number: str, why: str) -> None:
        """Count a frame as broken, whatever it was before."""
        self.good.pop(number, None)
        self.images.pop(number, None)
        self.broken.append((number, why[:SAID_MAX]))


def run(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Return what there is of the frames; the good ones are listed in a file beside."""
    folder, found = Path(asked["folder"]), Found()
    for number, name in asked["frames"]:
        _look(found, number, folder, name, int(asked.get("single", 1)))
    _look_beside(found, folder, asked)
    _compare(found)
    black = [number for number, image in found.images.items() if image.is_black]
    if asked.get("black") == "fail":
        for number in black:
            found.fail(number, "is black all over")
    digest = leave({"frames": found.good, "beside": found.beside}, FRAMES)
    return {
        "frames": len(found.good),
        "missing": found.missing[:LISTED_MAX],
        "missing_count": len(found.missing),
        "broken": found.broken[:LISTED_MAX],
        "broken_count": len(found.broken),
        "black": len(black),
        "undecoded": sum(not image.is_decoded for image in found.images.values()),
        "instead": _instead(found, folder, asked),
        "file": FRAMES,
        "sha256": digest,
    }


def _look(found: Found, number: str, folder: Path, name: str, frames: int) -> None:
    try:
        image = movies.look(folder / name, frames) if frames > 1 else look(folder / name)
    except FileNotFoundError:
        found.missing.append(number)
    except NotAnImage as error:
        found.fail(number, str(error))
    except OSError as error:
        found.fail(number, f"cannot be read ({error.strerror or error})")
    else:
        found.good[number] = {"file": name, **image.data()}
        found.images[number] = image


def _look_beside(found: Found, folder: Path, asked: Mapping[str, Any]) -> None:
    """Look at the files that carry a wanted frame's number: layers, passes, other views."""
    if asked.get("single", 1) > 1:
        return
    endings = {*kinds.ENDINGS, *kinds.OTHERS, *(Path(n).suffix.lower() for _, n in asked["frames"])}
    wanted = {Fraction(number): number for number, _ in asked["frames"]}
    for name in _others(folder, asked):
        carried = _carried(name, asked["decimals"])
        number = next((wanted[each] for each in carried if each in wanted), "")
        if number not in found.good or Path(name).suffix.lower() not in endings:
            continue
        try:
            found.beside[name] = {"file": name, "number": number, **look(folder / name).data()}
        except (NotAnImage, OSError) as error:
            found.fail(number, f"has {name} beside it, which {error}")


def _others(folder: Path, asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the files that are no wanted frames; what is hidden is the renderer's."""
    known, count = {name for _, name in asked["frames"]}, 0
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for file in sorted(files):
            path = os.path.relpath(os.path.join(top, file), folder)
            if path in known or file.startswith(".") or os.path.islink(os.path.join(top, file)):
                continue
            count += 1
            if count > OTHERS_MAX:
                return
            yield path


def _compare(found: Found) -> None:
    """Let all frames be as large as most are, and of one kind."""
    shapes = Counter(
        (image.kind, image.shape) for image in found.images.values() if image.is_decoded
    )
    if len(shapes) < 2:
        return
    (kind, shape), _ = shapes.most_common(1)[0]
    for number, image in list(found.images.items()):
        if image.is_decoded and (image.kind, image.shape) != (kind, shape):
            what = f"is {image.kind} {image.shape}, and others {kind} {shape}"
            found.fail(number, what)


def _instead(found: Found, folder: Path, asked: Mapping[str, Any]) -> str:
    """Return what a renderer wrote where frames are missing; empty: nothing."""
    if not found.missing:
        return ""
    return next((name for name in _others(folder, asked) if name not in found.beside), "")[
        :SAID_MAX
    ]


def _carried(name: str, decimals: int) -> tuple[Fraction, ...]:
    """Return what the last number in a file's name may mean: a dash may be a minus."""
    stem, ending = os.path.splitext(os.path.basename(name))
    stem += ending if ending[1:].isdigit() else ""
    number = rf"\d+\.\d{{{decimals}}}" if decimals else r"\d+"
    hits = list(re.finditer(rf"(-?)({number})(?!\d)", stem))
    if not hits:
        return ()
    value = Fraction(hits[-1][2])
    return (-value, value) if hits[-1][1] else (value,)
