"""A video-only file of ours, read packet by packet: what gates and assembly need to know of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_compressor.work import media
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The facts of one segment file; its packets in decode order."""

    streams: int
    ranks: tuple[int, ...]  #: of each packet, its place in display order
    repeats: int  #: how many packets have a time that another has
    starts_clean: bool  #: the first packet is a keyframe and is shown first
    all_keys: bool
    bits: int  #: of all payload
    payload_sha256: str  #: over all payload, in decode order
    extradata_sha256: str
    tag: str
    picture: Mapping[str, object]

    @property
    def frames(self) -> int:
        """How many packets it has; each is one frame."""
        return len(self.ranks)

    @property
    def depth(self) -> int:
        """How many frames late a packet may be decoded: what its DTS must lead by."""
        return reorder_depth(self.ranks)


class Empty(Trouble):
    """A file of ours in which nothing was written."""


def read(path: Path) -> Part:
    """Read a whole file once.

    Raises Trouble if it cannot be read or a packet has no time, Empty if there is no video.
    """
    with media.opened(str(path)) as container:
        if not container.streams.video:
            raise Empty(f"{path.name}: holds no video")
        stream = container.streams.video[0]
        times: list[int] = []
        keys: list[bool] = []
        bits, payload = 0, hashlib.sha256()
        for packet in media.packets(container, stream):
            if packet.pts is None:
                raise Trouble(f"{path.name}: packet {len(times)} has no time")
            times.append(packet.pts)
            keys.append(packet.is_keyframe)
            bits += 8 * packet.size
            payload.update(packet)
        return Part(
            streams=len(container.streams),
            ranks=ranks(times),
            repeats=len(times) - len(set(times)),
            starts_clean=bool(times) and keys[0] and times[0] == min(times),
            all_keys=all(keys),
            bits=bits,
            payload_sha256=payload.hexdigest(),
            extradata_sha256=extradata_sha256(stream),
            tag=stream.codec_context.codec_tag,
            picture=media.picture(stream),
        )


def ranks(times: Sequence[int]) -> tuple[int, ...]:
    """Return for each time its place among all, the lowest first."""
    order = sorted(range(len(times)), key=times.__getitem__)
    places = [0] * len(times)
    for place, i in enumerate(order):
        places[i] = place
    return tuple(places)


def reorder_depth(places: Sequence[int]) -> int:
    """Return the most places that a packet stands behind its place in display order."""
    return max((d - i for d, i in enumerate(places)), default=0)


def extradata_sha256(stream: VideoStream) -> str:
    """Return the hash of a stream's codec headers; equal in all parts that one file is made of."""
    return hashlib.sha256(stream.codec_context.extradata or b"").hexdigest()
