"""The batch that an action submits: once, however often the action is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from orchestrator.controller.submit import Terms, submit
from orchestrator.ledger.protocol import Ledger, Origin
from orchestrator.manifest.sent import parse_sent
from orchestrator.model.talk import Sheet
from orchestrator.model.work import Kind, Task
from orchestrator.plugin.caller import Caller

SUBMIT = "submit"


def sheet(action: Mapping[str, object]) -> Sheet | None:
    """Return the job file that an action submits; None: it does something else."""
    named = action.get(SUBMIT)
    if not isinstance(named, Mapping):
        return None
    told = cast("Mapping[str, str]", named)
    return Sheet(name=told["name"], text=told["text"])


def key(task: Task) -> str:
    """Return under which key an action submits: the same action again is the same batch (R6)."""
    return f"action {sha256(task.id.encode()).hexdigest()}"


def followers(ledger: Ledger, batch: str) -> tuple[str, ...]:
    """Return the batches that the actions of a batch have submitted, in order."""
    acts = (
        task for task in ledger.tasks(batch) if task.kind is Kind.ACTION and SUBMIT in task.args
    )
    found = (ledger.submission(key(task)) for task in acts)
    return tuple(dict.fromkeys(came[0] for came in found if came))


@dataclass(frozen=True, slots=True)
class Onward:
    """Submits to This Computer's own ledger; a cluster has an intake for it."""

    ledger: Ledger
    caller: Caller
    clock: Callable[[], float]  #: Unix seconds

    def submit(self, task: Task, text: Sheet) -> None:
        """Store the batch; ManifestError if the text is none any more."""
        if self.ledger.submission(key(task)):
            return
        plugins = self.caller.plugins
        file = parse_sent([text], plugins.processors, plugins.settings_folders(), plugins.extras())
        origin = Origin(key=key(task), body=sha256(text.text.encode()).hexdigest())
        submit(self.ledger, self.caller, file.batch, self.clock(), Terms(origin=origin))
