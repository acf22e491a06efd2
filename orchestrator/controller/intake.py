"""A submission at the controller: texts and a key to a batch in the ledger, once (R6)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from orchestrator.controller.builds import TargetBuilds
from orchestrator.controller.copies import Copies
from orchestrator.controller.licensing import Licensing
from orchestrator.controller.onward import key, sheet
from orchestrator.controller.spaces import Spaces
from orchestrator.controller.storage import Storage
from orchestrator.controller.submit import (
    Terms,
    begin_anew_what_is_gone,
    submit,
    unable,
    unfinished,
)
from orchestrator.decide.active import STORAGE, active, full
from orchestrator.decide.place import Past, needed, refusals
from orchestrator.engine.protocol import Engine
from orchestrator.errors import Busy, Conflict, PluginError, Refusal
from orchestrator.ledger.protocol import Ledger, Origin
from orchestrator.manifest.batch import BatchFile
from orchestrator.manifest.sent import parse_sent
from orchestrator.model.cluster import Access, Limits
from orchestrator.model.codec import canonical
from orchestrator.model.talk import Client, NodePhase, NodeView, Role, Sheet, Submitted
from orchestrator.model.work import Batch, Job, State, Task, TaskId
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

KEY_MAX = 200
REFUSED_TASKS_MAX = 100
"""Of so many tasks that could go next it is said who does not take them."""

NOT_SAID = "this-computer"
"""What a Batch says that names no cluster."""


@dataclass(slots=True)
class Intake:
    """Takes submissions, one at a time: each is a number in the line."""

    name: str  #: of the cluster
    ledger: Ledger
    caller: Caller
    engine: Engine
    storage: Storage
    views: Callable[[], Sequence[NodeView]]
    clock: Callable[[], float]  #: Unix seconds
    builds: TargetBuilds | None = None  #: of targets that were begun
    spaces: Spaces | None = None  #: None: room on storage is not estimated
    copies: Copies | None = None  #: None: every node sees what jobs read
    licensing: Licensing | None = None  #: None: no licence is counted
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def submit(self, who: Client, sheets: Sequence[Sheet], key: str) -> Submitted:
        """Store a batch; what was answered is on the disk.  Busy: the queue is full."""
        return self._submit(who, sheets, key)

    def _submit(
        self, who: Client, sheets: Sequence[Sheet], key: str, leaving: int = 0
    ) -> Submitted:
        """Store a batch, in a queue that so many batches leave for it."""
        body = sha256(canonical(list(sheets)).encode("utf-8", "surrogatepass")).hexdigest()
        origin = Origin(owner=who.owner, sent_by=who.name, key=_key(who, key), body=body)
        if known := self._known(origin):
            return known
        plugins = self.caller.plugins
        file = _parsed(sheets, plugins)
        self._check(file)
        with self._lock:
            return self._known(origin) or self._stored(file.batch, origin, leaving)

    def onward(self, task: Task, text: Sheet) -> Submitted:
        """Store the batch that an action submits, as one of the client whose action it is.

        The batch of the action is in the queue until then: it must not wait for itself.
        """
        owner = self.ledger.owner(task.job.batch) or ""
        who = Client(role=Role.USER, owner=owner, name=task.job.batch)
        return self._submit(who, [text], key(task), leaving=1)

    def refused(self, tasks: Sequence[Task]) -> Mapping[TaskId, Mapping[str, str]]:
        """Return of tasks that could go next which nodes are not given them, and why."""
        done = {task.id for task in tasks if task.state is State.SUCCESSFUL}
        waiting = (task for task in tasks if task.state is State.WAITING and done >= {*task.needs})
        members = self.engine.look()
        nodes = {member.node: report.identity for member, report in members.items()}
        begun = self.builds.fixed((), members) if self.builds else {}
        try:
            asked = [
                (task, needed(task, self.caller.review(task.job)))
                for task in islice(waiting, REFUSED_TASKS_MAX)
            ]
        except PluginError:
            return {}  # their command will raise the same, and then they have an attempt to tell of
        blind = self.copies.blind if self.copies else {}
        return refusals(asked, nodes, Past(builds=begun, blind=blind))

    def full(self) -> Mapping[str, str]:
        """Return which limits of what is worked on are reached, each with a sentence.

        Storage that takes no new work is one of them, and so is each job that finds no room there.
        """
        attempts = self.ledger.open_attempts()
        reached = full(active(attempt.task for attempt in attempts), self._limits())
        low = self.storage.low()
        crowded = self.spaces.told if self.spaces else {}
        unseen = self.copies.told if self.copies else {}
        licences = self.licensing.told if self.licensing else {}
        return {**reached, **crowded, **unseen, **licences, **({STORAGE: low} if low else {})}

    def _known(self, origin: Origin) -> Submitted | None:
        """Return what the key came to before; Conflict if other text was sent under it."""
        found = self.ledger.submission(origin.key) if origin.key else None
        if found is None:
            return None
        batch, body = found
        if body != origin.body:
            raise Conflict(
                f"batch {batch}: it was submitted under this key, and this is other text; "
                "submit it under a key of its own"
            )
        return Submitted(batch=batch, arrival="resumed")

    def _stored(self, batch: Batch, origin: Origin, leaving: int) -> Submitted:
        """Store a batch; of one that goes on nothing is taken away between."""
        if unfinished(self.ledger, batch, origin.owner) is None:
            return self._store(batch, origin, leaving)
        with self.storage.untouched():
            return self._store(batch, origin, leaving)

    def _store(self, batch: Batch, origin: Origin, leaving: int) -> Submitted:
        anew = frozenset[str]()
        if found := unfinished(self.ledger, batch, origin.owner):
            anew = begin_anew_what_is_gone(self.ledger, self.storage, found[0])
        else:
            self._check_room(leaving)
        came = submit(
            self.ledger, self.caller, batch, self.clock(), Terms(origin=origin, anew=anew)
        )
        whole = self.ledger.batch(came.batch)
        notes = self._notes(whole) if whole else ()
        return Submitted(batch=came.batch, arrival=came.arrival.value, notes=notes)

    def _check(self, file: BatchFile) -> None:
        """Refuse what is for another cluster, or runs what the cluster does not allow (T05)."""
        batch, plugins = file.batch, self.caller.plugins
        for text in (sheet(action) for job in batch.jobs for action in job.actions):
            if text:  # said now, not when it is begun, perhaps in days
                self._check(_parsed([text], plugins))
        if batch.cluster not in {"", NOT_SAID, self.name}:
            raise Refusal(
                f"batch {batch.name}: it is for cluster {batch.cluster!r}, and this is "
                f"{self.name!r}; name that one with --cluster"
            )
        allowed = self._access().executables
        if not allowed:
            return
        for job in batch.jobs:
            review = file.reviews.get(job.name)
            runs = [program for _, program in review.runs] if review else []
            for program in [*runs, *_own_programs(job)]:
                if program not in allowed:
                    raise Refusal(
                        f"job {job.name!r}: {program!r} is not among access.executables of "
                        f"cluster {self.name!r}; there are: {', '.join(allowed)}"
                    )

    def _check_room(self, leaving: int) -> None:
        most = self._limits().queued_batches
        if self.ledger.unfinished() - leaving >= most:
            raise Busy(
                f"cluster {self.name!r}: its queue is full ({most} batches, limits.queuedBatches); "
                "submit again when one of them is over"
            )

    def _limits(self) -> Limits:
        stands = self.ledger.applied()
        return stands.cluster.limits if stands else Limits()

    def _access(self) -> Access:
        stands = self.ledger.applied()
        return stands.cluster.access if stands else Access()

    def _notes(self, batch: Batch) -> tuple[str, ...]:
        """Say why nothing of it can begin now: it is accepted, and waits (F-PROC-2)."""
        identities = [report.identity for report in self.engine.look().values()]
        if not identities:
            return (nobody(self.views()),)
        try:
            lacking = unable(self.caller, batch, identities)
        except PluginError as error:
            return (str(error),)
        uncounted = _uncounted(batch, self._limits().licences)
        return (*(f"no node can do {sentence}" for sentence in lacking), *uncounted)


def _parsed(sheets: Sequence[Sheet], plugins: Plugins) -> BatchFile:
    return parse_sent(sheets, plugins.processors, plugins.settings_folders(), plugins.extras())


def _uncounted(batch: Batch, limits: Mapping[str, object]) -> Iterator[str]:
    """Yield what a job names that a cluster which counts licences does not count: a slip, perhaps."""
    for job in batch.jobs:
        for name in [each for each in job.licences if limits and each not in limits]:
            yield (
                f"job {job.name!r}: licence {name!r} is not counted; limits.licences of the "
                f"cluster has {', '.join(sorted(limits))}"
            )


def nobody(views: Sequence[NodeView]) -> str:
    """Return why no node takes work, each with its reason."""
    said = [f"{view.name}: {view.why or view.phase.value}" for view in views if not _is_ready(view)]
    return f"no node is ready: {'; '.join(said)}" if said else "no node is ready: there is none"


def _is_ready(view: NodeView) -> bool:
    return view.phase is NodePhase.READY


def _own_programs(job: Job) -> list[str]:
    """Return the programs that a job names beside its processor's: preflight and actions."""
    words = [job.preflight, *(action.get("command", ()) for action in job.actions)]
    return [str(each[0]) for each in words if isinstance(each, list | tuple) and each]


def _key(who: Client, key: str) -> str:
    """Return a client's key, told from the same word of another client."""
    if len(key) > KEY_MAX:
        raise Refusal(f"key: longer than {KEY_MAX} characters; make it a UUID")
    return f"{who.owner}/{key}" if key else ""
