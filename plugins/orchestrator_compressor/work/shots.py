"""Small pictures of a film: the poster, thumbnails, the sheet of many."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

from orchestrator_compressor.beside import SHEET, THUMBS
from orchestrator_compressor.finish import STILL
from orchestrator_compressor.streams import POSTER_FILE
from orchestrator_compressor.table import Table
from orchestrator_compressor.work import child
from orchestrator_compressor.work.trouble import Trouble

THUMBS_MAX = 9999
CELLS = "cells"

Asked = Mapping[str, object]


def make(ffmpeg: str, times: Table, poster: Asked, thumbnails: Asked, sheet: Asked) -> list[str]:
    """Make what is asked, and return the names of files and folders."""
    names = []
    if poster:
        _shoot(times, poster, _moment(times, poster), POSTER_FILE)
        names.append(POSTER_FILE)
    if thumbnails:
        _many(times, thumbnails, every(times, Fraction(str(thumbnails["every"]))), THUMBS)
        names.append(THUMBS)
    if sheet:
        _sheet(ffmpeg, times, sheet)
        names.append(SHEET)
    return names


def every(times: Table, step: Fraction) -> list[int]:
    """Return the frames that are shown at 0 s, after `step` seconds, after twice that, and so on.

    Raises Trouble if there are too many.
    """
    count = max(1, math.ceil(times.duration / step))
    if count > THUMBS_MAX:
        raise Trouble(
            f"thumbnails.every: {count} pictures; at most {THUMBS_MAX}: take more seconds",
            final=True,
        )
    return [_at(times, n * step) for n in range(count)]


def _at(times: Table, seconds: Fraction) -> int:
    """Return the frame that is shown so long after the first."""
    return max(0, times.at_or_before(times.pts[0] * times.tb + seconds))


def _moment(times: Table, asked: Asked) -> int:
    if "part" in asked:
        return _at(times, Fraction(str(asked["part"])) * times.duration)
    return _at(times, Fraction(str(asked["seconds"])))


def _many(times: Table, asked: Asked, frames: Sequence[int], folder: str) -> None:
    Path(folder).mkdir(exist_ok=True)
    for n, frame in enumerate(frames, start=1):
        _shoot(times, asked, frame, f"{folder}/{n:06d}.{asked.get('ending', 'png')}")


def _sheet(ffmpeg: str, times: Table, asked: Asked) -> None:
    columns, rows = cast("int", asked["columns"]), cast("int", asked["rows"])
    count = columns * rows
    frames = [_at(times, times.duration * Fraction(2 * n + 1, 2 * count)) for n in range(count)]
    _many(times, asked, frames, CELLS)
    words = [
        *(ffmpeg, "-hide_banner", "-nostdin", "-y", "-v", "error", "-protocol_whitelist", "file"),
        *("-format_whitelist", "image2", "-f", "image2", "-i", f"file:{CELLS}/%06d.png"),
        *("-vf", f"tile={columns}x{rows},scale=out_range=pc:out_color_matrix=bt601"),
        *("-pix_fmt", "yuvj420p", "-q:v", "3", *STILL, SHEET),
    ]
    _run(words, SHEET)
    shutil.rmtree(CELLS)


def _shoot(times: Table, asked: Asked, frame: int, name: str) -> None:
    """Write the one frame, cut out as a segment is (Recipe R)."""
    begin, opened, end = (cast("Sequence[str]", asked[key]) for key in ("begin", "opened", "end"))
    start = times.pts[frame]
    cut = f"trim=start_pts={start}:end_pts={start + 1}"
    words = [*begin, *times.seek(frame), *opened, "-vf", f"{cut},{asked['filters']}", *end, name]
    _run(words, name)


def _run(words: Sequence[str], name: str) -> None:
    ended = child.run(words, label="time")
    if ended.code:
        raise child.trouble(ended, name, name)
    path = Path(name)
    if not path.exists() or not path.stat().st_size:
        raise Trouble(f"{name}: ffmpeg ended well and wrote nothing")
