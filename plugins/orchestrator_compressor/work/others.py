"""What a source has beside pictures: its other streams, told in few words; cues go into a file.

A result may be 8 KiB, and films come with 30 tracks of subtitles and 50 fonts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from av.stream import Discard

from orchestrator_compressor import marks
from orchestrator_compressor.marks import Cue, Marks
from orchestrator_compressor.span import Span, clipped
from orchestrator_compressor.work import media
from orchestrator_compressor.work.attempt import write_whole

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

FILE = "marks.json"
STREAMS_MAX = 32  #: told one by one
TITLE_CHARS_MAX = 80
LANGUAGE = re.compile(r"[A-Za-z0-9-]{2,16}")  #: it becomes part of the names of files
BROUGHT_ALONG = "title"  #: the name of a track that ffmpeg copies to every container


def facts(
    container: InputContainer,
    video: Stream | None,
    cues: Mapping[int, Sequence[Cue]],
    part: Span | None = None,
) -> dict[str, object]:
    """Return ``others``, ``attachments``, ``chapters``, ``timecode``, ``marks`` and ``notes``.

    Cues and chapters are written to ``marks.json``; ``marks`` is None where it has neither.
    Only those that are shown within `part` are told; subtitles without any there are left out.
    """
    rest = [s for s in container.streams if s is not video and s.type != "audio"]
    told = [each for each in rest if each.type != "attachment"]
    found = Marks(
        cues={n: tuple(each) for n, each in cues.items()}, chapters=media.chapters(container)
    )
    notes: list[str] = []
    attachments = len(rest) - len(told)
    if part is not None:
        silent = {n for n, each in found.cues.items() if each}
        found = clipped(found, part)
        silent -= set(found.cues)
        told = [each for each in told if each.index not in silent]
        notes += (f"stream {n}: no subtitle is shown between in and out" for n in sorted(silent))
    if len(told) > STREAMS_MAX:
        left = len(told) - STREAMS_MAX
        notes.append(f"{container.name}: has {left} streams more than are looked at; not kept")
    return {
        "others": [_other(container, each, found) for each in told[:STREAMS_MAX]],
        "attachments": attachments,
        "chapters": len(found.chapters),
        "timecode": media.timecode(container),
        "marks": _written(found) if found.cues or found.chapters else None,
        "notes": notes,
    }


def named(stream: Stream) -> dict[str, object]:
    """Return language and title of a stream, as far as it has them."""
    language = stream.metadata.get("language", "")
    said = {"language": language if LANGUAGE.fullmatch(language) else "", "title": _title(stream)}
    return {key: value for key, value in said.items() if value and value != "und"}


def flags(stream: Stream) -> dict[str, object]:
    """Return what a stream is flagged as, if it is at all."""
    found = _flags(stream)
    return {"disposition": found} if found else {}


def _other(container: InputContainer, stream: Stream, found: Marks) -> dict[str, object]:
    told: dict[str, object] = {"index": stream.index, "type": _type(container, stream)}
    told["codec"] = media.codec(stream)
    return told | (dict(_subtitle(stream, found)) if stream.type == "subtitle" else {})


def _type(container: InputContainer, stream: Stream) -> str:
    if media.is_cover(stream):
        return "attached"
    if stream.type == "data" and "timecode" in stream.metadata:
        return "timecode"
    # QuickTime keeps chapters as a track, which its demuxer hides
    is_hidden = stream.type == "data" and stream.discard == Discard.all
    return "chapters" if is_hidden and container.chapters() else stream.type


def _subtitle(stream: Stream, found: Marks) -> Iterator[tuple[str, object]]:
    cues = found.cues.get(stream.index, ())
    if language := named(stream).get("language"):
        yield "language", language
    if cues:
        yield "start", f"{min(cue.start for cue in cues)}/{marks.SECOND}"
    is_tangled = marks.overlap(cues)
    if is_tangled:
        yield "overlaps", True
        if flags := _flags(stream):
            yield "disposition", flags
    title = _title(stream)
    if title and (is_tangled or BROUGHT_ALONG not in stream.metadata):
        yield "title", title


def _title(stream: Stream) -> str:
    title = stream.metadata.get(BROUGHT_ALONG) or stream.metadata.get("name") or ""
    return title[:TITLE_CHARS_MAX]


def _flags(stream: Stream) -> str:
    """Return a disposition in ffmpeg's words: ``default+forced``."""
    return "+".join(str(flag.name) for flag in stream.disposition)


def _written(found: Marks) -> dict[str, str]:
    data = marks.dump(found)
    write_whole(Path(FILE), data)
    return {"file": FILE, "sha256": hashlib.sha256(data).hexdigest()}
