"""Finds plugins and holds what they offer.

Ours run in this process, each other one in a process of its own: what is wrong with it harms its
own jobs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar, cast

import pluggy

from orchestrator.errors import OrchestratorError, PluginError
from orchestrator.model.cluster import PluginRules
from orchestrator.model.default import Default, Extras
from orchestrator.model.offers import Offers, absent, why_not
from orchestrator.model.work import one_line
from orchestrator.plugin import hooks, offers, points
from orchestrator.plugin.contests import Contests, tell_of_two
from orchestrator.plugin.far import USUAL, Deadlines, Far
from orchestrator.plugin.hooks import ProgramCheck
from orchestrator.plugin.offers import Subcommands
from orchestrator.plugin.points import Point
from orchestrator.plugin.processor import Processor
from orchestrator.plugin.proxy import FarPlugin
from orchestrator.plugin.wire import Unfit

log = logging.getLogger(__name__)

STARTED_AT_ONCE = 4
"""So many plugins are imported at a time, each in its process."""

SETTING_SUFFIXES = (".yaml", ".yml")

T = TypeVar("T")

Fault = Callable[[Processor], str]
"""What is wrong with what a processor says of itself; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a plugin comes from, and what it offers."""

    name: str
    distribution: str  #: empty: not from an installed package
    version: str
    processors: tuple[str, ...]
    programs: tuple[str, ...] = ()  #: what it looks for on a node
    origin: str = ""  #: built-in, installed, or the folder it is installed from
    state: str = "ok"  #: ok, denied, refused: …, down: …
    notes: tuple[str, ...] = ()  #: what of it does not count, and why


class Plugins:
    """The loaded plugins, behind typed methods.  `close` ends their processes."""

    def __init__(self, manager: pluggy.PluginManager, known: Iterable[Point] = ()) -> None:
        _hooked(manager)
        self._manager = manager
        self._points = tuple(known)  #: those that are installed, loaded or not
        self._contests = Contests(self._is_far)
        self._owner: dict[str, str] = {}
        self._defaults: dict[str, tuple[Default, ...]] = {}
        self.processors: Offers[Processor] = Offers(self._processors(), shut={})
        self._looked_for = self._found_on_nodes()
        self._settings = self._files()
        self.processors.shut = self._contests.shut
        self.processors.absent = tuple(each.name for each in self._points if each.why)

    @classmethod
    def installed(
        cls,
        rules: PluginRules | None = None,
        deadlines: Deadlines = USUAL,
        fault_of: Fault | None = None,
    ) -> Self:
        """Return the plugins of every installed package that names the entry-point group.

        Those that the rules leave out are not imported at all.  `fault_of`: what refuses a plugin
        that is not ours for what one of its processors says of itself.
        """
        manager = pluggy.PluginManager(hooks.PROJECT)
        known = points.found(rules or PluginRules())
        for point in known:
            if point.is_ours and not point.why:
                manager.register(point.imported(), point.name)
        theirs = [point for point in known if not point.is_ours and not point.why]
        with ThreadPoolExecutor(STARTED_AT_ONCE, "plugin") as pool:
            loaded = pool.map(lambda point: _started(point, deadlines, fault_of), theirs)
        whys = dict[str, str]()
        for point, plugin in zip(theirs, loaded, strict=True):
            if isinstance(plugin, str):
                whys[point.name] = plugin
                extra = {"action": "plugin_refused"}
                log.warning("plugin %s is not loaded: %s", point.name, plugin, extra=extra)
            else:
                manager.register(plugin, point.name)
        return cls(manager, (_with_why(point, whys) for point in known))

    @classmethod
    def given(cls, **plugins: object) -> Self:
        """Return just these plugins, by name, in this process."""
        manager = pluggy.PluginManager(hooks.PROJECT)
        for name, plugin in plugins.items():
            manager.register(plugin, name)
        return cls(manager)

    def close(self) -> None:
        """End the processes of those that are not ours."""
        for far in self._far():
            far.close()

    def replace_by(self, other: Plugins) -> None:
        """Be what `other` is, for all that hold us; what we were is closed."""
        old = list(self._far())
        self.__dict__.update(other.__dict__)
        for far in old:
            far.close()

    def processor(self, name: str) -> Processor:
        """Return the processor called `name`; PluginError lists those there are."""
        try:
            return self.processors[name]
        except KeyError:
            if why := why_not(self.processors, "processor", name):
                raise PluginError(f"processor {name!r}: {why}") from None
            known = ", ".join(sorted(self.processors)) or "none"
            more = f"; {said}" if (said := absent(self.processors)) else ""
            raise PluginError(f"no processor is called {name!r}; known: {known}{more}") from None

    def settings_folders(self) -> tuple[Path, ...]:
        """Return the folders of built-in Settings, and single files of plugins that are not ours."""
        return self._settings

    def programs(self) -> tuple[ProgramCheck, ...]:
        """Return how a node finds and tries each program that processors run."""
        programs = {check.name for _, check in self._checks("programs")}
        return tuple(check for _, check in self._looked_for if check.name in programs)

    def checks(self) -> Mapping[str, tuple[str, ...]]:
        """Return the words that find each program and capability on a node, by name."""
        return {check.name: tuple(check.argv) for _, check in self._looked_for}

    def extras(self) -> Extras:
        """Return what a reader of jobs is told beside processors and Settings."""
        return Extras(means=self.checks(), defaults=self.job_defaults)

    def subcommands(self, taken: Iterable[str]) -> Subcommands:
        """Return the subcommands that plugins bring; `taken`: the names of our own."""
        hook = self._manager.hook.orchestrator_commands
        return offers.subcommands(self._asked(hook, self._spared(offers.check_subcommands)), taken)

    def job_defaults(self, processor: str) -> tuple[Default, ...]:
        """Return what plugins lay under a processor's jobs; each is asked once.

        Raises PluginError for a wrong answer, and for two that differ.  What one that is not ours
        gets wrong harms the jobs of its own processors only.
        """
        if processor not in self.processors:
            return ()  # its name may be anything: its jobs are refused
        if processor not in self._defaults:
            hook = self._manager.hook.orchestrator_job_defaults
            spared = self._spared(offers.check_defaults, self._owner.get(processor, ""))
            answers = self._asked(hook, spared, processor=processor)
            self._defaults[processor] = offers.job_defaults(answers)
        return self._defaults[processor]

    def origins(self) -> tuple[Origin, ...]:
        """Return each plugin with its distribution, version and offers, by name."""
        known = {point.name: point for point in self._points if not point.why}
        loaded = [
            self._origin(name, plugin, known.get(name))
            for name, plugin in self._manager.list_name_plugin()
        ]
        others = [_absent(point) for point in self._points if point.why]
        return tuple(sorted([*loaded, *others], key=lambda each: (each.name, each.distribution)))

    def distributions(self) -> dict[str, str]:
        """Return the version of each distribution whose plugins the rules let in."""
        return {
            point.distribution: point.version
            for point in self._points
            if point.distribution and not point.is_denied
        }

    def denied(self) -> frozenset[str]:
        """Return the distributions of which the rules let no plugin in."""
        every = {point.distribution for point in self._points if point.is_denied}
        return frozenset(every - self.distributions().keys() - {points.OURS})

    def batch_ended(self, batch: str, failed: int) -> None:
        """Tell every plugin that a batch has ended; one that raises is named and ignored."""
        self._tell(self._manager.hook.orchestrator_batch_ended, batch=batch, failed=failed)

    def notice(self, kind: str, subject: str, text: str) -> None:
        """Give every plugin a notice; likewise."""
        hook = self._manager.hook.orchestrator_notice
        self._tell(hook, kind=kind, subject=subject, text=text)

    @property
    def has_listeners(self) -> bool:
        """Whether any plugin wants to hear notices."""
        return bool(self._manager.hook.orchestrator_notice.get_hookimpls())

    def _asked(
        self, hook: pluggy.HookCaller, spared: Spared, **asked: object
    ) -> Iterator[tuple[str, object]]:
        """Yield each plugin that implements a hook, with its answer; None is none."""
        for impl in hook.get_hookimpls():
            try:
                answer = _answered(hook.name, impl, asked)
                if answer is not None:
                    spared.check(impl.plugin_name, answer)
            except PluginError as error:
                if impl.plugin_name not in spared.plugins:
                    raise
                log.warning("%s", one_line(str(error)), extra={"action": "plugin_failed"})
                continue
            if answer is not None:
                yield impl.plugin_name, answer

    def _spared(self, check: Callable[[str, object], object], owner: str = "") -> Spared:
        """Return whose wrong answers are told and left out: those of others, but for `owner`."""
        others = frozenset(far.name for far in self._far()) - {owner}
        return Spared(check, others)

    @property
    def are_others(self) -> bool:
        """Whether any plugin is not ours, and runs in another process."""
        return any(True for _ in self._far())

    @property
    def are_amiss(self) -> bool:
        """Whether any plugin that is let in is refused or down: to load them again may mend it."""
        refused = any(point.why and not point.is_denied for point in self._points)
        return refused or any(far.down for far in self._far())

    def _tell(self, hook: pluggy.HookCaller, **asked: object) -> None:
        for impl in hook.get_hookimpls():
            try:
                impl.function(*(asked[name] for name in impl.argnames))
            except OrchestratorError as error:
                log.error("%s", one_line(str(error)), extra={"action": "plugin_failed"})
            except (Exception, SystemExit) as error:  # a stranger's error harms nobody
                kind, extra = type(error).__name__, {"action": "plugin_failed"}
                log.exception(
                    "plugin %s: %s raised %s", impl.plugin_name, hook.name, kind, extra=extra
                )

    def _far(self) -> Iterator[Far]:
        for _, plugin in self._manager.list_name_plugin():
            if isinstance(plugin, FarPlugin):
                yield plugin.far

    def _processors(self) -> dict[str, Processor]:
        offered = cast("list[tuple[str, Iterable[Processor]]]", self._offers("processors"))
        named = [(plugin, each.name, each) for plugin, offer in offered for each in offer]
        found = self._contests.settled("processor", named)
        self._owner = {name: plugin for name, (plugin, _) in found.items()}
        return {name: processor for name, (_, processor) in found.items()}

    def _found_on_nodes(self) -> tuple[tuple[str, ProgramCheck], ...]:
        """Return one check for each name; of two of ours that differ, the first one's."""
        named = [
            (plugin, check.name, check)
            for hook in ("programs", "capabilities")
            for plugin, check in self._checks(hook)
        ]
        found = self._contests.settled("program", named, is_shared=True, is_strict=False)
        for plugin, name, check in named:
            if name in found and found[name][1] != check and not self._is_far(plugin):
                tell_of_two(name, found[name][0], plugin)
        return tuple(found.values())

    def _checks(self, hook: str) -> list[tuple[str, ProgramCheck]]:
        offered = cast("list[tuple[str, Iterable[ProgramCheck]]]", self._offers(hook))
        return [(plugin, check) for plugin, offer in offered for check in offer]

    def _files(self) -> tuple[Path, ...]:
        """Return the folders of ours, and of the others' files those that nobody contests."""
        offered = cast("list[tuple[str, Path]]", self._offers("settings"))
        folders = [folder for plugin, folder in offered if not self._is_far(plugin)]
        named = [
            (plugin, file.stem, file)
            for plugin, folder in offered
            for file in (sorted(folder.glob("*")) if folder.is_dir() else ())
            if file.suffix in SETTING_SUFFIXES and (self._is_far(plugin) or file.is_file())
        ]
        found = self._contests.settled("setting", named, is_strict=False)
        return (*folders, *(file for plugin, file in found.values() if self._is_far(plugin)))

    def _offers(self, hook: str) -> list[tuple[str, object]]:
        """Return each plugin with its answer to a hook, ours first, then by name.

        One that raises is named and offers nothing, unless it is asked for processors.
        """
        impls = getattr(self._manager.hook, f"orchestrator_{hook}").get_hookimpls()
        found: list[tuple[str, object]] = []
        ours = {point.name for point in self._points if point.is_ours}
        for impl in sorted(impls, key=lambda i: (i.plugin_name not in ours, i.plugin_name)):
            try:
                offer = impl.function()
                found.append((impl.plugin_name, offer if isinstance(offer, Path) else tuple(offer)))
            except Exception:  # the plugin caller: a stranger's error harms nobody
                if hook == "processors":
                    raise
                failed = {"action": "plugin_failed"}
                log.exception("plugin %s: %s raised", impl.plugin_name, hook, extra=failed)
        return found

    def _is_far(self, plugin: str) -> bool:
        return isinstance(self._manager.get_plugin(plugin), FarPlugin)

    def _origin(self, name: str, plugin: object, point: Point | None) -> Origin:
        down = plugin.far.down if isinstance(plugin, FarPlugin) else ""
        return Origin(
            name=name,
            distribution=point.distribution if point else "",
            version=point.version if point else "",
            processors=tuple(sorted(p for p, owner in self._owner.items() if owner == name)),
            programs=tuple(
                sorted(check.name for owner, check in self._looked_for if owner == name)
            ),
            origin=point.origin if point else "",
            state=f"down: {down}" if down else "ok",
            notes=self._contests.notes(name),
        )


