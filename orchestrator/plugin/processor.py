"""What a processor is: the typed half of the plugin contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from orchestrator.model.node import Places
from orchestrator.model.work import (
    Command,
    Facts,
    Follower,
    Job,
    Outcome,
    Progress,
    Result,
    Review,
    Room,
    Service,
    Target,
    Task,
    TaskId,
    Verdict,
)


class Sizes(Protocol):
    """What a processor may say beside: one without it is asked nothing."""

    def size(self, job: Job, facts: Facts, frames: Mapping[str, int]) -> int:
        """Return about how many bytes of cluster storage the job takes while it is worked on.

        0: not known.  `frames`: target -> output frames of its plan; `facts` come without files.
        The job does not begin before there is that much room, so rather say too little.
        """


class Follows(Protocol):
    """What a processor may ask for beside: one without it asks for nothing."""

    def follow(self, job: Job) -> tuple[Follower, ...]:
        """Return the jobs that come after a job and are not written in its manifest.

        Asked when a manifest is read, of a job without fault.  They become jobs of the batch:
        `status`, a dry run and the manifest as accepted show them.  Those have no followers.
        """


class Processor(Protocol):
    """Says what to do; does nothing.

    Every method is pure and runs on the controller: it opens no file and starts no process.
    The same arguments must give the same answer, because after a restart the controller
    asks again.  Arguments and answers are JSON-able (`orchestrator.model.codec`).
    """

    @property
    def name(self) -> str:
        """The word a batch uses after ``processor:``, for example ``maya``."""

    @property
    def service(self) -> Service:
        """The service whose instances its tasks take."""

    @property
    def schema(self) -> Mapping[str, object]:
        """JSON Schema of a job's ``with``.

        Two formats mean more than text.  ``"format": "path"``: made absolute against the
        manifest's folder.  ``"format": "setting"``: the name of a Setting for this processor;
        an unknown one is refused, a known one stands in `Job.settings`.
        """

    @property
    def setting_schema(self) -> Mapping[str, object] | None:
        """JSON Schema of the ``spec`` of its Settings, ``processor`` included; None: it has none."""

    def review(self, job: Job) -> Review:
        """Say what the manifest alone shows: faults, files it reads and writes, programs it needs.

        A node that works on the job sees each of `media`, or a copy of it: a command must name it by
        `where.source(path)`.  A probe may find more: its result then has ``refers``, a list of paths,
        and ``absent`` (true) if it could not read these where it was done.  It is done once more,
        with the same list as ``refers`` in its arguments, where they can be read.
        """

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Return the arguments of the job's probe task; None if nothing needs asking.

        Without a probe, `plan` is called with empty `Facts`.
        """

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Return the targets, their segments in order without gap or overlap, and their tasks.

        Raises ValueError, with one sentence for people, where the facts make the job impossible:
        the job is then Failed with that reason.
        """

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the command of one attempt; it writes below `where.attempt` only.

        `done` holds the accepted results of what `task` needs.  Only a task of kind `publish` may
        write outside its folder.
        """

    def progress(self, task: Task, line: str) -> Progress | None:
        """Read one line that the command's `watch` matched; None if it says nothing."""

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Accept the outcome, or say why not.

        Asked only after a command that ended by itself, without a signal, and wrote no ``error``
        into its result.  Exit code 0 alone proves nothing, and another may be right for a
        program; `outcome.exit_fault` says what is usual.
        """
