"""The gate of a segment: it is accepted only if all of this holds, whatever the exit code said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import av
import av.error
import av.logging

from orchestrator_compressor.work import child, media
from orchestrator_compressor.work.part import Part
from orchestrator_compressor.work.trouble import Trouble

SAMPLE_EVERY = 25  #: of a fast intra codec, the first, the last and each of these is decoded


def check_headers(name: str, part: Part, expect: Mapping[str, object]) -> None:
    """Raise Trouble unless streams, times, first packet and headers are as planned.

    Only what `expect` names is compared; both values are in the sentence.
    """
    if part.streams != 1:
        raise Trouble(f"{name}: has {part.streams} streams instead of 1")
    if part.repeats:
        raise Trouble(f"{name}: {part.repeats} of {part.frames} frames repeat a time")
    if not part.starts_clean:
        raise Trouble(f"{name}: does not start with a keyframe that is shown first")
    for key, header in part.picture.items():
        found = header
        wanted = expect.get(key)
        if key == "field_order":
            found = found or "progressive"  # a header that does not tell means it
        if key == "sar" and wanted is not None:
            width, kind = int(str(part.picture["width"])), name.rpartition(".")[2]
            if media.is_shape(str(wanted), str(found), width, kind):
                continue
        if wanted is not None and wanted != found:
            raise Trouble(f"{name}: {key} is {found} instead of {wanted}")


def check_decoded(name: str, ended: child.Ended, frames: int) -> int:
    """Return how many frames of a segment came out of the decoder again.

    Raises Trouble if it complained or yielded another number.
    """
    if ended.code or ended.tail:
        reason = child.bare(ended.tail[0]) if ended.tail else f"code {ended.code}"
        raise Trouble(f"{name}: cannot be decoded again: {reason}")
    if ended.frames != frames:
        raise Trouble(f"{name}: {ended.frames} of {frames} frames can be decoded again")
    return frames


def decode_samples(path: Path, frames: int) -> int:
    """Decode the first, the last and every 25th frame of an intra codec; return how many.

    In one thread of our own: what the library says is then caught, and a few frames are cheap.
    Raises Trouble if one of them cannot be decoded.
    """
    media.listen()
    done = wanted = 0
    with av.logging.Capture() as said, media.opened(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for n, packet in enumerate(media.packets(container, stream)):
            if n % SAMPLE_EVERY and n != frames - 1:
                continue
            wanted += 1
            try:
                pictures = stream.decode(packet)
            except av.error.FFmpegError as error:
                raise Trouble(
                    f"{path.name}: frame {n} cannot be decoded again: {error.strerror}"
                ) from error
            if any(picture.is_corrupt for picture in pictures):
                raise Trouble(f"{path.name}: frame {n} is corrupt when decoded again")
            done += len(pictures)
        done += len(stream.decode(None))
    complaints = [text.strip() for level, _, text in said if level <= av.logging.ERROR]
    if complaints or done != wanted:
        reason = complaints[0] if complaints else f"{done} of {wanted} frames came"
        raise Trouble(f"{path.name}: cannot be decoded again: {reason}")
    return done
