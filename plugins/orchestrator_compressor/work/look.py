"""What only a decoded frame tells: its rotation, its fields, its mastering display."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

from orchestrator.api import Cause
from orchestrator_compressor.work import media
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame

CAPTIONS = "A53_CC"
CAPTIONED = frozenset({"h264", "hevc", "mpeg2video", "vc1", "mpeg1video"})
CAPTIONED_FRAMES = 64  #: among the first so many, captions stand or never do
MASTERING = "MASTERING_DISPLAY_METADATA"
LIGHT = "CONTENT_LIGHT_LEVEL"
MASTERING_INTS = 22  #: ten fractions and two flags


def first_frame(path: str, index: int, ffmpeg: str) -> dict[str, object]:
    """Return rotation in degrees, field order and HDR words of the first frame of a stream.

    Raises Trouble, of cause ``source``, if no frame can be decoded.
    """
    with media.opened(path) as container:
        frame = next(_frames(container, index), None)
        if frame is None:
            raise Trouble(f"{path}: no frame can be decoded; copy it again", Cause.SOURCE)
        facts: dict[str, object] = {"rotation": int(frame.rotation) % 360}
        facts |= _hdr(frame)
        is_interlaced = bool(frame.interlaced_frame)
    # PyAV does not tell which field comes first, and headers are often wrong
    facts["field_order"] = _field_order(path, index, ffmpeg) if is_interlaced else "progressive"
    return facts


def captions(path: str, index: int, codec: str) -> dict[str, object]:
    """Return whether closed captions stand in the first pictures of a stream."""
    if codec not in CAPTIONED:
        return {}
    with media.opened(path) as container:
        for frame in islice(_frames(container, index), CAPTIONED_FRAMES):
            kinds = (data.type.name for data in cast("Iterable[SideData]", frame.side_data))
            if CAPTIONS in kinds:
                return {"captions": True}
    return {}


def _frames(container: InputContainer, index: int) -> Iterator[VideoFrame]:
    (video,) = (stream for stream in container.streams.video if stream.index == index)
    return container.decode(video)


def _field_order(path: str, index: int, ffmpeg: str) -> str:
    words = [
        *(ffmpeg, "-hide_banner", "-nostdin", "-v", "info", "-noautorotate"),
        *media.input_words(path),
        *("-map", f"0:{index}", "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"),
    ]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    hit = re.search(r"\bi:([TB])\b", done.stderr)
    return "bb" if hit and hit[1] == "B" else "tt"


def _hdr(frame: VideoFrame) -> dict[str, object]:
    facts: dict[str, object] = {}
    for data in cast("Iterable[SideData]", frame.side_data):
        name = data.type.name
        if name == MASTERING:
            facts["master_display"] = _mastering(bytes(data))
        if name == LIGHT:
            most, mean = struct.unpack_from("2I", bytes(data))
            facts["max_cll"] = f"{most},{mean}"
    return {key: value for key, value in facts.items() if value}


def _mastering(data: bytes) -> str:
    """Return the words of x265's ``master-display``; empty if the frame leaves it open."""
    if len(data) < 4 * MASTERING_INTS:
        return ""
    ints = struct.unpack_from(f"{MASTERING_INTS}i", data)
    if not (ints[20] and ints[21]):
        return ""
    values = [n / d if d else 0.0 for n, d in zip(ints[0:20:2], ints[1:20:2], strict=True)]
    red, green, blue, white = (_scaled(values[i : i + 2], 50000) for i in (0, 2, 4, 6))
    light = _scaled((values[9], values[8]), 10000)
    return f"G{green}B{blue}R{red}WP{white}L{light}"


def _scaled(pair: Iterable[float], unit: int) -> str:
    return "(" + ",".join(str(round(value * unit)) for value in pair) + ")"
