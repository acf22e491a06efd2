"""`orchestrator plugins`: what is installed, what each offers; and a new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click

from orchestrator.cli import newplugin, screens
from orchestrator.cli.options import output_option
from orchestrator.cli.show import emit
from orchestrator.manifest.setting import Setting, read_built_in
from orchestrator.plugin.manager import Origin, Plugins

COLUMNS = ("name", "distribution", "version", "processors", "settings", "programs")


@click.group(name="plugins", invoke_without_command=True)
@output_option
@click.pass_context
def command(context: click.Context, output: str) -> int:
    """List the plugins: where each comes from, its processors, settings and programs."""
    return 0 if context.invoked_subcommand else _list(output)


command.add_command(newplugin.command)


def _list(output: str) -> int:
    plugins = Plugins.installed()
    settings = read_built_in(plugins.settings_folders(), plugins.processors)
    data = rows(plugins.origins(), settings)
    emit(data, output, lambda: screens.listed(COLUMNS, data))
    return 0


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
        }
        for origin in origins
    ]
