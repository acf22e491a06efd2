"""The index of a source: its time table, from packets, or from the decoder where they lie."""

from __future__ import annotations

import subprocess
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.api import Cause
from orchestrator_compressor.marks import Cue
from orchestrator_compressor.table import Table
from orchestrator_compressor.work import cues
from orchestrator_compressor.work.media import input_words
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

INVENTED = frozenset(
    {"avi", "h264", "hevc", "vvc", "m4v", "mpegvideo", "av1", "obu", "mjpeg", "dv"}
)
PROGRESS_PACKETS = 5000  #: a line of progress each


@dataclass(slots=True)
class Seen:
    """What one reading of a source showed."""

    times: array[int] = field(default_factory=lambda: array("q"))  #: PTS of packets that have one
    keys: bytearray = field(default_factory=bytearray)  #: of each of them, whether it is a keyframe
    timeless: int = 0  #: packets without a PTS
    last: tuple[int, int] = (-(1 << 63), 0)  #: the highest PTS, and the duration of that packet
    ends: dict[int, Fraction] = field(default_factory=dict)  #: stream -> when it ends, in seconds
    heard: set[int] = field(default_factory=set)  #: streams of sound that have packets
    cues: dict[int, list[Cue]] = field(default_factory=dict)  #: stream of subtitles -> its cues
    bytes_read: int = 0  #: of the video stream's packets


def read(container: InputContainer, video: VideoStream | None, others: Sequence[Stream]) -> Seen:
    """Read a source once, in order.

    :param others: streams of sound, whose end is wanted too, and of subtitles, whose cues are
    """
    seen = Seen()
    streams = [*([video] if video else []), *others]
    for packet in container.demux(streams) if streams else ():
        if not packet.size or packet.is_discard:
            continue
        if video is None or packet.stream_index != video.index:
            if packet.stream.type == "subtitle":
                cues.note(seen.cues, packet)
            else:
                _note_end(seen, packet)
            continue
        seen.bytes_read += packet.size
        if packet.pts is None:
            seen.timeless += 1
            continue
        seen.times.append(packet.pts)
        seen.keys.append(packet.is_keyframe)
        seen.last = max(seen.last, (packet.pts, packet.duration or 0))
        if len(seen.times) % PROGRESS_PACKETS == 0:
            print(f"frame={len(seen.times)}", flush=True)
    return seen


def why_not(seen: Seen, format_name: str) -> str | None:
    """Return why the packets' times cannot be used; None if they can."""
    names = set(format_name.split(","))
    if invented := names & INVENTED:
        return f"{min(invented)} has no times of its own"
    count = len(seen.times)
    if seen.timeless:
        return f"{seen.timeless} of {count + seen.timeless} packets have no time"
    if repeats := sum(a == b for a, b in pairwise(sorted(seen.times))):
        return f"{repeats} of {count} packets repeat a time"
    return None


def of_packets(seen: Seen, tb: Fraction, start_us: int) -> Table:
    """Return the table that the packets tell; every packet has a time."""
    order = sorted(range(len(seen.times)), key=seen.times.__getitem__)
    pts = tuple(seen.times[i] for i in order)
    return Table(
        tb=tb,
        pts=pts,
        keys=tuple(place for place, i in enumerate(order) if seen.keys[i]),
        last_duration=seen.last[1] or _last_step(pts),
        start_us=start_us,
    )


def of_decoder(path: str, ffmpeg: str, stream: VideoStream, seen: Seen, start_us: int) -> Table:
    """Return the table of the frames that `ffmpeg` itself decodes; costs one decode.

    Raises Trouble, of cause ``source``, if it decodes none.
    """
    tb, pts, last = decoded(path, ffmpeg, stream.index)
    if not pts:
        raise Trouble(f"{path}: no frame can be decoded; copy it again", Cause.SOURCE)
    own = stream.time_base or tb
    times = sorted(
        int(time * own / tb) for time, key in zip(seen.times, seen.keys, strict=True) if key
    )
    found = {max(0, bisect_right(pts, time) - 1) for time in times} | {0}
    return Table(tb=tb, pts=pts, keys=tuple(sorted(found)), last_duration=last, start_us=start_us)


def decoded(
    path: str, ffmpeg: str, index: int, chain: Sequence[str] = ()
) -> tuple[Fraction, tuple[int, ...], int]:
    """Return tick, times and last duration of the frames that `ffmpeg` decodes and `chain` passes.

    Raises Trouble, of cause ``source``, if it stops before the end.
    """
    words = [
        *(ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-noautorotate", "-copyts"),
        *input_words(path),
        *("-map", f"0:{index}", *(["-vf", ",".join(chain)] if chain else [])),
        *("-fps_mode", "passthrough", "-enc_time_base", "demux"),
        *("-f", "framecrc", "-"),
    ]
    tb, pts, last = Fraction(0), [], 0
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            if line.startswith("#tb 0:"):
                tb = Fraction(line.split(":")[1].strip())
            if line.startswith("#"):
                continue
            _, _, time, duration, *_ = (part.strip() for part in line.split(","))
            pts.append(int(time))
            last = int(duration)
            if len(pts) % PROGRESS_PACKETS == 0:
                print(f"frame={len(pts)}", flush=True)
    if process.returncode:
        sentence = f"{path}: decoding stopped after {len(pts)} frames, code {process.returncode}"
        raise Trouble(sentence, Cause.SOURCE)
    return tb, tuple(pts), last or _last_step(pts)


def rate(table: Table, candidates: Sequence[Fraction | None]) -> tuple[Fraction, bool]:
    """Return the rate of a table in frames a second, and whether it is constant.

    Constant at a candidate means: every time is that rate's, rounded to the time base.
    """
    for guess in candidates:
        if guess and _fits(table, guess):
            return guess, True
    steps = len(table.pts) - 1
    span = (table.pts[-1] - table.pts[0]) * table.tb if steps else table.duration
    mean = Fraction(max(steps, 1)) / span if span else Fraction(25)
    return mean, _fits(table, mean)


def _fits(table: Table, guess: Fraction) -> bool:
    step = 1 / (guess * table.tb)  # ticks a frame; whole numbers below, for speed
    n, d, first = step.numerator, step.denominator, table.pts[0]
    return all(abs((time - first) * d - k * n) <= d for k, time in enumerate(table.pts))


def _last_step(pts: Sequence[int]) -> int:
    return max(1, pts[-1] - pts[-2]) if len(pts) > 1 else 1


def _note_end(seen: Seen, packet: Packet[Stream]) -> None:
    seen.heard.add(packet.stream_index)
    if packet.pts is None or packet.time_base is None:
        return
    end = (packet.pts + (packet.duration or 0)) * packet.time_base
    index = packet.stream_index
    seen.ends[index] = max(seen.ends.get(index, end), end)
