"""A machine that becomes a node, whatever shell leads to it: implements `Remote`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import Unreachable
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import AgentSettings, FreeSettings
from orchestrator.remote.exchange import MINOR, PIECE_BYTES, Shell, Talk
from orchestrator.remote.protocol import Found, Runtime
from orchestrator.remote.watchdog import CALL_LIMIT_S, INSTALL_LIMIT_S

FOLDER = "node"
"""Where all of a node is, in the state folder of its user there."""


PARCEL_BYTES = 16 << 20
"""What is sent in one session, with what comes on top by its last wheel."""

Keys = Mapping[str, bytes]
"""Of a free node: ``service`` and ``maker``, those it has."""


def free_digest(settings: FreeSettings, keys: Keys) -> str:
    """Return what tells a free node's settings and keys from all others: `Found.settings`."""
    marks = {name: hashlib.sha256(key).hexdigest() for name, key in keys.items()}
    return hashlib.sha256(canonical([settings, marks]).encode()).hexdigest()[:16]


class Machine:
    """One machine.  With a `cluster_id` it refuses to touch what belongs to another cluster."""

    def __init__(self, name: str, shell: Shell, cluster_id: str = "", folder: str = FOLDER) -> None:
        """`folder`: of this agent there; each has an owner of its own."""
        self._name = name
        self._talk = Talk(name, shell)
        self._same: dict[str, object] = {"cluster_id": cluster_id, "folder": folder}

    def ask(self) -> Found:
        """Look; changes nothing on the machine."""
        return load(Found, self._call("ask"))

    def install(self, runtime: Runtime, tell: Callable[[str], None]) -> None:
        """Push the wheels that are missing and fill a venv; the one in use stays."""
        hashes = {wheel.name: _sha256(self._name, wheel) for wheel in runtime.wheels}
        wants = {"digest": runtime.digest, "wheels": hashes, "python": MINOR}
        told = self._call("missing", limit_s=INSTALL_LIMIT_S, **wants)
        if told["done"]:
            return
        lacks = [wheel for wheel in runtime.wheels if wheel.name in told["missing"]]
        if lacks:
            size = sum(wheel.stat().st_size for wheel in lacks)
            tell(f"sending {len(lacks)} wheels, {size / 1e6:.0f} MB")
        for parcel in _parcels(lacks):
            self._send({wheel: hashes[wheel.name] for wheel in parcel})
        tell("installing")
        self._call("build", limit_s=INSTALL_LIMIT_S, **wants)

    def request(self, name: str) -> bytes:
        """Have the node make its key, if it has none, and return a certificate request (PEM)."""
        return str(self._call("request", name=name)["pem"]).encode()

    def start(
        self, settings: AgentSettings, runtime: str, certificate: bytes, authority: bytes
    ) -> None:
        """Write certificate and settings, and start the agent, detached from us."""
        self._call(
            "start",
            settings=canonical(settings),
            digest=settings.digest,
            runtime=runtime,
            certificate=certificate.decode(),
            authority=authority.decode(),
            cluster=settings.cluster,
            cluster_id=settings.cluster_id,
        )

    def free(self, settings: FreeSettings, runtime: str, keys: Keys, owner: str) -> bool:
        """Write settings and keys, and start a free node; False if it runs so already.

        `owner`: of its maker, for people; the machine is his, by our cluster id.
        """
        told = self._call(
            "free",
            settings=canonical(settings),
            digest=free_digest(settings, keys),
            runtime=runtime,
            keys={f"{name}.key": key.hex() for name, key in keys.items()},
            cluster=owner,
        )
        return not told["was"]

    def stop(self, grace_s: float) -> None:
        """End the agent, not its runners; nothing happens if none runs."""
        self._call("stop", limit_s=CALL_LIMIT_S + grace_s, grace_s=grace_s)

    def remove(self) -> None:
        """Remove all that we put on the machine, and nothing else."""
        self._call("remove", limit_s=INSTALL_LIMIT_S)

    def log(self, limit: int = 65536) -> str:
        """Return the end of the agent's log."""
        return str(self._call("log", limit=limit)["text"])

    def close(self) -> None:
        """Let go of the connection."""
        self._talk.close()

    def _call(self, call: str, limit_s: float = CALL_LIMIT_S, **data: object) -> dict[str, Any]:
        return self._talk.call(call, {**self._same, **data}, limit_s)

    def _send(self, hashes: Mapping[Path, str]) -> None:
        wheels = [
            {"name": wheel.name, "sha256": sha256, "size": wheel.stat().st_size}
            for wheel, sha256 in hashes.items()
        ]
        data: dict[str, object] = {**self._same, "wheels": wheels}
        self._talk.call("put", data, INSTALL_LIMIT_S, _pieces(hashes))


def _parcels(wheels: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield wheels, small ones together: each parcel costs a session, and has its own limit."""
    parcel, size = list[Path](), 0
    for wheel in wheels:
        parcel.append(wheel)
        size += wheel.stat().st_size
        if size >= PARCEL_BYTES:
            yield parcel
            parcel, size = [], 0
    if parcel:
        yield parcel


def _pieces(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece


def _sha256(node: str, wheel: Path) -> str:
    try:
        with wheel.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:  # somebody filled the wheelhouse anew
        raise Unreachable(node, f"{wheel} is gone; it is tried again") from None
