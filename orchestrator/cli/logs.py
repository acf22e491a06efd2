"""`orchestrator logs`: what the commands of a batch, job, target or task printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.attemptlog import AttemptLog, header, log_of, tail
from orchestrator.cli.connect import Dial, looking
from orchestrator.cli.options import cluster_option, state_option
from orchestrator.cli.reading import Source, check_id

POLL_S = 0.5


@click.command(name="logs")
@click.argument("id")
@click.option("-f", "--follow", is_flag=True, help="Go on until the batch has ended.")
@click.option("--tail", "last", type=click.IntRange(min=0), help="The last N lines of each log.")
@click.option(
    "--storage",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cluster storage, if `run` was given another.",
)
@cluster_option
@state_option
def command(id: str, follow: bool, last: int | None, **options: Any) -> int:  # Any: click's own
    """Print the logs of every attempt of ID (a batch, job, target, segment or task) and below it.

    Control characters are taken out, so that a log cannot steer the terminal.
    """
    with looking(Dial.of(options)) as source:
        if options["storage"]:
            source = replace(source, storage=options["storage"])
        check_id(source.records, id)
        logs = _Logs(source, id)
        for text in logs.follow(last) if follow else logs.once(last):
            click.echo(text, nl=False)
    return 0


class _Logs:
    """The logs below one id; those that are being written are read on."""

    def __init__(self, source: Source, id: str) -> None:
        self._source = source
        self._id = id
        self._logs: dict[str, AttemptLog] = {}
        self._last = ""  #: the attempt whose text stands at the end of the screen

    def once(self, last: int | None) -> Iterator[str]:
        """Yield each log there is, after its header."""
        for log in self._known():
            yield header(log.record)
            yield from log.read() if last is None else tail(log.read(), last)

    def follow(self, last: int | None) -> Iterator[str]:
        """Yield what there is, then what comes, until the batch has ended."""
        first = True
        while True:
            state = self._source.records.state(
                self._id.partition("/")[0]
            )  # before the logs: none is lost
            for log in self._known():
                text = "".join(tail(log.read(), last) if first and last is not None else log.read())
                if text:
                    yield from self._under_header(log, text)
            if state is None or state.is_final:
                return
            first = False
            time.sleep(POLL_S)

    def _under_header(self, log: AttemptLog, text: str) -> Iterator[str]:
        if self._last != log.record.id:
            yield header(log.record)
        self._last = log.record.id
        yield text

    def _known(self) -> list[AttemptLog]:
        for record in self._source.records.attempts(self._id):
            if record.id in self._logs:
                self._logs[record.id].record = record
            else:
                self._logs[record.id] = log_of(record, self._source)
        return list(self._logs.values())
