"""Host keys: who a machine must prove to be.  None is ever taken by itself (T01).

In this order: the fingerprint in the manifest, the user's ``known_hosts``, the cluster's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import paramiko

from orchestrator.errors import Rejected
from orchestrator.remote.protocol import Host

USERS = "~/.ssh/known_hosts"

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
"""Names under which a server offers a key of one kind, the best first."""

_RSA = "ssh-rsa"
_HASHED = "|1|"
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a known_hosts file that speaks of one host."""

    file: Path
    line: int
    kind: str  #: ssh-ed25519
    key: bytes
    is_revoked: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def fingerprint(key: paramiko.PKey) -> str:
    """Return a key's fingerprint, as ``ssh-keygen -l`` says it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def name_of(host: Host) -> str:
    """Return under which name known_hosts files speak of a host."""
    return host.address if host.port == 22 else f"[{host.address}]:{host.port}"


def is_fingerprint(text: str) -> bool:
    """Whether `text` may be a fingerprint."""
    return _FINGERPRINT.fullmatch(text) is not None


def known_of(host: Host, known: Path | None) -> tuple[Entry, ...]:
    """Return what the user's known_hosts says of a host; where it is silent, what `known` says."""
    mine = Path(USERS).expanduser()
    for file in (mine, known):
        if file is not None and (entries := tuple(_entries(file, name_of(host)))):
            return entries
    return ()


def families(host: Host, entries: Sequence[Entry]) -> tuple[tuple[str, ...], ...]:
    """Return which kinds of key to ask a server for, one try each.

    A server has several keys and shows one: it is asked for the kind that we know.  A fingerprint
    does not tell its kind, so each is tried.
    """
    if host.host_key:
        return FAMILIES
    kinds = {entry.kind for entry in entries if not entry.is_revoked}
    first = [family for family in FAMILIES if kinds & {*family, _kind(family)}]
    rest = [family for family in FAMILIES if family not in first]
    return (tuple(name for family in (*first, *rest) for name in family),)


def refusal(host: Host, entries: Sequence[Entry], key: paramiko.PKey) -> str:
    """Return why a key is not taken for the host's; empty: it is taken."""
    seen = f"it shows the {key.get_name()} key {fingerprint(key)}"
    same = [entry for entry in entries if entry.key == key.asbytes()]
    if revoked := [entry for entry in same if entry.is_revoked]:
        return f"its host key is revoked in {revoked[0]}: {seen}"
    if host.host_key:
        if hmac.compare_digest(host.host_key.rstrip("="), fingerprint(key)):
            return ""
        return f"its host key is another than hostKey {host.host_key} of the manifest: {seen}; if that is right, correct hostKey"
    known = [entry for entry in entries if not entry.is_revoked]
    if same:
        return ""
    if not known:
        return f"its host key is not known: {seen}; compare it, then {advice(host, key)}"
    old = next((entry for entry in known if entry.kind == key.get_name()), known[0])
    return (
        f"ITS HOST KEY HAS CHANGED: {seen}, another stands in {old}; somebody may be in between. "
        f"If the machine was set up anew, remove that line, then {advice(host, key)}"
    )


def advice(host: Host, key: paramiko.PKey) -> str:
    """Return what makes a key known."""
    if not host.is_node:
        return f"write it into the manifest: controller: {{ssh: {{hostKey: {fingerprint(key)}}}}}"
    return f"type: orchestrator nodes trust {host.name} --fingerprint {fingerprint(key)}"


class Judge(paramiko.MissingHostKeyPolicy):
    """Asked about every host key, as the client is never given any: says yes, or raises Rejected."""

    def __init__(self, node: str, host: Host, entries: Sequence[Entry]) -> None:
        self._node = node
        self._host = host
        self._entries = entries

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Raise Rejected unless the key is the host's."""
        if why := refusal(self._host, self._entries, key):
            at = "" if self._host.name == self._node else f"jump host {self._host.name!r}: "
            raise WrongKey(self._node, at + why)


class WrongKey(Rejected):
    """The machine did not prove to be who it should be; nothing was said to it."""


def remember(host: Host, known: Path, key: paramiko.PKey) -> None:
    """Write a host's key into a cluster's known_hosts, in the place of any other; OSError."""
    name = name_of(host)
    try:
        lines = known.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        lines = []
    old = {entry.line for entry in _entries(known, name)}
    kept = [line for number, line in enumerate(lines, 1) if number not in old]
    kept.append(f"{name} {key.get_name()} {key.get_base64()}")
    part = known.with_name(f"{known.name}.{os.getpid()}.part")
    known.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.write_text("".join(f"{line}\n" for line in kept), "utf-8")
    part.chmod(0o600)
    part.replace(known)


def _kind(family: tuple[str, ...]) -> str:
    """Return how the key itself is called: an RSA key has one name, its signatures have others."""
    return _RSA if family[0].startswith("rsa-") else family[0]


def _entries(file: Path, name: str) -> Iterator[Entry]:
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in {"", "@revoked"}:
            continue
        if _speaks_of(words[0], name):
            try:
                key = base64.b64decode(words[2], validate=True)
            except ValueError:
                continue
            yield Entry(file, number, words[1], key, marker == "@revoked")


def _speaks_of(names: str, name: str) -> bool:
    """Whether the first word of a line means the host: names, patterns, or a salted hash."""
    if names.startswith(_HASHED):
        return hmac.compare_digest(names, paramiko.HostKeys.hash_host(name, names))
    patterns = names.lower().split(",")
    wanted = name.lower()
    if any(word.startswith("!") and _fits(wanted, word[1:]) for word in patterns):
        return False
    return any(_fits(wanted, word) for word in patterns)


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern of ``*`` and ``?`` means the name; brackets stand for themselves."""
    return name == pattern or fnmatchcase(name, pattern.replace("[", "[[]"))
