"""The command line: one click Group that imports a subcommand only when it is asked for."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any

import click

from orchestrator import __version__
from orchestrator.cli.options import INTERRUPTED
from orchestrator.cli.strangers import strangers
from orchestrator.errors import OrchestratorError

VERBS = {
    "validate": "Check manifests; every fault at once, with its place.",
    "run": "Run a job manifest on this computer, and wait for the result.",
    "plan": "Show what `apply` would change; change nothing.",
    "apply": "Make clusters as manifests say, and show their nodes' way.",
    "submit": "Send batches to a cluster.",
    "status": "Show batches, or one with its jobs and targets.",
    "explain": "Say why something waits or failed, and what to do.",
    "logs": "Print the logs of a batch, job, target or task.",
    "pause": "Let batches, parts of them, or nodes begin nothing new.",
    "resume": "Let what was paused go on.",
    "cancel": "End batches or parts of them for good.",
    "retry": "Try again what failed or was cancelled.",
    "priority": "Let batches go before others, or behind them.",
    "nodes": "Show the nodes of a cluster; decide about them.",
    "storage": "Show what cluster storage holds, and clean it.",
    "delete": "End clusters: drain their nodes, leave nothing behind.",
    "controller": "Run, start, stop or ask the controllers of this computer.",
    "settings": "List the settings there are; show, compare or copy them.",
    "schema": "Print the JSON Schema of a kind of manifest.",
    "plugins": "List the plugins and what they offer; write a new one.",
}
"""Every subcommand is ``orchestrator/cli/NAME.py`` with a command called ``command``."""


class Lazy(click.Group):
    """Knows its subcommands by name; so `--help` costs no import of any (the one sanctioned)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order people need them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand's file, or ask plugins for it; None where nobody has it."""
        if cmd_name not in VERBS:
            return _offered().command(cmd_name, VERBS)  # type: ignore[no-any-return]  # as below
        module = importlib.import_module(f"orchestrator.cli.{cmd_name}")
        return module.command  # type: ignore[no-any-return]  # a module's attributes are untyped

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))
        if strangers():
            for title, rows in _offered().listed(VERBS):
                with formatter.section(title):
                    formatter.write_dl(rows)


def _offered() -> Any:  # a module
    """Import what asks plugins: it loads all of them, and most calls need none."""
    return importlib.import_module("orchestrator.cli.offered")


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="orchestrator")
@click.option("-v", "--verbose", is_flag=True, help="Tell on stderr what is done and why.")
def cli(verbose: bool) -> None:
    """Distribute media processing: manifests in, verified files out."""
    detail = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format=detail if verbose else "%(message)s",
    )


def main() -> None:
    """Run the command line; end with 0 done, 1 ran and failed, 2 refused, 130 interrupted."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except click.Abort:
        code = INTERRUPTED
    except OrchestratorError as error:
        click.echo(str(error), err=True)
        code = error.exit_code
    except BrokenPipeError:  # `orchestrator logs … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        if error.filename is None:
            raise
        what = error.strerror or type(error).__name__
        click.echo(f"{error.filename}: {what}; it must be ours to read and write", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
