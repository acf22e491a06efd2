"""Outcomes and verdicts as a golden file has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.model.codec import dump
from orchestrator.model.work import (
    Accept,
    Again,
    Cause,
    Ending,
    Outcome,
    Reject,
    Replan,
    Rework,
    Verdict,
)

ATTEMPT = "a1"


def outcome_of(data: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a case describes; left out: exit code 0, and nothing said."""
    ending = Ending(data.get("ending", Ending.EXITED.value))
    by_itself = ending is Ending.EXITED and "signal" not in data
    return Outcome(
        attempt=ATTEMPT,
        ending=ending,
        exit_code=data.get("exitCode", 0) if by_itself else None,
        signal=data.get("signal"),
        why=data.get("why", ""),
        result=data.get("result", {}),
        log_tail=data.get("logTail", ""),
        noticed=tuple(data.get("noticed", ())),
    )


def verdict_data(verdict: Verdict) -> Any:
    """Return a verdict as a case says it: ``accept``, or a mapping with its sentence."""
    match verdict:
        case Accept():
            return "accept"
        case Reject(why, cause, final):
            told: dict[str, Any] = {"reject": why}
            if cause is not Cause.FAILED:
                told["cause"] = cause.value
            return {**told, "final": True} if final else told
        case Again(changes, why):
            return {"again": why, "changes": dump(changes)}
        case Replan(changes, why):
            return {"replan": why, "changes": dump(changes)}
        case Rework(by_task, why):
            ends = {id.split("/", 2)[-1]: dump(each) for id, each in by_task.items()}
            return {"rework": why, "changes": ends}
