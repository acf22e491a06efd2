"""What every processor must keep, asked once: `check_plugin` and `check_processor`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, ModuleType

from orchestrator.errors import OrchestratorError
from orchestrator.manifest import advice
from orchestrator.manifest.form import faults as schema_faults
from orchestrator.manifest.setting import read_built_in
from orchestrator.model.codec import canonical
from orchestrator.model.work import Job, Service
from orchestrator.plugin import hooks
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins
from orchestrator.plugin.processor import Processor

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NAME_MAX_CHARS = 40
SETTING_KEY = "processor"
METHODS = ("review", "probe", "plan", "command", "progress", "check")
HOOKS = frozenset(name for name in vars(hooks) if name.startswith("orchestrator_"))


def check_plugin(plugin: ModuleType) -> None:
    """Raise AssertionError with every breach of a plugin: its hooks, and each of its processors."""
    __tracebackhide__ = True
    breaches = list(_hooks(plugin))
    try:
        plugins = Plugins.given(**{plugin.__name__: plugin})
        processors = list(plugins.processors.values())
        for check in plugins.programs():
            breaches += _program(check)
        breaches += _settings(plugins)
    except OrchestratorError as error:
        processors, breaches = [], [*breaches, str(error)]
    for processor in processors:
        breaches += _processor(processor, ())
    _refuse(plugin.__name__, breaches)


def check_processor(processor: Processor, *asks: Mapping[str, object]) -> None:
    """Raise AssertionError with every breach of a processor.

    :param asks: examples of a job's ``with``: it is asked twice what each shows
    """
    __tracebackhide__ = True
    _refuse(f"processor {processor.name!r}", list(_processor(processor, asks)))


def _refuse(subject: str, breaches: list[str]) -> None:
    __tracebackhide__ = True
    if breaches:
        raise AssertionError("\n".join([f"{subject}: it breaks the contract:", *breaches]))


def _hooks(plugin: ModuleType) -> Iterator[str]:
    """Yield functions that look like hooks, and are none: nobody would ever call them."""
    for name, member in vars(plugin).items():
        if not name.startswith("orchestrator_") or not isinstance(member, FunctionType):
            continue
        if name not in HOOKS:
            yield f"{name}: no hook is called so; {advice.meant(name, HOOKS)}"
        elif not hasattr(member, "orchestrator_impl"):
            yield f"{name}: is never called; write @hookimpl above it"


def _program(check: object) -> Iterator[str]:
    if not isinstance(check, hooks.ProgramCheck):
        yield f"orchestrator_programs: answers {type(check).__name__}; return ProgramChecks"
    elif not check.argv or not all(isinstance(word, str) for word in check.argv):
        yield f"program {check.name!r}: its check has no words to run; see version_check"


def _settings(plugins: Plugins) -> Iterator[str]:
    try:
        read_built_in(plugins.settings_folders(), plugins.processors)
    except OrchestratorError as error:
        yield str(error)


def _processor(processor: Processor, asks: Iterable[Mapping[str, object]]) -> Iterator[str]:
    lacking = [name for name in METHODS if not callable(getattr(processor, name, None))]
    if lacking:
        yield f"it has no {', '.join(lacking)}; see Processor in orchestrator.api"
    yield from _name(processor.name)
    if not isinstance(processor.service, Service):
        yield f"service is {processor.service!r}; write Service.RENDER or Service.COMPRESSOR"
    yield from (f"schema: {fault}" for fault in schema_faults(processor.schema))
    if processor.setting_schema is not None:
        yield from (f"setting_schema: {fault}" for fault in schema_faults(processor.setting_schema))
        if SETTING_KEY not in _keys(processor.setting_schema):
            yield "setting_schema: a Setting's spec names its processor; add the key processor"
    for each in asks:
        yield from _pure(processor, each)


def _keys(schema: Mapping[str, object]) -> Iterable[str]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else ()


def _name(name: object) -> Iterator[str]:
    fits = isinstance(name, str) and NAME.fullmatch(name) and len(name) <= NAME_MAX_CHARS
    if not fits:
        yield f"name {name!r}: write small letters, digits and single hyphens, as contact-sheet"


def _pure(processor: Processor, asks: Mapping[str, object]) -> Iterator[str]:
    """Yield what differs when the same is asked twice, and answers that are not promised."""
    job = Job(id="check-0001/job", name="job", processor=processor.name, asks=asks)
    before = canonical(asks)
    for method in ("review", "probe"):
        try:
            first, second = (_asked(processor, method, job) for _ in range(2))
        except OrchestratorError as error:
            yield str(error)
            continue
        if first != second:
            yield f"{method}: gives two answers to the same question; ask no clock and no disk"
    if canonical(asks) != before:
        yield "it changes the job's `with`; make a copy of what you want to change"


def _asked(processor: Processor, method: str, job: Job) -> str:
    """Return one answer as text, by a caller of its own: that one remembers."""
    plugin = ModuleType("asked")
    vars(plugin)["orchestrator_processors"] = hooks.hookimpl(lambda: (processor,))
    return canonical(getattr(Caller(Plugins.given(asked=plugin)), method)(job))
