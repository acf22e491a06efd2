"""What the attempts' folders on cluster storage prove to a ledger that was put back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from orchestrator.agent import exits
from orchestrator.agent.attempt import LABEL
from orchestrator.agent.spool import RECORD_BYTES_MAX, UNREADABLE
from orchestrator.controller.brief import home
from orchestrator.decide.salvage import Find, kept, proven
from orchestrator.decide.settle import judge
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import Label
from orchestrator.model.work import Accept, AttemptId, Kind, Outcome, Task, TaskId
from orchestrator.plugin.caller import Caller
from orchestrator.system import open_plain
from orchestrator.volume import ATTEMPTS

T = TypeVar("T")

NUMBER_MAX = 1 << 53
"""No epoch and no lease comes near: a label with a higher one is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvage:
    """What of the folders counts, and what does not; the latter stays for the trash."""

    finds: tuple[Find, ...] = ()  #: needs first
    left: Mapping[AttemptId, str] = field(default_factory=dict)  #: with the reason


@dataclass(frozen=True, slots=True)
class Shelf:
    """The attempts' folders of a cluster storage, as they were when it was looked at."""

    root: Path
    names: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    _whole: dict[AttemptId, bool] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def at(cls, root: Path) -> Shelf:
        """Read what the folders say of themselves; where there is no storage there are none."""
        try:
            names = sorted(each.name for each in (root / ATTEMPTS).iterdir())
        except OSError:
            return cls(root)
        said = {name: _read(root / ATTEMPTS / name / LABEL, Label) for name in names}
        labels = (each for name, each in said.items() if each and _is_label(each, name))
        return cls(root, tuple(names), tuple(labels))

    def salvage(self, ledger: Ledger, caller: Caller) -> Salvage:
        """Return what counts for a ledger, by the gates of a result that comes late (R4)."""
        batches = [each.id for each in ledger.standings() if not each.state.is_final]
        tasks = [task for batch in batches for task in ledger.tasks(batch)]
        results = ledger.results([task.id for task in tasks])
        accepted = {task: result.attempt for task, result in results.items()}
        finds, left = self._judged(ledger, caller, {task.id: task for task in tasks})
        found = proven(tasks, accepted, finds)
        kinds = {task.id: task.kind for task in tasks}
        whole = {f.label.attempt for f in found if self._is_whole(f, kinds[f.label.task])}
        taken = kept(tasks, accepted, found, whole)
        known = {find.label.attempt for find in taken}
        for find in finds:
            if find.label.attempt not in known:
                is_other = find not in found or find.label.attempt in whole
                left[find.label.attempt] = OTHER if is_other else CHANGED
        return Salvage(finds=taken, left=left)

    def _judged(
        self, ledger: Ledger, caller: Caller, tasks: Mapping[TaskId, Task]
    ) -> tuple[list[Find], dict[AttemptId, str]]:
        """Return the results of tasks that are not over, and why others are none."""
        stands = ledger.applied()
        nodes = stands.cluster.nodes if stands else ()
        paths = {node.name: node.paths for node in nodes}
        finds: list[Find] = []
        left: dict[AttemptId, str] = {}
        for label in self.labels:
            task = tasks.get(label.task)
            if task is None or task.state.is_final or not _is_of(label, ledger):
                continue
            outcome = _read(self._folder(label) / "exit.json", Outcome)
            if outcome is None or outcome.attempt != label.attempt:
                left[label.attempt] = "it left no result"
                continue
            outcome = home(outcome, paths.get(label.node, {}))
            if why := _fault(caller, task, outcome):
                left[label.attempt] = why
            else:
                finds.append(Find(label, outcome))
        return finds, left

    def _is_whole(self, find: Find, kind: Kind) -> bool:
        """Whether each file that a result names is there as it says; looked at once."""
        id = find.label.attempt
        if id not in self._whole:
            named = _named(self._folder(find.label), kind, find.outcome.result)
            self._whole[id] = all(_sha256(path) == told for path, told in named)
        return self._whole[id]

    def _folder(self, label: Label) -> Path:
        return self.root / ATTEMPTS / label.attempt


OTHER = "it is of other work: of an earlier plan, or made of results that do not count"
CHANGED = "its files are gone, or not those that it told of"


def _is_label(label: Label, name: str) -> bool:
    """Whether a label may stand in the folder of that name; whoever writes there may have made it."""
    try:
        canonical(label).encode()
    except UnicodeError:  # half a character
        return False
    is_near = 0 <= label.epoch < NUMBER_MAX and 0 <= label.lease < NUMBER_MAX
    return is_near and label.attempt == name


def _is_of(label: Label, ledger: Ledger) -> bool:
    return label.attempt.startswith(f"{ledger.id}-")


def _fault(caller: Caller, task: Task, outcome: Outcome) -> str:
    """Return what speaks against an outcome; empty: it is to be accepted."""
    if no := judge(outcome):
        return no.why
    if task.kind is Kind.ACTION:
        return outcome.exit_fault.why if outcome.exit_fault else ""
    try:
        verdict = caller.check(task, outcome)
    except PluginError as error:
        return str(error)
    return "" if isinstance(verdict, Accept) else verdict.why


def _named(folder: Path, kind: Kind, result: Mapping[str, object]) -> Iterator[tuple[Path, object]]:
    """Yield the files that a result names, each with its hash."""
    for each in (result, *result.values()):
        if isinstance(each, Mapping) and "file" in each and "sha256" in each:
            yield folder / Path(str(each["file"])).name, each["sha256"]
    if "list_sha256" in result:  # of many files; these are looked at where they are
        yield folder / Path(str(result["list"])).name, result["list_sha256"]
    elif kind is Kind.PUBLISH and "destination" in result:
        yield Path(str(result["destination"])), result.get("sha256")


def _sha256(path: Path) -> str:
    """Return the hash of a regular file; empty: there is none that can be read."""
    try:
        with os.fdopen(open_plain(str(path)), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):  # no path can be called so
        return ""


def _read(file: Path, kind: type[T]) -> T | None:
    """Return the noun in a small file; None: there is none that can be read (F21)."""
    try:
        return load(kind, exits.parsed(exits.regular(str(file), RECORD_BYTES_MAX)))
    except (OSError, *UNREADABLE):
        return None
