"""Computers made free nodes, as Node documents say, and what is kept of those that we made."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli import reaching
from orchestrator.cli.means import Here, is_this
from orchestrator.cli.options import FREE, Layout, layout, made
from orchestrator.cli.secrets import value
from orchestrator.controller.access import service_key
from orchestrator.decide.changes import free_changes
from orchestrator.errors import OrchestratorError, Refusal, Rejected
from orchestrator.manifest.applied import parse_sheets
from orchestrator.manifest.cluster import revision
from orchestrator.model.cluster import Node
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import FreeSettings
from orchestrator.model.talk import Preview, Wanted
from orchestrator.remote import wheels
from orchestrator.remote.hosts import host_of
from orchestrator.remote.machine import Machine, free_digest
from orchestrator.remote.protocol import Found, Runtime
from orchestrator.remote.ssh import SshRemote

AT_ONCE = 10
STOP_GRACE_S = 10.0
LOOK_S = 1.0
KEY_BYTES = 32

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it went with one node."""

    name: str
    said: str
    is_well: bool


class Maker:
    """Who makes free nodes from here: a folder with an id, and a key and a record for each node.

    The key lets every cluster of this state take the node without a password (F-ACC-8).
    """

    def __init__(self, state: Path | None) -> None:
        self._where = layout(state, FREE)
        self._gathering = threading.Lock()

    @property
    def where(self) -> Layout:
        """Its folder."""
        return self._where

    def id(self) -> str:
        """Return what the machines that we made free nodes are marked with."""
        return self._kept("id", lambda: f"free-{secrets.token_hex(12)}")

    def owner(self) -> str:
        """Return what people read of us where another cluster wants such a machine."""
        return f"free nodes of {getpass.getuser()}@{socket.gethostname()}"

    def key(self, name: str) -> bytes:
        """Return the key of a node of ours, made the first time."""
        text = self._kept(f"{name}.key", lambda: secrets.token_hex(KEY_BYTES))
        return bytes.fromhex(text)

    def known(self) -> dict[str, Node]:
        """Return the nodes that we made, as they were applied."""
        found = {}
        for file in sorted(self._where.root.glob("*.json")):
            try:
                found[file.stem] = load(Node, json.loads(file.read_text("utf-8")))
            except (OSError, ValueError, TypeError):
                continue
        return found

    def keep(self, node: Node) -> None:
        """Note a node that was made."""
        _write(made(self._where).root / f"{node.name}.json", canonical(node))

    def forget(self, name: str) -> None:
        """Forget a node, its key with it."""
        for suffix in ("json", "key"):
            (self._where.root / f"{name}.{suffix}").unlink(missing_ok=True)

    def runtime(self, platform: str, tell: Tell) -> Runtime:
        """Return what is installed on machines of a platform, gathered once."""
        with self._gathering:
            return wheels.fill(self._where.wheels, platform, tell=tell)

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        file = made(self._where).root / name
        try:
            return file.read_text("ascii").strip()
        except FileNotFoundError:
            _write(file, make())
            return file.read_text("ascii").strip()


def stands(wanted: Wanted, state: Path | None) -> Preview | None:
    """Return what `apply` would do, as `reaching.stands` does, and to free nodes as `preview`."""
    if wanted.cluster:
        return reaching.stands(wanted, state)
    return preview(parse_sheets(wanted.sheets).nodes, state)


def preview(nodes: Sequence[Node], state: Path | None) -> Preview:
    """Return what `apply` would do to these nodes, compared with what we made of them."""
    known = Maker(state).known()
    old = [known[node.name] for node in nodes if node.name in known]
    return Preview(
        changes=free_changes(old, nodes, {}),
        revision=revision(None, old) if old else "",
        next_revision=revision(None, nodes),
    )


def apply(nodes: Sequence[Node], state: Path | None, tell: Tell) -> tuple[Ended, ...]:
    """Make the computers free nodes; one that cannot be reached does not hold up the others."""
    maker = Maker(state)
    maker.id()
    passwords = {
        node.name: value(node.access.service_password)
        for node in nodes
        if node.access.service_password
    }
    return _each(nodes, lambda node: _bring(node, maker, passwords.get(node.name, ""), tell))


