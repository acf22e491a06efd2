"""Data to the terminal: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress

import click
from rich.console import Console, RenderableType

from orchestrator.manifest.write import yaml_text

WIDE = 160
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def emit(data: object, output: str, table: Callable[[], RenderableType]) -> None:
    """Print `data` as the user asked; `table` is called only for people.

    Text is printed as it stands: a line that somebody copies is never broken.
    """
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif output == "yaml":
        click.echo(yaml_text(data), nl=False)
    elif isinstance(picture := table(), str):
        click.echo(picture)
    else:
        console = Console()
        if not console.is_terminal:  # a file or a pipe: nobody folds there what is to be found
            console.width = WIDE
        console.print(picture, soft_wrap=True)


def tell(sentence: str) -> None:
    """Say something on stderr; that nobody listens any more must not stop the work."""
    with suppress(OSError):
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()


def plain(text: str) -> str:
    """Return `text` without what would move a terminal's cursor (T19)."""
    return _CONTROL.sub("�", text)
