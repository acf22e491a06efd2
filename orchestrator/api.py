"""All that a plugin may import.  Names here are kept; anything else may move.

To offer:
    `hookimpl` marks a hook; which there are stands in docs/plugins.md.  A `Processor` is offered by
    orchestrator_processors, a `ProgramCheck`, as `version_check` makes it, by orchestrator_programs,
    a `Subcommand` of the command line by orchestrator_commands.

To work, the methods of a processor in the order of a job's life:
    `review` reads a `Job` (its `Service`, `Split`, `IfExists`) and returns a `Review` with each `Fault`;
    `follow`, if there is one, returns each `Follower`, a job that comes after it;
    `probe` asks a node, which answers `Facts`;
    `plan` looks at the `Room` there is, and returns each `Target` with its parts, a `Segment` each,
    and what is to be done, a `Task` each: its `Kind`, and a `TaskId` by `task_id`;
    `command` returns a `Command` for the `Places` of one node, with the `Result` of earlier tasks, and
    a `Secret` for a word that nobody may read; `publishing` puts files in their places;
    `progress` returns `Progress`;
    `check` turns an `Outcome` (its `Ending`) into a `Verdict`: `Accept`, `Reject` with its `Cause`,
    `Again`, `Replan` or `Rework`.

To render frames:
    `FrameProcessor` makes a processor of a `Renderer`, which answers an `Order` (a `Span` of frames,
    the `Pattern` of their names as `frame_pattern` reads it, `frame_text`) with words; a `Trouble`
    is a line that tells of one.  One that is `Licensed` says which licences a segment holds.

To test:
    `orchestrator.testing`, which no plugin needs where it works.
"""

from orchestrator.frames.names import Pattern as Pattern
from orchestrator.frames.names import frame_pattern as frame_pattern
from orchestrator.frames.processor import FrameProcessor as FrameProcessor
from orchestrator.frames.renderer import Licensed as Licensed
from orchestrator.frames.renderer import Order as Order
from orchestrator.frames.renderer import Renderer as Renderer
from orchestrator.frames.renderer import Trouble as Trouble
from orchestrator.frames.spans import Span as Span
from orchestrator.frames.spans import frame_text as frame_text
from orchestrator.model.node import Places as Places
from orchestrator.model.work import Accept as Accept
from orchestrator.model.work import Again as Again
from orchestrator.model.work import Cause as Cause
from orchestrator.model.work import Command as Command
from orchestrator.model.work import Ending as Ending
from orchestrator.model.work import Facts as Facts
from orchestrator.model.work import Fault as Fault
from orchestrator.model.work import Follower as Follower
from orchestrator.model.work import IfExists as IfExists
from orchestrator.model.work import Job as Job
from orchestrator.model.work import Kind as Kind
from orchestrator.model.work import Outcome as Outcome
from orchestrator.model.work import Progress as Progress
from orchestrator.model.work import Reject as Reject
from orchestrator.model.work import Replan as Replan
from orchestrator.model.work import Result as Result
from orchestrator.model.work import Review as Review
from orchestrator.model.work import Rework as Rework
from orchestrator.model.work import Room as Room
from orchestrator.model.work import Secret as Secret
from orchestrator.model.work import Segment as Segment
from orchestrator.model.work import Service as Service
from orchestrator.model.work import Split as Split
from orchestrator.model.work import Target as Target
from orchestrator.model.work import Task as Task
from orchestrator.model.work import TaskId as TaskId
from orchestrator.model.work import Verdict as Verdict
from orchestrator.model.work import task_id as task_id
from orchestrator.plugin.hooks import ProgramCheck as ProgramCheck
from orchestrator.plugin.hooks import Subcommand as Subcommand
from orchestrator.plugin.hooks import hookimpl as hookimpl
from orchestrator.plugin.hooks import version_check as version_check
from orchestrator.plugin.processor import Processor as Processor
from orchestrator.plugin.publishing import publishing as publishing
