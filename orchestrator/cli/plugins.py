"""`orchestrator plugins`: what is installed, what each offers; and a new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

import click

from orchestrator.cli import newplugin, offers, screens
from orchestrator.cli.options import output_option
from orchestrator.cli.show import emit, plain
from orchestrator.manifest.setting import Setting, faulty, read_built_in
from orchestrator.plugin.manager import Origin

COLUMNS = (
    "name",
    "distribution",
    "version",
    "origin",
    "processors",
    "settings",
    "programs",
    "state",
)


@click.group(name="plugins", invoke_without_command=True)
@output_option
@click.pass_context
def command(context: click.Context, output: str) -> int:
    """List the plugins: where each comes from, its processors, settings and programs.

    One that is not loaded says why: denied by configuration, refused for a fault of its own.
    """
    return 0 if context.invoked_subcommand else _list(output)


command.add_command(newplugin.command)


def _list(output: str) -> int:
    plugins = offers.installed(offers.rules())
    folders = plugins.settings_folders()
    data = rows(plugins.origins(), read_built_in(folders, plugins.processors))
    faults = faulty(folders, plugins.processors).values()
    emit(data, output, lambda: "\n".join((screens.listed(COLUMNS, data), *_notes(data), *faults)))
    return 0


def _notes(data: Iterable[dict[str, object]]) -> Iterator[str]:
    for row in data:
        for note in cast("list[str]", row["notes"]):
            yield plain(f"plugin {row['name']}: {note}")


def rows(origins: Iterable[Origin], settings: Iterable[Setting]) -> list[dict[str, object]]:
    """Return a row for each plugin; a setting counts for the plugin of its processor."""
    counts = Counter(setting.processor for setting in settings)
    return [
        {
            "name": origin.name,
            "distribution": origin.distribution,
            "version": origin.version,
            "processors": list(origin.processors),
            "settings": sum(counts[processor] for processor in origin.processors),
            "programs": list(origin.programs),
            "origin": origin.origin,
            "state": origin.state,
            "notes": list(origin.notes),
        }
        for origin in origins
    ]
