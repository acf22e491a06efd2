"""Joining segments into one video file: packets as they are, times from the table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error

from orchestrator_compressor.bucket import Bucket
from orchestrator_compressor.table import Output
from orchestrator_compressor.work import media, part
from orchestrator_compressor.work.trouble import Trouble, of_os_error

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

MOVIE_CLOCK = frozenset({".mov", ".mp4"})  #: formats whose edit list has a clock of its own
PROGRESS_FRAMES = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An accepted segment: frames [a, b) of the output, and what its gate recorded."""

    path: Path
    a: int
    b: int
    payload_sha256: str
    extradata_sha256: str
    tag: str
    depth: int | None  #: None: not recorded; it is read again


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first frame of a segment that was not there when a player wanted it."""

    segment: int
    frame: int  #: of the output
    bits: int  #: of it that were not there yet
    fill: Fraction  #: of the buffer, where the segment begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The video file that came of it."""

    frames: int
    depth: int
    payload_sha256: str  #: over all payload, in decode order
    broken: tuple[Broken, ...] = ()  #: segments that do not keep to the player's buffer, in order


def piece(data: Mapping[str, object]) -> Piece:
    """Return the piece that a segment's record tells."""
    depth = data.get("depth")
    return Piece(
        path=Path(str(data["path"])),
        a=int(str(data["a"])),
        b=int(str(data["b"])),
        payload_sha256=str(data["payload_sha256"]),
        extradata_sha256=str(data["extradata_sha256"]),
        tag=str(data["tag"]),
        depth=None if depth is None else int(str(depth)),
    )


def join(
    pieces: Sequence[Piece], times: Output, path: Path, bucket: Bucket | None = None
) -> Joined:
    """Write the packets of all pieces to `path`, one open file at a time.

    `bucket` is the buffer of a player that they must keep to; None: there is none.

    Raises Trouble, naming the segment, where a piece is missing, of another encoder, of another
    length, or not what its gate accepted.
    """
    _check_plan(pieces, times)
    depth = max(_depth(each) for each in pieces)
    writer = Writer(path, times, depth, bucket)
    try:
        for number, each in enumerate(pieces):
            writer.add(each, number)
    except OSError as error:
        raise of_os_error(error, path.parent) from error
    finally:
        writer.close()
    if writer.written != len(times.pts):
        raise Trouble(f"{path.name}: {writer.written} frames instead of {len(times.pts)}")
    return Joined(
        frames=writer.written,
        depth=depth,
        payload_sha256=writer.payload.hexdigest(),
        broken=tuple(writer.broken.values()),
    )


