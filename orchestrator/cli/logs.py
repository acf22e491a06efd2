"""`orchestrator logs`: what the commands of a batch, job, target or task printed, and why it failed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.attemptlog import AttemptLog, header, log_of, tail
from orchestrator.cli.connect import Dial, looking
from orchestrator.cli.daemonlog import last_lines, sentence
from orchestrator.cli.options import CLUSTER, cluster_option, layout, state_option
from orchestrator.cli.reading import Source, check_id
from orchestrator.cli.show import plain
from orchestrator.client.address import is_address
from orchestrator.decide.failing import failures

POLL_S = 0.5

ATTEMPTS_MAX = 100
"""Of so many attempts the logs are printed; of more, those that failed and the last ones."""

CONTROLLER = "controller"
LINES_MAX = 1000
"""Of the log of a controller that does not run."""


@click.command(name="logs")
@click.argument("id")
@click.option("-f", "--follow", is_flag=True, help="Go on until the batch has ended.")
@click.option("--tail", "last", type=click.IntRange(min=0), help="The last N lines of each log.")
@click.option("--all", "every", is_flag=True, help=f"Also where there are over {ATTEMPTS_MAX}.")
@click.option(
    "--storage",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cluster storage, if `run` was given another.",
)
@cluster_option
@state_option
def command(id: str, follow: bool, last: int | None, **options: Any) -> int:  # Any: click's own
    """Print the logs of every attempt of ID (a batch, job, target, segment or task) and below it.

    What failed says first why.  ID may also be a node of the cluster, or `controller`.
    Control characters are taken out, so that a log cannot steer the terminal.
    """
    dial = Dial.of(options)
    with looking(dial) as source:
        if (lines := _of_service(source, dial, id, last)) is not None:
            for line in lines:
                click.echo(plain(line))
            return 0
        if options["storage"]:
            source = replace(source, storage=options["storage"])
        check_id(source.records, id)
        logs = _Logs(source, id, None if options["every"] else ATTEMPTS_MAX)
        for text in logs.follow(last) if follow else logs.once(last):
            click.echo(text, nl=False)
    return 0


def _of_service(source: Source, dial: Dial, id: str, last: int | None) -> list[str] | None:
    """Return the events of a node's agent or of the controller (F-LOG-2); None: `id` is neither."""
    if source.client is not None:
        if id != CONTROLLER and all(node.name != id for node in source.client.nodes()):
            return None
        lines = [sentence(line) for line in source.client.node_log(id).splitlines()]
        return lines if last is None else lines[len(lines) - min(last, len(lines)) :]
    name = dial.cluster or CLUSTER
    if id != CONTROLLER or name == CLUSTER or is_address(name):
        return None
    return last_lines(layout(dial.state, name).log, LINES_MAX if last is None else last)


class _Logs:
    """The logs below one id; those that are being written are read on."""

    def __init__(self, source: Source, id: str, attempts_max: int | None) -> None:
        self._source = source
        self._id = id
        self._batch = id.partition("/")[0]
        self._max = attempts_max
        self._logs: dict[str, AttemptLog] = {}
        self._last = ""  #: the attempt whose text stands at the end of the screen

    def once(self, last: int | None) -> Iterator[str]:
        """Yield why it failed, then each log there is, after its header."""
        yield from self._why()
        logs = self._known()
        if left_out := max(0, len(logs) - (self._max or len(logs))):
            yield (
                f"[the logs of {left_out} attempts are left out; name a job, target or segment, "
                "or say --all]\n"
            )
        for log in _chosen(logs, left_out):
            texts = iter(log.read() if last is None else tail(log.read(), last))
            first = next(texts, "")
            yield header(log.record, first, log.head)
            yield first
            yield from texts

    def follow(self, last: int | None) -> Iterator[str]:
        """Yield what there is, then what comes, until the batch has ended."""
        is_first = True
        while True:
            state = self._source.records.state(self._batch)  # before the logs: none is lost
            if is_first:
                yield from self._why()
            for log in self._known():
                is_cut = is_first and last is not None
                text = "".join(tail(log.read(), last or 0) if is_cut else log.read())
                if text:
                    yield from self._under_header(log, text)
            if state is None or state.is_final:
                if not is_first:
                    yield from self._why()
                return
            is_first = False
            time.sleep(POLL_S)

    def _why(self) -> Iterator[str]:
        """Yield a sentence for each part that has failed (F-LOG-1)."""
        records = self._source.records
        for line in failures(records.standings(self._batch), records.tasks(self._id), self._id):
            yield f"{plain(line)}\n"

    def _under_header(self, log: AttemptLog, text: str) -> Iterator[str]:
        if self._last != log.record.id:
            yield header(log.record, text, log.head)
        self._last = log.record.id
        yield text

    def _known(self) -> list[AttemptLog]:
        for record in self._source.records.attempts(self._id):
            if record.id in self._logs:
                self._logs[record.id].record = record
            else:
                self._logs[record.id] = log_of(record, self._source)
        return list(self._logs.values())


def _chosen(logs: Sequence[AttemptLog], left_out: int) -> Iterator[AttemptLog]:
    """Yield the logs without so many: first those go that ended well, the oldest first."""
    order = sorted(range(len(logs)), key=lambda place: (not logs[place].record.accepted, place))
    gone = set(order[:left_out])
    yield from (log for place, log in enumerate(logs) if place not in gone)
