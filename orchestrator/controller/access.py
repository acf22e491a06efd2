"""Passwords and tokens: who may come in.  Only hashes are kept, in a file for its owner's eyes."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from orchestrator.controller.backoff import Backoff
from orchestrator.controller.secretfile import read_secrets, write_secrets
from orchestrator.errors import Busy, Forbidden
from orchestrator.model.talk import Client, Role

CHECKS_AT_ONCE = 2
"""So many passwords are compared at a time, each of which takes a tenth of a second and 19 MiB."""

CHECK_WAIT_S = 2.0
"""So long a password waits for its turn; then the client is asked to come again."""

KNOWN_S = 300.0
"""So long a password that was right is known without comparing it again."""

KNOWN_MAX = 1000
TOKENS_MAX = 10_000
SALT = b"orchestrator service"
"""Of service keys: the same password is the same key on every machine."""

LOST = ": everybody logs in anew"
"""What it means to remove the file."""

_MEMORY_KIB = 19 << 10
_ROUNDS = 2
_ORDER = (Role.USER, Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """What a cluster's manifest refers to; an empty one is not wanted."""

    user: str = field(default="", repr=False)
    admin: str = field(default="", repr=False)
    service: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: ``""``: of the cluster; else of the free node of that name
    open: bool = False  #: where there is no user password, anybody is a user (F-ACC-8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A token, as far as we keep it."""

    digest: str = field(repr=False)  #: sha256, hexadecimal
    role: str
    owner: str
    name: str
    created: str  #: ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What stands in the file."""

    hashes: Mapping[str, str] = field(default_factory=dict)  #: role -> argon2id
    keys: Mapping[str, str] = field(default_factory=dict)  #: as `Passwords.service`, hexadecimal
    open: bool = False
    tokens: tuple[Issued, ...] = ()


