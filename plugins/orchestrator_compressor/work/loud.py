"""What only the node can tell before it encodes a track: how long it is, and how loud (EBU R128)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.api import Cause
from orchestrator_compressor import mix
from orchestrator_compressor.audio import Fades, Loudness
from orchestrator_compressor.mix import Measured
from orchestrator_compressor.work import child, media
from orchestrator_compressor.work.trouble import Trouble

Track = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The filters that only the node knows."""

    fades: str = ""
    level: str = ""
    how: str = ""  #: silent (nothing to change), linear (one gain for all) or dynamic

    def marks(self, number: int) -> dict[str, str]:
        """Return which mark each stands for."""
        return {mix.FADES.format(number): self.fades, mix.LEVEL.format(number): self.level}


def settle(track: Track, source: str, codec: str) -> Settled:
    """Measure a track as often as is needed.

    Raises Trouble if it cannot be decoded.
    """
    if not track.get("measure"):
        return Settled()
    fades = _fades(track, source, codec)
    if not track.get("loudness"):
        return Settled(fades=fades)
    wanted = Loudness(**track["loudness"])
    found = mix.read_summary(_say(track, source, codec, fades, mix.LISTEN))
    if found is None:
        raise Trouble(f"{source}: its loudness cannot be measured")
    if found.is_silent:
        return Settled(fades=fades, how="silent")
    if level := mix.gain(wanted, found):
        return Settled(fades=fades, level=level, how="linear")
    told = mix.read_first_pass(_say(track, source, codec, fades, mix.first_pass(wanted)))
    if told is None:
        raise Trouble(f"{source}: its loudness cannot be measured")
    level = mix.second_pass(wanted, told, track["rate"])
    made = mix.read_summary(_say(track, source, codec, level, fades, mix.LISTEN))
    if made is not None:
        level = f"{level},{mix.trimmed(wanted, made)}"
    return Settled(fades=fades, level=level, how="dynamic")


def check(path: Path, track: Track, how: Settled, ffmpeg: str) -> dict[str, object]:
    """Return how loud a finished track is, where that was asked for.

    Raises Trouble, final, where it is not what was asked.
    """
    if not how.how:
        return {}
    made = _heard(path, ffmpeg)
    loudness: dict[str, object] = {"gain": how.how}
    if how.how != "silent":
        loudness |= {"integrated": made.integrated, "range": made.range, "peak": made.peak}
        if why := mix.astray(Loudness(**track["loudness"]), made, bool(track.get("lossless"))):
            raise Trouble(f"{path.name}: {why}", final=True)
    return {"loudness": loudness}


def _fades(track: Track, source: str, codec: str) -> str:
    if not track.get("fades"):
        return ""
    samples = mix.read_count(_say(track, source, codec, mix.COUNT))
    if samples is None:
        raise Trouble(f"{source}: its samples cannot be counted")
    return mix.faded(Fades(**track["fades"]), samples, track["rate"])


def _say(track: Track, source: str, codec: str, *filters: str) -> str:
    """Return what ffmpeg says of a track through these filters."""
    meter = ",".join(part for part in filters if part)
    ended = child.run(mix.filled(track["measure"], {mix.METER: meter}), codec=codec)
    if ended.code:
        raise child.trouble(ended, source, "the sound")
    return "\n".join(ended.tail)


def _heard(path: Path, ffmpeg: str) -> Measured:
    words = [ffmpeg, "-hide_banner", "-nostdin", "-v", "info", "-nostats"]
    ended = child.run(
        [
            *(*words, *media.input_words(str(path.absolute()))),
            *("-map", "0:a", "-af", mix.LISTEN, "-f", "null", "-"),
        ]
    )
    made = mix.read_summary("\n".join(ended.tail))
    if ended.code or made is None:
        raise Trouble(f"{path.name}: its loudness cannot be measured", Cause.FAILED)
    return made
