"""`pause`, `resume`, `cancel`, `retry`, `priority`: of one or several batches, parts, or nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import click

from orchestrator.cli import here
from orchestrator.cli.connect import Dial, connected, names
from orchestrator.cli.options import CLUSTER, layout
from orchestrator.cli.show import emit, plain, tell
from orchestrator.errors import NotThere, OrchestratorError, Refusal
from orchestrator.manifest.times import seconds
from orchestrator.model.talk import Leaving, NodeView, Verb
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


class Asked(Protocol):
    """Who is asked: a cluster, or this computer."""

    def act(self, verb: Verb, id: str, now: bool = False) -> None:
        """Pause, resume, cancel or retry a part of a batch."""

    def prioritize(self, id: str, priority: Priority) -> None:
        """Let a batch go before or behind others."""

    def nodes(self) -> Sequence[NodeView]:
        """Return the nodes by name."""

    def node_act(self, verb: Verb, name: str, leaving: Leaving) -> NodeView:
        """Pause or resume a node."""


def _words(ctx: click.Context, param: click.Parameter, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids; NotThere for one that holds half a character, as no id of ours does."""
    for id in ids:
        if id != id.encode("utf-8", "replace").decode():
            raise NotThere(f"{id!r}: there is no such part; an id is text in UTF-8")
    return ids


ids_argument = click.argument("ids", nargs=-1, required=True, metavar="ID...", callback=_words)


def carry_out(wish: Wish, ids: Sequence[str], output: str, options: Mapping[str, Any]) -> int:
    """Do it to each id, at the cluster that the options name; return the exit code."""
    with reached(Dial.of(options), ids) as client:
        return act(client, wish, ids, output)


@contextmanager
def reached(dial: Dial, ids: Sequence[str]) -> Iterator[Asked]:
    """Lend who is asked: the cluster that is named, else this computer where these are its batches.

    Where neither is so, the one cluster there is.  Raises what `connected` does.
    """
    where = layout(dial.state)
    is_here = not dial.cluster and (
        here.knows(where, ids) or (where.ledger.exists() and not names(dial.state))
    )
    if is_here or dial.cluster == CLUSTER:
        with here.asked(where) as ours:
            yield ours
        return
    with connected(dial) as client:
        yield client


def act(client: Asked, wish: Wish, ids: Sequence[str], output: str) -> int:
    """Do it to each id; return the exit code."""
    return _to_each(lambda id: _one(client, wish, id), ids, output)


def prioritize(
    priority: Priority, ids: Sequence[str], output: str, options: Mapping[str, Any]
) -> int:
    """Give each batch a priority, at the cluster that the options name; return the exit code."""
    with reached(Dial.of(options), ids) as client:
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


def _ranked(client: Asked, id: str, priority: Priority) -> str:
    client.prioritize(id, priority)
    return f"{priority.value} priority"


def _one(client: Asked, wish: Wish, id: str) -> str:
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
