"""A controller as its clients reach it: one method a route, nouns in and out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from orchestrator.client.line import Call, Line, NoAnswer
from orchestrator.controller.front import LogPart
from orchestrator.model.codec import dump, load
from orchestrator.model.record import Happening, Standing
from orchestrator.model.talk import (
    Applied,
    BatchView,
    Cleaned,
    ClusterInfo,
    Leaving,
    NodeView,
    Preview,
    Role,
    Sheet,
    StorageView,
    Submitted,
    Verb,
    Wanted,
)
from orchestrator.model.wire import (
    KEY,
    NEXT,
    Act,
    Clean,
    Login,
    Named,
    Ranked,
    Sheets,
    Tick,
    Token,
    Trust,
    unpack,
)
from orchestrator.model.work import Priority

T = TypeVar("T")

TRIES_MAX = 5
"""How often a submission is sent whose answer was lost (F-SUB-13)."""

WAIT_S = 0.5
"""Before the second of them; twice as long before each one after."""


class Client:
    """One controller.  May be used from several threads.

    Each method raises what it was refused with, as the controller said it; `NoAnswer` where that
    cannot be reached, and `Untrusted` where another answers in its place.
    """

    def __init__(self, line: Line, pause: Callable[[float], None] = time.sleep) -> None:
        self._line = line
        self._pause = pause

    @classmethod
    def local(cls, path: Path, name: str = "", whom: str = "") -> Client:
        """Return the client of the controller at a unix socket: its administrator.

        :param name: as batches say "Sent by"
        :param whom: who that is, for sentences; empty: the path
        """
        return cls(Line.local(path, name, whom))

    @classmethod
    def remote(cls, address: str, authority: str, token: str | None = None) -> Client:
        """Return the client of the controller at ``host:port`` that this authority vouches for.

        Refusal for an address that is none, or an authority (PEM) that is none.
        """
        return cls(Line.remote(address, authority, token))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def whom(self) -> str:
        """Who it is, for sentences: ``host:port``, or the path of the local socket."""
        return self._line.whom

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()

    # -- who

    def login(self, role: Role, password: str, name: str = "") -> str:
        """Return a new token for a password; Forbidden for a wrong one, Busy after too many."""
        asked = Login(role=role, password=password, name=name)
        return self._noun(Token, self._ask("POST", "/login", asked)).token

    def token(self, name: str = "") -> str:
        """Return a new administrator's token; only over the local socket, else Forbidden."""
        return self._noun(Token, self._ask("POST", "/token", Named(name=name))).token

    def logout(self) -> None:
        """Give the token back."""
        self._ask("POST", "/logout")

    # -- the cluster

    def info(self) -> ClusterInfo:
        """Return what the cluster is; without a token only its name, id and version."""
        return self._noun(ClusterInfo, self._ask("GET", "/info"))

    def authority(self) -> str:
        """Return the certificate (PEM) of the cluster's authority, as this line brings it."""
        return self._line.whole(Call(method="GET", path="/authority")).text

    def preview(self, wanted: Wanted) -> Preview:
        """Return what `apply` would do."""
        return self._noun(Preview, self._ask("POST", "/preview", wanted))

    def apply(self, wanted: Wanted) -> Applied:
        """Store what is wanted; Conflict if `wanted.expect` is not what stands."""
        return self._noun(Applied, self._ask("PUT", "/manifest", wanted))

    def leave(self, leaving: Leaving) -> None:
        """End the cluster."""
        query = {key: json.dumps(value) for key, value in dump(leaving).items()}
        self._line.ask(Call(method="DELETE", path="/cluster", query=query))

    def stop(self) -> None:
        """Stop the controller; agents and what they run go on."""
        self._ask("POST", "/stop")

    def ticks(self, seconds: float = 60) -> Iterator[Tick]:
        """Yield a reason to look again whenever there is one, the first at once; then end."""
        call = Call(method="GET", path="/events", query={"seconds": f"{seconds:g}"})
        with self._line.request(call) as response, self._line.reading():
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield self._made(_tick, line.removeprefix("data: "))

    # -- storage

    def stored(self) -> StorageView:
        """Return what cluster storage holds."""
        return self._noun(StorageView, self._ask("GET", "/storage"))

    def clean(self, batch: str = "") -> Cleaned:
        """Clean cluster storage now; with `batch` take away all that it left."""
        return self._noun(Cleaned, self._ask("POST", "/storage/clean", Clean(batch=batch)))

    # -- work

    def submit(self, sheets: Sequence[Sheet], key: str) -> Submitted:
        """Store a batch; sent again with the same key where the answer was lost (F-SUB-13)."""
        call = Call(
            method="POST",
            path="/batches",
            noun=Sheets(sheets=tuple(sheets)),
            headers={KEY: key},
        )
        was_sent = False
        for tries in range(1, TRIES_MAX):
            try:
                return self._noun(Submitted, self._line.ask(call))
            except NoAnswer as error:
                was_sent |= not isinstance(error.__cause__, httpx.ConnectError)
                if not was_sent:
                    raise
            self._pause(WAIT_S * 2 ** (tries - 1))
        return self._noun(Submitted, self._line.ask(call))

    def batches(self, mine: bool = False) -> tuple[Standing, ...]:
        """Return the batches that we may see, oldest first."""
        query = {"mine": "true"} if mine else {}
        return self._nouns(Standing, Call(method="GET", path="/batches", query=query))

    def batch(self, id: str) -> BatchView:
        """Return one batch with all its parts; NotThere if there is none."""
        return self._made(unpack, self._ask("GET", f"/batches/{_word(id)}"))

    def timeline(self, id: str) -> tuple[Happening, ...]:
        """Return what happened to a batch or a part of it, oldest first; NotThere if none is."""
        return self._nouns(Happening, Call(method="GET", path=f"/timeline/{_word(id)}"))

    def act(self, verb: Verb, id: str, now: bool = False) -> None:
        """Pause, resume, cancel or retry a part of a batch."""
        self._ask("POST", "/act", Act(verb=verb, id=id, now=now))

    def prioritize(self, id: str, priority: Priority) -> None:
        """Let a batch go before or behind others from now on; what runs goes on."""
        self._ask("POST", "/priority", Ranked(id=id, priority=priority))

    def log(self, attempt: str, offset: int) -> LogPart:
        """Return the next piece of an attempt's log; empty: nothing new."""
        call = Call(
            method="GET", path=f"/attempts/{_word(attempt)}/log", query={"offset": str(offset)}
        )
        response = self._line.whole(call)
        return LogPart(response.content, int(response.headers.get(NEXT, offset)))

    # -- nodes

    def nodes(self) -> tuple[NodeView, ...]:
        """Return the nodes by name."""
        return self._nouns(NodeView, Call(method="GET", path="/nodes"))

    def node_act(self, verb: Verb, name: str, leaving: Leaving) -> NodeView:
        """Pause or resume a node."""
        return self._node(name, verb.value, leaving if verb is Verb.PAUSE else None)

    def node_trust(self, name: str, fingerprint: str) -> NodeView:
        """Take a host key for a node's."""
        return self._node(name, "trust", Trust(fingerprint=fingerprint))

    def node_lost(self, name: str) -> NodeView:
        """Give a silent node up."""
        return self._node(name, "lost")

    def node_log(self, name: str) -> str:
        """Return the end of the log of a node's agent, or of the ``controller``."""
        return self._line.whole(Call(method="GET", path=f"/nodes/{_word(name)}/log")).text

    def _node(self, name: str, what: str, takes: object = None) -> NodeView:
        return self._noun(NodeView, self._ask("POST", f"/nodes/{_word(name)}/{what}", takes))

    def _ask(self, method: str, path: str, noun: object = None) -> Any:
        return self._line.ask(Call(method=method, path=path, noun=noun))

    def _noun(self, kind: type[T], data: Any) -> T:
        return self._made(lambda each: load(kind, each), data)

    def _nouns(self, kind: type[T], call: Call) -> tuple[T, ...]:
        return self._made(
            lambda every: tuple(load(kind, each) for each in every), self._line.ask(call)
        )

    def _made(self, make: Callable[[Any], T], data: Any) -> T:
        try:
            return make(data)
        except (ValueError, TypeError, KeyError) as error:
            raise self._line.strange(f"what cannot be read: {error}") from error


def _tick(line: str) -> Tick:
    return load(Tick, json.loads(line))


def _word(name: str) -> str:
    return quote(name, safe="")
