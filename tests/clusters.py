"""A cluster on loopback: an authority, a scheduler process, and agents in threads or processes."""

import asyncio
import json
import subprocess
import sys
import threading

import psutil

from orchestrator.agent import keys
from orchestrator.controller.authority import Authority
from orchestrator.engine.dask import door
from orchestrator.engine.dask.child import SchedulerChild
from orchestrator.engine.protocol import TlsFiles
from orchestrator.model.codec import canonical
from orchestrator.model.node import AgentSettings

HOST = "127.0.0.1"


class Centre:
    """What a controller has: authority, scheduler, and certificates for whoever asks."""

    def __init__(self, folder, **more):
        self.folder = folder
        self.authority = Authority.at(folder / "ca", "studio")
        self.own = self.authority.issue(folder / "tls", "controller", ["controller"])
        self.child = SchedulerChild(self.own, folder / "scheduler", host=HOST, **more)

    def node_files(self, name, authority=None, **life):
        """Return the certificate of a node, by this authority or a foreign one."""
        authority = authority or self.authority
        folder = self.folder / f"node-{name}-{authority.id[:6]}"
        request = keys.request(folder, name)
        files = TlsFiles(*(folder / "tls" / f"{each}.pem" for each in ("ca", "cert", "key")))
        files.authority.write_bytes(self.authority.pem)
        files.certificate.write_bytes(authority.sign(request, name, **life))
        return files

    def close(self):
        self.child.stop()


class Site:
    """Tables of this process, connected over TLS as agents are; in a thread of their own."""

    def __init__(self, centre, tables, files=None, **doors):
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._serving = [
            (table, door.Door(files=files or centre.node_files(name), host=HOST, **doors))
            for table in tables
            for name in [table.member.node]
        ]
        self._scratch = centre.folder / "site"
        self._address = centre.child.address
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        async def serve():
            each = (
                door.serve(table, self._address, self._stop, way, self._scratch)
                for table, way in self._serving
            )
            await asyncio.gather(*each)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve())

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()


class Agent:
    """A real agent process in a folder of its own."""

    def __init__(self, centre, name="n1", **more):
        self.folder = centre.folder / f"agent-{name}"
        request = keys.request(self.folder, name)
        (self.folder / "tls" / "cert.pem").write_bytes(centre.authority.sign(request, name))
        (self.folder / "tls" / "ca.pem").write_bytes(centre.authority.pem)
        said = {"node": name, "cluster": "studio", "cluster_id": centre.authority.id}
        said |= {"scheduler": centre.child.address, "host": HOST, "instances": {"render": 2}}
        self.settings = AgentSettings(**{**said, **more})
        (self.folder / "settings.json").write_text(canonical(self.settings))
        self.process = None

    def start(self):
        words = [sys.executable, "-m", "orchestrator.agent", str(self.folder)]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        return self

    def log(self):
        """Return what it logged, event by event."""
        return [json.loads(line) for line in (self.folder / "agent.log").read_text().splitlines()]

    def runners(self):
        """Return the runners that are alive, whichever agent started them."""
        spool = str(self.folder / "spool")
        return [
            each
            for each in psutil.process_iter()
            if any(spool in word for word in _words(each)) and "runner.py" in " ".join(_words(each))
        ]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        for runner in self.runners():
            for child in runner.children(recursive=True):
                child.kill()
            runner.kill()


def _words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
