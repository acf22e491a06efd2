"""Counting what is heard: a sound file is judged by its decoded samples, not by its header."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from orchestrator_compressor.work import media
from orchestrator_compressor.work.trouble import Trouble


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
