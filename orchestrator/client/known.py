"""The clusters that this user knows: where each is, and which authority proves that it is that one."""

from __future__ import annotations

import hashlib
import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.client import places
from orchestrator.errors import Conflict, Refusal
from orchestrator.model.cluster import Ssh
from orchestrator.model.codec import dump, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One cluster."""

    name: str
    address: str  #: ``host:port``
    authority: str  #: its certificate, PEM
    host: str = ""  #: on which `apply` started its controller over SSH; empty: not from here
    ssh: Ssh = field(default_factory=Ssh)  #: how that is reached

    @property
    def fingerprint(self) -> str:
        """What a person compares: ``SHA256:`` and 64 hexadecimal digits."""
        return fingerprint(self.authority)


class KnownClusters:
    """A file for each, in the user's folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or places.known_folder()

    def names(self) -> tuple[str, ...]:
        """Return the names of all, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.json")))

    def get(self, name: str) -> Known | None:
        """Return the cluster of that name; None: not known.  Refusal for a file that is none of ours."""
        path = self._path(name)
        if (text := places.read(path)) is None:
            return None
        try:
            data = json.loads(text)
            data.pop("fingerprint", None)
            known = load(Known, data)
            fingerprint(known.authority)
        except (ValueError, TypeError, AttributeError) as error:
            raise Refusal(f"{path}: {error}; remove it, and apply again") from error
        return known

    def at(self, address: str) -> Known | None:
        """Return a known cluster at that ``host:port``; None: none."""
        every = (self.get(name) for name in self.names())
        return next((known for known in every if known and known.address == address), None)

    def keep(self, known: Known, *, replace: bool = False) -> None:
        """Write a cluster down; Conflict if its name is another authority's, unless `replace`.

        Only what was proved may replace: it came over SSH, or a person compared the fingerprint.
        """
        before = self.get(known.name)
        if before and before.fingerprint != known.fingerprint and not replace:
            raise Conflict(
                f"cluster {known.name}: its authority was {before.fingerprint} and is now "
                f"{known.fingerprint}; if you expected this, say --fingerprint {known.fingerprint}"
            )
        data = {**dump(known), "fingerprint": known.fingerprint}
        places.write(self._path(known.name), json.dumps(data, indent=2) + "\n")

    def forget(self, name: str) -> None:
        """Remove a cluster; one that is not known is gone already."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{places.safe(name)}.json"


def fingerprint(pem: str) -> str:
    """Return the SHA-256 of a certificate; ValueError for what is none."""
    return f"SHA256:{hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()}"
