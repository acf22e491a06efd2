"""Finds plugins and holds what they offer.  The only module that calls pluggy."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import pluggy

from orchestrator.errors import PluginError
from orchestrator.plugin import hooks
from orchestrator.plugin.hooks import ProgramCheck
from orchestrator.plugin.processor import Processor

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a plugin comes from, and what it offers."""

    name: str
    distribution: str  #: empty: not from an installed package
    version: str
    processors: tuple[str, ...]
    programs: tuple[str, ...] = ()  #: what its processors run on a node


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
        offers = cast("list[Iterable[ProgramCheck]]", self._manager.hook.orchestrator_programs())
        return tuple(check for offer in offers for check in offer)

    def origins(self) -> tuple[Origin, ...]:
        """Return each plugin with its distribution, version and processors, by name."""
        dists = dict(self._manager.list_plugin_distinfo())
        offers = self._manager.hook.orchestrator_programs.get_hookimpls()
        programs = {
            offer.plugin_name: [
                check.name for check in cast("Iterable[ProgramCheck]", offer.function())
            ]
            for offer in offers
        }
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
