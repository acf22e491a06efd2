"""Which cluster is asked, and how it is reached: its socket here, else HTTPS with its authority."""

from __future__ import annotations

import getpass
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.about import about, local_clusters
from orchestrator.cli.options import CLUSTER, Layout, layout
from orchestrator.cli.reading import Source, is_worked_on, reading
from orchestrator.client.address import is_address
from orchestrator.client.client import Client
from orchestrator.client.known import Known, KnownClusters
from orchestrator.client.records import RemoteRecords
from orchestrator.client.tokens import Tokens, secret
from orchestrator.client.trust import authority
from orchestrator.errors import Forbidden, OrchestratorError, Refusal
from orchestrator.model.talk import Role

PASSWORD = "ORCHESTRATOR_PASSWORD"

PASSWORD_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Which cluster the user means, and what was said of the way there."""

    cluster: str | None = None  #: a name or ``HOST:PORT``; None: not said
    state: Path | None = None
    fingerprint: str | None = None  #: of the authority that is expected there
    password_file: Path | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Dial:
        """Return what a command's options say."""
        return cls(
            cluster=options.get("cluster") or None,
            state=options.get("state"),
            fingerprint=options.get("fingerprint"),
            password_file=options.get("password_file"),
        )


def again(verb: str, id: str, dial: Dial) -> str:
    """Return the command to type about `id` at the same cluster."""
    words = ["orchestrator", verb, id]
    if dial.cluster:
        words += ["--cluster", dial.cluster]
    if dial.state:
        words += ["--state", str(dial.state)]
    return shlex.join(words)


@contextmanager
def connected(dial: Dial, role: Role = Role.USER) -> Iterator[Client]:
    """Lend the client of the cluster that is meant, logged in as `role` at least.

    Raises Refusal for a cluster that nobody knows (exit 2), OrchestratorError for one that does not
    answer (exit 1), Forbidden where the password is missing or wrong.
    """
    name = dial.cluster or _only_one(dial.state)
    if is_address(name):
        known = _at_address(name, dial.fingerprint)
    else:
        where = layout(dial.state, name)
        if about(where) is not None:
            with at_socket(where) as client:
                yield client
            return
        known = _known(name, where)
    with _logged_in(known, dial, role) as client:
        yield client


@contextmanager
def at_socket(where: Layout) -> Iterator[Client]:
    """Lend the client of a controller on this computer: who may open its socket administers it."""
    if not where.socket.exists():
        raise OrchestratorError(
            f"cluster {where.cluster!r}: its controller does not run; "
            f"type: orchestrator controller start {where.cluster}"
        )
    with Client.local(where.socket, getpass.getuser()) as client:
        yield client


@contextmanager
def looking(dial: Dial, *, mine: bool = False) -> Iterator[Source]:
    """Lend the records of the cluster that is meant; with none named, those of this computer.

    A cluster whose controller stands here and is stopped shows what it has written.
    """
    name = dial.cluster or CLUSTER
    if not is_address(name):
        where = layout(dial.state, name)
        if name == CLUSTER or (where.ledger.exists() and not is_worked_on(where)):
            with reading(where) as source:
                yield source
            return
    with connected(dial) as client:
        storage = Path(client.info().storage)
        yield Source(records=RemoteRecords(client), storage=storage, client=client, mine=mine)


def is_nothing_there(dial: Dial) -> bool:
    """Whether this computer is meant, and nothing was ever run on it."""
    return dial.cluster in {None, CLUSTER} and not layout(dial.state).ledger.exists()


def _only_one(state: Path | None) -> str:
    """Return the one cluster there is where none was named; Refusal if it is not clear."""
    known = names(state)
    if len(known) == 1:
        return known[0]
    if not known:
        raise Refusal("no cluster is known here; make one with: orchestrator apply FILE")
    raise Refusal(f"which cluster? add --cluster with one of: {', '.join(known)}")


def names(state: Path | None) -> list[str]:
    """Return the clusters that are known here, by name; This Computer is none of them."""
    here = (each.cluster for each in local_clusters(layout(state).root.parent))
    return sorted({*here, *KnownClusters().names()} - {CLUSTER})


