"""The last gate: what a node says it made, against what was planned.

A node has judged its own files already; here its word is compared with the plan once more, on the
controller, because an exit code of 0 proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import cast

from orchestrator.api import (
    Accept,
    Kind,
    Outcome,
    Reject,
    Replan,
    Rework,
    Task,
    Verdict,
    task_id,
)
from orchestrator_compressor import facts, sharing
from orchestrator_compressor.facts import DECODER, PACKETS

Values = Mapping[str, object]
TIGHTENED_MAX = 2  #: so often a segment is encoded again for a player's buffer
FILL = re.compile(r"0\.[0-9]{1,6}|1\.0{1,6}")  #: it becomes a word of an encoder
REMADE = "the plan was made from packets, and the decoder counts otherwise"


def check(task: Task, outcome: Outcome) -> Verdict:
    """Return what to think of an outcome that ended by itself; a mismatch names both numbers."""
    if fault := outcome.exit_fault:
        return fault
    if mismatch := cast("Values | None", outcome.result.get("mismatch")):
        return _mismatch(task, mismatch)
    if broken := outcome.result.get("underflow"):
        if not _is_underflow(task, broken):
            return Reject(f"{task.id}: what it says of the player's buffer makes no sense")
        return _underflow(task, cast("Sequence[Values]", broken))
    said = next(CHECKS[task.kind](task, outcome.result), None) if task.kind in CHECKS else None
    return Reject(said) if said else Accept()


def _mismatch(task: Task, mismatch: Values) -> Verdict:
    numbers = f"{mismatch.get('found')} frames instead of {mismatch.get('expected')}"
    if task.args.get("mode", PACKETS) == PACKETS:
        return Replan({"mode": DECODER}, f"{numbers}: {REMADE}")
    return Reject(f"{task.id}: {numbers}; the source does not decode the same way twice")


def _underflow(task: Task, broken: Sequence[Values]) -> Verdict:
    """Have the segments that a player's buffer does not bear encoded again, by less of it."""
    first = max(broken, key=_tightened)
    said = f"frame {first['frame']} comes {first['bits']} bits too late for the player's buffer"
    if _tightened(first) >= TIGHTENED_MAX:
        why = f"{task.id}: {said}, its segment encoded {TIGHTENED_MAX} times again; raise maximum or buffer"
        return Reject(why, final=True)
    job, target = task.job.id, task.target
    return Rework(
        {
            task_id(job, Kind.ENCODE, target, cast("int", each["segment"])): {
                "tightened": _tightened(each) + 1,
                "fill": each["fill"],
            }
            for each in broken
        },
        f"{said}: its segment is encoded again at a lower maximum",
    )


def _is_underflow(task: Task, broken: object) -> bool:
    """Return whether a node's word on an underflow may become arguments of tasks."""
    cuts = cast("Sequence[int]", task.args.get("cuts", ()))
    return isinstance(broken, list | tuple) and all(
        isinstance(each, Mapping)
        and all(type(each.get(key)) is int for key in ("segment", "frame", "bits", "tightened"))
        and 0 <= each["segment"] < len(cuts) - 1
        and 0 <= each["tightened"] <= TIGHTENED_MAX
        and isinstance(each.get("fill"), str)
        and FILL.fullmatch(each["fill"])
        for each in broken
    )


def _tightened(broken: Values) -> int:
    return cast("int", broken["tightened"])


def _analyse(task: Task, result: Values) -> Iterator[str]:
    yield from ANALYSES[str(task.args["step"])](task, result)


def _part(task: Task, result: Values) -> Iterator[str]:
    planned = task.segment.frames if task.segment else 0
    yield from _lacks(task, result, "bits", "stats")
    if result.get("frames") not in {planned, None}:  # None: of a pass that makes none
        yield f"{task.id}: {result.get('frames')} frames instead of {planned}"
    if not _is_count(result.get("bits")):
        yield f"{task.id}: {result.get('bits')!r} is no number of bits"
    if result.get("source_errors") and task.job.on_decode_errors == "fail":
        yield f"{task.id}: the decoder complained {result['source_errors']} times"


