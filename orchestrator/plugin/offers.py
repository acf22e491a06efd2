"""What plugins offer beside processors, looked at: subcommands, and defaults of jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.errors import PluginError
from orchestrator.model.codec import check_json
from orchestrator.model.default import MERGED, Default
from orchestrator.plugin.hooks import Subcommand

NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
FIXED = ("name", "processor", "after")
"""Keys of a job that only its manifest can know."""

Offered = Iterable[tuple[str, object]]  #: plugin and its answer, which may be anything


@dataclass(frozen=True, slots=True)
class Subcommands:
    """What there is beside our own, and what is refused."""

    by_name: Mapping[str, tuple[str, Subcommand]]  #: name -> plugin and what it offers
    refused: Mapping[str, str]  #: name -> why, a sentence for people


def subcommands(offered: Offered, taken: Iterable[str]) -> Subcommands:
    """Return the subcommands of all plugins; those that cannot be are left out, and said.

    Raises PluginError for an answer that is no list of Subcommands.

    :param taken: names of our own
    """
    found: dict[str, tuple[str, Subcommand]] = {}
    refused = {}
    ours = set(taken)
    for plugin, answer in offered:
        for each in _subcommands(plugin, answer):
            if each.name in ours:
                refused[each.name] = (
                    f"subcommand {each.name!r} of plugin {plugin!r} has the name of one of "
                    "orchestrator's own; tell its author"
                )
            elif other := found.get(each.name):
                both = f"{other[0]!r} and {plugin!r}"
                refused[each.name] = f"subcommand {each.name!r} comes from both {both}; remove one"
            else:
                found[each.name] = (plugin, each)
    good = {name: each for name, each in found.items() if name not in refused}
    return Subcommands(good, refused)


def check_subcommands(plugin: str, answer: object) -> None:
    """Raise PluginError for an answer that is no list of Subcommands."""
    tuple(_subcommands(plugin, answer))


def check_defaults(plugin: str, answer: object) -> None:
    """Raise PluginError for an answer that is no mapping of keys."""
    tuple(_defaults(plugin, answer))


def _subcommands(plugin: str, answer: object) -> Iterator[Subcommand]:
    if not isinstance(answer, list | tuple):
        raise _broken(plugin, "orchestrator_commands", f"answered {type(answer).__name__}")
    for each in answer:
        if not isinstance(each, Subcommand):
            raise _broken(plugin, "orchestrator_commands", f"offers {type(each).__name__}")
        for text, form in ((each.name, NAME), (each.entry, ENTRY)):
            if not isinstance(text, str) or not form.fullmatch(text):
                what = f"offers {text!r}, which does not look like {form.pattern}"
                raise _broken(plugin, "orchestrator_commands", what)
        yield each


def job_defaults(offered: Offered) -> tuple[Default, ...]:
    """Return what all plugins lay under a processor's jobs.

    Raises PluginError for an answer that is no mapping of keys, and for two that differ.
    """
    found: dict[tuple[str, ...], Default] = {}
    for plugin, answer in offered:
        for default in _defaults(plugin, answer):
            other = found.setdefault(default.path, default)
            if other.value != default.value:
                both = f"{other.plugin!r} says {other.value!r} and {plugin!r} {default.value!r}"
                key = ".".join(default.path)
                raise PluginError(f"default of {key} in jobs: plugin {both}; remove one")
    return tuple(found.values())


def _defaults(plugin: str, answer: object) -> Iterator[Default]:
    hook = "orchestrator_job_defaults"
    if not isinstance(answer, Mapping):
        raise _broken(plugin, hook, f"answered {type(answer).__name__}")
    try:
        check_json(dict(answer))
    except (TypeError, ValueError) as error:
        raise _broken(plugin, hook, f"answered what is not JSON: {error}") from error
    for key, value in answer.items():
        if key in FIXED or not isinstance(key, str):
            raise _broken(plugin, hook, f"answered {key!r}, which only a manifest can say")
        if key in MERGED and isinstance(value, Mapping):
            yield from (Default((key, str(inner)), each, plugin) for inner, each in value.items())
        else:
            yield Default((key,), value, plugin)


def _broken(plugin: str, hook: str, did: str) -> PluginError:
    return PluginError(f"plugin {plugin!r}: {hook} {did}; tell its author")
