"""The process of one plugin that is not ours: imports it and answers calls, a line for a line.

Questions come on what was standard input, answers go to what was standard output; whatever the
plugin prints goes to standard error, which the other side reads and bounds.  The end of questions
is its end.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pluggy

from orchestrator import system
from orchestrator.model.work import Job, Task
from orchestrator.plugin import hooks
from orchestrator.plugin.wire import Unfit, dumped, loaded

MEMORY_BYTES_MAX = 2 << 30
"""Of addresses, where the system counts them."""

ALONE_S = 2.0
"""So long after a call should have been ended by the other side the system ends it."""

TEXT_CHARS_MAX = 2000
METHODS = ("review", "probe", "plan", "command", "progress", "check")
SAID = ("name", "service", "schema", "setting_schema")


def main() -> None:
    """Answer until there are no more questions."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    system.no_core_dumps()
    system.limit_memory(MEMORY_BYTES_MAX)
    if hasattr(os, "register_at_fork"):
        low, high = sorted((asked.fileno(), answers.fileno()))
        os.register_at_fork(after_in_child=lambda: os.closerange(low, high + 1))
    us, host = os.getpid(), Host()
    for line in asked:
        answer = _answered(host, line)
        if os.getpid() != us:  # the plugin forked, and both came back
            break
        _flush()
        answers.write(answer)
        answers.flush()
    os._exit(0)  # whatever threads it has left


def _answered(host: Host, line: bytes) -> bytes:
    """Do one call; everything that is raised is an answer, too."""
    number, what, limit_s, job, args = _question(line)
    _alarm(limit_s + ALONE_S)
    try:
        answer = {"number": number, "is": getattr(host, what)(*args)}
        return dumped(answer, job)
    except Unfit as error:
        return dumped({"number": number, "unfit": said(error)})
    except BaseException as error:  # noqa: BLE001  # SystemExit, and whatever else it thinks of
        kind = type(error).__name__[:TEXT_CHARS_MAX]
        is_value = isinstance(error, ValueError)
        raised = {"raised": kind, "text": said(error), "is_value": is_value}
        return dumped({"number": number, **raised})
    finally:
        _alarm(0)


def _question(line: bytes) -> tuple[int, str, float, Job | None, list[Any]]:
    head, _, rest = line.partition(b"\t")
    number, what, limit_s = loaded(head)
    args = loaded(rest)
    job = next((job for each in args if (job := job_of(each))), None)
    return number, what, limit_s, job, args


def job_of(value: object) -> Job | None:
    """Return the job that an argument is, or is a task of; in lists, that of the first."""
    if isinstance(value, list):
        return next((job for each in value if (job := job_of(each))), None)
    return value if isinstance(value, Job) else value.job if isinstance(value, Task) else None


def said(error: BaseException) -> str:
    """Return what an exception says, if it can say it."""
    try:
        return str(error)[:TEXT_CHARS_MAX]
    except BaseException:  # noqa: BLE001  # a stranger's
        return "(it cannot say what)"


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _alarm(seconds: float) -> None:
    """Let the system end us then, whoever holds the interpreter; 0: not."""
    if sys.platform != "win32":
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)


class Host:
    """The plugin, and what can be asked of it."""

    def __init__(self) -> None:
        self._hooks: dict[str, pluggy.HookImpl] = {}
        self._processors: dict[str, Any] = {}

    def load(self, name: str, value: str) -> Mapping[str, object]:
        """Import it and say what it offers."""
        manager = pluggy.PluginManager(hooks.PROJECT)
        manager.register(EntryPoint(name, value, hooks.PROJECT).load(), name)
        manager.add_hookspecs(hooks)
        manager.check_pending()
        for hook in manager.hook.__dict__.values():
            for impl in hook.get_hookimpls():
                self._hooks[hook.name] = impl
        if not self._hooks:
            raise Unfit("has no hook; write @hookimpl above the functions that are to be called")
        return {
            "hooks": {hook: list(impl.argnames) for hook, impl in self._hooks.items()},
            "processors": [self._processor(each) for each in self._offer("processors")],
            "programs": list(self._offer("programs")),
            "capabilities": list(self._offer("capabilities")),
            "settings": str(folder) if (folder := self._offer("settings")) else "",
        }

    def call(self, processor: str, method: str, args: list[Any]) -> object:
        """Ask a processor."""
        return getattr(self._processors[processor], method)(*args)

    def aside(self, _: str, module: str, function: str, args: list[Any]) -> object:
        """Call a function of ours here, where it may take long for what the plugin said."""
        return getattr(importlib.import_module(module), function)(*args)

    def hook(self, name: str, args: list[Any]) -> object:
        """Call a hook, with its arguments in its order."""
        answer = self._hooks[name].function(*args)
        return tuple(answer) if isinstance(answer, Iterator) else answer

    def _offer(self, hook: str) -> Any:
        impl = self._hooks.get(f"orchestrator_{hook}")
        return impl.function() if impl else ()

    def _processor(self, processor: Any) -> Mapping[str, object]:
        """Return what a processor says of itself, and which methods it has."""
        found = {key: getattr(processor, key) for key in SAID}
        self._processors[found["name"]] = processor
        names = [name for name in dir(type(processor)) if not name.startswith("_")]
        names += [name for name in getattr(processor, "__dict__", ()) if not name.startswith("_")]
        own = {name for name in names if name not in SAID and callable(getattr(processor, name))}
        if lacks := [name for name in METHODS if name not in own]:
            raise TypeError(f"processor {found['name']!r} has no {', '.join(lacks)}")
        return {**found, "methods": sorted(own)}


if __name__ == "__main__":
    main()
