"""What `run` says at its end: where the files are, or what failed and what to do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.options import INTERRUPTED
from orchestrator.cli.show import emit, plain
from orchestrator.ledger.protocol import Ledger, Standing
from orchestrator.model.work import Kind, Result, State, Task

NOTES_MAX = 8
"""So many notes of tasks are shown; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A batch that `run` no longer works on."""

    batch: str
    storage: Path
    interrupted: bool  #: by the user, before its end
    state: Path | None = None  #: the state folder, if it was named: to be named again


def report(ledger: Ledger, ended: Ended, output: str, *, gates: bool) -> int:
    """Print how the batch ended, with `gates` every check in full; return the exit code."""
    data = summary(ledger, ended)
    emit(data, output, lambda: _people(data, ended, gates=gates))
    if ended.interrupted:
        return INTERRUPTED
    return 0 if data["status"] == State.SUCCESSFUL.value else 1


def summary(ledger: Ledger, ended: Ended) -> dict[str, object]:
    """Return the batch with its targets, as plain data."""
    standings = ledger.standings(ended.batch)
    head = standings[0]
    targets = [_target(ledger, ended, each) for each in standings if each.level == "target"]
    held = [each.id for each in standings if each.gate]
    jobs = [
        {"jobid": each.id, "status": each.state.value, "reason": each.reason}
        for each in standings
        if each.level == "job"
    ]
    return {
        "batchid": head.id,
        "name": head.name,
        "status": head.state.value,
        "reason": head.reason,
        "submissionTime": head.accepted,
        "jobs": jobs,
        "targets": targets,
        "held": held,
    }


def _target(ledger: Ledger, ended: Ended, target: Standing) -> dict[str, object]:
    tasks = ledger.tasks(target.id)
    results = ledger.results([task.id for task in tasks])
    verified = _of(tasks, Kind.VERIFY)
    published = [task.id for task in tasks if task.kind is Kind.PUBLISH and task.id in results]
    told = [results[id].values for id in published]
    values = told[0] if told else {}
    checked = results[verified.id].values if verified and verified.id in results else {}
    report = _report(results.get(verified.id), ended.storage) if verified else None
    return {
        "id": target.id,
        "status": target.state.value,
        "reason": target.reason or target.gate,
        "destination": str(values.get("destination", target.destination)),
        "bytes": _bytes(told),
        "segments": len({task.segment.index for task in tasks if task.segment}),
        "frames": target.frames,
        "notes": [*target.notes, *_notes([checked] if checked.get("notes") else told)],
        "reports": [each["destination"] for each in _list(values.get("reports"))],
        "verification": report,
    }


def _bytes(told: Sequence[Mapping[str, object]]) -> int | None:
    """Return the bytes of all that was published; None: nothing was, or nobody says."""
    sizes = [size for values in told if isinstance(size := values.get("size"), int)]
    return sum(sizes) if sizes else None


def _notes(told: Sequence[Mapping[str, object]]) -> list[str]:
    """Return what was noted on the way, each once."""
    found = dict.fromkeys(str(note) for values in told for note in _texts(values.get("notes")))
    more = len(found) - NOTES_MAX
    return [*list(found)[:NOTES_MAX], *([f"and {more} more of this kind"] if more > 0 else [])]


def _report(result: Result | None, storage: Path) -> object:
    """Return the verification report: in full where it still lies, else in short."""
    if result is None:
        return None
    name = result.values.get("file")
    try:
        path = storage / "attempts" / result.attempt / Path(str(name)).name
        return {**json.loads(path.read_text("utf-8")), "report": str(path)}
    except (OSError, ValueError):
        return result.values.get("report")


def _of(tasks: tuple[Task, ...], kind: Kind) -> Task | None:
    return next((task for task in tasks if task.kind is kind), None)


def _people(data: dict[str, object], ended: Ended, *, gates: bool) -> RenderableType:
    lines: list[RenderableType] = [Text(f"Batch {data['batchid']}: {data['status']}", style="bold")]
    for job in _list(data["jobs"]):
        if job["reason"]:
            lines.append(Text(plain(f"  {job['jobid']}: {job['status']}: {job['reason']}")))
    for target in _list(data["targets"]):
        lines.append(Text(plain(_sentence(target))))
        lines += [Text(plain(f"    note: {note}")) for note in _texts(target["notes"])]
        lines += [Text(plain(f"    beside it: {path}")) for path in _texts(target["reports"])]
        lines += _gates(target) if gates else _in_short(target)
    state = f" --state {shlex.quote(str(ended.state))}" if ended.state else ""
    held = [plain(str(each)) for each in _texts(data["held"])]
    if data["status"] == State.HOLD.value and held:
        lines += [Text(f"Held: orchestrator resume {id}{state}") for id in held]
        lines.append(Text("Then the same `orchestrator run` again goes on."))
    elif data["status"] != State.SUCCESSFUL.value:
        lines.append(Text(f"More: orchestrator explain {ended.batch}{state}"))
        lines.append(Text("The same `orchestrator run` again does only what is missing."))
    return Group(*lines)


def _sentence(target: dict[str, object]) -> str:
    if target["status"] == State.SUCCESSFUL.value:
        size = target["bytes"]
        how = f", {int(size):,} bytes" if isinstance(size, int) else ""
        cut = f": {target['segments']} segments, {target['frames']} frames"
        parts = cut if target["segments"] else ""
        return f"  {target['destination'] or target['id']}{parts}{how}"
    reason = f": {target['reason']}" if target["reason"] else ""
    return f"  {target['id']}: {target['status']}{reason}"


def _in_short(target: dict[str, object]) -> list[RenderableType]:
    """Return one line on the verification: how many gates were passed, and where they are."""
    verification = target["verification"]
    gates = _list(verification.get("gates")) if isinstance(verification, dict) else []
    if not isinstance(verification, dict) or not gates:
        return []
    passed = sum(gate.get("ok") is True for gate in gates)
    where = verification.get("report", "")
    return [Text(plain(f"    verified: {passed} of {len(gates)} gates passed ({where})"))]


def _gates(target: dict[str, object]) -> list[RenderableType]:
    """Return the verification report as a table, where the processor made one."""
    verification = target["verification"]
    gates = verification.get("gates") if isinstance(verification, dict) else None
    if not isinstance(gates, list):
        return []
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 4))
    for name in ("verified", "wanted", "found"):
        grid.add_column(name, style="dim" if name != "verified" else "", overflow="fold")
    for gate in gates:
        if isinstance(gate, dict):
            mark = "ok" if gate.get("ok") else "FAILED"
            grid.add_row(
                f"{gate.get('gate', '')} {mark}",
                plain(str(gate.get("wanted", ""))),
                plain(str(gate.get("found", ""))),
            )
    return [grid]


def _list(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else []
