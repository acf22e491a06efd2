"""What Maya's exit codes mean, on top of what every frame render has."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.api import Cause, FrameProcessor, Outcome, Reject, Task, Verdict

EXITS = {
    206: "Maya could not read its command line or set the project: look at `project`, `options`",
    211: "Maya ended with an error while it rendered: its log says which",
    255: "Maya could not start: a library is missing on this node, or its licensing service",
}
"""What people who run farms found out about exit codes; Autodesk documents none."""


class MayaProcessor(FrameProcessor):
    """Frames by Maya's `Render`."""

    __slots__ = ()

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Say what an exit code means where nothing better is known."""
        verdict = super().check(task, outcome)
        meaning = EXITS.get(outcome.exit_code or 0)
        if meaning and isinstance(verdict, Reject) and verdict.cause is Cause.FAILED:
            return replace(verdict, why=f"{verdict.why} ({meaning})")
        return verdict
