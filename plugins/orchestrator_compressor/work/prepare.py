"""What the finishing pass reads beside picture and sound, made just before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av

from orchestrator_compressor import marks
from orchestrator_compressor.marks import MILLISECOND, Chapter, Cue
from orchestrator_compressor.span import Span, within
from orchestrator_compressor.work import child, cues, media
from orchestrator_compressor.work.trouble import Trouble

SPECIAL = re.compile(r"([=;#\\\n])")  #: what ffmpeg's own format of metadata wants marked
CUE = re.compile(
    r"^\d+\n(\d+):(\d\d):(\d\d),(\d{3}) --> (\d+):(\d\d):(\d\d),(\d{3})[^\n]*\n", re.MULTILINE
)


def chapters(kept: Sequence[Chapter], path: Path) -> None:
    """Write chapters as ffmpeg's format of metadata."""
    lines = [";FFMETADATA1"]
    for each in kept:
        lines += ["[CHAPTER]", "TIMEBASE=1/1000000000", f"START={each.start}", f"END={each.end}"]
        lines.append("title=" + SPECIAL.sub(r"\\\1", each.title))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def stack(ffmpeg: str, source: str, stream: int, path: Path, part: Span | None = None) -> None:
    """Write a track of subtitles, or `part` of it, as text of which one cue is shown at a time.

    Raises Trouble if the source's cannot be read.
    """
    text(ffmpeg, source, stream, path)
    said = path.read_text("utf-8", errors="replace")
    found: Iterable[Cue] = _cues(said)
    if part:
        found = within(found, *_ends(part))
    path.write_text("".join(_written(marks.stacked(found))), encoding="utf-8")


def text(ffmpeg: str, source: str, stream: int, path: Path) -> None:
    """Write a track of subtitles as text, by the source's clock.

    Raises Trouble if the source's cannot be read.
    """
    ended = child.run(
        [
            *(ffmpeg, "-hide_banner", "-nostdin", "-y", "-v", "error", "-xerror", "-copyts"),
            *media.input_words(source),
            *("-map", f"0:{stream}", "-c:s", "srt", "-f", "srt", str(path)),
        ]
    )
    if ended.code:
        raise child.trouble(ended, source, f"subtitles (stream {stream})")


def cut(source: str, stream: int, path: Path, part: Span) -> None:
    """Write a track of subtitles as it is, but only what is shown within `part`.

    Raises Trouble if the source cannot be read.
    """
    start, stop = _ends(part)
    with media.opened(source) as container, av.open(str(path), "w") as out:
        track = container.streams[stream]
        copy = out.add_stream_from_template(track, opaque=True)
        copy.time_base = track.time_base
        copy.metadata.update(track.metadata)
        for packet in container.demux(track):
            if not packet.size or packet.is_discard:
                continue
            seen = cues.cue(packet)
            shown = next(within([seen], start, stop), None) if seen else None
            if shown is None:
                continue
            base = packet.time_base or Fraction(1)
            packet.pts = packet.dts = round(Fraction(shown.start, marks.SECOND) / base)
            if shown.end is not None:
                packet.duration = round(Fraction(shown.end - shown.start, marks.SECOND) / base)
            packet.stream = copy
            out.mux(packet)


def _ends(part: Span) -> tuple[int, int | None]:
    stop = None if part.stop is None else marks.nanoseconds(part.stop)
    return marks.nanoseconds(part.start), stop


def cover(source: str, stream: int, path: Path) -> None:
    """Write a cover picture as a file, to be attached.

    Raises Trouble if there is none.
    """
    with media.opened(source) as container:
        for packet in container.demux(container.streams[stream]):
            if packet.size:
                path.write_bytes(bytes(packet))
                return
    raise Trouble(f"{source}: has no picture in stream {stream}; probe it again")


def _cues(text: str) -> Iterator[Cue]:
    found = list(CUE.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    for each, end in zip(found, ends, strict=True):
        numbers = [int(number) for number in each.groups()]
        yield Cue(
            start=_time(numbers[:4]), end=_time(numbers[4:]), text=text[each.end() : end].strip()
        )


def _time(parts: Sequence[int]) -> int:
    hours, minutes, seconds, thousandths = parts
    return (((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths) * MILLISECOND


def _written(cues: Sequence[Cue]) -> Iterator[str]:
    for number, cue in enumerate(cues, start=1):
        yield f"{number}\n{_clock(cue.start)} --> {_clock(cue.end or 0)}\n{cue.text}\n\n"


def _clock(time: int) -> str:
    seconds, thousandths = divmod(time // MILLISECOND, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d},{thousandths:03d}"
