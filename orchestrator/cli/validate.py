"""`orchestrator validate`: every fault of every manifest at once."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli import offers, screens
from orchestrator.cli.options import output_option
from orchestrator.cli.show import emit
from orchestrator.manifest.validate import validate

COLUMNS = ("kind", "name", "file", "line")


@click.command(name="validate")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES/FOLDERS..."
)
@output_option
def command(paths: tuple[Path, ...], output: str) -> int:
    """Check manifests without running anything: files, and folders with all YAML files in them.

    Every fault stands on stderr as `file:line:column: path: what is wrong; what to do`, and the
    exit code is 2.  Without one, kind and name of every document are listed.
    """
    plugins = offers.installed(offers.rules(*paths))
    found = validate(paths, plugins.processors, plugins.settings_folders(), plugins.extras())
    data: list[dict[str, object]] = [
        {"kind": each.kind, "name": each.name, "file": each.file, "line": each.line}
        for each in found
    ]
    emit(data, output, lambda: screens.listed(COLUMNS, data))
    return 0
