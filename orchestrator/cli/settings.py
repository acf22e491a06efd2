"""`orchestrator settings`: the Settings that a job may name; shown, compared and copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from orchestrator.cli import offers, screens
from orchestrator.cli.options import F, output_option
from orchestrator.cli.show import emit, plain
from orchestrator.errors import Refusal
from orchestrator.manifest import advice, files
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import refuse
from orchestrator.manifest.schema import core
from orchestrator.manifest.setting import SUFFIXES, Setting, read_built_in

DIFFERENCES = ("key", "first", "second")
COLUMNS = ("name", "processor", "container", "description", "origin")

BUILT_IN = "built-in"

ABSENT = "-"
"""What a key has that is not there, where two Settings are compared."""


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
    """List the Settings there are; show one, compare two, or copy one to change it."""
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
    found = {setting.name: setting for setting, _ in known(file)}
    click.echo(plain(document_text(_named(found, name))), nl=False)
    return 0


@command.command(name="diff")
@click.argument("first")
@click.argument("second")
@file_option
@output_option
def diff(first: str, second: str, file: Path | None, output: str) -> int:
    """Say in which keys the Settings FIRST and SECOND differ; ends with 1 where they do."""
    found = {setting.name: setting for setting, _ in known(file)}
    data = differences(_named(found, first).spec, _named(found, second).spec)
    emit(data, output, lambda: screens.listed(DIFFERENCES, data) if data else "no difference")
    return 1 if data else 0


@command.command(name="copy")
@click.argument("name")
@click.argument("new")
@file_option
@click.option(
    "--to",
    "folder",
    default=files.SETTINGS_FOLDER,
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to; made where it is not there.",
)
def copy(name: str, new: str, file: Path | None, folder: Path) -> int:
    """Write the Setting NAME as one of yours, called NEW, into a folder settings.d.

    Comments and all; a file that is there already is never replaced.
    """
    found = {setting.name: setting for setting, _ in known(file)}
    text = renamed(document_text(_named(found, name)), new)
    target = folder / f"{new}{SUFFIXES[0]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError as error:
        raise Refusal(f"{target}: exists; choose another name, or delete it first") from error
    except OSError as error:
        raise Refusal(f"{target}: cannot be written: {error.strerror}") from error
    click.echo(plain(str(target)))
    return 0


def renamed(text: str, new: str) -> str:
    """Return the document of a Setting under another name, nothing else changed.

    Raises ManifestError where that is no name for a Setting.
    """
    found, _ = files.parse("", text)
    old, place = str(found[0].get("metadata", "name")), found[0].places["metadata", "name"]
    lines = text.splitlines(keepends=True)
    line, at = lines[place.line - 1], place.column - 1
    lines[place.line - 1] = line[:at] + line[at:].replace(old, new, 1)
    made = "".join(lines)
    documents, faults = files.parse(new, made)
    refuse([*faults, *(fault for each in documents for fault in check(each, (), core("Setting")))])
    return made


def differences(first: object, second: object, key: str = "") -> list[dict[str, object]]:
    """Return each key, dotted, that two specs have otherwise; ``-`` stands for none."""
    if not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        return [] if first == second else [{"key": key, "first": first, "second": second}]
    return [
        each
        for name in dict.fromkeys((*first, *second))
        for each in differences(
            first.get(name, ABSENT), second.get(name, ABSENT), f"{key}.{name}" if key else name
        )
    ]


def _named(found: Mapping[str, Setting], name: str) -> Setting:
    if name not in found:
        raise Refusal(f"setting {name!r}: there is none of that name; {advice.meant(name, found)}")
    return found[name]


def known(job_file: Path | None) -> list[tuple[Setting, str]]:
    """Return every Setting that a job file may name, and its origin; own ones hide built-in ones.

    Raises ManifestError for those that have a fault.
    """
    plugins = offers.installed(offers.rules(*filter(None, [job_file])))
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
