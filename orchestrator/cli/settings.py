"""`orchestrator settings`: the Settings that a job may name, and one to copy."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli import screens
from orchestrator.cli.options import F, output_option
from orchestrator.cli.show import emit, plain
from orchestrator.errors import Refusal
from orchestrator.manifest import advice, files
from orchestrator.manifest.finding import refuse
from orchestrator.manifest.setting import Setting, read_built_in
from orchestrator.plugin.manager import Plugins

COLUMNS = ("name", "processor", "container", "description", "origin")

BUILT_IN = "built-in"


def file_option(function: F) -> F:
    """Add ``--file JOB``."""
    return click.option(
        "--file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A job file, whose own Settings and settings.d count too. Default: settings.d here.",
    )(function)


@click.group(name="settings", invoke_without_command=True)
@file_option
@output_option
@click.pass_context
def command(context: click.Context, file: Path | None, output: str) -> int:
    """List the Settings there are, or show one to copy into a file of yours."""
    return 0 if context.invoked_subcommand else _list(file, output)


@command.command(name="list")
@file_option
@output_option
def list_all(file: Path | None, output: str) -> int:
    """List every Setting: name, processor, container, what it is for, where it comes from."""
    return _list(file, output)


@command.command(name="show")
@click.argument("name")
@file_option
def show(name: str, file: Path | None) -> int:
    """Print the document of the Setting NAME as it was written, comments and all."""
    found = {setting.name: (setting, origin) for setting, origin in known(file)}
    if name not in found:
        raise Refusal(f"setting {name!r}: there is none of that name; {advice.meant(name, found)}")
    click.echo(plain(document_text(found[name][0])), nl=False)
    return 0


def known(job_file: Path | None) -> list[tuple[Setting, str]]:
    """Return every Setting that a job file may name, and its origin; own ones hide built-in ones.

    Raises ManifestError for those that have a fault.
    """
    plugins = Plugins.installed()
    folders = plugins.settings_folders()
    found, faults = files.read(job_file) if job_file else ((), [])
    own = [document for document in found if document.get("kind") == "Setting"]
    near, more = files.gather(job_file or Path("job.yaml"), own, plugins.processors, folders)
    refuse([*faults, *more])
    built_in = read_built_in(folders, plugins.processors)
    mine = [(setting, setting.file) for _, setting in sorted(near.near.items())]
    return [*mine, *((each, BUILT_IN) for each in built_in if each.name not in near.near)]


def document_text(setting: Setting) -> str:
    """Return the lines of the document that a Setting was read from, the comments above it too."""
    lines = Path(setting.file).read_text("utf-8").splitlines(keepends=True)
    marks = [number for number, line in enumerate(lines) if line.startswith("---")]
    first = max((mark + 1 for mark in marks if mark < setting.line - 1), default=0)
    last = min((mark for mark in marks if mark >= setting.line - 1), default=len(lines))
    return "".join(lines[first:last])


def _list(file: Path | None, output: str) -> int:
    data: list[dict[str, object]] = [
        {
            "name": setting.name,
            "processor": setting.processor,
            "container": setting.spec.get("container"),
            "description": setting.description,
            "origin": origin,
        }
        for setting, origin in known(file)
    ]
    emit(data, output, lambda: screens.listed(COLUMNS, data))
    return 0