def remove(names: Sequence[str], state: Path | None, until: float | None, tell: Tell) -> bool:
    """Let free nodes be ordinary computers again; what runs on them is waited for.

    Returns whether all are by `until` (monotonic seconds); `names`: of those that we made.
    """
    maker = Maker(state)
    known = maker.known()
    ended = _each([known[name] for name in names], lambda node: _clear(node, maker, until, tell))
    for each in ended:
        tell(f"  {each.name}: {each.said}")
    return all(each.is_well for each in ended)


def settings_of(node: Node, maker: Maker) -> FreeSettings:
    """Return what a free node is started with."""
    network = node.network
    last = network.port_from + max(1, network.port_count) - 1
    return FreeSettings(
        node=node.name,
        id=f"{maker.id()}-{node.name}",
        instances={service.value: count for service, count in node.instances.items()},
        programs=dict(node.programs),
        managed_only=node.managed_only,
        is_open=node.access.open,
        discovery=network.discovery,
        interface=network.interface,
        ports=f"{network.port_from}:{last}" if network.port_from else "",
        log_level=node.log_level,
        schedule=node.schedule,
        log_bytes_max=node.log_bytes_max,
    )


def _each(nodes: Sequence[Node], do: Callable[[Node], str]) -> tuple[Ended, ...]:
    def tried(node: Node) -> Ended:
        try:
            return Ended(name=node.name, said=do(node), is_well=True)
        except OrchestratorError as error:
            why = str(error).removeprefix(f"node {node.name!r}: ")
            return Ended(name=node.name, said=why, is_well=False)

    with ThreadPoolExecutor(AT_ONCE, "free") as pool:
        return tuple(pool.map(tried, nodes))


def _bring(node: Node, maker: Maker, password: str, tell: Tell) -> str:
    settings = settings_of(node, maker)
    keys = {"maker": maker.key(node.name)}
    if password:
        keys["service"] = service_key(password)
    remote = _remote(node, maker)
    try:
        tell(f"  {node.name}: connecting")
        found = _ours(remote.ask(), node, maker)
        runtime = _runtime(node, found, maker, tell)
        wants = (runtime.digest, free_digest(settings, keys))
        if found.agent and (found.runtime, found.settings) == wants:
            maker.keep(node)
            return "unchanged"
        if found.runtime != runtime.digest or not found.agent:
            tell(f"  {node.name}: installing")
            remote.install(runtime, lambda text: tell(f"  {node.name}: installing: {text}"))
        if found.agent:
            remote.stop(STOP_GRACE_S)
        tell(f"  {node.name}: starting")
        remote.free(settings, runtime.digest, keys, maker.owner())
    finally:
        remote.close()
    maker.keep(node)
    return "free: the first cluster with work for it may take it"


def _clear(node: Node, maker: Maker, until: float | None, tell: Tell) -> str:
    remote = _remote(node, maker)
    try:
        for live in _lives(remote, node, maker):
            if until is not None and time.monotonic() >= until:
                why = f"{live} commands still run there; type the same again later"
                raise Rejected(node.name, why)
            tell(f"  {node.name}: waits for {live} commands that run there")
            time.sleep(LOOK_S)
        remote.stop(STOP_GRACE_S)
        remote.remove()
    finally:
        remote.close()
    maker.forget(node.name)
    return "removed"


def _lives(remote: Machine, node: Node, maker: Maker) -> Iterator[int]:
    """Yield how many commands run there, until none does."""
    while live := len(_ours(remote.ask(), node, maker).live):
        yield live


def _ours(found: Found, node: Node, maker: Maker) -> Found:
    if found.owner_id not in {"", maker.id()}:
        why = f"it belongs to cluster {found.owner!r}; take it out of that one, then `apply` again"
        raise Rejected(node.name, why)
    return found


def _remote(node: Node, maker: Maker) -> Machine:
    if is_this(node):
        return Here(node.name, maker.id())
    host = host_of(node.name, node.address, node.ssh)
    return SshRemote(host, maker.where.known_hosts, maker.id())


def _runtime(node: Node, found: Found, maker: Maker, tell: Tell) -> Runtime:
    if is_this(node):
        return wheels.own_runtime()
    return maker.runtime(found.platform, lambda text: tell(f"  {node.name}: {text}"))


def _write(file: Path, text: str) -> None:
    """Write a file for its owner alone, whole."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(part, file)
    except OSError as error:
        raise Refusal(f"{file}: {error.strerror}; name another state with --state") from error