@dataclass(frozen=True, slots=True)
class Spared:
    """How answers are looked at, and from whom a wrong one must harm nobody else."""

    check: Callable[[str, object], object]  #: raises PluginError
    plugins: frozenset[str]


def _answered(name: str, impl: pluggy.HookImpl, asked: Mapping[str, object]) -> object:
    """Return what a plugin answers to a hook.  Raises PluginError, which names it."""
    try:
        return impl.function(*(asked[word] for word in impl.argnames))
    except PluginError:
        raise
    except Exception as error:
        what = f"{name} raised {type(error).__name__}: {error}"
        raise PluginError(f"plugin {impl.plugin_name!r}: {what}; tell its author") from error


def _hooked(manager: pluggy.PluginManager) -> None:
    manager.add_hookspecs(hooks)
    try:
        manager.check_pending()  # a misspelt hook would otherwise never be called
    except pluggy.PluginValidationError as error:
        raise PluginError(str(error)) from error


def _started(point: Point, deadlines: Deadlines, fault_of: Fault | None) -> FarPlugin | str:
    """Return a plugin in its own process, or why it is refused."""
    far = Far(point.name, point.value, deadlines)
    try:
        plugin = FarPlugin(far, far.load())
        faults = (fault_of(each) for each in plugin.processors) if fault_of else ()
        if why := next(filter(None, faults), ""):
            raise Unfit(why)
    except PluginError as error:
        return one_line(f"it {error}")
    except (Unfit, KeyError, TypeError, AttributeError) as error:
        far.close()
        return one_line(f"it offers what cannot be used: {error}")
    return plugin


def _with_why(point: Point, whys: dict[str, str]) -> Point:
    why = "" if point.why else whys.get(point.name, "")
    return points.refused(point, why) if why else point


def _absent(point: Point) -> Origin:
    return Origin(
        name=point.name,
        distribution=point.distribution,
        version=point.version,
        processors=(),
        origin=point.origin,
        state=f"denied: {point.why}" if point.is_denied else f"refused: {point.why}",
    )
