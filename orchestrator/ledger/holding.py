"""What a person pauses: the tasks at or below it leave the line, and come back to it.

A target with a gate is paused by its plan: the first `resume` opens the gate for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.ledger import rows
from orchestrator.ledger.attempting import close_attempts
from orchestrator.ledger.change import Change
from orchestrator.model.work import State, Target

STOPPED = "paused: it starts over when it is resumed"
BELOW = "(id = ? OR id > ? AND id < ?)"


def pause(change: Change, id: str, *, stop: bool) -> bool:
    """Hold an open part; with `stop`, also end what runs of it.  False: it was so already."""
    if not _is_open(change, id):
        return False
    inserted = change.db.execute("INSERT INTO hold (id) VALUES (?) ON CONFLICT DO NOTHING", (id,))
    tasks, attempts = _stop(change, id) if stop else ([], [])
    if not inserted.rowcount and not tasks:
        return False
    change.flush()
    _set(change, id, 1)
    change.note("paused", id, {"tasks": tasks, "attempts": attempts})
    return True


def resume(change: Change, id: str) -> bool:
    """Lift the pauses at and below `id`, and open the gates; False: there is none."""
    change.db.execute(
        f"UPDATE gate SET open = 1 WHERE {BELOW} AND id IN (SELECT id FROM hold)", rows.below(id)
    )
    lifted = lift(change, id)
    if lifted:
        change.note("resumed", id, {})
    return lifted


def lift(change: Change, id: str) -> bool:
    """Forget the pauses at and below `id`; what a pause above it holds stays held."""
    gone = change.db.execute(f"DELETE FROM hold WHERE {BELOW}", rows.below(id))
    above = rows.lineage(id)[:-1]
    marks = ", ".join("?" * len(above))
    still = change.db.execute(f"SELECT 1 FROM hold WHERE id IN ({marks})", above).fetchone()
    if gone.rowcount and not still:
        _set(change, id, 0)
    return bool(gone.rowcount)


def shut(change: Change, job: str, targets: Sequence[Target]) -> dict[str, str]:
    """Hold the targets of a new plan that have a gate, unless a person has opened it before.

    Returns their ids, with the reasons.
    """
    gates = {f"{job}/{target.name}": rows.clean(target.gate) for target in targets if target.gate}
    change.db.executemany(
        "INSERT INTO gate (id, why) VALUES (?, ?) ON CONFLICT DO UPDATE SET why = excluded.why",
        gates.items(),
    )
    return {id: why for id, why in gates.items() if _hold_at_gate(change, id)}


def shut_again(change: Change, targets: Iterable[str]) -> list[str]:
    """Hold those of the targets, which were closed, whose gate nobody has opened; return them."""
    change.flush()
    held = [id for id in targets if _hold_at_gate(change, id)]
    for id in held:
        _set(change, id, 1)
    return held


def forget_gates(change: Change, job: str) -> None:
    """Let the gates of a plan that is dropped hold nothing; those that were opened stay so."""
    shut = f"SELECT id FROM gate WHERE {BELOW} AND open = 0"
    change.db.execute(f"DELETE FROM hold WHERE id IN ({shut})", rows.below(job))
    change.db.execute(f"DELETE FROM gate WHERE {BELOW} AND open = 0", rows.below(job))


def _hold_at_gate(change: Change, id: str) -> bool:
    """Hold a target if it has a gate that nobody has opened; whether it has."""
    gate = change.db.execute("SELECT 1 FROM gate WHERE id = ? AND open = 0", (id,)).fetchone()
    if gate:
        change.db.execute("INSERT INTO hold (id) VALUES (?) ON CONFLICT DO NOTHING", (id,))
    return gate is not None


def _is_open(change: Change, id: str) -> bool:
    """Whether there is a part or task of that id that is not over."""
    found = change.db.execute(
        "SELECT 1 FROM batch WHERE id = ?1 AND state = ?4"
        " UNION ALL SELECT 1 FROM job WHERE id = ?1 AND state = ?4"
        " UNION ALL SELECT 1 FROM target WHERE id = ?1 AND state = ?4"
        " UNION ALL SELECT 1 FROM task WHERE (id = ?1 OR id > ?2 AND id < ?3)"
        "  AND state IN ('Waiting', 'Processing', 'Hold')",
        (*rows.below(id), rows.OPEN),
    )
    return found.fetchone() is not None


def _stop(change: Change, id: str) -> tuple[list[str], list[str]]:
    """Let what runs wait again, with its counts as they were; return the tasks and attempts."""
    found = change.db.execute(
        f"SELECT number, id, job, target, kind, held FROM task WHERE {BELOW} AND state = ?"
        " ORDER BY position",
        (*rows.below(id), State.PROCESSING.value),
    ).fetchall()
    attempts = []
    for task in found:
        attempts += close_attempts(change, task["id"], STOPPED)
        change.db.execute(
            "UPDATE task SET state = ?, reason = '', cause = NULL, not_before = 0 WHERE number = ?",
            (rows.OPEN, task["number"]),
        )
        change.moved(task, State.PROCESSING.value, rows.OPEN, "")
    return [task["id"] for task in found], attempts


def _set(change: Change, id: str, held: int) -> None:
    """Say of each task at or below `id` whether it is held, and count those that wait."""
    found = change.db.execute(
        f"UPDATE task SET held = ? WHERE {BELOW} AND held <> ? RETURNING job, target, kind, state",
        (held, *rows.below(id), held),
    ).fetchall()
    for task in found:
        if task["state"] == rows.OPEN:
            change.held(task, by=1 if held else -1)
    change.flush()
