"""Finds plugins and holds what they offer.  The only module that calls pluggy."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import pluggy

from orchestrator.errors import PluginError
from orchestrator.model.default import Default, Extras
from orchestrator.plugin import hooks, offers
from orchestrator.plugin.hooks import ProgramCheck
from orchestrator.plugin.offers import Subcommands
from orchestrator.plugin.processor import Processor

log = logging.getLogger(__name__)

_OURS = "media-orchestrator"
_PROGRAMS, _CAPABILITIES = "orchestrator_programs", "orchestrator_capabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a plugin comes from, and what it offers."""

    name: str
    distribution: str  #: empty: not from an installed package
    version: str
    processors: tuple[str, ...]
    programs: tuple[str, ...] = ()  #: what it looks for on a node


class Plugins:
    """The loaded plugins, behind typed methods."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        manager.add_hookspecs(hooks)
        try:
            manager.check_pending()  # a misspelt hook would otherwise never be called
        except pluggy.PluginValidationError as error:
            raise PluginError(str(error)) from error
        self._manager = manager
        self._owner: dict[str, str] = {}
        self._checks: Mapping[str, ProgramCheck] | None = None
        self._defaults: dict[str, tuple[Default, ...]] = {}
        self.processors: dict[str, Processor] = self._collect()

    @classmethod
    def installed(cls) -> Self:
        """Return the plugins of every installed package that names the entry-point group."""
        manager = pluggy.PluginManager(hooks.PROJECT)
        manager.load_setuptools_entrypoints(hooks.PROJECT)
        return cls(manager)

    @classmethod
    def given(cls, **plugins: object) -> Self:
        """Return just these plugins, by name."""
        manager = pluggy.PluginManager(hooks.PROJECT)
        for name, plugin in plugins.items():
            manager.register(plugin, name)
        return cls(manager)

    def processor(self, name: str) -> Processor:
        """Return the processor called `name`; PluginError lists those there are."""
        try:
            return self.processors[name]
        except KeyError:
            known = ", ".join(sorted(self.processors)) or "none"
            raise PluginError(f"no processor is called {name!r}; known: {known}") from None

    def settings_folders(self) -> tuple[Path, ...]:
        """Return the folders of built-in Settings."""
        return tuple(cast("list[Path]", self._manager.hook.orchestrator_settings()))

    def programs(self) -> tuple[ProgramCheck, ...]:
        """Return how a node finds and tries each program that processors run."""
        programs = {check.name for _, check in self._offered(_PROGRAMS)}
        return tuple(check for name, check in self._looked_for().items() if name in programs)

    def checks(self) -> Mapping[str, tuple[str, ...]]:
        """Return the words that find each program and capability on a node, by name."""
        return {name: tuple(check.argv) for name, check in self._looked_for().items()}

    def _looked_for(self) -> Mapping[str, ProgramCheck]:
        """Return one check for each name: of two plugins that want it, the first one's."""
        if self._checks is None:
            found: dict[str, tuple[str, ProgramCheck]] = {}
            for hook in (_PROGRAMS, _CAPABILITIES):
                for plugin, check in self._offered(hook):
                    first, known = found.setdefault(check.name, (plugin, check))
                    if known != check:
                        _tell_of_two(check.name, first, plugin)
            self._checks = {name: check for name, (_, check) in found.items()}
        return self._checks

    def _offered(self, hook: str) -> Iterator[tuple[str, ProgramCheck]]:
        """Yield what plugins look for on a node, our own first, then by the plugins' names."""
        dists = dict(self._manager.list_plugin_distinfo())
        ours = {plugin for plugin, dist in dists.items() if dist.metadata["Name"] == _OURS}
        offers = getattr(self._manager.hook, hook).get_hookimpls()
        for offer in sorted(offers, key=lambda each: (each.plugin not in ours, each.plugin_name)):
            try:
                checks = tuple(cast("Iterable[ProgramCheck]", offer.function()))
            except Exception:  # the plugin caller: a stranger's error harms nobody
                failed = {"action": "plugin_failed"}
                log.exception("plugin %s: %s raised", offer.plugin_name, hook, extra=failed)
                continue
            yield from ((offer.plugin_name, check) for check in checks)

    def extras(self) -> Extras:
        """Return what a reader of jobs is told beside processors and Settings."""
        return Extras(means=self.checks(), defaults=self.job_defaults)

    def subcommands(self, taken: Iterable[str]) -> Subcommands:
        """Return the subcommands that plugins bring; `taken`: the names of our own."""
        return offers.subcommands(self._asked(self._manager.hook.orchestrator_commands), taken)

    def job_defaults(self, processor: str) -> tuple[Default, ...]:
        """Return what plugins lay under a processor's jobs; each is asked once.

        Raises PluginError for a wrong answer, and for two that differ.
        """
        if processor not in self.processors:
            return ()  # its name may be anything: its jobs are refused
        if processor not in self._defaults:
            hook = self._manager.hook.orchestrator_job_defaults
            answers = self._asked(hook, processor=processor)
            self._defaults[processor] = offers.job_defaults(answers)
        return self._defaults[processor]

    def origins(self) -> tuple[Origin, ...]:
        """Return each plugin with its distribution, version and processors, by name."""
        dists = dict(self._manager.list_plugin_distinfo())
        programs: defaultdict[str, list[str]] = defaultdict(list)
        for hook in (_PROGRAMS, _CAPABILITIES):
            for name, check in self._offered(hook):
                programs[name].append(check.name)
        origins = []
        for name, plugin in self._manager.list_name_plugin():
            dist = dists.get(plugin)
            mine = tuple(sorted(p for p, owner in self._owner.items() if owner == name))
            origins.append(
                Origin(
                    name=name,
                    distribution=str(dist.metadata["Name"]) if dist else "",
                    version=str(dist.version) if dist else "",
                    processors=mine,
                    programs=tuple(sorted(programs.get(name, ()))),
                )
            )
        return tuple(sorted(origins, key=lambda origin: origin.name))

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

    def _asked(self, hook: pluggy.HookCaller, **asked: object) -> Iterator[tuple[str, object]]:
        """Yield each plugin that implements a hook, with its answer; None is none."""
        for impl in hook.get_hookimpls():
            try:
                answer = impl.function(*(asked[name] for name in impl.argnames))
            except Exception as error:
                what = f"{hook.name} raised {type(error).__name__}: {error}"
                raise PluginError(
                    f"plugin {impl.plugin_name!r}: {what}; tell its author"
                ) from error
            if answer is not None:
                yield impl.plugin_name, answer

    def _tell(self, hook: pluggy.HookCaller, **asked: object) -> None:
        for impl in hook.get_hookimpls():
            try:
                impl.function(*(asked[name] for name in impl.argnames))
            except Exception:  # the plugin caller: a stranger's error harms nobody
                log.exception(
                    "plugin %s: %s raised",
                    impl.plugin_name,
                    hook.name,
                    extra={"action": "plugin_failed"},
                )

    def _collect(self) -> dict[str, Processor]:
        found: dict[str, Processor] = {}
        for offer in self._manager.hook.orchestrator_processors.get_hookimpls():
            for processor in cast("Iterable[Processor]", offer.function()):
                if other := self._owner.get(processor.name):
                    both = f"{other!r} and {offer.plugin_name!r}"
                    raise PluginError(
                        f"processor {processor.name!r} comes from both {both}; remove one"
                    )
                found[processor.name] = processor
                self._owner[processor.name] = offer.plugin_name
        return found


def _tell_of_two(name: str, first: str, second: str) -> None:
    log.warning(
        "plugin %s: it looks for %r on a node, and so does plugin %s, whose check is used; "
        "rename one",
        second,
        name,
        first,
        extra={"action": "check_refused"},
    )