class Access:
    """Checks passwords, gives tokens and knows them again.  May be used from any thread.

    What was answered is in the file, and a token that was taken back is nobody's at once.  Raises
    Refusal for a file that others can read, OrchestratorError for one that cannot be read or kept.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._checks = threading.Semaphore(CHECKS_AT_ONCE)
        self._hasher = PasswordHasher(_ROUNDS, _MEMORY_KIB, 1)
        self._backoff = Backoff(clock)
        self._secret = secrets.token_bytes(32)  # of this process alone
        self._right: dict[bytes, float] = {}  #: password that was right -> until when it is known
        self._kept = read_secrets(file, _load, LOST) or _Kept()
        self._tokens = {each.digest: each for each in self._kept.tokens}

    # -- what `apply` says

    def set(self, wanted: Passwords) -> tuple[str, ...]:
        """Take the passwords that are wanted; return what changed, in words.

        Tokens that were made with a password end when it changes or goes.
        """
        told = []
        with self._lock:
            hashes = dict[str, str]()
            gone = set[str]()
            for role, password in ((Role.USER, wanted.user), (Role.ADMIN, wanted.admin)):
                old = self._kept.hashes.get(role.value, "")
                hashes[role.value] = old if self._is(old, password) else self._hash(password)
                if hashes[role.value] != old:
                    gone.add(role.value)
                    told.append(_change(role, old, password))
            if self._kept.open != wanted.open:
                gone.add(Role.USER.value)
                told.append("open: anybody may submit" if wanted.open else "open: no longer")
            keys = {who: service_key(each).hex() for who, each in wanted.service.items() if each}
            if keys != self._kept.keys:
                told.append("service password: changed")
            if told:
                tokens = tuple(each for each in self._kept.tokens if each.role not in gone)
                self._keep(_Kept(hashes=hashes, keys=keys, open=wanted.open, tokens=tokens))
                self._right.clear()
        return tuple(told)

    def service_key(self, node: str = "") -> bytes | None:
        """Return the key made of the cluster's service password, or of a free node's; or None."""
        key = self._kept.keys.get(node)
        return bytes.fromhex(key) if key else None

    # -- who comes in

    def login(self, role: Role, password: str, name: str, address: str) -> str:
        """Return a new token, which is shown this once; batches will belong to its owner id.

        Forbidden for a wrong password, Busy after too many of them from `address` or at a time.
        """
        if role not in _ORDER:
            raise Forbidden(f"role {role.value}: nobody logs in as that; log in as user or admin")
        self._backoff.check(address)
        self._check(role, password, address)
        return self.issue(role, name)

    def issue(self, role: Role, name: str) -> str:
        """Return a new token for who has proved otherwise what he may do; Busy: too many there are.

        It ends as those of that role's password do, when that changes.
        """
        token = secrets.token_urlsafe(32)
        issued = Issued(
            digest=_digest(token),
            role=role.value,
            owner=secrets.token_hex(8),
            name=name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with self._lock:
            if len(self._tokens) >= TOKENS_MAX:
                raise Busy(
                    f"{TOKENS_MAX} clients are logged in; an administrator ends them all with "
                    "another password and `orchestrator apply`"
                )
            self._keep(replace(self._kept, tokens=(*self._kept.tokens, issued)))
        return token

    def who(self, token: str) -> Client | None:
        """Return whose token it is; None: nobody's, or no more."""
        digest = _digest(token)
        found = self._tokens.get(digest)
        if found is None or not hmac.compare_digest(found.digest, digest):
            return None
        return Client(role=Role(found.role), owner=found.owner, name=found.name)

    def logout(self, token: str) -> None:
        """Forget a token; one that is nobody's is forgotten already."""
        digest = _digest(token)
        with self._lock:
            left = tuple(each for each in self._kept.tokens if each.digest != digest)
            if left != self._kept.tokens:
                self._keep(replace(self._kept, tokens=left))

    # -- checking

    def _check(self, role: Role, password: str, address: str) -> None:
        """Return if the password is right; each comparison counts against its address."""
        hashed = self._kept.hashes.get(role.value, "")
        if not hashed:
            if role is Role.USER and self._kept.open:
                return
            raise Forbidden(
                f"role {role.value}: the cluster has no password for it, so nobody comes in from "
                f"elsewhere; set access.{role.value}Password and apply, or use its own computer"
            )
        if not password:  # asked whether the cluster is open: that is no guess
            raise Forbidden(f"role {role.value}: it takes a password; nothing was changed")
        mark = hmac.digest(self._secret, hashed.encode() + b"\n" + _bytes(password), "sha256")
        if self._right.get(mark, 0.0) > self._clock():
            return
        with self._turn():
            self._backoff.check(address)  # others of its address may have failed while it waited
            if not self._is(hashed, password):
                self._backoff.failed(address)
                raise Forbidden("password: wrong; nothing was changed")
        self._backoff.succeeded(address)
        with self._lock:
            if len(self._right) >= KNOWN_MAX:
                self._right.clear()
            self._right[mark] = self._clock() + KNOWN_S

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._checks.acquire(timeout=CHECK_WAIT_S):
            raise Busy("too many log in at once; try again in some seconds")
        try:
            yield
        finally:
            self._checks.release()

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password)) if password else ""

    def _is(self, hashed: str, password: str) -> bool:
        """Whether a hash is that of a password; an empty one is that of none."""
        if not hashed or not password:
            return not hashed and not password
        try:
            return self._hasher.verify(hashed, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    def _keep(self, kept: _Kept) -> None:
        """Write the file, then know what it says."""
        write_secrets(self._file, asdict(kept))
        self._kept = kept
        self._tokens = {each.digest: each for each in kept.tokens}


def service_key(password: str) -> bytes:
    """Return the 32 bytes that stand for a service password between machines."""
    return hash_secret_raw(
        secret=_bytes(password),
        salt=SALT,
        time_cost=3,
        memory_cost=64 << 10,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(token: str) -> str:
    return sha256(_bytes(token)).hexdigest()


def _change(role: Role, old: str, password: str) -> str:
    if not password:
        return f"{role.value} password: removed; who logged in with it is logged out"
    ends = "; who logged in with the old one is logged out" if old else ""
    return f"{role.value} password: {'changed' if old else 'set'}{ends}"


def _load(data: Mapping[str, Any]) -> _Kept:
    tokens = tuple(Issued(**each) for each in data["tokens"])
    return _Kept(hashes=data["hashes"], keys=data["keys"], open=data["open"], tokens=tokens)
