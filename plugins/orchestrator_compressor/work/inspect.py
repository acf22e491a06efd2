"""inspect: judge a folder of images by itself, in another process than the one that made it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestrator_compressor import sequences
from orchestrator_compressor.work import fingerprint, frames, stills
from orchestrator_compressor.work.attempt import ask, sha256, write_whole
from orchestrator_compressor.work.frames import Frame
from orchestrator_compressor.work.gates import Gate
from orchestrator_compressor.work.trouble import Trouble
from orchestrator_compressor.work.verify import REPORT


@dataclass(frozen=True, slots=True)
class Inspect:
    """What is asked."""

    folder: str
    listing: str
    sha256: str  #: of the listing
    first: int
    count: int
    expect: Mapping[str, object] = field(default_factory=dict)
    source: str = ""
    fingerprint: Mapping[str, object] = field(default_factory=dict)


def run(_words: list[str]) -> dict[str, object]:
    """Judge, write ``report.json`` and return it in short.

    Raises Trouble that names the first gate that failed, with both values; the report has all.
    """
    wanted = ask(Inspect)
    folder = Path(wanted.folder)
    found = list(_gates(wanted, folder))
    ok = all(gate.ok for gate in found)
    report = {"file": wanted.folder, "ok": ok, "gates": [asdict(gate) for gate in found]}
    data = json.dumps(report, indent=1, ensure_ascii=False).encode()
    write_whole(Path(REPORT), data)
    if failed := [gate for gate in found if not gate.ok]:
        first = failed[0]
        raise Trouble(f"{folder.name}: {first.gate} is {first.found} instead of {first.wanted}")
    short = {"ok": True, "gates": [gate.gate for gate in found]}
    return {"report": short, "file": REPORT, "sha256": sha256(Path(REPORT)), "size": len(data)}


def _gates(wanted: Inspect, folder: Path) -> Iterator[Gate]:
    listed = frames.read({"path": wanted.listing, "sha256": wanted.sha256})
    yield Gate.equal("images", wanted.count, len(listed))
    yield _names(wanted, listed, folder)
    changed = [each.name for each in listed if not _is_whole(folder, each)]
    yield Gate.equal("images changed since they were made", "none", _few(changed))
    if not changed:
        decoded = stills.check_samples([folder / each.name for each in listed], wanted.expect)
        yield Gate(gate="decoded", wanted="first, last, each 25th", found=str(decoded), ok=True)
    if wanted.source and wanted.fingerprint:
        fingerprint.check(wanted.source, wanted.fingerprint)
        yield Gate(gate="source unchanged", wanted="yes", found="yes", ok=True)


def _names(wanted: Inspect, listed: Sequence[Frame], folder: Path) -> Gate:
    """Return the gate that the names are those of the plan, in its order, and no others."""
    suffix = Path(listed[0].name).suffix if listed else ""
    planned = frames.names(f"frame.%06d{suffix}", wanted.first, wanted.count)
    there = set(os.listdir(folder))
    is_right = [each.name for each in listed] == planned and there == set(planned)
    lacks = [n for n, name in enumerate(planned, start=wanted.first) if name not in there]
    end = wanted.first + wanted.count
    holes = sequences.gaps(set(range(wanted.first, end)) - set(lacks), wanted.first, end)
    found = f"without {sequences.lacking(list(holes), 6)}" if lacks else "others besides"
    return Gate(
        gate="names", wanted="all, and no others", found="all" if is_right else found, ok=is_right
    )


def _is_whole(folder: Path, frame: Frame) -> bool:
    try:
        return frames.take(folder, frame.name) == frame
    except Trouble:
        return False


def _few(names: list[str]) -> str:
    return ", ".join(names[: sequences.NAMED_MAX]) or "none"
