"""Closed captions: taken out of pictures, and read by ffmpeg's own decoder of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from orchestrator_compressor import captions, scc
from orchestrator_compressor.marks import Cue, nanoseconds
from orchestrator_compressor.scc import Pair
from orchestrator_compressor.work import child, media
from orchestrator_compressor.work.look import CAPTIONS
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData

COUNTED = "counted.scc"
TEXT = "counted.srt"
PROGRESS_FRAMES = 1000


def pairs(path: str, index: int, end: int | None) -> tuple[Pair, ...]:
    """Return the pairs that the pictures of a stream carry, by the source's clock.

    :param end: when what is still shown goes, in nanoseconds; None: nobody cares
    """
    found: list[Pair] = []
    with media.opened(path) as container:
        stream = next(each for each in container.streams.video if each.index == index)
        stream.thread_type = "AUTO"
        for n, frame in enumerate(container.decode(stream)):
            if n % PROGRESS_FRAMES == 0:
                print(f"time={n}", flush=True)
            if frame.pts is None or frame.time_base is None:
                continue
            for data in cast("Iterable[SideData]", frame.side_data):
                if data.type.name == CAPTIONS:
                    found += scc.of_picture(nanoseconds(frame.pts * frame.time_base), bytes(data))
    if end is not None and found:
        found.append(Pair(max(end, found[-1].time), scc.ERASE))
    return tuple(found)


def cues(ffmpeg: str, found: Sequence[Pair], name: str) -> tuple[Cue, ...]:
    """Return what pairs say, as text with times.

    :param name: of the file that they are of

    Raises Trouble if ffmpeg cannot tell.
    """
    if not found:
        return ()
    Path(COUNTED).write_text(scc.counted(found), encoding="ascii")
    guards = ("-protocol_whitelist", "file", "-format_whitelist", "scc", "-f", "scc")
    ended = child.run(
        [
            *(ffmpeg, "-hide_banner", "-nostdin", "-y", "-v", "error"),
            *(*guards, "-i", f"file:{Path(COUNTED).absolute()}", "-f", "srt", TEXT),
        ]
    )
    if ended.code:
        raise child.trouble(ended, COUNTED, "closed captions")
    said = text_of(Path(TEXT), name)
    Path(COUNTED).unlink()
    return tuple(scc.retimed(said, found))


def text_of(path: Path, name: str) -> tuple[Cue, ...]:
    """Return the cues of a SubRip file that ffmpeg wrote, none if it has none, and remove it.

    :param name: of the file that they are of

    Raises Trouble if they cannot be read.
    """
    data = path.read_bytes()
    path.unlink()
    try:
        return captions.read(captions.SRT, data)
    except captions.NoCaptions:
        return ()
    except ValueError as error:
        raise Trouble(f"{name}: its captions as text: {error}", final=True) from error
