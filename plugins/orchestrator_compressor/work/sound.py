"""Counting what is heard: a sound file is judged by its decoded samples, not by its header."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av.error

from orchestrator_compressor.work import media
from orchestrator_compressor.work.trouble import Trouble

SILENT_PACKETS = 50  #: after so many that gave no sample nobody waits for the first one


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A stream of sound, decoded to its end."""

    codec: str
    rate: int
    channels: int
    samples: int  #: that are played: no priming, no padding
    start: Fraction  #: of the first sample that is played, in seconds of the file's clock


def listen(path: Path, number: int = 0) -> Sound:
    """Decode the audio stream `number` of a file of ours.

    Raises Trouble if there is none or it cannot be decoded.
    """
    with media.opened(str(path)) as container:
        if number >= len(container.streams.audio):
            raise Trouble(f"{path.name}: has no sound stream {number}")
        stream = container.streams.audio[number]
        samples, start = 0, None
        for frame in container.decode(stream):
            samples += frame.samples
            if start is None and frame.pts is not None and frame.time_base is not None:
                start = frame.pts * frame.time_base
        return Sound(
            codec=media.codec(stream),
            rate=stream.rate,
            channels=stream.layout.nb_channels,
            samples=samples,
            start=start or Fraction(0),
        )


def begins(path: str, number: int) -> Fraction | None:
    """Return when the first sample of a stream is heard, in seconds of the file's clock.

    Not when its first packet is: of AAC made by some encoders, the decoder drops the first frame
    whole, and no header tells of it.  None if the first packets of audio stream `number` give
    nothing.

    Raises Trouble if the file cannot be read.
    """
    with media.opened(path) as container:
        stream = container.streams.audio[number]
        for packet in islice(container.demux(stream), SILENT_PACKETS):
            try:
                first = next(iter(stream.decode(packet)), None)
            except av.error.FFmpegError:
                continue  # whoever decodes all of it says so
            if first is not None and first.pts is not None and first.time_base is not None:
                return first.pts * first.time_base
    return None
