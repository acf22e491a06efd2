"""A runtime in small: what stands for the agent and for its maker of keys, for tests of `remote`."""

import base64
import hashlib
import json
import shlex
import sys
import zipfile

from orchestrator.model.node import AgentSettings
from orchestrator.remote.protocol import Runtime
from orchestrator.remote.repack import repack

KEYS = """\
import json, sys
print("-----BEGIN CERTIFICATE REQUEST-----")
print(json.dumps(sys.argv[1:]))
"""

AGENT = """\
import json, os, pathlib, signal, sys
folder = pathlib.Path(sys.argv[1])
settings = json.loads((folder / "settings.json").read_text())
if settings["node"] == "dies":
    sys.exit("no way to the scheduler")
if settings["node"] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
stat = pathlib.Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
(folder / "spool").mkdir(exist_ok=True)
(folder / "spool" / "environ.json").write_text(json.dumps(dict(os.environ)))
part = folder / "agent.pid.part"
part.write_text(json.dumps({"pid": os.getpid(), "start": stat[19].decode(), "boot": boot}))
part.rename(folder / "agent.pid")
print("ready", flush=True)
while True:
    signal.pause()
"""

FILES = {
    "orchestrator/__init__.py": "",
    "orchestrator/agent/__init__.py": "",
    "orchestrator/agent/__main__.py": AGENT,
    "orchestrator/agent/keys.py": KEYS,
}


def settings(**changes):
    """Return what an agent is started with."""
    said = {
        "node": "n1",
        "cluster": "studio",
        "cluster_id": "c1",
        "scheduler": "tls://127.0.0.1:1",
    }
    return AgentSettings(**(said | changes))


def wheels(folder):
    """Return a runtime of two wheels: the stub, and pip."""
    folder.mkdir(exist_ok=True)
    path = folder / "media_orchestrator-0-py3-none-any.whl"
    info = "media_orchestrator-0.dist-info"
    files = FILES | {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: media-orchestrator\nVersion: 0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(map(_row, files.items())))
    return Runtime(digest="0123456789abcdef", wheels=(path, repack("pip", folder)))


def place(node, digest="stub", is_current=True):
    """Put a runtime into a node's folder that needs no installation."""
    folder = node / "runtime" / digest
    for name, text in FILES.items():
        file = folder / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    python = folder / "python"
    files = shlex.quote(str(folder / "files"))
    python.write_text(f'#!/bin/sh\nPYTHONPATH={files} exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    (folder / "complete").write_text(json.dumps({"python": str(python)}))
    if is_current:
        (node / "installed.json").write_text(json.dumps({"digest": digest}))
    return folder


def _row(item):
    name, text = item
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(text.encode())}\n"
