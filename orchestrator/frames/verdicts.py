"""Whether a segment's frames count: from what was looked at on the node, and the renderer's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from orchestrator.frames.renderer import Trouble
from orchestrator.model.work import Accept, Cause, Kind, Outcome, Reject, Task, Verdict

NAMED_MAX = 8  #: frames that a sentence names
FLAGS = re.compile(r"\(\?([aimsux]+)\)")
"""At the start of an expression: they hold for all of it, and may stand nowhere else."""


def notice(troubles: Sequence[Trouble], asks: Mapping[str, object]) -> str | None:
    """Return the regular expression of every line that says what went wrong, as a job sees it.

    Few lines come back: what the job ignores must not stand in the way of what it does not.
    """
    lines = (each.line for each in troubles if not _is_ignored(each, asks))
    return "|".join(_scoped(_anonymous(line)) for line in lines) or None


def verdict(troubles: Sequence[Trouble], task: Task, outcome: Outcome) -> Verdict:
    """Return what an attempt of a segment, or a step of ours, came to."""
    if task.kind is not Kind.RENDER:
        return outcome.exit_fault or Accept()
    found, result = list(_found(troubles, task, outcome)), outcome.result
    bad = _bad(result)
    fault = outcome.exit_fault if task.job.asks.get("nonZeroIsFailure", True) else None
    if "frames" in result and not bad and not fault:  # whole, in spite of what it said
        found = [each for each in found if each[0].fails]
    trouble, says = found[0] if found else (None, "")
    if trouble and trouble.cause is not Cause.FAILED:
        return Reject(says, trouble.cause)
    if "frames" not in result:
        return outcome.exit_fault or Reject("the frames were not looked at; this is our fault")
    if bad:
        return Reject(f"{bad}: {says or _last_words(outcome)}")
    if trouble:
        return Reject(says)
    return fault or Accept()


def _found(
    troubles: Sequence[Trouble], task: Task, outcome: Outcome
) -> Iterator[tuple[Trouble, str]]:
    """Yield each known trouble in what was noticed, and its sentence, the most telling first."""
    for trouble in troubles:
        if _is_ignored(trouble, task.job.asks):
            continue
        hits = (re.search(trouble.line, line) for line in outcome.noticed)
        if hit := next(filter(None, hits), None):
            groups = {name: text or "" for name, text in hit.groupdict().items()}
            yield trouble, trouble.says.format(**groups)


def _bad(result: Mapping[str, object]) -> str:
    """Return which frames do not count, in one sentence; empty: all do."""
    missing = [str(each) for each in cast("Sequence[object]", result.get("missing", ()))]
    broken = cast("Sequence[Sequence[Any]]", result.get("broken", ()))
    said = []
    if missing:
        count = cast("int", result.get("missing_count", len(missing)))
        instead = f" (there is {result['instead']} instead)" if result.get("instead") else ""
        said.append(
            f"frames {_named(missing, count)} are missing{instead}"
            if count > 1
            else f"frame {missing[0]} is missing{instead}"
        )
    if broken:
        number, why = broken[0]
        others = cast("int", result.get("broken_count", len(broken))) - 1
        more = f" (and {others} more)" if others else ""
        said.append(f"frame {number}{more} {why}")
    return ", ".join(said)


def _named(frames: Sequence[str], count: int) -> str:
    shown = frames[:NAMED_MAX]
    return ", ".join(shown) + (f" and {count - len(shown)} more" if count > len(shown) else "")


def _last_words(outcome: Outcome) -> str:
    if fault := outcome.exit_fault:
        return fault.why
    last = outcome.log_tail.strip().rpartition("\n")[2].strip()
    return "exit code 0" + (f": {last}" if last else "")


def _is_ignored(trouble: Trouble, asks: Mapping[str, object]) -> bool:
    return bool(trouble.unless and asks.get(trouble.unless))


def _scoped(line: str) -> str:
    """Return a regular expression as a group, whose flags are its own: ``(?i)a`` is ``(?i:a)``."""
    flags = FLAGS.match(line)
    return f"(?{flags[1]}:{line[flags.end() :]})" if flags else f"(?:{line})"


def _anonymous(line: str) -> str:
    """Return a regular expression with its groups unnamed: two may have one name."""
    return re.sub(r"\(\?P<\w+>", "(?:", line)
