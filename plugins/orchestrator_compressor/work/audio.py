"""audio: encode one output's sound in one piece; cut, it would gain silence at every join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.api import Cause
from orchestrator_compressor import mix
from orchestrator_compressor.work import child, fingerprint, loud, sound
from orchestrator_compressor.work.attempt import ask, facts_of
from orchestrator_compressor.work.trouble import Trouble

SLACK_SAMPLES = 4096  #: two of the largest codec frames: headers count their padding or not

Track = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Audio:
    """What is asked."""

    source: str
    fingerprint: Mapping[str, object]
    #: of each: file, expect (codec, rate, channels, samples, slack) and what `loud` needs
    tracks: Sequence[Track] = ()
    file: str = ""  #: of the only track, where `tracks` names none
    expect: Mapping[str, Any] = field(default_factory=dict)
    decode_errors: str = "fail"
    codec: str = ""  #: of the source's sound; several have commas between them
    ffmpeg: str = ""


def run(words: list[str]) -> dict[str, object]:
    """Encode the sound, decode it again, and return the facts: of the first track, of ``more``."""
    wanted = ask(Audio)
    tracks = wanted.tracks or [{"file": wanted.file, "expect": wanted.expect}]
    fingerprint.check(wanted.source, wanted.fingerprint)
    settled = [loud.settle(each, wanted.source, wanted.codec) for each in tracks]
    marks = {key: value for n, each in enumerate(settled) for key, value in each.marks(n).items()}
    ended = child.run(mix.filled(words, marks), codec=wanted.codec)
    fingerprint.check(wanted.source, wanted.fingerprint)
    if ended.code:
        raise child.trouble(ended, wanted.source, "the sound")
    if ended.reader_lines and wanted.decode_errors == "fail":
        reason = child.bare(ended.first_reader_line)
        raise Trouble(f"{wanted.source}: the sound cannot be decoded: {reason}", Cause.SOURCE)
    first, *more = [
        _facts(each, how, wanted.ffmpeg) for each, how in zip(tracks, settled, strict=True)
    ]
    return {
        **first,
        **({"more": more} if more else {}),
        "source_errors": ended.reader_lines,
        "seconds": round(ended.seconds, 3),
    }


def _facts(track: Track, how: loud.Settled, ffmpeg: str) -> dict[str, object]:
    path = Path(track["file"])
    heard = _heard(path, track.get("expect") or {})
    return {
        **facts_of(path),
        "samples": heard.samples,
        "rate": heard.rate,
        "channels": heard.channels,
        "codec": heard.codec,
        **loud.check(path, track, how, ffmpeg),
    }


def _heard(path: Path, expect: Mapping[str, Any]) -> sound.Sound:
    """Decode what was made.  Raises Trouble where it is not what was planned."""
    if not path.exists() or not path.stat().st_size:
        raise Trouble(f"{path.name}: ffmpeg ended well and wrote nothing")
    heard = sound.listen(path)
    facts = {"codec": heard.codec, "rate": heard.rate, "channels": heard.channels}
    for key, found in facts.items():
        if expect.get(key) not in {None, found}:
            raise Trouble(f"{path.name}: {key} is {found} instead of {expect[key]}")
    planned = expect.get("samples")
    slack = int(expect.get("slack") or SLACK_SAMPLES)
    if not heard.samples or (planned is not None and abs(heard.samples - planned) > slack):
        raise Trouble(f"{path.name}: has {heard.samples} samples instead of {planned}")
    return heard
