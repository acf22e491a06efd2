"""`pause`, `resume`, `cancel`, `retry`, `priority`: of one or several batches, parts, or nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from orchestrator.cli.connect import Dial, connected
from orchestrator.cli.show import emit, plain, tell
from orchestrator.client.client import Client
from orchestrator.errors import NotThere, OrchestratorError, Refusal
from orchestrator.manifest.times import seconds
from orchestrator.model.talk import Leaving, Verb
from orchestrator.model.work import Priority

_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[dhms])+")

_NODE_VERBS = frozenset({Verb.PAUSE, Verb.RESUME})

DONE = {
    Verb.PAUSE: "paused",
    Verb.RESUME: "resumed",
    Verb.CANCEL: "cancelled",
    Verb.RETRY: "retried",
}


class Duration(click.ParamType[float]):
    """A length of time such as ``1h30m``, as seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds; as click wants it."""
        if isinstance(value, float):
            return value
        if not _DURATION.fullmatch(str(value)):
            self.fail(f"{value!r} is no duration; write it as 30m, 90s or 1h30m", param, ctx)
        return seconds(str(value))


DURATION = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done with the ids."""

    verb: Verb
    now: bool = False
    leaving: Leaving = field(default_factory=Leaving)  #: of nodes


ids_argument = click.argument("ids", nargs=-1, required=True, metavar="ID...")


def carry_out(wish: Wish, ids: Sequence[str], output: str, options: Mapping[str, Any]) -> int:
    """Do it to each id, at the cluster that the options name; return the exit code."""
    with connected(Dial.of(options)) as client:
        return act(client, wish, ids, output)


def act(client: Client, wish: Wish, ids: Sequence[str], output: str) -> int:
    """Do it to each id; return the exit code."""
    return _to_each(lambda id: _one(client, wish, id), ids, output)


def prioritize(
    priority: Priority, ids: Sequence[str], output: str, options: Mapping[str, Any]
) -> int:
    """Give each batch a priority, at the cluster that the options name; return the exit code."""
    with connected(Dial.of(options)) as client:
        return _to_each(lambda id: _ranked(client, id, priority), ids, output)


def _to_each(do: Callable[[str], str], ids: Sequence[str], output: str) -> int:
    """Do it to each id; what one is refused does not hold up the others.  Returns the exit code."""
    done, worst = list[dict[str, object]](), 0
    for id in ids:
        try:
            done.append({"id": id, "done": do(id)})
        except OrchestratorError as error:
            tell(plain(str(error)))
            worst = max(worst, error.exit_code)
    if done or output != "table":
        emit(done, output, lambda: _sentences(done))
    return worst


def _ranked(client: Client, id: str, priority: Priority) -> str:
    client.prioritize(id, priority)
    return f"{priority.value} priority"


def _one(client: Client, wish: Wish, id: str) -> str:
    """Do it to a part of a batch, or to the node of that name where there is no such batch."""
    try:
        client.act(wish.verb, id, wish.now)
    except NotThere:
        if "/" in id or not any(node.name == id for node in client.nodes()):
            raise
        if wish.verb not in _NODE_VERBS:
            raise Refusal(
                f"{id!r}: it is a node, and a node can be paused and resumed; "
                f"{wish.verb.value} takes batches and parts of them"
            ) from None
        return client.node_act(wish.verb, id, wish.leaving).phase.value
    return DONE[wish.verb]


def _sentences(done: Sequence[Mapping[str, object]]) -> str:
    return "\n".join(plain(f"{each['id']}: {each['done']}") for each in done)
