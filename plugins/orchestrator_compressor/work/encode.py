"""encode: run ffmpeg on one segment of the source, then doubt what it made (Recipe R, gates)."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from orchestrator.api import Cause
from orchestrator_compressor import table
from orchestrator_compressor.work import beside, child, fingerprint, statistics
from orchestrator_compressor.work.attempt import ask, facts_of
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from orchestrator_compressor.work.part import Part


NO_HEADER = hashlib.sha256(b"").hexdigest()  #: images share none


@dataclass(frozen=True, slots=True)
class Encode:
    """What is asked."""

    source: str
    fingerprint: Mapping[str, object]
    segment: Sequence[int]  #: [a, b) in output frames
    file: str  #: what the words write, in the attempt's folder
    ffmpeg: str
    expect: Mapping[str, object] = field(default_factory=dict)
    decode_errors: str = "fail"  #: fail | warn
    gate: str = "full"  #: full | sampled
    threads: int = 1
    mode: str = "packets"  #: where the table comes from: packets | decoder
    codec: str = ""  #: of the source; its decoder's lines are the source's faults
    beside: Mapping[str, object] = field(default_factory=dict)  #: files that its filters read
    table: Mapping[str, str] | None = None  #: path of the index, to say when a frame is shown
    output: Mapping[str, str] = field(default_factory=dict)  #: how its frames follow from the index
    stats: Sequence[Mapping[str, object]] = ()  #: path, sha256: what a first pass found
    tightened: int = 0  #: how often it was encoded again to keep to a player's buffer
    still: int | None = None  #: `file` is a pattern of images, and this the number of the first
    first: int = 0  #: frame of the source that counts as 0 here


def run(words: list[str]) -> dict[str, object]:
    """Encode, and return the facts of the segment; or ``mismatch`` where the table was wrong."""
    wanted = ask(Encode)
    fingerprint.check(wanted.source, wanted.fingerprint)
    beside.bring(wanted.beside)
    found = statistics.bring(wanted.stats)
    running = child.Child(words, codec=wanted.codec)
    # PyAV takes 0.1 s to load: it is loaded while ffmpeg works.
    part, gate = (_load(name) for name in ("part", "gate"))
    ended = running.finish()
    for each in found:
        each.unlink()
    check_end(wanted, ended)
    if wanted.still is not None:
        return _images(wanted, ended)
    decoding = _start_decoding(wanted)
    read = made(wanted, part)
    frames = wanted.segment[1] - wanted.segment[0]
    if read is None or read.frames != frames:
        return mismatch(wanted, read.frames if read else 0, ended)
    gate.check_headers(wanted.file, read, wanted.expect)
    facts = facts_of(Path(wanted.file))
    decoded = _decode(wanted, gate, read, decoding)
    return {
        **facts,
        "payload_sha256": read.payload_sha256,
        "frames": read.frames,
        "bits": read.bits,
        "extradata_sha256": read.extradata_sha256,
        "tag": read.tag,
        "depth": read.depth,
        "tightened": wanted.tightened,
        "keyframe_first": True,
        "decoded": decoded,
        "source_errors": ended.reader_lines,
        "warnings": len(ended.tail) - min(ended.reader_lines, len(ended.tail)),
        "seconds": round(ended.seconds, 3),
    }


def _images(wanted: Encode, ended: child.Ended) -> dict[str, object]:
    """Return the facts of a segment that is images: their names are the plan's, and all are there."""
    frames, stills = (_load(name) for name in ("frames", "stills"))
    a, b = wanted.segment
    there = frames.numbers(Path(), wanted.file)
    first = wanted.still or 0
    if len(there) != b - a:
        return mismatch(wanted, len(there), ended)
    if there != list(range(first, first + b - a)):
        raise Trouble(f"{wanted.file}: numbers begin at {there[0]} instead of {first}")
    listed = [frames.take(Path(), name) for name in frames.names(wanted.file, first, b - a)]
    decoded = stills.check_samples([Path(each.name) for each in listed], wanted.expect)
    return {
        **frames.write(listed),
        "bits": 8 * sum(each.size for each in listed),
        "extradata_sha256": NO_HEADER,
        "keyframe_first": True,
        "decoded": decoded,
        "source_errors": ended.reader_lines,
        "warnings": len(ended.tail) - min(ended.reader_lines, len(ended.tail)),
        "seconds": round(ended.seconds, 3),
    }


