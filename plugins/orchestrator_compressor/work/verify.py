"""verify: judge the finished file by itself, in another process than the one that made it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

from orchestrator_compressor import marks, page, table
from orchestrator_compressor.marks import Marks
from orchestrator_compressor.work import beside, fingerprint, gates, kept, measure, report
from orchestrator_compressor.work.assemble import read_marks, read_table
from orchestrator_compressor.work.attempt import ask, sha256, write_whole
from orchestrator_compressor.work.gates import Gate, Shown
from orchestrator_compressor.work.report import Found, Verify
from orchestrator_compressor.work.trouble import Trouble

REPORT = "report.json"
PAGE = "report.html"
RESULT_GATES_MAX = 24  #: those in the result itself; all stand in the report


def run(words: list[str]) -> dict[str, object]:
    """Verify, write ``report.json`` and ``report.html``, and return it in short.

    `words` measure the quality, if that is asked for.

    Raises Trouble that names the first gate that failed, with both values; the report has all.
    """
    wanted = ask(Verify)
    path = Path(wanted.file)
    if not path.exists():
        raise Trouble(f"{path}: is missing; it is assembled again")
    began = time.monotonic()
    times = _times(wanted)
    shown = _read(wanted, path) if times else None
    found = list(_all(wanted, path, times, shown))
    if words:
        beside.bring(wanted.beside)
    measured = measure.measure(words, wanted.metrics, len(shown.pts) if shown else None, times)
    told = report.build(wanted, path, Found(found, times, shown, measured))
    told["times"] = {**cast("dict[str, object]", told["times"]), "verify_s": _since(began)}
    data = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False).encode()
    write_whole(Path(REPORT), data)
    html = page.page(told).encode("utf-8", errors="replace")
    write_whole(Path(PAGE), html)
    if failed := [gate for gate in found if not gate.ok]:
        first = failed[0]
        raise Trouble(f"{path.name}: {first.gate} is {first.found} instead of {first.wanted}")
    short = {"ok": True, "gates": [gate.gate for gate in found][:RESULT_GATES_MAX]}
    overall = cast("Mapping[str, object]", told["measured"])["overall"]
    return {
        "report": {**short, **({"measured": overall} if overall else {})},
        "file": REPORT,
        "sha256": sha256(Path(REPORT)),
        "size": len(data),
        "page": {"file": PAGE, "sha256": sha256(Path(PAGE))},
    }


def _times(wanted: Verify) -> table.Output | None:
    """Return when each frame must be shown; None: no picture is planned."""
    return table.output(read_table(wanted.table), wanted.output) if wanted.table else None


def _read(wanted: Verify, path: Path) -> Shown:
    ranges = [(int(str(each["a"])), int(str(each["b"]))) for each in wanted.segments]
    return gates.read_picture(path, ranges)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def _all(wanted: Verify, path: Path, times: table.Output | None, shown: Shown | None) -> list[Gate]:
    found = []
    if wanted.sha256:
        found.append(Gate.equal("sha256", wanted.sha256, sha256(path)))
    if times and shown:
        found += _picture(wanted, path, times, shown)
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


def _picture(wanted: Verify, path: Path, times: table.Output, shown: Shown) -> list[Gate]:
    if wanted.container in gates.REPACKED:
        same = gates.decodes(path, wanted.ffmpeg, wanted.threads, len(times.pts))
    else:
        same = gates.payloads(shown, wanted.segments)
    return [
        *gates.times(shown, times, wanted.container),
        *same,
        *gates.picture(shown, wanted.expect, wanted.container),
    ]
