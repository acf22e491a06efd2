"""assemble: join the segments by the plan's time table, then let ffmpeg make the final file.

The segments' own times only give the order of their frames; every time that the final file has
comes from the table, so that VFR, exact rates and one-frame segments survive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from orchestrator_compressor import marks, table
from orchestrator_compressor.bucket import Bucket
from orchestrator_compressor.marks import Marks
from orchestrator_compressor.span import Span
from orchestrator_compressor.work import child, join, prepare
from orchestrator_compressor.work.attempt import ask, facts_of, sha256
from orchestrator_compressor.work.trouble import Trouble

Left = TypeVar("Left")

SPOILED_MAX = 100
"""So many changed files are named at once: a result is small."""

BROKEN_MAX = 50
"""So many segments that break the buffer are named at once; the others, when these are mended."""


@dataclass(frozen=True, slots=True)
class Assemble:
    """What is asked."""

    final: str
    table: Mapping[str, str] | None = None  #: path, sha256; None: the output has no picture
    output: Mapping[str, str] = field(default_factory=dict)  #: kind, rate: `table.output`
    segments: Sequence[Mapping[str, object]] = ()
    video: str | None = None  #: the joined picture, deleted when the final file stands
    audio: Sequence[Mapping[str, str]] | Mapping[str, str] | None = None  #: path, sha256
    source: str = ""
    ffmpeg: str = ""
    threads: int = 1
    container: str = ""
    marks: Mapping[str, str] | None = None  #: path, sha256 of cues and chapters
    made: Mapping[str, str] | None = None  #: likewise, of those that are not the source's
    zero: str = "0"  #: where the file begins, in seconds of the source's clock
    span: Mapping[str, object] | None = None  #: the part of the source; None: all of it
    chapters: str | None = None  #: path of the file of chapters to write
    subtitles: Mapping[str, str] = field(default_factory=dict)  #: stream to stack -> path
    covers: Mapping[str, str] = field(default_factory=dict)  #: stream to attach -> path
    bucket: Mapping[str, int] | None = None  #: maximum, buffer that the picture keeps to


def run(words: list[str]) -> dict[str, object]:
    """Join and finish, and return the facts of the final file."""
    wanted = ask(Assemble)
    _check_sound(wanted)
    facts: dict[str, object] = {"frames": 0}
    if wanted.video is not None:
        facts = _join(wanted, wanted.video)
        if "underflow" in facts:
            Path(wanted.video).unlink()
            return facts
    made = _prepare(wanted)
    ended = child.run(words)
    if ended.code:
        raise child.trouble(ended, wanted.source or wanted.final, f"finishing {wanted.final}")
    path = Path(wanted.final)
    if not path.exists() or not path.stat().st_size:
        raise Trouble(f"{wanted.final}: ffmpeg ended well and wrote nothing")
    for each in made if wanted.video is None else [*made, Path(wanted.video)]:
        each.unlink()
    return {**facts, **facts_of(path)}


def read_table(named: Mapping[str, str]) -> table.Table:
    """Return the index that `named` points to.

    Raises Trouble if it is not the file that the probe left.
    """
    return _left(named, table.load)


def read_marks(named: Mapping[str, str] | None) -> Marks:
    """Return the cues and chapters that `named` points to; none where the source has none.

    Raises Trouble if it is not the file that the probe left.
    """
    return _left(named, marks.load) if named else Marks()


def _left(named: Mapping[str, str], load: Callable[[bytes], Left]) -> Left:
    """Return what the probe left in a file."""
    path = Path(named["path"])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}; the probe's folder is gone") from error
    if "sha256" in named and sha256(path) != named["sha256"]:
        raise Trouble(f"{path}: is not the file that the probe wrote; it was changed since")
    try:
        return load(data)
    except ValueError as error:
        raise Trouble(f"{path}: {error}") from error


def _prepare(wanted: Assemble) -> list[Path]:
    """Write what the last pass reads beside picture and sound, and return the files."""
    made = []
    part = Span.load(wanted.span) if wanted.span else None
    if wanted.chapters:
        found = (read_marks(wanted.made).chapters) or read_marks(wanted.marks).chapters
        kept = marks.kept_chapters(found, Fraction(wanted.zero), wanted.container)
        prepare.chapters(kept, Path(wanted.chapters))
        made.append(Path(wanted.chapters))
    for stream, path in wanted.subtitles.items():
        if path.endswith(".srt"):
            prepare.stack(wanted.ffmpeg, wanted.source, int(stream), Path(path), part)
        elif part:
            prepare.cut(wanted.source, int(stream), Path(path), part)
        made.append(Path(path))
    for stream, path in wanted.covers.items():
        prepare.cover(wanted.source, int(stream), Path(path))
        made.append(Path(path))
    return made


def _join(wanted: Assemble, video: str) -> dict[str, object]:
    if wanted.table is None:
        raise Trouble("assemble: segments without a time table; a fault of the program")
    times = table.output(read_table(wanted.table), wanted.output)
    pieces = tuple(join.piece(each) for each in wanted.segments)
    bucket = Bucket(**wanted.bucket) if wanted.bucket else None
    try:
        joined = join.join(pieces, times, Path(video), bucket)
    except (Trouble, OSError, ValueError) as error:  # PyAV raises the latter two
        check_unchanged(wanted.segments, str(error))
        raise
    if joined.broken:
        return {"underflow": [_broken(wanted, each) for each in joined.broken[:BROKEN_MAX]]}
    return {
        "frames": joined.frames,
        "payload_sha256": joined.payload_sha256,
        "depth": joined.depth,
        "joins": len(pieces) - 1,
    }


def _broken(wanted: Assemble, told: join.Broken) -> dict[str, object]:
    tightened = wanted.segments[told.segment].get("tightened", 0)
    return {
        "segment": told.segment,
        "frame": told.frame,
        "bits": told.bits,
        "fill": f"{float(told.fill):.3f}",
        "tightened": tightened,
    }


def _check_sound(wanted: Assemble) -> None:
    """Hash the sound once more: its file may have changed since it was accepted."""
    named = [wanted.audio] if isinstance(wanted.audio, Mapping) else wanted.audio or ()
    check_unchanged(named)


def check_unchanged(named: Sequence[Mapping[str, object]], said: str = "") -> None:
    """Raise Trouble for files that were changed since they were accepted: they are made again (T21).

    `said`: what went wrong with them before they were looked at.
    """
    paths = [Path(str(each["path"])) for each in named if _is_changed(each)]
    if paths:
        more = f" ({said})" if said else ""
        raise Trouble(
            f"{paths[0]}: has changed since it was accepted{more}; its task is done again",
            spoiled=[path.parent.name for path in paths[:SPOILED_MAX]],
        )


def _is_changed(named: Mapping[str, object]) -> bool:
    path = Path(str(named["path"]))
    if "sha256" not in named:
        return False
    try:
        return sha256(path) != named["sha256"]
    except FileNotFoundError:
        return path.parent.is_dir()  # else the storage itself may be gone
