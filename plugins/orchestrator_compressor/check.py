"""The last gate: what a node says it made, against what was planned.

A node has judged its own files already; here its word is compared with the plan once more, on the
controller, because an exit code of 0 proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from orchestrator.api import Accept, Kind, Outcome, Reject, Replan, Task, Verdict
from orchestrator_compressor import facts
from orchestrator_compressor.facts import DECODER, PACKETS

Values = Mapping[str, object]
REMADE = "the plan was made from packets, and the decoder counts otherwise"


def check(task: Task, outcome: Outcome) -> Verdict:
    """Return what to think of an outcome that ended by itself; a mismatch names both numbers."""
    if fault := outcome.exit_fault:
        return fault
    if mismatch := cast("Values | None", outcome.result.get("mismatch")):
        return _mismatch(task, mismatch)
    said = next(CHECKS[task.kind](task, outcome.result), None) if task.kind in CHECKS else None
    return Reject(said) if said else Accept()


def _mismatch(task: Task, mismatch: Values) -> Verdict:
    numbers = f"{mismatch.get('found')} frames instead of {mismatch.get('expected')}"
    if task.args.get("mode", PACKETS) == PACKETS:
        return Replan({"mode": DECODER}, f"{numbers}: {REMADE}")
    return Reject(f"{task.id}: {numbers}; the source does not decode the same way twice")


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


def _analyse(task: Task, result: Values) -> Iterator[str]:
    if task.args.get("step") == "search" and not isinstance(result.get("crf"), int | float):
        yield f"{task.id}: found no CRF"


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
