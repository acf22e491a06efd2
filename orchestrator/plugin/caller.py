"""The one place that calls a processor.

Whatever it raises, and whatever it answers that its Protocol does not promise, becomes a
PluginError that names it: it harms its own job and nobody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from orchestrator.errors import PluginError
from orchestrator.model.codec import check_json
from orchestrator.model.node import Places
from orchestrator.model.work import (
    Accept,
    Again,
    Command,
    Facts,
    Job,
    Outcome,
    Progress,
    Reject,
    Replan,
    Result,
    Review,
    Rework,
    Room,
    Target,
    Task,
    TaskId,
    Verdict,
    is_component,
    one_line,
)
from orchestrator.plugin.manager import Plugins
from orchestrator.plugin.processor import Sizes

REVIEWS_KEPT = 4096
"""So many jobs are not asked about again; a controller may see more of them in a year."""


CAUGHT = (Exception, SystemExit)
"""What a plugin may raise and harm nobody; Ctrl-C is a person's."""


class Unplannable(Exception):
    """A processor said that the facts make its job impossible; the text is for people."""


@dataclass(slots=True)
class Caller:
    """Asks processors, guarded.  Every method raises PluginError for what a plugin does wrong."""

    plugins: Plugins
    _reviews: dict[str, Review] = field(default_factory=dict)

    def review(self, job: Job) -> Review:
        """Return what the manifest alone shows of a job; asked once a job."""
        if job.id not in self._reviews:
            if len(self._reviews) >= REVIEWS_KEPT:
                self._reviews.clear()
            try:
                review = self.plugins.processor(job.processor).review(job)
                self._reviews[job.id] = _promised(review, Review)
            except CAUGHT as error:  # a stranger's error harms its own job only
                _blame(job, "review", error)
        return self._reviews[job.id]

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Return the arguments of a job's probe, or None."""
        try:
            args = self.plugins.processor(job.processor).probe(job)
            return None if args is None else _json(_promised(args, Mapping))
        except CAUGHT as error:  # as above
            _blame(job, "probe", error)

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Return the job's targets; Unplannable where the processor says so."""
        try:
            targets = self._plan(job, facts, room)
            for target in targets:
                for task in target.tasks:
                    _json(task.args)
            return targets
        except Unplannable:
            raise
        except CAUGHT as error:  # as above
            _blame(job, "plan", error)

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the command of one attempt."""
        try:
            command = self.plugins.processor(task.job.processor).command(task, where, done)
            _json(_promised(command, Command).input)
            return _kept_in(command)
        except CAUGHT as error:  # as above
            _blame(task.job, "command", error)

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Return what the processor thinks of an outcome."""
        try:
            verdict = self.plugins.processor(task.job.processor).check(task, outcome)
            _promised(verdict, (Accept, Reject, Again, Replan, Rework))
            if isinstance(verdict, Again | Replan | Rework):
                _json(verdict.changes)
            return verdict
        except CAUGHT as error:  # as above
            _blame(task.job, "check", error)

    def reload(self, plugins: Plugins) -> None:
        """Ask these plugins from now on; nobody who holds us need know."""
        self.plugins.replace_by(plugins)
        self._reviews.clear()

    def ended(self, batch: str, failed: int) -> None:
        """Tell the plugins that a batch has ended; none of them can say no."""
        self.plugins.batch_ended(batch, failed)

    def can_size(self, job: Job) -> bool:
        """Whether the job's processor estimates what it takes of cluster storage."""
        try:
            return hasattr(self.plugins.processor(job.processor), "size")
        except PluginError:
            return False

    def size(self, job: Job, facts: Facts, frames: Mapping[str, int]) -> int:
        """Return about how many bytes a job takes; one whose estimate fails takes nothing."""
        try:
            sizes = cast("Sizes", self.plugins.processor(job.processor))
            return max(0, int(sizes.size(job, facts, frames)))
        except CAUGHT:  # an estimate only
            return 0

    def progress(self, task: Task, line: str) -> Progress | None:
        """Return how far an attempt is; a line that upsets the processor says nothing."""
        try:
            processor = self.plugins.processor(task.job.processor)
            return processor.progress(task, line) if line else None
        except CAUGHT:  # progress is for display only
            return None

    def _plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        try:
            targets = self.plugins.processor(job.processor).plan(job, facts, room)
        except ValueError as error:
            raise Unplannable(one_line(_said(error))) from error
        for target in _promised(targets, (tuple, list)):
            _promised(_promised(target, Target).gate, str)
        return tuple(targets)


class _Broken(Exception):
    """An answer is not what the Protocol promises."""


def _promised(answer: Any, kinds: Any) -> Any:
    """Return a stranger's answer if it is of a kind its Protocol names."""
    if not isinstance(answer, kinds):
        raise _Broken(f"answered {type(answer).__name__}")
    return answer


def _json(data: Any) -> Any:
    """Return what a stranger wants stored or sent, if that can be done."""
    try:
        check_json(data)
    except (TypeError, ValueError) as error:
        raise _Broken(f"answered what is not JSON: {error}") from error
    return data


def _kept_in(command: Command) -> Command:
    """Return a command that makes no folder but in its attempt's own."""
    for folder in command.folders:
        if not all(map(is_component, folder.split("/"))):
            raise _Broken(f"makes the folder {folder!r}, which is not below its own")
    return command


def _blame(job: Job, method: str, error: BaseException) -> NoReturn:
    if isinstance(error, PluginError):
        raise error
    is_ours = isinstance(error, _Broken)
    did = str(error) if is_ours else f"raised {type(error).__name__}: {_said(error)}"
    raise PluginError(f"processor {job.processor!r}: {method} {did}; tell its author") from error


def _said(error: BaseException) -> str:
    """Return what an exception says, if it can say it."""
    try:
        return str(error)
    except CAUGHT:
        return "(it cannot say what)"
