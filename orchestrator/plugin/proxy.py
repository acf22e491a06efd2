"""What stands here for a plugin in another process: its hooks, and its processors."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from orchestrator.errors import PluginError
from orchestrator.model.codec import check_json
from orchestrator.model.work import Job, Progress, Service, Target, Task
from orchestrator.plugin import hooks
from orchestrator.plugin.far import Broken, Down, Far, Raised
from orchestrator.plugin.hooks import ProgramCheck
from orchestrator.plugin.processor import Follows, Processor, Sizes
from orchestrator.plugin.wire import Unfit, fit

PROGRESS_KEPT = 4096

_PROMISED = {
    name: get_type_hints(method)["return"]
    for kind in (Processor, Sizes, Follows)
    for name, method in vars(kind).items()
    if inspect.isfunction(method) and not name.startswith("_")
}


class FarProcessor:
    """A processor in another process; every method raises PluginError that names its plugin."""

    def __init__(self, far: Far, said: Mapping[str, Any]) -> None:
        self.name = str(fit(str, said["name"]))
        self.service: Service = fit(Service, said["service"])
        self.schema: Mapping[str, object] = _schema(said["schema"])
        own = said["setting_schema"]
        self.setting_schema = None if own is None else _schema(own)
        self._far = far
        self._methods = frozenset(fit(tuple[str, ...], said["methods"]))
        self._progress: dict[str, tuple[float, str, Progress | None]] = {}

    @property
    def plugin(self) -> str:
        """The name of the plugin that it comes from."""
        return self._far.name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return the call of a method that the processor has; AttributeError for one it lacks."""
        if method.startswith("_") or method not in self._methods:
            raise AttributeError(method)
        return lambda *args: self._asked(method, *args)

    def progress(self, task: Task, line: str) -> Progress | None:
        """Return how far it is, or was a moment ago: lines come faster than they are shown."""
        at, of, known = self._progress.get(task.id, (float("-inf"), "", None))
        now = time.monotonic()
        if of == line or now - at < self._far.deadlines.progress_every_s:
            return known
        if len(self._progress) >= PROGRESS_KEPT:
            self._progress.clear()
        self._progress[task.id] = (now, line, known)
        limit_s = self._far.deadlines.progress_s
        asked = (self.name, "progress", [task, line])
        answer = self._far.ask("call", *asked, limit_s=limit_s, wait_s=0.0)
        found: Progress | None = fit(Progress | None, answer)
        self._progress[task.id] = (now, line, found)
        return found

    def aside(self, what: str, function: Callable[..., Any], *args: object) -> Any:
        """Call a function of ours in its process, which is ended if that takes too long.

        `what`: the words for people.  Raises PluginError that names the plugin.
        """
        who = f"plugin {self._far.name!r}, processor {self.name!r}: {what}"
        there = (function.__module__, function.__name__)
        try:
            return self._far.ask("aside", what, *there, list(args))
        except (Raised, Broken) as error:
            raise PluginError(f"{who} {error}; tell its author") from error
        except Down as error:
            raise PluginError(f"{who} {error}") from error

    def _asked(self, method: str, *args: Any) -> Any:
        who = f"plugin {self._far.name!r}, processor {self.name!r}: {method}"
        try:
            answer = self._far.ask("call", self.name, method, list(args))
            return self._fitting(method, answer, args)
        except Raised as error:
            if error.is_value and method == "plan":
                raise ValueError(error.text) from error
            if error.is_value:
                self._far.fault(method, str(error))
            raise PluginError(f"{who} {error}; tell its author") from error
        except Broken as error:
            raise PluginError(f"{who} {error}; tell its author") from error
        except Down as error:
            raise PluginError(f"{who} {error}") from error

    def _fitting(self, method: str, answer: Any, args: tuple[Any, ...]) -> Any:
        """Return an answer that is what the contract promises.  Raises Broken."""
        try:
            found = fit(_PROMISED.get(method, object), answer)
            if method == "plan":
                _own(found, args[0])
        except Unfit as error:
            why = f"answered {error}"
            self._far.fault(method, why)
            raise Broken(why) from error
        self._far.well()
        return found


class FarPlugin(SimpleNamespace):
    """The hooks of a plugin in another process, as pluggy takes them."""

    def __init__(self, far: Far, said: Mapping[str, Any]) -> None:
        super().__init__()
        self.far = far
        self.processors = tuple(FarProcessor(far, each) for each in said["processors"])
        self.programs: tuple[ProgramCheck, ...] = fit(tuple[ProgramCheck, ...], said["programs"])
        self.capabilities = fit(tuple[ProgramCheck, ...], said["capabilities"])
        self.settings = Path(folder) if (folder := fit(str, said["settings"])) else None
        known: dict[str, Callable[[], object]] = {
            "orchestrator_processors": lambda: self.processors,
            "orchestrator_programs": lambda: self.programs,
            "orchestrator_capabilities": lambda: self.capabilities,
            "orchestrator_settings": lambda: self.settings,
        }
        for name, words in said["hooks"].items():
            call = known.get(name) or _calling(far, name, fit(tuple[str, ...], words))
            setattr(self, name, hooks.hookimpl(call))


def _calling(far: Far, name: str, words: Iterable[str]) -> Callable[..., object]:
    """Return a function as the hook is, which calls it there with the arguments `words`."""
    spec = getattr(hooks, name)
    every = list(inspect.signature(spec).parameters)
    chosen = [every.index(word) for word in words]

    @wraps(spec)  # pluggy reads the arguments through it
    def call(*args: object) -> object:
        try:
            answer = far.ask("hook", name, [args[index] for index in chosen])
        except (Raised, Broken, Down) as error:
            raise PluginError(f"plugin {far.name!r}: {name} {error}; tell its author") from error
        far.well()
        return answer

    return call


def _schema(said: object) -> Mapping[str, object]:
    try:
        check_json(said)
    except (TypeError, ValueError) as error:
        raise Unfit(f"a schema that is not JSON: {error}") from error
    found: Mapping[str, object] = fit(Mapping[str, object], said)
    return found


def _own(targets: Iterable[Target], job: Job) -> None:
    for target in targets:
        for task in target.tasks:
            if task.job is not job:
                raise Unfit(f"a task {task.id!r} of another job")
