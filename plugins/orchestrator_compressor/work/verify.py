"""verify: judge the finished file by itself, in another process than the one that made it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

from orchestrator_compressor import marks, table
from orchestrator_compressor.marks import Marks
from orchestrator_compressor.work import fingerprint, gates, kept
from orchestrator_compressor.work.assemble import read_marks, read_table
from orchestrator_compressor.work.attempt import ask, sha256, write_whole
from orchestrator_compressor.work.gates import Gate
from orchestrator_compressor.work.trouble import Trouble

REPORT = "report.json"
RESULT_GATES_MAX = 24  #: those in the result itself; all stand in the report


@dataclass(frozen=True, slots=True)
class Verify:
    """What is asked."""

    file: str
    container: str  #: mov | mp4 | mkv | webm | …
    sha256: str = ""
    table: Mapping[str, str] | None = None  #: None: no picture is expected
    output: Mapping[str, str] = field(default_factory=dict)
    segments: Sequence[Mapping[str, object]] = ()  #: a, b, payload_sha256
    expect: Mapping[str, object] = field(default_factory=dict)
    source: str = ""
    fingerprint: Mapping[str, object] = field(default_factory=dict)
    ffmpeg: str = ""
    threads: int = 1
    marks: Mapping[str, str] | None = None  #: path, sha256 of the source's cues and chapters
    made: Mapping[str, str] | None = None  #: likewise, of those that are not the source's
    zero: str = "0"  #: where the file begins, in seconds of the source's clock


def run(_words: list[str]) -> dict[str, object]:
    """Verify, write ``report.json`` and return it in short.

    Raises Trouble that names the first gate that failed, with both values; the report has all.
    """
    wanted = ask(Verify)
    path = Path(wanted.file)
    if not path.exists():
        raise Trouble(f"{path}: is missing; it is assembled again")
    found = list(_all(wanted, path))
    report = {
        "file": wanted.file,
        "ok": all(gate.ok for gate in found),
        "gates": [asdict(gate) for gate in found],
    }
    data = json.dumps(report, indent=1, ensure_ascii=False).encode()
    write_whole(Path(REPORT), data)
    if failed := [gate for gate in found if not gate.ok]:
        first = failed[0]
        raise Trouble(f"{path.name}: {first.gate} is {first.found} instead of {first.wanted}")
    short = {"ok": True, "gates": [gate.gate for gate in found][:RESULT_GATES_MAX]}
    return {"report": short, "file": REPORT, "sha256": sha256(Path(REPORT)), "size": len(data)}


def _all(wanted: Verify, path: Path) -> list[Gate]:
    found = []
    if wanted.sha256:
        found.append(Gate.equal("sha256", wanted.sha256, sha256(path)))
    if wanted.table is not None:
        times = table.output(read_table(wanted.table), wanted.output)
        found += _picture(wanted, path, times)
    found += _others(wanted, path)
    found += gates.sounds(path, wanted.expect)
    if wanted.source and wanted.fingerprint:
        fingerprint.check(wanted.source, wanted.fingerprint)
        found.append(Gate(gate="source unchanged", wanted="yes", found="yes", ok=True))
    return found


def _others(wanted: Verify, path: Path) -> Iterator[Gate]:
    """Yield the gates of what stands beside picture and sound."""
    theirs, made = read_marks(wanted.marks), read_marks(wanted.made)
    planned = Marks(cues={**theirs.cues, **made.cues}, chapters=made.chapters or theirs.chapters)
    zero = Fraction(wanted.zero)
    yield from kept.streams(path, wanted.expect)
    yield from kept.subtitles(path, wanted.expect, planned, zero)
    if wanted.expect.get("chapters"):
        chapters = marks.kept_chapters(planned.chapters, zero, wanted.container)
        yield from kept.chapters(path, chapters)
    elif wanted.expect.get("no_chapters"):
        yield from kept.chapters(path, ())
    yield from kept.metadata(path, wanted.expect)
    if wanted.expect.get("captions"):
        yield kept.captions(path)


def _picture(wanted: Verify, path: Path, times: table.Output) -> list[Gate]:
    ranges = [(int(str(each["a"])), int(str(each["b"]))) for each in wanted.segments]
    shown = gates.read_picture(path, ranges)
    if wanted.container in gates.REPACKED:
        same = gates.decodes(path, wanted.ffmpeg, wanted.threads, len(times.pts))
    else:
        same = gates.payloads(shown, wanted.segments)
    return [
        *gates.times(shown, times, wanted.container),
        *same,
        *gates.picture(shown, wanted.expect, wanted.container),
    ]
