"""The agent of a node, and a free node: looked for, started, ended, removed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import partial

from orchestrator.remote.onnode.computer import cores, memory, minor, own_address
from orchestrator.remote.onnode.files import empty, read_json, tail, unlink, write, write_json
from orchestrator.remote.onnode.owner import own, owned
from orchestrator.remote.onnode.places import alone, at, base
from orchestrator.remote.onnode.processes import boot_id, end, lives, wait_for
from orchestrator.remote.onnode.programs import clean, last_line, own_umask, run
from orchestrator.remote.onnode.question import Again, Data, No
from orchestrator.remote.onnode.running import agent, claims, runners
from orchestrator.remote.onnode.runtimes import drop_wheels, interpreter, is_runtime, python_of

START_WAIT_S = 12.0
STOP_GRACE_S = 5.0
KEYS_LIMIT_S = 12.0
LOG_KEEP_BYTES = 8 << 20

OURS = (
    *("owner.json", "installed.json", "started.json", "settings.json", "programs.json"),
    *("free.json", "service.key", "maker.key", "claim.json"),
)
LOGS = (
    *("agent.log", "agent.log.1", "agent.pid", "agent.lock", "current"),
    *("free.log", "free.log.1", "free.pid", "free.lock"),
)
TLS = ("ca.pem", "cert.pem", "key.pem", "own.pem")
MODULES = {"agent": "orchestrator.agent", "free": "orchestrator.agent.free"}


def ask(_: Data) -> object:
    """Look."""
    owner = read_json(at("owner.json"))
    running = agent()
    last = read_json(at("started.json"))
    current = str(read_json(at("installed.json")).get("digest", ""))
    digest = str(last.get("runtime", "")) if running else current
    return {
        "python": minor(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "boot": boot_id(),
        "address": own_address(os.environ.get("SSH_CONNECTION", "")),
        "cores": cores(),
        "memory_bytes": memory(),
        "runtime": digest if interpreter(digest) else "",
        "owner": str(owner.get("cluster", "")),
        "owner_id": str(owner.get("cluster_id", "")),
        "agent": bool(running),
        "settings": str(last.get("settings", "")),
        "live": runners(),
    }


def request(data: Data) -> object:
    """Return the node's certificate request; its key is made if it is missing."""
    with alone():
        owned(data)
        digest = str(read_json(at("installed.json")).get("digest", ""))
        words = [python_of(digest), "-m", "orchestrator.agent.keys", base(), data["name"]]
        done = run(words, KEYS_LIMIT_S)
        if done.returncode or "BEGIN CERTIFICATE REQUEST" not in done.stdout:
            raise No(f"cannot make its key: {last_line(done.stdout)}")
        return {"pem": done.stdout}


def wanted(data: Data) -> Data:
    """Return what an agent is told by from one that must be started anew."""
    return {"settings": data["digest"], "runtime": data["runtime"]}


def runs_as(wants: Data) -> bool:
    """Whether the agent of this folder runs so; Again while it runs otherwise."""
    if not agent():
        return False
    if read_json(at("started.json")) != wants:
        raise Again("its agent still runs with other settings; it is stopped first")
    return True


def start(data: Data) -> object:
    """Start the agent, unless one runs with these settings in this runtime."""
    with alone():
        python = python_of(data["runtime"])
        own(data)
        if runs_as(wants := wanted(data)):
            return {"was": True}
        os.makedirs(at("tls"), mode=0o700, exist_ok=True)
        write(at("tls", "ca.pem"), data["authority"].encode())
        write(at("tls", "cert.pem"), data["certificate"].encode())
        write(at("settings.json"), data["settings"].encode())
        write_json(at("started.json"), wants)
        point(python)
        begin(python)
        tidy(data["runtime"])
    return {"was": False}


def free(data: Data) -> object:
    """Start a free node, unless one runs as is wanted; who has it meanwhile keeps it."""
    with alone():
        python = python_of(data["runtime"])
        own(data)
        if runs_as(wants := wanted(data)):
            return {"was": True}
        for name in ("service.key", "maker.key"):
            unlink(at(name))
            if data["keys"].get(name):
                write(at(name), data["keys"][name].encode())
        write(at("free.json"), data["settings"].encode())
        write_json(at("started.json"), wants)
        point(python)
        begin(python, "free")
        tidy(data["runtime"])
    return {"was": False}


def stop(data: Data) -> object:
    """End the agent; its runners go on.  The agent of a free node's claim goes on, too."""
    with alone():
        owned(data)
        end(agent, data["grace_s"])
    return {}


def remove(data: Data) -> object:
    """Remove what we made; what we did not stays, with its folder."""
    if not os.path.isdir(base()):
        return {}
    with alone():
        owned(data)
        if pid := agent():
            raise No(f"its agent still runs (process {pid}); stop it first")
        if live := runners():
            raise No(f"{len(live)} commands still run there, as {live[0]}; drain it first")
        for folder in claims():
            end(partial(lives, f"{folder}/agent.pid"), STOP_GRACE_S)
        for name in ("spool", "scratch", "clusters"):
            shutil.rmtree(at(name), ignore_errors=True)
        for name in (*OURS, *LOGS):
            unlink(at(name))
        empty(at("tls"), lambda path: os.path.basename(path) in TLS)
        drop_wheels()
        empty(at("runtime"), is_runtime)
        unlink(at("lock"))
    for folder in (base(), os.path.dirname(base())):
        with suppress(OSError):
            os.rmdir(folder)
    return {}


def log(data: Data) -> object:
    """Return the end of the agent's log, or of the free node's."""
    name = "free.log" if os.path.exists(at("free.json")) else "agent.log"
    return {"text": tail(at(name), data["limit"])}


def begin(python: str, kind: str = "agent") -> None:
    """Start the agent, or the free node, detached, and wait until it has said that it lives."""
    path = at(f"{kind}.log")
    with suppress(OSError):
        if os.path.getsize(path) > LOG_KEEP_BYTES:
            os.replace(path, f"{path}.1")
    with open(path, "ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            [python, "-m", MODULES[kind], base()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=clean(),
            start_new_session=True,
            umask=own_umask(),
        )
    wait_for(lambda: bool(agent()) or process.poll() is not None, START_WAIT_S)
    if agent():
        return
    if process.poll() is None:
        raise Again(f"its agent has not begun within {START_WAIT_S:g} s")
    why = last_line(tail(path, os.path.getsize(path) - before)) or "it says nothing"
    raise No(f"its agent ended at once (code {process.returncode}): {why}")


def point(python: str) -> None:
    """Let ``current`` lead to the runtime in use: a unit for start at boot names that."""
    link = at("current")
    unlink(f"{link}.part")
    os.symlink(os.path.dirname(os.path.dirname(python)), f"{link}.part")
    os.replace(f"{link}.part", link)


def tidy(digest: str) -> None:
    """Remove runtimes that nobody uses; runners of an earlier one may still need it."""
    if runners() or any(lives(f"{folder}/agent.pid") for folder in claims()):
        return
    empty(at("runtime"), lambda path: is_runtime(path) and os.path.basename(path) != digest)
