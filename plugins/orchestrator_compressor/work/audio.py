"""audio: encode one output's sound in one piece; cut, it would gain silence at every join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.api import Cause
from orchestrator_compressor.work import child, fingerprint, sound
from orchestrator_compressor.work.attempt import ask, facts_of
from orchestrator_compressor.work.trouble import Trouble

SLACK_SAMPLES = 4096  #: two of the largest codec frames: headers count their padding or not


@dataclass(frozen=True, slots=True)
class Audio:
    """What is asked."""

    source: str
    fingerprint: Mapping[str, object]
    file: str
    expect: Mapping[str, Any] = field(
        default_factory=dict
    )  #: codec, rate, channels, samples, slack
    stream: int | None = None
    decode_errors: str = "fail"
    codec: str = ""  #: of the source's sound


def run(words: list[str]) -> dict[str, object]:
    """Encode the sound, decode it again, and return its facts."""
    wanted = ask(Audio)
    fingerprint.check(wanted.source, wanted.fingerprint)
    ended = child.run(words, codec=wanted.codec)
    fingerprint.check(wanted.source, wanted.fingerprint)
    if ended.code:
        raise child.trouble(ended, wanted.source, "the sound")
    if ended.reader_lines and wanted.decode_errors == "fail":
        reason = child.bare(ended.first_reader_line)
        raise Trouble(f"{wanted.source}: the sound cannot be decoded: {reason}", Cause.SOURCE)
    heard = _heard(wanted)
    return {
        **facts_of(Path(wanted.file)),
        "samples": heard.samples,
        "rate": heard.rate,
        "channels": heard.channels,
        "codec": heard.codec,
        "source_errors": ended.reader_lines,
        "seconds": round(ended.seconds, 3),
    }


def _heard(wanted: Audio) -> sound.Sound:
    """Decode what was made.  Raises Trouble where it is not what was planned."""
    path = Path(wanted.file)
    if not path.exists() or not path.stat().st_size:
        raise Trouble(f"{wanted.file}: ffmpeg ended well and wrote nothing")
    heard = sound.listen(path)
    facts = {"codec": heard.codec, "rate": heard.rate, "channels": heard.channels}
    for key, found in facts.items():
        if wanted.expect.get(key) not in {None, found}:
            raise Trouble(f"{wanted.file}: {key} is {found} instead of {wanted.expect[key]}")
    planned = wanted.expect.get("samples")
    slack = int(wanted.expect.get("slack") or SLACK_SAMPLES)
    if not heard.samples or (planned is not None and abs(heard.samples - planned) > slack):
        raise Trouble(f"{wanted.file}: has {heard.samples} samples instead of {planned}")
    return heard