def check_end(wanted: Encode, ended: child.Ended) -> None:
    """Raise Trouble where ffmpeg failed, or complained of a source of which it must not."""
    a, b = wanted.segment
    if ended.code:
        fingerprint.check(wanted.source, wanted.fingerprint)
        what = f"frames {a} to {b - 1}"
        if ended.reader_lines:
            what = _place(wanted, a + ended.frames)
        raise child.trouble(ended, wanted.source, what)
    if ended.reader_lines and wanted.decode_errors == "fail":
        raise Trouble(
            f"{wanted.source}: {_place(wanted, a + ended.frames)} cannot be decoded:"
            f" {child.bare(ended.first_reader_line)}; mend it, or set onDecodeErrors: warn",
            Cause.SOURCE,
        )


def made(wanted: Encode, part: ModuleType) -> Part | None:
    """Read what was made; None if it is no file with frames."""
    path = Path(wanted.file)
    if not path.exists() or not path.stat().st_size:
        return None
    try:
        found: Part = part.read(path)
    except part.Empty:
        return None
    except Trouble as trouble:
        if trouble.cause is Cause.SOURCE:  # the file is ours here, not the source
            raise Trouble(str(trouble)) from trouble
        raise
    return found


def mismatch(wanted: Encode, found: int, ended: child.Ended) -> dict[str, object]:
    """Say that the number of frames is another than planned.

    With a table made from packets the table may be wrong: the plan is then made again, once, from
    the decoder (`mismatch`).  Raises Trouble where that was tried, or where the source changed.
    """
    fingerprint.check(wanted.source, wanted.fingerprint)
    a, b = wanted.segment
    if wanted.mode == "packets" and not ended.reader_lines:
        return {"mismatch": {"expected": b - a, "found": found, "segment": [a, b]}}
    what = "is empty" if not found else f"has {found} frames"
    raise Trouble(f"{wanted.file}: {what} instead of {b - a} (frames {a} to {b - 1})")


def _start_decoding(wanted: Encode) -> child.Child | None:
    """Start the decode that doubts the segment; meanwhile its packets are read and hashed."""
    path = Path(wanted.file)
    if wanted.gate == "sampled" or not path.exists() or not path.stat().st_size:
        return None
    return child.Child(_decoding(wanted), label=_gate_label(wanted))


def _decode(wanted: Encode, gate: ModuleType, made: Part, decoding: child.Child | None) -> int:
    path = Path(wanted.file)
    if decoding is None and made.all_keys:
        return int(gate.decode_samples(path, made.frames))
    ended = (decoding or child.Child(_decoding(wanted), label=_gate_label(wanted))).finish()
    return int(gate.check_decoded(wanted.file, ended, made.frames))


def _decoding(wanted: Encode) -> list[str]:
    return child.decode_words(Path(wanted.file), wanted.ffmpeg, wanted.threads)


def _gate_label(wanted: Encode) -> str:
    """What stands before the gate's frames: that all are encoded, or progress would go back."""
    return f"frame={wanted.segment[1] - wanted.segment[0]} gate"


def _place(wanted: Encode, frame: int) -> str:
    """Say which frame it is and, where the index is at hand, when it is shown."""
    frame = wanted.first + min(frame, wanted.segment[1] - 1)
    if wanted.table is None:
        return f"a frame near {frame}"
    shown = table.output(table.load(Path(wanted.table["path"]).read_bytes()), wanted.output)
    if frame >= len(shown.pts):
        return f"a frame near {frame}"
    return f"a frame near {frame} ({clock(shown.expected[frame] * shown.tb)})"


def clock(seconds: Fraction) -> str:
    """Return seconds as people read them: ``0:00:50.167``."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"orchestrator_compressor.work.{name}")
