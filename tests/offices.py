"""An office with everything behind it: a real ledger, a fake fleet and engine, and clients."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from farm import START
from farm_processor import Parts, plugin

from orchestrator.controller.access import Access
from orchestrator.controller.applying import Registrar
from orchestrator.controller.counter import Premises
from orchestrator.controller.intake import Intake
from orchestrator.controller.office import Office
from orchestrator.controller.storage import Storage
from orchestrator.controller.vault import Vault
from orchestrator.decide.reconcile import ended
from orchestrator.engine.fake import FakeEngine
from orchestrator.engine.protocol import Engine
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Cluster
from orchestrator.model.talk import Client, Leaving, NodePhase, NodeView, Role, Sheet, Wanted
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

LOCAL = Client(role=Role.ADMIN, name="root")
ADMIN = Client(role=Role.ADMIN, owner="a1", name="Ada")
ANN = Client(role=Role.USER, owner="u1", name="Ann")
BEN = Client(role=Role.USER, owner="u2", name="Ben")
NOBODY = Client(role=Role.NOBODY)

CLUSTER = """\
apiVersion: orchestrator/v1
kind: Cluster
metadata: {name: studio}
spec:
  kind: managed
  limits: {queuedBatches: QUEUED}
  nodes:
    - {name: mac-01, services: {render: {}}}
"""


class FakeNodes:
    """A fleet that is as it is told to be, and writes down what it was asked."""

    def __init__(self, *views: NodeView) -> None:
        self.shown = {view.name: view for view in views}
        self.wanted: list[Cluster] = []
        self.asked: list[tuple[object, ...]] = []

    def views(self) -> Sequence[NodeView]:
        return tuple(self.shown.values())

    def want(self, cluster: Cluster) -> None:
        self.wanted.append(cluster)

    def pause(self, name: str, leaving: Leaving) -> None:
        self.asked.append(("pause", name, leaving))
        self.shown[name] = replace(self.shown[name], phase=NodePhase.PAUSED)

    def resume(self, name: str) -> None:
        self.asked.append(("resume", name))
        self.shown[name] = replace(self.shown[name], phase=NodePhase.READY)

    def lost(self, name: str) -> None:
        self.asked.append(("lost", name))

    def trust(self, name: str, fingerprint: str) -> None:
        self.asked.append(("trust", name, fingerprint))

    def leave(self, leaving: Leaving) -> None:
        self.asked.append(("leave", leaving))

    def log(self, name: str) -> str:
        return f"log of {name}"


@dataclass
class Bureau:
    """An office, and what it stands on."""

    office: Office
    ledger: Ledger
    fleet: FakeNodes
    access: Access
    engine: Engine
    woken: list[str] = field(default_factory=list)

    def close_what_is_over(self) -> None:
        """Do what the controller's loop would do next."""
        while over := self.ledger.over():
            for part in over:
                self.ledger.close_part(part.id, part.level, ended(part), part.reason)


def bureau(ledger: Ledger, folder: Path, **given) -> Bureau:
    """Return the office of cluster `studio`."""
    fleet = given.get("fleet") or FakeNodes(NodeView(name="mac-01", phase=NodePhase.READY))
    engine = given.get("engine") or FakeEngine(["mac-01"])
    caller = given.get("caller") or Caller(Plugins.given(farm=plugin(Parts())))
    storage = given.get("storage") or Storage.at(folder / "storage")
    access = Access(folder / "secrets.json")
    premises = Premises(name="studio", id="c1", version="1", log=folder / "controller.log")
    woken: list[str] = []
    office = Office(
        premises=premises,
        ledger=ledger,
        engine=engine,
        fleet=fleet,
        storage=storage,
        registrar=Registrar(premises, ledger, fleet, access, Vault(folder / "notify.json")),
        intake=Intake("studio", ledger, caller, engine, storage, fleet.views, lambda: START),
        wake=lambda: woken.append("wake"),
        end=lambda: woken.append("end"),
    )
    return Bureau(office, ledger, fleet, access, engine, woken)


def wanted(text: str = CLUSTER, queued: int = 100, **more) -> Wanted:
    sheet = Sheet(name="studio.yaml", text=text.replace("QUEUED", str(queued)))
    return Wanted(**{"sheets": (sheet,), "cluster": "studio", **more})


def sheets(name: str = "b", job: str = "{name: j, processor: parts, with: {}}", **spec):
    """Return a submission of one job."""
    more = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    text = (
        "apiVersion: orchestrator/v1\nkind: Batch\n"
        f"metadata: {{name: {name}}}\nspec:\n{more}  jobs:\n    - {job}\n"
    )
    return (Sheet(name=f"{name}.yaml", text=text),)
