"""Cues as packets tell them: when each is shown, and which are none, being blank."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_compressor.marks import Cue, nanoseconds
from orchestrator_compressor.work import media

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

ASS_FIELDS = 8  #: before the text of a cue
DRAWING = re.compile(rb"\{[^}]*\\p[1-9]")  #: shapes follow, no text
TAGS = re.compile(rb"\{[^}]*\}")


def note(cues: dict[int, list[Cue]], packet: Packet[Stream]) -> None:
    """Append the cue of a packet to those of its stream, if it has one that can be seen."""
    found = cues.setdefault(packet.stream_index, [])
    if (seen := cue(packet)) is not None:
        found.append(seen)


def cue(packet: Packet[Stream]) -> Cue | None:
    """Return the cue of a packet, without its text; None: it has none that can be seen."""
    if packet.pts is None or packet.time_base is None:
        return None
    if is_blank(media.codec(packet.stream), bytes(packet)):
        return None
    start = nanoseconds(packet.pts * packet.time_base)
    length = nanoseconds((packet.duration or 0) * packet.time_base)
    return Cue(start=start, end=start + length if length else None)


def is_blank(codec: str, payload: bytes) -> bool:
    """Return whether nothing is shown: MP4 fills gaps so, styled subtitles draw shapes so."""
    if codec == "mov_text":
        return payload[:2] in {b"", b"\0\0"}
    if codec in {"ass", "ssa"}:
        text = payload.split(b",", ASS_FIELDS)[-1]
        return bool(DRAWING.search(text)) or not TAGS.sub(b"", text).strip()
    return not payload.strip(b"\0\r\n\t ")


def read(path: Path) -> list[list[Cue]]:
    """Return the cues of each stream of subtitles of a file of ours, in the order of the file."""
    found: dict[int, list[Cue]] = {}
    with media.opened(str(path)) as container:
        tracks = list(container.streams.subtitles)
        for packet in container.demux(tracks) if tracks else ():
            if packet.size:
                note(found, packet)
        return [found.get(track.index, []) for track in tracks]
