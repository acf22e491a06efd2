"""The world around a farm's controller: a clock, a script of how attempts end, files that are words.

Nothing runs: an attempt that starts is due a moment of virtual time later, and ends as scripted.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.engine.fake import FakeEngine
from orchestrator.model.node import Spec
from orchestrator.model.work import Cause, Ending, Outcome

How = dict  #: what of an `Outcome` differs from an exit with code 0

HANGS: How = {"hangs": True}
"""In a script: this attempt never ends by itself."""


def fails(why="it did not work", **more) -> How:
    return {"exit_code": 1, "log_tail": why, **more}


def crashes(number=11) -> How:
    return {"exit_code": None, "signal": number}


def lost() -> How:
    return {"ending": Ending.LOST, "exit_code": None}


def unready(why="no space left") -> How:
    return {"exit_code": None, "ending": Ending.UNSTARTED, "cause": Cause.UNREADY, "why": why}


def says(**result) -> How:
    return {"result": result}


def no_source() -> How:
    return fails(result={"error": "movie.mov: no such file; check the path", "cause": "source"})


@dataclass
class World:
    """What every node sees, and what becomes of what they are given."""

    now: float  #: seconds that pass evenly, as a machine counts them
    jump: float = 0.0  #: by so much the clock on the wall was put forward
    script: dict[str, list[How]] = field(default_factory=lambda: defaultdict(list))
    #: by the last words of a task's id, as ``000001/encode``: how its next attempts end
    seconds: dict[str, float] = field(default_factory=dict)  #: likewise how long they take; else 1
    improvise: Callable[[Spec], How] = lambda spec: {}  #: what is done when the script is over
    disk: dict[str, str] = field(default_factory=dict)  #: folder -> what was made there
    published: dict[str, str] = field(default_factory=dict)  #: destination -> what is there
    due: dict[str, tuple[float, Spec, How]] = field(default_factory=dict)  #: attempt -> its end

    @property
    def wall(self) -> float:
        """What the clock on the wall shows; Unix seconds."""
        return self.now + self.jump

    def begin(self, spec: Spec) -> None:
        """Decide how and when an attempt that starts now will end."""
        after = next((s for words, s in self.seconds.items() if spec.task.endswith(words)), 1.0)
        self.due[spec.attempt] = (self.now + after, spec, self._how(spec))

    def next_due(self) -> float | None:
        """Return when the next attempt ends."""
        return min((at for at, _, how in self.due.values() if how is not HANGS), default=None)

    def end_due(self, engine: FakeEngine) -> None:
        """End what is due, unless it was ended before."""
        for at, spec, how in list(self.due.values()):
            if at <= self.now and how is not HANGS:
                self.end(engine, spec, how)

    def end(self, engine: FakeEngine, spec: Spec, how: How) -> None:
        """End an attempt now; one that went well leaves what it made."""
        del self.due[spec.attempt]
        usual = {"attempt": spec.attempt, "ending": Ending.EXITED, "exit_code": 0}
        outcome = Outcome(**{**usual, **how})
        if outcome.exit_code == 0 and not {"again", "replan", "rework"} & outcome.result.keys():
            self._make(spec)
        try:
            engine.finish(spec.attempt, outcome)
        except KeyError:
            return  # it was killed

    def free_hung(self, engine: FakeEngine) -> None:
        """End what hangs, as a person who kills it would."""
        for _, spec, how in list(self.due.values()):
            if how is HANGS:
                self.end(engine, spec, crashes(9))

    def _how(self, spec: Spec) -> How:
        how = self._scripted(spec)
        if how == {} and spec.task.endswith("/copy"):  # as `agent.copying` says it
            asked = spec.input or json.loads(Path(str(spec.input_file)).read_text())
            return says(files=[{"file": each["name"]} for each in asked["files"]])
        return how

    def _scripted(self, spec: Spec) -> How:
        for words, lines in self.script.items():
            if lines and f"/{spec.task}".endswith(f"/{words}"):
                return lines.pop(0)
        return self.improvise(spec)

    def _make(self, spec: Spec) -> None:
        asked = spec.input
        if spec.input_file:
            asked = json.loads(Path(spec.input_file).read_text())
        parts = [self.disk[part] for part in (asked or {}).get("parts", ()) if part in self.disk]
        match spec.argv[0]:
            case "assemble":
                self.disk[spec.folder] = "+".join(part for part in parts if part)
            case "publish":
                self.published[str(asked["destination"])] = parts[0]
            case _ if spec.task.endswith("/copy"):
                self.disk[spec.folder] = ""
            case "probe" | "verify":
                self.disk[spec.folder] = ""
            case _:
                self.disk[spec.folder] = f"<{spec.attempt}>"
