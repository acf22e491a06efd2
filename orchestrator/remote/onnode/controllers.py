"""Controllers that this machine runs: looked for, started, ended, spoken with."""

from __future__ import annotations

import glob
import os
import re
import select
import socket
import sys
from contextlib import suppress
from typing import Any

from orchestrator.remote.onnode.files import empty, read_json, unlink, write_json
from orchestrator.remote.onnode.places import alone, at, base
from orchestrator.remote.onnode.programs import last_line, own_umask, run
from orchestrator.remote.onnode.question import Again, Data, No
from orchestrator.remote.onnode.runtimes import drop_wheels, interpreter, is_runtime, python_of

SERVE_LIMIT_S = 90.0
PIECE_BYTES = 1 << 20
CLUSTER = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

LINE: socket.socket | None = None
"""The controller between which and our stdin and stdout bytes are carried after the answer."""


def stands(data: Data) -> object:
    """Return how a cluster's controller stands here."""
    last = started_with(data["cluster"])
    return {
        "runtime": str(last.get("runtime", "")),
        "version": str(last.get("version", "")),
        "runs": listens(data["cluster"]),
        "ran": os.path.exists(of_cluster(data["cluster"], "ledger.db")),
    }


def serve(data: Data) -> object:
    """Start a cluster's controller with this runtime; one of another runtime is stopped first."""
    with alone():
        cluster, wants = data["cluster"], {key: data[key] for key in ("runtime", "version")}
        python = python_of(wants["runtime"])
        if listens(cluster) and started_with(cluster) == wants:
            return {"was": True}
        control(python, "stop", cluster)  # one that is just ending is waited for
        os.makedirs(at("of"), mode=0o700, exist_ok=True)
        write_json(at("of", f"{cluster}.json"), wants)
        control(python, "start", cluster)
        empty(at("runtime"), is_unused)
    return {"was": False}


def retire(data: Data) -> object:
    """Stop a cluster's controller and remove what it ran with; its ledger stays."""
    if not os.path.isdir(base()):
        return {}
    with alone():
        cluster = data["cluster"]
        if python := interpreter(str(started_with(cluster).get("runtime", ""))):
            control(python, "stop", cluster)
        elif listens(cluster):
            raise No("its controller was started by somebody there; stop it there")
        unlink(at("of", f"{cluster}.json"))
        empty(at("runtime"), is_unused)
        empty(at("of"), lambda path: False)
        if not os.path.exists(at("of")):  # no other cluster's
            drop_wheels()
            unlink(at("installed.json"))
            unlink(at("lock"))
    for folder in (base(), os.path.dirname(base())):
        with suppress(OSError):
            os.rmdir(folder)
    return {}


def relay(data: Data) -> object:
    """Reach a cluster's controller; after the answer bytes are carried between it and us."""
    global LINE
    LINE = reached(data["cluster"])
    if LINE is None:
        raise Again(f"the controller of cluster {data['cluster']!r} does not listen")
    return {}


def carry() -> None:
    """Carry bytes both ways, if a call left a line open, until either end has nothing more to say."""
    if LINE is None:
        return
    with LINE as line:
        while True:
            for end in select.select([0, line.fileno()], [], [])[0]:
                piece = os.read(0, PIECE_BYTES) if end == 0 else line.recv(PIECE_BYTES)
                if not piece:
                    return
                if end == 0:
                    line.sendall(piece)
                else:
                    sys.stdout.buffer.write(piece)
                    sys.stdout.buffer.flush()


def of_cluster(cluster: str, name: str) -> str:
    """Return the path of a file of a cluster's controller."""
    if not CLUSTER.fullmatch(cluster):
        raise No(f"{cluster!r} is no name of a cluster")
    return os.path.join(os.path.dirname(base()), cluster, name)


def started_with(cluster: str) -> dict[str, Any]:
    """Return what a cluster's controller was last started with."""
    if not CLUSTER.fullmatch(cluster):
        raise No(f"{cluster!r} is no name of a cluster")
    return read_json(at("of", f"{cluster}.json"))


def reached(cluster: str) -> socket.socket | None:
    """Return a connection to a cluster's controller, or None."""
    path = of_cluster(cluster, "api.sock")
    if sys.platform == "win32":
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(path)
    except OSError:
        line.close()
        return None
    return line


def listens(cluster: str) -> bool:
    """Whether a cluster's controller answers."""
    if (line := reached(cluster)) is None:
        return False
    line.close()
    return True


def control(python: str, verb: str, cluster: str) -> None:
    """Have the command line of a runtime do something with a controller."""
    words = [python, "-P", "-m", "orchestrator", "controller", verb, cluster]
    done = run(words, SERVE_LIMIT_S, own_umask())
    if done.returncode:
        raise No(f"its controller: {last_line(done.stdout) or 'it says nothing'}")


def is_unused(path: str) -> bool:
    """Whether no controller was started with a runtime, and no node of this computer uses it."""
    with suppress(FileNotFoundError):
        for name in os.listdir(at("of")):
            if read_json(at("of", name)).get("runtime") == os.path.basename(path):
                return False
    around = glob.escape(os.path.dirname(base()))
    for user in glob.glob(os.path.join(around, "node*", "runtime", "*", "complete")):
        if str(read_json(user).get("python")).startswith(os.path.join(path, "")):
            return False
    return is_runtime(path)
