"""unpack: judge a package by itself: every rung plays from its pieces, and all change at one time."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from orchestrator_compressor import table
from orchestrator_compressor.packaging import MASTER, SOUND
from orchestrator_compressor.work import fingerprint, frames, gates, media
from orchestrator_compressor.work.assemble import read_table
from orchestrator_compressor.work.attempt import ask, sha256, write_whole
from orchestrator_compressor.work.gates import Gate
from orchestrator_compressor.work.trouble import Trouble
from orchestrator_compressor.work.verify import REPORT, RESULT_GATES_MAX

DIGITS = "[0-9]" * 6
JOINED = "rung.mp4"  #: a rung put together again, for as long as it is read
PIECE_TOLERANCE_S = Fraction(1, 1000)  #: playlists count in millionths, and players in frames
NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass(frozen=True, slots=True)
class Unpack:
    """What is asked."""

    folder: str
    container: str  #: hls | dash
    rungs: Sequence[Mapping[str, str]]  #: name, path, payload_sha256
    chunk: int  #: frames of a piece
    start: str  #: of the first frame, in seconds of the package's clock
    table: Mapping[str, str]
    sha256: str = ""  #: of the listing
    output: Mapping[str, str] = field(default_factory=dict)
    audio: Mapping[str, str] | None = None
    expect: Mapping[str, object] = field(default_factory=dict)
    source: str = ""
    fingerprint: Mapping[str, object] = field(default_factory=dict)


def run(_words: list[str]) -> dict[str, object]:
    """Verify, write ``report.json`` and return it in short.

    Raises Trouble that names the first gate that failed, with both values.
    """
    wanted = ask(Unpack)
    folder = Path(wanted.folder)
    if not folder.is_dir():
        raise Trouble(f"{folder}: is missing; it is packaged again")
    return _reported(wanted.folder, list(_all(wanted, folder)))


def _reported(folder: str, found: Sequence[Gate]) -> dict[str, object]:
    """Write ``report.json`` and return it in short."""
    rows = [asdict(gate) for gate in found]
    told = {"file": folder, "ok": all(gate.ok for gate in found), "gates": rows}
    data = json.dumps(told, indent=1, ensure_ascii=False).encode()
    write_whole(Path(REPORT), data)
    if failed := [gate for gate in found if not gate.ok]:
        first = failed[0]
        raise Trouble(f"{Path(folder).name}: {first.gate} is {first.found}, not {first.wanted}")
    short = {"ok": True, "gates": [gate.gate for gate in found][:RESULT_GATES_MAX]}
    return {"report": short, "file": REPORT, "sha256": sha256(Path(REPORT)), "size": len(data)}


def _all(wanted: Unpack, folder: Path) -> Iterator[Gate]:
    listing = folder.parent / frames.LISTING
    listed = frames.read({"path": str(listing), "sha256": wanted.sha256})
    changed = [each.name for each in listed if frames.take(folder, each.name) != each]
    yield Gate.equal("files unchanged", "all", ", ".join(changed) or "all")
    master = MASTER[wanted.container]
    yield Gate.equal("master playlist", master, master if (folder / master).is_file() else "none")
    times = table.output(read_table(wanted.table), wanted.output)
    durations = _durations(wanted, folder)
    for n, each in enumerate(wanted.rungs):
        name = each["name"] if wanted.container == "hls" else str(n)
        with _joined(folder, name) as path:
            yield from _rung(wanted, each, path, times)
        yield from _pieces(name, times, wanted.chunk, durations.get(name, ()))
    if wanted.audio:
        name = SOUND if wanted.container == "hls" else str(len(wanted.rungs))
        with _joined(folder, name) as path:
            yield from gates.sounds(path, wanted.expect)
    if wanted.source and wanted.fingerprint:
        fingerprint.check(wanted.source, wanted.fingerprint)
        yield Gate(gate="source unchanged", wanted="yes", found="yes", ok=True)


def _rung(
    wanted: Unpack, rung: Mapping[str, str], path: Path, times: table.Output
) -> Iterator[Gate]:
    name = rung["name"]
    shown = gates.read_picture(path, [(0, len(times.pts))])
    begins = shown.pts[0] * shown.tb if shown.pts else Fraction(0)
    planned, keys = Fraction(wanted.start), _keys(path)
    late = [n for n in range(0, len(times.pts), wanted.chunk) if n not in keys]
    rows = [
        *gates.times(shown, times, "mp4"),
        *gates.payloads(shown, [{"a": 0, "payload_sha256": rung.get("payload_sha256", "")}]),
        Gate(
            gate="start",
            wanted=f"{float(planned):.6f} s",
            found=f"{float(begins):.6f} s",
            ok=abs(begins - planned) <= gates.START_TOLERANCE,
        ),
        Gate.equal(
            "frames that begin a piece", "keyframes", f"{late[0]} is none" if late else "keyframes"
        ),
    ]
    yield from (replace(row, gate=f"{name}: {row.gate}") for row in rows)


def _pieces(name: str, times: table.Output, chunk: int, told: Sequence[Fraction]) -> Iterator[Gate]:
    """Yield the gates of a playlist's lengths: players change the rung where all have an edge."""
    edges = [*times.pts[::chunk], times.pts[-1] + times.last_duration]
    planned = [(b - a) * times.tb for a, b in pairwise(edges)]
    yield Gate.equal(f"{name}: pieces", len(planned), len(told))
    pairs = enumerate(zip(planned, told, strict=False))
    far = [n for n, (want, found) in pairs if abs(want - found) > PIECE_TOLERANCE_S]
    said = f"piece {far[0]} is otherwise" if far else "as planned"
    yield Gate.equal(f"{name}: lengths of pieces", "as planned", said)


