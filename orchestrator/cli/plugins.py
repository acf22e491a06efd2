"""`orchestrator plugins`: what is installed, and what each offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click

from orchestrator.cli import screens
from orchestrator.cli.options import output_option
from orchestrator.cli.show import emit
from orchestrator.manifest.setting import Setting, read_built_in
from orchestrator.plugin.manager import Origin, Plugins

COLUMNS = ("name", "distribution", "version", "processors", "settings", "programs")


@click.command(name="plugins")
@output_option
def command(output: str) -> int:
    """List the plugins: where each comes from, its processors, settings and programs."""
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
