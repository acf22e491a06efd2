"""Subcommands that plugins bring."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import click

from orchestrator.cli import offers
from orchestrator.cli.show import plain
from orchestrator.errors import PluginError
from orchestrator.plugin.hooks import Subcommand

log = logging.getLogger(__name__)

AS_TYPED = {"ignore_unknown_options": True, "help_option_names": []}
"""All words go to the plugin, ``--help`` too."""


def listed(taken: Collection[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield sections of `--help`: a title, and names with their sentences; `taken`: our own."""
    try:
        offered = offers.installed(offers.rules()).subcommands(taken)
    except PluginError as error:
        yield "Refused", [("", plain(str(error)))]
        return
    if rows := [(name, plain(each.help)) for name, (_, each) in sorted(offered.by_name.items())]:
        yield "Commands of plugins", rows
    if offered.refused:
        yield "Refused", [(name, plain(why)) for name, why in sorted(offered.refused.items())]


def command(name: str, taken: Collection[str]) -> click.Command | None:
    """Return the subcommand of a plugin; None if no plugin has it.

    Raises PluginError for one that two of them have.
    """
    offered = offers.installed(offers.rules()).subcommands(taken)
    if why := offered.refused.get(name):
        raise PluginError(why)
    if name not in offered.by_name:
        return None
    plugin, found = offered.by_name[name]
    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)

    def call(words: tuple[str, ...]) -> int:
        return _run(plugin, found, words)

    return click.Command(name, AS_TYPED, callback=call, params=[words], add_help_option=False)


def _run(plugin: str, found: Subcommand, words: Sequence[str]) -> int:
    """Call a plugin's function; whatever it raises names the plugin."""
    try:
        answer = _function(found.entry)(list(words))
    except SystemExit as ended:  # argparse: --help, or words that it refuses
        return _ended(ended)
    except BrokenPipeError:
        raise
    except Exception as error:  # the plugin caller: a stranger's error is his
        log.info("plugin %s: %s raised", plugin, found.entry, exc_info=True)
        did = f"raised {type(error).__name__}: {error}"
        raise PluginError(f"plugin {plugin!r}: subcommand {found.name!r} {did}") from error
    if answer is not None and not isinstance(answer, int):
        did = f"answered {type(answer).__name__} and no exit code"
        raise PluginError(f"plugin {plugin!r}: subcommand {found.name!r} {did}; tell its author")
    return int(answer or 0)


def _function(entry: str) -> Any:
    module, _, name = entry.partition(":")
    return getattr(importlib.import_module(module), name)


def _ended(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    click.echo(ended.code, err=True)
    return 1
