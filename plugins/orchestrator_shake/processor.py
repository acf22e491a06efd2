"""Shake's own reading of exit codes, on top of what every frame render has."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.api import FrameProcessor, Outcome, Task, Verdict


class ShakeProcessor(FrameProcessor):
    """Frames by Shake; its failures may be ignored under the name that they have there."""

    __slots__ = ()

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Let exit codes mean nothing with `ignoreScriptFailures`; frames still do (F-SHAKE-3)."""
        if task.job.asks.get("ignoreScriptFailures"):
            asks = {**task.job.asks, "nonZeroIsFailure": False}
            task = replace(task, job=replace(task.job, asks=asks))
        return super().check(task, outcome)