class Writer:
    """The file being written: where the next packet goes, and what was hashed so far."""

    def __init__(self, path: Path, times: Output, depth: int, bucket: Bucket | None = None) -> None:
        self.payload = hashlib.sha256()
        self.broken: dict[int, Broken] = {}
        self._bucket = bucket
        self._number = 0
        self._fill: Fraction | None = None  #: of the buffer, where that piece begins
        self.written = 0
        self._times = times
        self._pts = times.expected
        self._depth = depth
        self._step = self._pts[1] if len(self._pts) > 1 else 1
        self._last_dts: int | None = None
        options = {"movie_timescale": str(times.tb.denominator)}
        is_movie = path.suffix in MOVIE_CLOCK
        self._container: OutputContainer = av.open(
            str(path.absolute()), "w", options=options if is_movie else {}
        )
        self._stream: VideoStream | None = None

    def add(self, piece: Piece, number: int = 0) -> None:
        """Append all packets of a piece, the `number`th of all."""
        self._number, self._fill = number, None
        payload = hashlib.sha256()
        count = 0
        with media.opened(str(piece.path)) as container:
            stream = container.streams.video[0]
            _check_headers(piece, stream)
            places = _places(piece, container, stream)
            if self._stream is None:
                self._stream = self._template(stream)
            for packet, place in _placed(piece, media.packets(container, stream), places):
                payload.update(packet)
                self.payload.update(packet)
                if count == 0 and not (packet.is_keyframe and place == 0):
                    raise Trouble(f"segment {piece.a}: no keyframe comes first in {piece.path}")
                self._mux(packet, piece.a + place, self._stream)
                count += 1
        if count != piece.b - piece.a:
            raise Trouble(f"{piece.path}: has {count} frames instead of {piece.b - piece.a}")
        if payload.hexdigest() != piece.payload_sha256:
            raise Trouble(f"{piece.path}: has changed since it was accepted; encode it again")

    def close(self) -> None:
        """Finish the file."""
        self._container.close()

    def _template(self, first: VideoStream) -> VideoStream:
        # opaque: never look for an encoder; codec_tag: PyAV forgets it, and ProRes 4444 turns 422
        stream = self._container.add_stream_from_template(first, opaque=True)
        stream.time_base = self._times.tb
        stream.codec_context.codec_tag = first.codec_context.codec_tag
        if first.sample_aspect_ratio:  # forgotten, too; Matroska loses it even so
            stream.codec_context.sample_aspect_ratio = first.sample_aspect_ratio
        return stream

    def _mux(self, packet: Packet[VideoStream], frame: int, stream: VideoStream) -> None:
        """Write one packet: shown at its frame's time, decoded `depth` frames ahead."""
        g, depth = self.written, self._depth
        dts = self._pts[g - depth] if g >= depth else (g - depth) * self._step
        pts = self._pts[frame]
        if dts > pts or (self._last_dts is not None and dts <= self._last_dts):
            raise Trouble(f"frame {frame}: decoded at {dts}, shown at {pts}: the table is no order")
        following = self._pts[frame + 1] if frame + 1 < len(self._pts) else None
        self._drain(8 * packet.size, dts, frame)
        packet.pts, packet.dts = pts, dts
        packet.duration = self._times.last_duration if following is None else following - pts
        packet.time_base = self._times.tb
        packet.stream = stream
        self._container.mux(packet)
        self._last_dts = dts
        self.written += 1
        if self.written % PROGRESS_FRAMES == 0:
            print(f"frame={self.written}", flush=True)

    def _drain(self, bits: int, dts: int, frame: int) -> None:
        """Let a player decode a frame; remember the first of each piece that comes too late."""
        if self._bucket is None:
            return
        self._bucket.wait(dts * self._times.tb)
        if self._fill is None:
            self._fill = self._bucket.share
        if short := self._bucket.take(bits):
            told = Broken(segment=self._number, frame=frame, bits=short, fill=self._fill)
            self.broken.setdefault(self._number, told)


def _check_plan(pieces: Sequence[Piece], times: Output) -> None:
    """Raise Trouble unless the pieces are the output, in order, without gap or overlap."""
    if not pieces:
        raise Trouble("assemble: no segments; a fault of the program")
    expected = 0
    for each in pieces:
        if each.a != expected:
            raise Trouble(f"segment {each.a}: frames {expected} to {each.a} are nobody's")
        if each.tag != pieces[0].tag or each.extradata_sha256 != pieces[0].extradata_sha256:
            raise Trouble(
                f"segment {each.a} ({each.path}): its codec headers differ from those of the first;"
                " it was encoded by another build or with other options: encode it again"
            )
        expected = each.b
    if expected != len(times.pts):
        raise Trouble(f"assemble: {expected} frames in segments, {len(times.pts)} in the table")


def _check_headers(piece: Piece, stream: VideoStream) -> None:
    if part.extradata_sha256(stream) != piece.extradata_sha256:
        raise Trouble(f"{piece.path}: its codec headers are not those that were accepted")


def _depth(piece: Piece) -> int:
    return part.read(piece.path).depth if piece.depth is None else piece.depth


def _places(piece: Piece, container: InputContainer, stream: VideoStream) -> tuple[int, ...] | None:
    """Return the place of each packet in display order; None where decode order is it.

    Long-GOP files are read once more for it; they are small.  Intra codecs are not, and are not.
    """
    if piece.depth == 0:
        return None
    times = [packet.pts for packet in media.packets(container, stream)]
    container.seek(0)
    if None in times:
        raise Trouble(f"{piece.path}: a packet has no time")
    return part.ranks([pts for pts in times if pts is not None])


def _placed(
    piece: Piece, packets: Iterator[Packet[VideoStream]], places: tuple[int, ...] | None
) -> Iterator[tuple[Packet[VideoStream], int]]:
    last: Fraction | int | None = None
    for n, packet in enumerate(packets):
        if n >= piece.b - piece.a:
            raise Trouble(f"{piece.path}: has more than {piece.b - piece.a} frames")
        if places is not None:
            yield packet, places[n]
            continue
        if packet.pts is None or (last is not None and packet.pts <= last):
            raise Trouble(f"{piece.path}: frame {n} is not shown after the one before")
        last = packet.pts
        yield packet, n
