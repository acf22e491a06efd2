"""`apply` and `plan` at the controller: manifests as text to what stands, in the ledger first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.controller.access import Access, Passwords
from orchestrator.controller.counter import Nodes, Premises
from orchestrator.controller.vault import Vault
from orchestrator.decide.changes import changes, is_replaced
from orchestrator.errors import Conflict, Refusal
from orchestrator.ledger.protocol import Application, Ledger
from orchestrator.manifest.applied import parse_sheets
from orchestrator.manifest.cluster import revision, secrets
from orchestrator.model.cluster import Cluster
from orchestrator.model.talk import Applied, Change, ChangeKind, NodeView, Preview, Wanted

log = logging.getLogger(__name__)

_OF_NODE = ("nodes/", ".servicePassword")
_NOTIFY = "notify."


@dataclass(slots=True)
class Registrar:
    """Keeps what is wanted.  One `apply` at a time."""

    premises: Premises
    ledger: Ledger
    nodes: Nodes
    access: Access
    vault: Vault | None = None  #: None: nobody is told anything
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def preview(self, wanted: Wanted) -> Preview:
        """Return what `apply` would do; raises what it would."""
        cluster = self._cluster(wanted)
        stands = self.ledger.applied()
        return Preview(
            changes=self._changes(stands, cluster),
            revision=stands.revision if stands else "",
            next_revision=revision(cluster),
        )

    def apply(self, wanted: Wanted) -> Applied:
        """Store it, then make it so: a controller that dies in between goes on from the ledger.

        The same again changes nothing and mends what has drifted.
        """
        cluster = self._cluster(wanted)
        passwords = _passwords(cluster, wanted.secrets)
        with self._lock:
            stands = self.ledger.applied()
            self._check(stands, cluster, wanted.expect)
            told = self._changes(stands, cluster)
            told = (*told, *_of_access(self.access.set(passwords)))
            if self.vault:
                told = (*told, *_of_notify(self.vault.set(_of_vault(wanted.secrets))))
            new = revision(cluster)
            if stands is None or (stands.revision, stands.commit) != (new, wanted.commit):
                self.ledger.apply(
                    Application(
                        revision=new,
                        cluster=cluster,
                        sheets=wanted.sheets,
                        commit=wanted.commit,
                    )
                )
            now = self.ledger.applied()
            self.nodes.want(cluster)
        extra = {"action": "applied"}
        log.info("cluster %s: revision %s is applied", cluster.name, new, extra=extra)
        at = now.at if now else ""
        return Applied(revision=new, commit=wanted.commit, at=at, changes=told)

    def _cluster(self, wanted: Wanted) -> Cluster:
        cluster = parse_sheets(wanted.sheets).cluster(wanted.cluster)
        if cluster.name != self.premises.name:
            raise Conflict(
                f"cluster {cluster.name!r}: this controller is that of {self.premises.name!r}; "
                "apply it at its own"
            )
        return cluster

    def _check(self, stands: Application | None, cluster: Cluster, expect: str) -> None:
        current = stands.revision if stands else ""
        if expect and expect != current:
            what = f"revision {current} stands" if current else "nothing was applied yet"
            raise Conflict(f"cluster {cluster.name}: {what}, not {expect}; plan again")
        if stands and is_replaced(stands.cluster, cluster):
            if unfinished := self.ledger.unfinished():
                raise Refusal(
                    f"cluster {cluster.name}: another controller is another cluster, and "
                    f"{_batches(unfinished)} not over; wait, or cancel, then delete it and apply"
                )
            raise Refusal(
                f"cluster {cluster.name}: another controller is another cluster; run: "
                f"orchestrator delete {cluster.name}; then apply again"
            )

    def _changes(self, stands: Application | None, cluster: Cluster) -> tuple[Change, ...]:
        found: Mapping[str, NodeView] = {view.name: view for view in self.nodes.views()}
        old = stands.cluster if stands else None
        known = self.premises
        return changes(old, cluster, found, known.version, known.strangers)


def _batches(number: int) -> str:
    return "1 batch is" if number == 1 else f"{number} batches are"


def _passwords(cluster: Cluster, given: Mapping[str, str]) -> Passwords:
    """Return the values of what the cluster refers to; Refusal where one is missing."""
    for name in secrets(cluster):
        if not given.get(name):
            raise Refusal(
                f"{name}: its value is empty or did not come with the manifest; check what it "
                "refers to where you type apply"
            )
    wanted = {name: given[name] for name in secrets(cluster) if not name.startswith(_NOTIFY)}
    service = {"": wanted.pop("access.servicePassword", "")}
    head, tail = _OF_NODE
    for name, value in wanted.items():
        if name.startswith(head):
            service[name.removeprefix(head).removesuffix(tail)] = value
    return Passwords(
        user=wanted.get("access.userPassword", ""),
        admin=wanted.get("access.adminPassword", ""),
        service=service,
        open=cluster.access.open,
    )


def _of_access(told: Sequence[str]) -> tuple[Change, ...]:
    if not told:
        return ()
    return (Change(kind=ChangeKind.CHANGE, subject="access", details=tuple(told)),)


def _of_vault(given: Mapping[str, str]) -> Mapping[str, str]:
    return {name: each for name, each in given.items() if name.startswith(_NOTIFY)}


def _of_notify(names: Sequence[str]) -> tuple[Change, ...]:
    details = tuple(f"{name}: changed" for name in names)
    return (Change(kind=ChangeKind.CHANGE, subject="notify", details=details),) if names else ()


def restored(registrar: Registrar) -> Cluster | None:
    """Return what stands, and let the fleet want it: what a controller does when it starts."""
    stands = registrar.ledger.applied()
    if stands is None:
        return None
    registrar.nodes.want(stands.cluster)
    return stands.cluster