def _share(task: Task, result: Values) -> Iterator[str]:
    try:
        scale = Fraction(str(result.get("scale")))
    except (ValueError, ZeroDivisionError):
        scale = Fraction(0)
    if scale <= 0 or not _is_count(result.get("peak")):
        yield f"{task.id}: {result.get('scale')!r} is no share of a rate"


def _search(task: Task, result: Values) -> Iterator[str]:
    if not isinstance(result.get("crf"), int | float):
        yield f"{task.id}: found no CRF"


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


ANALYSES: Mapping[str, Callable[[Task, Values], Iterator[str]]] = {
    sharing.PART: _part,
    sharing.SHARE: _share,
    sharing.SEARCH: _search,
}


def _probe(task: Task, result: Values) -> Iterator[str]:
    if facts.absent(result):
        return  # who plans says so, unless other nodes see what this one does not
    try:
        source = facts.read(result)
    except ValueError as error:
        yield str(error)
        return
    if source.video and not source.table_sha256:
        yield f"{task.id}: the probe left no table of times"


def _encode(task: Task, result: Values) -> Iterator[str]:
    planned = task.segment.frames if task.segment else 0
    yield from _lacks(task, result, "sha256", "payload_sha256", "extradata_sha256")
    if result.get("frames") != planned:
        yield f"{task.id}: {result.get('frames')} frames instead of {planned}"
    if not result.get("keyframe_first"):
        yield f"{task.id}: does not begin with a keyframe"
    if not result.get("decoded"):
        yield f"{task.id}: was not decoded again"
    if result.get("source_errors") and task.job.on_decode_errors == "fail":
        yield f"{task.id}: the decoder complained {result['source_errors']} times"


def _audio(task: Task, result: Values) -> Iterator[str]:
    more = cast("Sequence[Values]", result.get("more", ()))
    for track in (result, *more):
        yield from _lacks(task, track, "sha256", "samples")
        if not track.get("samples"):
            yield f"{task.id}: has no sound in it"
    wanted = cast("int", task.args.get("tracks", 1))
    if len(more) + 1 != wanted:
        yield f"{task.id}: {len(more) + 1} tracks of sound instead of {wanted}"


def _assemble(task: Task, result: Values) -> Iterator[str]:
    yield from _lacks(task, result, "sha256")
    planned = cast("list[int]", task.args["cuts"])[-1]
    if result.get("frames", 0) != planned:
        yield f"{task.id}: {result.get('frames')} frames instead of {planned}"


def _verify(task: Task, result: Values) -> Iterator[str]:
    report = result.get("report")
    if not isinstance(report, Mapping) or report.get("ok") is not True:
        yield f"{task.id}: left no report that says ok"


def _publish(task: Task, result: Values) -> Iterator[str]:
    yield from _lacks(task, result, "destination", "sha256")
    planned, found = task.args.get("extras", 0), result.get("beside", 0)
    if found != planned:
        yield f"{task.id}: {found} files beside it instead of {planned}"


def _streams(task: Task, result: Values) -> Iterator[str]:
    yield from _lacks(task, result, "files")


CHECKS: Mapping[Kind, Callable[[Task, Values], Iterator[str]]] = {
    Kind.PROBE: _probe,
    Kind.ANALYSE: _analyse,
    Kind.ENCODE: _encode,
    Kind.AUDIO: _audio,
    Kind.STREAMS: _streams,
    Kind.ASSEMBLE: _assemble,
    Kind.VERIFY: _verify,
    Kind.PUBLISH: _publish,
}


def _lacks(task: Task, result: Values, *keys: str) -> Iterator[str]:
    if missing := [key for key in keys if not result.get(key)]:
        yield f"{task.id}: its result lacks {', '.join(missing)}"
