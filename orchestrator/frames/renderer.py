"""What a frame renderer is: all that a plugin says of one."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

from orchestrator.frames.names import Pattern
from orchestrator.frames.spans import Span
from orchestrator.model.node import Places
from orchestrator.model.work import Cause, Fault, Job, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a renderer is asked for: one segment, on one node."""

    job: Job
    span: Span
    folder: str  #: where its frames go, on the node; it is there, and empty
    pattern: Pattern  #: how people want frames named; what is made may be named otherwise
    where: Places

    @property
    def asks(self) -> Mapping[str, object]:
        """The job's ``with``."""
        return self.job.asks

    @property
    def program(self) -> str:
        """The path of the program: the job's ``executable``, else what the node calls it."""
        own = self.asks.get("executable")
        return self.where.source(str(own)) if own else self.where.program(self.job.processor)

    def path(self, frame: Fraction) -> str:
        """Return the path of a frame that is rendered under the name people want."""
        return posixpath.join(self.folder, self.pattern.name(frame))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A line of output that says what went wrong, and what that means.

    `says` may name groups of `line`, as ``cannot find {file}``: one sentence, with the way out.
    """

    line: str  #: a regular expression
    says: str
    cause: Cause = Cause.FAILED  #: UNREADY: no failure, it waits, as for a licence
    fails: bool = True  #: whether frames that are all right count in spite of it: False
    unless: str = ""  #: a key of `with`: where that is true, it is no failure


class Renderer(Protocol):
    """A program that renders frames from a command line.  Every method is pure."""

    @property
    def name(self) -> str:
        """The processor's name, and that of the program in a node's `programs`."""

    @property
    def title(self) -> str:
        """What people call the program: ``POV-Ray``."""

    @property
    def keys(self) -> Mapping[str, object]:
        """JSON Schema of the keys of ``with`` that are its own: name -> schema of the value."""

    @property
    def required(self) -> tuple[str, ...]:
        """Which of its own keys must be there."""

    @property
    def watch(self) -> str | None:
        """A regular expression of the lines that tell how far it is; None: none does."""

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The lines that say what went wrong, the most telling first."""

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Say what is wrong with `with` beyond the schema."""

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return (key, path) of each file that every node must see, the scene first."""

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the command of one segment: words, never a shell line (F-PROC-4)."""

    def made(self, order: Order, frame: Fraction) -> str:
        """Return the path, below the order's folder, of the file that a frame becomes."""

    def done(self, span: Span, line: str) -> float | None:
        """Return how many frames of a segment are done, as a line that `watch` matched says.

        With the part of the frame it is at, where the line tells that too; None: nothing new.
        """


@runtime_checkable
class Licensed(Protocol):
    """A renderer that asks a licence server: beside `Renderer`, where it is one.  Pure."""

    def licences(self, job: Job) -> tuple[str, ...]:
        """Return the licences that a segment of `job` holds, by the names `limits.licences` has."""
