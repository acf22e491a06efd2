"""`orchestrator plugins new`: a package with one processor, its schema and its tests."""

from __future__ import annotations

import importlib.metadata as metadata
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import click

from orchestrator.cli import offers
from orchestrator.errors import Refusal
from orchestrator.plugin.manager import Plugins

NAME = re.compile(r"(?=.{1,40}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
TEMPLATES = "templates"
TRY = "orchestrator run job.yaml"
SHOW = "orchestrator run --dry-run job.yaml"


@click.command(name="new")
@click.argument("name")
@click.option(
    "--command",
    "kind",
    flag_value="command",
    default="command",
    help="One command for each of some files; the default.",
)
@click.option("--frames", "kind", flag_value="frames", help="A renderer of frames.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to make. Default: ./orchestrator-NAME.",
)
def command(name: str, kind: str, folder: Path | None) -> int:
    """Write a package with the processor NAME: schema, golden tests, a job that runs."""
    plugin = named(name, offers.installed(offers.rules()))
    target = folder or Path(plugin.distribution)
    write(target, files(plugin, kind))
    click.echo(f"{target}: the processor {name!r} and its tests. Now:")
    click.echo(f"  cd {shlex.quote(str(target))}")
    click.echo("  pip install -e '.[dev]'")
    click.echo("  pytest")
    return 0


@dataclass(frozen=True, slots=True)
class New:
    """What a new plugin is called, in each place."""

    name: str  #: of the processor, and of the plugin

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return f"orchestrator-{self.name}"

    @property
    def package(self) -> str:
        """What Python imports."""
        return f"orchestrator_{self.name.replace('-', '_')}"

    @property
    def title(self) -> str:
        """What people read."""
        return self.name.replace("-", " ").title()


def named(name: str, plugins: Plugins) -> New:
    """Return the new plugin's names; Refusal for one that cannot be, or is taken."""
    if not NAME.fullmatch(name):
        raise Refusal(
            f"{name!r}: no name for a processor; write up to 40 small letters, digits and single "
            "hyphens, as contact-sheet"
        )
    taken = {each.name for each in plugins.origins()} | set(plugins.processors)
    if name == offers.NO_PLUGIN:
        raise Refusal(f"{name!r}: in {offers.ENVIRONMENT} that means no plugin; choose another")
    if name in taken:
        raise Refusal(f"{name!r}: a plugin that is installed has this name; choose another")
    new = New(name)
    if any(each.name == new.distribution for each in metadata.distributions()):
        raise Refusal(f"{new.distribution!r}: a distribution of this name is installed already")
    return new


def files(plugin: New, kind: str) -> dict[str, str]:
    """Return the text of every file, by its path in the new folder."""
    words = {
        **_tests(kind),  # first: its texts have words of their own
        "RUN": TRY if kind == "command" else SHOW,
        "NAME": plugin.name,
        "DISTRIBUTION": plugin.distribution,
        "PACKAGE": plugin.package,
        "CLASS": plugin.title.replace(" ", ""),
        "TITLE": plugin.title,
    }
    paths = {
        "pyproject.toml": "both/pyproject.toml",
        "README.md": "both/README.md",
        "LICENSE": "both/LICENSE",
        ".gitignore": "both/gitignore",
        "job.yaml": f"{kind}/job.yaml",
        f"{plugin.package}/__init__.py": f"{kind}/package.py",
        f"tests/test_{plugin.package.removeprefix('orchestrator_')}.py": "both/test_plugin.py",
        "tests/golden/good.yaml": f"{kind}/golden_good.yaml",
        "tests/golden/bad.yaml": f"{kind}/golden_bad.yaml",
    }
    made = {path: _filled(_template(name), words) for path, name in paths.items()}
    return {**made, f"{plugin.package}/py.typed": ""}


def _tests(kind: str) -> Mapping[str, str]:
    """Return what the tests of a kind have beside: a renderer's job needs the renderer."""
    if kind == "frames":
        return {"IMPORTS": "Case, check_plugin, golden_cases", "JOBDOC": "", "JOBTEST": ""}
    return {
        "IMPORTS": "Case, check_plugin, golden_cases, run_job",
        "JOBDOC": "  One job, from end to end.",
        "JOBTEST": _template("command/job_test.py"),
    }


def _template(name: str) -> str:
    file = resources.files("orchestrator.cli") / TEMPLATES / f"{name}.txt"
    return file.read_text("utf-8")


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write a new folder; Refusal if there is something of that name, or it cannot be written."""
    try:
        folder.mkdir(parents=True)
        for path, text in sorted(texts.items()):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    except FileExistsError as error:
        raise Refusal(f"{folder}: exists; name another folder, or remove it") from error
    except OSError as error:
        raise Refusal(f"{folder}: cannot be written: {error.strerror}") from error
