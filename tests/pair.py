"""Two nodes of this process under a whole controller: real agents, real runners, real files."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.agent.table import AgentTable
from orchestrator.cli.build import Frame, Wishes, assemble, identity, open_ledger
from orchestrator.cli.options import Layout
from orchestrator.controller.presence import Presence
from orchestrator.controller.storage import Storage
from orchestrator.controller.submit import submit
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.ledger.protocol import Ledger
from orchestrator.manifest.batch import read_batch
from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import State
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins


class Pair:
    """`paths`: node -> how it calls folders; a folder that is not there it does not see."""

    def __init__(self, folder, paths, plugins=None):
        self.folder = folder
        self.plugins = plugins or Plugins.installed()
        where = Layout(folder / "state")
        where.root.mkdir(parents=True)
        caller = Caller(self.plugins)
        own = identity(where, self.plugins, Wishes(programs={}, instances={"compressor": 1}))
        self.tables = [
            AgentTable(name, replace(own, cores=2), folder / f"spool-{name}") for name in paths
        ]
        self.engine = InprocEngine(self.tables, where.scratch)
        self.ledger: Ledger = open_ledger(where)
        self.storage = Storage.at(folder / "storage")
        self.pools = [ThreadPoolExecutor(4), ThreadPoolExecutor(4)]
        self.controller, _ = assemble(
            Frame(
                cluster="pair",
                ledger=self.ledger,
                engine=self.engine,
                caller=caller,
                storage=self.storage,
                pool=self.pools[0],
                asking=self.pools[1],
                presence=Presence(),
                is_shared=True,
                paths=lambda node: paths.get(node, {}),
            )
        )
        self.caller = caller
        self.engine.open(self.controller.wake)

    def submit(self, *jobs, name="b", **spec):
        """Submit a batch and return its id."""
        file = self.folder / f"{name}.yaml"
        head = {"apiVersion": "orchestrator/v1", "kind": "Batch", "metadata": {"name": name}}
        file.write_text(yaml_text({**head, "spec": {**spec, "jobs": list(jobs)}}))
        found = read_batch(file, self.plugins.processors, self.plugins.settings_folders())
        return submit(self.ledger, self.caller, found.batch, 0.0).batch

    def run(self, batch):
        """Work until the batch is over; return its state."""
        self.controller.run(lambda view: self.ledger.state(batch) is not State.WAITING, id)
        return self.ledger.state(batch)

    def nodes_of(self, batch, words):
        """Return who was given tasks whose id ends so."""
        return {r.node for r in self.ledger.attempts(batch) if r.task.endswith(words)}

    def close(self):
        self.engine.close()
        for each in self.tables:
            each.close()
        for pool in self.pools:
            pool.shutdown()
        self.ledger.close()


@contextmanager
def pair(folder, **paths):
    """Build two nodes or more, and take them down."""
    made = Pair(folder, paths)
    try:
        yield made
    finally:
        made.close()
