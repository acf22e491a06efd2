"""A managed cluster on a farm of namespaces, used through the command line as a person would."""

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter

from media import wheelhouse
from netfarm import NetFarm, until

from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import State
from orchestrator.remote import wheels

VERSION = "orchestrator/v1"


class Studio:
    """Controller on ``ctl``, nodes that SSH reaches, one shared folder."""

    def __init__(self, folder, nodes=("n1", "n2", "n3", "n4"), more=(), **keys):
        self.farm = NetFarm(folder, nodes=nodes, more=more)
        self.folder = folder
        self.ctl = self.farm.ctl
        self.media = self.farm.mount  #: the shared folder, as manifests have it
        self.real = self.farm.shared  #: the same, as this process sees it
        self.out = self.real / "out"
        self.keys = keys
        self.file = folder / "studio.yaml"
        for host in self.farm.hosts.values():
            if host is not self.ctl:
                host.listen()
        self.nodes = {name: self.farm[name].manifest for name in nodes}
        self.root = self.ctl.folder / "state" / "studio"
        self.root.mkdir(parents=True, mode=0o700)
        house = wheelhouse()  # once for all tests
        house.mkdir(parents=True, exist_ok=True)
        (self.root / "wheels").symlink_to(house)

    def gather(self):
        """Fill the wheelhouse, as the first `apply` would."""
        wheels.fill(wheelhouse())

    def write(self, **spec):
        """Write the cluster's manifest as `nodes` stand now."""
        whole = {
            "kind": "managed",
            "storage": {"path": str(self.media / "storage")},
            "network": {"ports": {"from": 50000, "count": 200}, "discovery": False},
            "recovery": {"lostAfter": "10s"},
            **self.keys,
            **spec,
            "nodes": list(self.nodes.values()),
        }
        document = {
            "apiVersion": VERSION,
            "kind": "Cluster",
            "metadata": {"name": "studio"},
            "spec": whole,
        }
        self.file.write_text(yaml_text(document))
        return self.file

    def job(self, name, *jobs, **spec):
        """Write a job file of these jobs."""
        file = self.folder / f"{name}.yaml"
        document = {
            "apiVersion": VERSION,
            "kind": "Batch",
            "metadata": {"name": name},
            "spec": {"cluster": "studio", "jobs": list(jobs), **spec},
        }
        file.write_text(yaml_text(document))
        return file

    def shells(self, name, count, script, **spec):
        """Write a job file of so many shell commands, which begin in the shared folder."""
        jobs = [
            {
                "name": f"j{number}",
                "processor": "shell",
                "workingDirectory": str(self.media),
                "with": {"command": ["sh", "-c", script]},
            }
            for number in range(count)
        ]
        return self.job(name, *jobs, **spec)

    @property
    def env(self):
        """Of every command on ``ctl``."""
        return {
            "ORCHESTRATOR_STATE": str(self.ctl.folder / "state"),
            "XDG_CONFIG_HOME": str(self.ctl.folder / "config"),
            "XDG_STATE_HOME": str(self.ctl.folder / "xdg"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "HOME": str(self.ctl.folder),
        }

    def words(self, *words):
        """Return the command line of `orchestrator`."""
        return [sys.executable, "-m", "orchestrator", *map(str, words)]

    def call(self, *words, ends=0, limit_s=240):
        """Run `orchestrator` on ``ctl`` to its end."""
        return self.ctl.run(*self.words(*words), env=self.env, ends=ends, limit_s=limit_s)

    def begin(self, *words):
        """Start `orchestrator` on ``ctl``, and do not wait."""
        return subprocess.Popen(
            [*self.ctl.prefix, *self.words(*words)],
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def data(self, *words, ends=0):
        """Return what a command says as data."""
        return json.loads(self.call(*words, "-o", "json", ends=ends).stdout)

    def apply(self, *words, ends=0, **spec):
        """Write and apply the manifest."""
        return self.call("apply", self.write(**spec), *words, ends=ends, limit_s=500)

    def phases(self):
        """Return the phase of each node."""
        return {each["name"]: each["phase"] for each in self.data("nodes", "--cluster", "studio")}

    def view(self, node):
        """Return what is said of a node."""
        return next(
            each for each in self.data("nodes", "--cluster", "studio") if each["name"] == node
        )

    def silent(self, node, seconds):
        """Wait until a node has been silent for so long, as the controller sees it."""

        def gap():
            found = self.view(node).get("silent_s", 0)
            return found if found >= seconds else None

        return until(gap, 30, 0.2)

    def becomes(self, node, phase, limit_s=60):
        """Wait until a node is in a phase."""
        return until(lambda: self.phases().get(node) == phase, limit_s, 0.5)

    @contextlib.contextmanager
    def ledger(self):
        """Lend the controller's record, for reading."""
        path = self.root / "ledger.db"
        with SqliteLedger(path, read_only=True) as ledger:
            yield ledger

    def attempts(self, batch):
        """Return the attempts of a batch as the record has them."""
        with self.ledger() as ledger:
            return ledger.attempts(batch)

    def tasks(self, batch):
        """Return the tasks of a batch as the record has them."""
        with self.ledger() as ledger:
            return ledger.tasks(batch)

    def state(self, batch):
        """Return how a batch stands."""
        with self.ledger() as ledger:
            return ledger.state(batch)

    def running(self, batch):
        """Return the open attempts of a batch, by node."""
        return {each.node: each for each in self.attempts(batch) if not each.closed}

    def submit(self, file):
        """Submit a job file; return the batch's id."""
        return self.data("submit", file)["batchid"]

    def ends(self, batch, state=State.SUCCESSFUL, limit_s=180):
        """Wait until a batch is over, and check how."""

        def over():
            now = self.state(batch)
            return now if now is not None and now.is_final else None

        try:
            assert until(over, limit_s, 0.2) is state
        except AssertionError:
            print(self.call("explain", batch, "--cluster", "studio", ends=None).stdout)
            print(self.call("nodes", "--cluster", "studio", ends=None).stdout)
            raise

    def log(self):
        """Return what the controller has written."""
        return (self.root / "controller.log").read_text()

    def close(self):
        """End everything."""
        self.farm.close()


def nodes_of(attempts):
    """Return how many accepted attempts each node had."""
    return Counter(each.node for each in attempts if each.accepted)


def done_twice(attempts):
    """Return the tasks of which more than one attempt was accepted: none, ever."""
    count = Counter(each.task for each in attempts if each.accepted)
    return [task for task, number in count.items() if number > 1]
