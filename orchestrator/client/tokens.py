"""Tokens, and what else is secret: in the system's key store where one works, else in a 0600 file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import keyring
from keyring.errors import PasswordDeleteError

from orchestrator.client import places
from orchestrator.errors import Refusal

T = TypeVar("T")

SERVICE = "orchestrator"
"""How our entries are called in a key store."""

log = logging.getLogger(__name__)


class KeyStore(Protocol):
    """What we need of `keyring`."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Return an entry."""

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep an entry."""

    def delete_password(self, service: str, username: str, /) -> None:
        """Remove an entry."""


class Tokens:
    """The token of each cluster, beside the file by which the cluster is known."""

    def __init__(self, folder: Path | None = None, store: KeyStore | None = None) -> None:
        self._folder = folder or places.known_folder()
        self._store: KeyStore = store or keyring

    def get(self, cluster: str) -> str | None:
        """Return the token for a cluster; None: not logged in."""
        if (text := places.read(self._path(cluster))) is not None:
            return text.strip() or None
        return _tried(lambda: self._store.get_password(SERVICE, _entry(cluster)))

    def keep(self, cluster: str, token: str) -> None:
        """Keep a token, in the key store if it gives it back, else in a file."""
        path, entry = self._path(cluster), _entry(cluster)
        _tried(lambda: self._store.set_password(SERVICE, entry, token))
        if _tried(lambda: self._store.get_password(SERVICE, entry)) == token:
            path.unlink(missing_ok=True)
        else:
            places.write(path, token + "\n")

    def forget(self, cluster: str) -> None:
        """Remove a token; one that is not there is gone already."""
        self._path(cluster).unlink(missing_ok=True)
        _tried(lambda: self._store.delete_password(SERVICE, _entry(cluster)))

    def _path(self, cluster: str) -> Path:
        return self._folder / f"{places.safe(cluster)}.token"


def secret(name: str, store: KeyStore | None = None) -> str:
    """Return what ``{keyring: NAME}`` stands for; Refusal if the key store has no such entry."""
    found = _tried(lambda: (store or keyring).get_password(SERVICE, name))
    if found is None:
        raise Refusal(
            f"keyring {name}: no such entry, or no key store here; "
            f"put it in with: keyring set {SERVICE} {name}"
        )
    return found


def _entry(cluster: str) -> str:
    return f"token of {cluster}"


def _tried(use: Callable[[], T]) -> T | None:
    """Return what the key store gives, None where it does not work.

    Its backends are strangers', and raise what they like: a missing session bus, a locked store.
    """
    try:
        return use()
    except PasswordDeleteError:
        return None
    except Exception as error:  # noqa: BLE001  # any backend's own
        log.debug("key store: %s", type(error).__name__, extra={"action": "keyring_failed"})
        return None
