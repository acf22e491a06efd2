"""analyse: run the first of two passes over one segment, and keep what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_compressor.work import beside, child, encode, fingerprint, part
from orchestrator_compressor.work.attempt import ask, facts_of
from orchestrator_compressor.work.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Analyse(encode.Encode):
    """What is asked; ``file`` is thrown away at the end."""

    files: Sequence[str] = ()  #: what the encoder writes beside it; the first always
    counted: bool = True  #: whether there are packets to count


def run(words: list[str]) -> dict[str, object]:
    """Analyse, and return how many bits it took; or ``mismatch`` where the table was wrong."""
    wanted = ask(Analyse)
    fingerprint.check(wanted.source, wanted.fingerprint)
    beside.bring(wanted.beside)
    ended = child.run(words, codec=wanted.codec)
    encode.check_end(wanted, ended)
    found: dict[str, object] = {"bits": 1, "frames": None}
    if wanted.counted:
        made, frames = encode.made(wanted, part), wanted.segment[1] - wanted.segment[0]
        if made is None or made.frames != frames:
            return encode.mismatch(wanted, made.frames if made else 0, ended)
        found = {"bits": made.bits, "frames": made.frames}
    Path(wanted.file).unlink(missing_ok=True)
    return {
        **found,
        "stats": _kept(wanted.files),
        "source_errors": ended.reader_lines,
        "seconds": round(ended.seconds, 3),
    }


def _kept(names: Sequence[str]) -> list[dict[str, object]]:
    """Return the facts of the statistics; some presets leave out all but the first."""
    paths = [Path(name) for name in names]
    if not paths[0].exists() or not paths[0].stat().st_size:
        raise Trouble(f"{paths[0]}: ffmpeg ended well and wrote nothing")
    return [facts_of(path) for path in paths if path.exists()]