def _durations(wanted: Unpack, folder: Path) -> dict[str, list[Fraction]]:
    """Return the lengths of pieces, in seconds, that the playlists tell, by stream."""
    if wanted.container == "hls":
        texts = {each["name"]: (folder / f"{each['name']}.m3u8") for each in wanted.rungs}
        return {name: _listed(path.read_text("utf-8")) for name, path in texts.items()}
    tree = ElementTree.parse(folder / MASTER["dash"])  # ours: it was hashed when it was made
    found = {}
    for shape in tree.iter(f"{NAMESPACE}Representation"):
        lengths = []
        for timeline in shape.iter(f"{NAMESPACE}SegmentTemplate"):
            scale = int(timeline.attrib["timescale"])
            for each in timeline.iter(f"{NAMESPACE}S"):
                length = Fraction(int(each.attrib["d"]), scale)
                lengths += [length] * (int(each.attrib.get("r", "0")) + 1)
        found[shape.attrib["id"]] = lengths
    return found


def _listed(text: str) -> list[Fraction]:
    return [Fraction(each) for each in re.findall(r"^#EXTINF:([0-9.]+),", text, re.MULTILINE)]


@contextmanager
def _joined(folder: Path, name: str) -> Iterator[Path]:
    """Put a stream together again, as a player does: its beginning, then its pieces in order."""
    path = Path(JOINED)
    with path.open("wb") as whole:
        for each in [folder / f"{name}-init.mp4", *sorted(folder.glob(f"{name}-{DIGITS}.m4s"))]:
            with each.open("rb") as piece:
                shutil.copyfileobj(piece, whole)
    try:
        yield path
    finally:
        path.unlink()


def _keys(path: Path) -> set[int]:
    """Return the places, in display order, of the keyframes."""
    with media.opened(str(path)) as container:
        stream = container.streams.video[0]
        found = [
            (packet.pts or 0, packet.is_keyframe) for packet in media.packets(container, stream)
        ]
    return {place for place, (_, is_key) in enumerate(sorted(found)) if is_key}
