"""Plugins that other people wrote, without pip: a folder on the path with a module and its metadata."""

from __future__ import annotations

from pathlib import Path

HEAD = """
from orchestrator.api import *  # noqa
from orchestrator.api import hookimpl, task_id


class {name}:
    name = "{name}"
    service = Service.RENDER
    setting_schema = None
    schema = {{"type": "object", "additionalProperties": False, "properties": {{}}}}

    def review(self, job):
        return Review()

    def probe(self, job):
        return None

    def plan(self, job, facts, room):
        task = Task(id=task_id(job.id, Kind.RENDER, "t"), job=job, kind=Kind.RENDER, target="t")
        return (Target(name="t", tasks=(task,)),)

    def command(self, task, where, done):
        return Command(("true",))

    def progress(self, task, line):
        return Progress(int(line))

    def check(self, task, outcome):
        return outcome.exit_fault or Accept()


@hookimpl
def orchestrator_processors():
    return ({name}(),)

"""
"""A module that works; what follows may change it."""


def stranger(folder: Path, name: str, more: str = "", *, text: str | None = None) -> None:
    """Install a plugin into a folder that is on the path: what `text` says, or `HEAD` and `more`."""
    module = f"stranger_{name}"
    (folder / f"{module}.py").write_text(HEAD.format(name=name) + more if text is None else text)
    named(folder, name, module)


def named(folder: Path, name: str, module: str) -> None:
    """Say that a module is a plugin, of a distribution called after it."""
    info = folder / f"acme_{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[orchestrator]\n{name} = {module}\n")
