"""The gates of what a finished file has beside picture and sound: streams, cues, chapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

from orchestrator_compressor import marks
from orchestrator_compressor.marks import MILLISECOND, Chapter, Cue, Marks
from orchestrator_compressor.work import cues, look, media
from orchestrator_compressor.work.gates import Gate, lateness

if TYPE_CHECKING:
    from av.stream import Stream

TOLERANCE = MILLISECOND  #: Matroska and text subtitles count in milliseconds
WORDLESS = frozenset({"data"})  #: tracks of timecode and chapters, judged by what they say


def streams(path: Path, expect: Mapping[str, object]) -> Iterator[Gate]:
    """Yield the gate of the list of streams, where `expect` has one: type, codec, language."""
    if "streams" not in expect:
        return
    wanted = cast("Sequence[str]", expect["streams"])
    with media.opened(str(path)) as container:
        found = [_told(each) for each in container.streams if each.type not in WORDLESS]
    yield Gate.equal("streams", ", ".join(wanted), ", ".join(found))


def subtitles(
    path: Path, expect: Mapping[str, object], planned: Marks, zero: Fraction
) -> Iterator[Gate]:
    """Yield the gates of number and times of the cues of each track, against the picture."""
    tracks = cast("Sequence[Mapping[str, object]]", expect.get("subtitles") or ())
    if not tracks:
        return
    found, late = cues.read(path), lateness(path, expect) or Fraction(0)
    for n, track in enumerate(tracks):
        own: Sequence[Cue] = planned.cues.get(int(str(track["stream"])), ())
        if track.get("stacked"):
            own = marks.stacked(own)
        wanted = sorted(marks.shifted(own, zero - late), key=_start)
        there = sorted(found[n], key=_start) if n < len(found) else []
        yield Gate.equal(f"cues of subtitles {n}", len(wanted), len(there))
        if len(wanted) == len(there):
            yield _close(f"times of subtitles {n}", list(_apart(wanted, there)))


def chapters(path: Path, wanted: Sequence[Chapter]) -> Iterator[Gate]:
    """Yield the gates of names and times of the chapters."""
    with media.opened(str(path)) as container:
        found = media.chapters(container)
    yield Gate.equal("chapters", [c.title for c in wanted], [c.title for c in found])
    if len(wanted) == len(found):
        pairs = zip(wanted, found, strict=True)
        yield _close("times of chapters", [abs(a.start - b.start) for a, b in pairs])


def metadata(path: Path, expect: Mapping[str, object]) -> Iterator[Gate]:
    """Yield a gate for each name that the job gives the file."""
    wanted = cast("Mapping[str, str]", expect.get("metadata") or {})
    if not wanted:
        return
    with media.opened(str(path)) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    for key, value in wanted.items():
        yield Gate.equal(f"metadata {key}", value, found.get(key.lower(), ""))


def captions(path: Path) -> Gate:
    """Return the gate that closed captions stand in the pictures."""
    with media.opened(str(path)) as container:
        shown = next(each for each in container.streams.video if not media.is_cover(each))
        index, codec = shown.index, media.codec(shown)
    found = look.captions(str(path), index, codec)
    return Gate.equal("closed captions", "yes", "yes" if found else "no")


def _told(stream: Stream) -> str:
    if stream.type == "attachment":
        return stream.type
    if media.is_cover(stream):
        return f"attached {media.codec(stream)}"
    language = "" if stream.type == "video" else stream.metadata.get("language", "")
    known = "" if language == "und" else language
    return " ".join(filter(None, (stream.type, media.codec(stream), known)))


def _apart(wanted: Sequence[Cue], found: Sequence[Cue]) -> Iterator[int]:
    """Yield how far each time is from the planned one, in nanoseconds.

    An end is compared where both tell one, and no later cue cuts it short.
    """
    limits = [following.start for _, following in pairwise(wanted)]
    for n, (a, b) in enumerate(zip(wanted, found, strict=True)):
        yield abs(a.start - b.start)
        is_free = a.end is not None and (n >= len(limits) or a.end <= limits[n])
        if is_free and a.end is not None and b.end is not None:
            yield abs(a.end - b.end)


def _close(name: str, distances: Sequence[int]) -> Gate:
    most = max(distances, default=0)
    return Gate(
        gate=name,
        wanted=f"the source's, within {TOLERANCE / MILLISECOND:g} ms",
        found=f"at most {most / MILLISECOND:g} ms off",
        ok=most <= TOLERANCE,
    )


def _start(cue: Cue) -> int:
    return cue.start