def _known(name: str, where: Layout) -> Known:
    known = KnownClusters().get(name)
    if known is not None and (known.host or not where.ledger.exists()):
        return known
    if where.ledger.exists():
        raise OrchestratorError(
            f"cluster {name!r}: its controller does not run; "
            f"type: orchestrator controller start {name}"
        )
    others = names(None)
    close = get_close_matches(name, others, n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    there = f"known are: {', '.join(others)}; " if others and not close else ""
    raise Refusal(
        f'Could not find cluster "{name}"; {hint}{there}'
        "name it as --cluster HOST:PORT --fingerprint SHA256:…, which "
        "`orchestrator controller status` shows on its computer"
    )


def _at_address(address: str, fingerprint: str | None) -> Known:
    """Return the cluster at ``HOST:PORT``, as it is known or as its fingerprint proves it."""
    clusters = KnownClusters()
    if fingerprint is None:
        if (known := clusters.at(address)) is not None:
            return known
        raise Refusal(
            f"cluster {address}: its authority is not known; compare and add --fingerprint "
            "SHA256:… as `orchestrator controller status` shows it on its computer"
        )
    pem = authority(address, fingerprint)
    with Client.remote(address, pem) as client:
        name = client.info().name
    known = Known(name=name, address=address, authority=pem)
    clusters.keep(known, replace=True)
    return known


@contextmanager
def _logged_in(known: Known, dial: Dial, role: Role) -> Iterator[Client]:
    tokens = Tokens()
    token = tokens.get(known.name)
    if token is None or not is_enough(known, token, role):
        token = _login(known, dial, role)
        tokens.keep(known.name, token)
    with Client.remote(known.address, known.authority, token) as client:
        yield client


def is_enough(known: Known, token: str, role: Role) -> bool:
    """Whether a token is still one, and of the role that is needed; NoAnswer, Untrusted."""
    with Client.remote(known.address, known.authority, token) as client:
        try:
            mine = client.info().role
        except Forbidden:
            return False
    return mine is Role.ADMIN or mine is role


def _login(known: Known, dial: Dial, role: Role) -> str:
    words, name = _kept(known, dial, role), getpass.getuser()
    with Client.remote(known.address, known.authority) as client:
        if words is None and role is Role.USER:
            with suppress(Forbidden):  # an open cluster wants no password (F-ACC-8)
                return client.login(role, "", name)
        return client.login(role, _asked(known, role) if words is None else words, name)


def _kept(known: Known, dial: Dial, role: Role) -> str | None:
    """Return the password that the user keeps; None: nowhere.  It is never an argument (F-CLI-6)."""
    if dial.password_file:
        return from_file(dial.password_file)
    if said := os.environ.get(PASSWORD):
        return said
    with suppress(Refusal):
        return secret(_entry(known, role))
    return None


def _entry(known: Known, role: Role) -> str:
    return f"{known.name}-{role.value}"


def _asked(known: Known, role: Role) -> str:
    """Return the password that a person types; Forbidden where there is none to be asked."""
    if sys.stdin.isatty():
        return str(
            click.prompt(f"{role.value} password of {known.name}", hide_input=True, err=True)
        )
    raise Forbidden(
        f"cluster {known.name!r}: no password; set {PASSWORD}, add --password-file, or save it: "
        f"keyring set orchestrator {_entry(known, role)}"
    )


def from_file(path: Path) -> str:
    """Return the secret in a file, without the end of its line; Refusal if others can read it."""
    try:
        with path.expanduser().open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise Refusal(
                    f"{path}: others can read it; type: chmod 600 {shlex.quote(str(path))}"
                )
            data = file.read(PASSWORD_BYTES_MAX + 1)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror}); check its name") from error
    if len(data) > PASSWORD_BYTES_MAX:
        raise Refusal(f"{path}: more than {PASSWORD_BYTES_MAX} bytes, so no password; name another")
    try:
        words = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path}: not UTF-8, so no password; name another file") from error
    if not words:
        raise Refusal(f"{path}: nothing in it; write the password into it")
    return words
