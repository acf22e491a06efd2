"""A real cluster on this computer: a controller daemon, and nodes behind loopback sshds."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
from media import wheelhouse
from sshd import Sshd

from orchestrator.manifest.write import yaml_text

CALL_MAX_S = 280


class LocalCluster:
    """Types commands as a person would, with a state and a configuration of its own."""

    def __init__(self, folder, names=("n1", "n2"), name="studio"):
        self.folder, self.name = folder, name
        self.state, self.storage = folder / "state", folder / "storage"
        self.manifest = folder / "studio.yaml"
        self.env = {
            **os.environ,
            "ORCHESTRATOR_STATE": str(self.state),
            "XDG_STATE_HOME": str(folder / "here"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        for gone in ("ORCHESTRATOR_CLUSTER", "ORCHESTRATOR_PASSWORD"):
            self.env.pop(gone, None)
        self.servers = {name: Sshd(folder / name).start() for name in names}
        self.root = self.state / name
        self.root.mkdir(parents=True, mode=0o700)
        wheels = wheelhouse()  # once for all tests
        wheels.mkdir(parents=True, exist_ok=True)
        (self.root / "wheels").symlink_to(wheels)

    def node(self, name, **keys):
        """Return a node of the manifest, behind its server."""
        server = self.servers[name]
        ssh = {
            "port": server.port,
            "identityFile": str(server.key),
            "hostKey": server.fingerprint,
        }
        services = {"render": {"instances": 2}, "compressor": {"instances": 1}}
        return {"name": name, "host": server.address, "ssh": ssh, "services": services, **keys}

    def write(self, nodes=None, **spec):
        """Write the manifest."""
        nodes = [self.node(name) for name in self.servers] if nodes is None else nodes
        document = {
            "apiVersion": "orchestrator/v1",
            "kind": "Cluster",
            "metadata": {"name": self.name},
            "spec": {
                "kind": "managed",
                "storage": {"path": str(self.storage)},
                "nodes": nodes,
                **spec,
            },
        }
        self.manifest.write_text(yaml_text(document))
        return self

    def batch(self, name, *jobs, **spec):
        """Write a job file for the cluster and return its path."""
        file = self.folder / f"{name}.yaml"
        document = {
            "apiVersion": "orchestrator/v1",
            "kind": "Batch",
            "metadata": {"name": name},
            "spec": {"cluster": self.name, "jobs": list(jobs), **spec},
        }
        file.write_text(yaml_text(document))
        return file

    def shell(self, name, script):
        """Return a job that runs a script in the cluster's folder."""
        return {
            "name": name,
            "processor": "shell",
            "workingDirectory": str(self.folder),
            "with": {"command": ["sh", "-c", script]},
        }

    def call(self, *words, ends=0, env=None):
        """Run a command; check its exit code, return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *map(str, words)],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=CALL_MAX_S,
            stdin=subprocess.DEVNULL,
        )
        told = f"ended with {done.returncode}\n{done.stdout}{done.stderr}{self.log()}"
        assert done.returncode == ends, told
        return done

    def json(self, *words, **options):
        return json.loads(self.call(*words, "-o", "json", **options).stdout)

    def apply(self, *words, **options):
        return self.call("apply", self.manifest, *words, **options)

    def nodes(self):
        """Return the nodes by name, as data."""
        return {each["name"]: each for each in self.json("nodes", "--cluster", self.name)}

    def worked(self, batch):
        """Return the node of each attempt of a batch, as the headers of its logs say."""
        said = self.call("logs", batch, "--cluster", self.name).stdout
        heads = [line for line in said.splitlines() if line.startswith("==> ")]
        return [head.split(", ")[2] for head in heads]

    def about(self):
        return json.loads((self.root / "controller.json").read_text())

    def kill(self):
        """End the controller as `kill -9` does."""
        pid = self.about()["pid"]
        os.kill(pid, signal.SIGKILL)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(20)

    def log(self):
        with suppress(OSError):
            return (self.root / "controller.log").read_text()[-4000:]
        return ""

    def close(self):
        """Leave nothing that runs."""
        stop(self.root / "controller.json", self.servers.values())
        for file in pids_of(self.folder / "here" / "orchestrator"):
            end(file)


def stop(about, servers):
    """End the controller that a file speaks of, the agents of nodes, and their servers."""
    servers = list(servers)
    for file in (about, *(file for each in servers for file in pids_of(each.node.parent))):
        end(file)
    for server in servers:
        server.stop()


def pids_of(folder):
    """Return the files that tell of agents below the state of a user; who starts others first."""
    names = ("node*/free.pid", "node*/agent.pid", "node*/clusters/*/agent.pid")
    return [file for name in names for file in folder.glob(name)]


def end(file):
    with suppress(OSError, ValueError, KeyError, ProcessLookupError):
        os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)
