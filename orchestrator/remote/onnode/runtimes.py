"""Runtimes: virtual environments made of wheels that were sent, one for each digest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from contextlib import suppress

from orchestrator.remote.onnode.computer import minor
from orchestrator.remote.onnode.files import empty, hash_of, read_json, write_json
from orchestrator.remote.onnode.owner import owned
from orchestrator.remote.onnode.places import alone, at
from orchestrator.remote.onnode.programs import run, trouble
from orchestrator.remote.onnode.question import Again, Data, No

BUILD_LIMIT_S = 540.0
PIECE_BYTES = 1 << 20

PIP_OPTIONS = (
    *("--isolated", "--no-index", "--no-deps", "--no-cache-dir", "--no-input", "--quiet"),
    *("--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"),
    "--no-compile",  # what is used is compiled when it is first used: half of the time
)
WHEEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*\.whl")
DIGEST = re.compile(r"[a-z0-9-]{1,64}")
PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"


def missing(data: Data) -> object:
    """Return which wheels are to be sent; none if the runtime is whole."""
    with alone():
        owned(data)
        if minor() != data["python"]:
            raise No(
                f"has Python {minor()} ({sys.executable}), the controller has {data['python']}; "
                f"install Python {data['python']} there"
            )
        if interpreter(data["digest"]):
            write_json(at("installed.json"), {"digest": data["digest"]})
            return {"done": True, "missing": []}
        os.makedirs(at("wheels"), exist_ok=True)
        lacks = [name for name, sha256 in data["wheels"].items() if hash_of(wheel(name)) != sha256]
        return {"done": False, "missing": lacks}


def put(data: Data) -> object:
    """Take wheels from stdin, one after the other."""
    for each in data["wheels"]:
        take_wheel(each)
    return {}


def take_wheel(data: Data) -> None:
    """Take one; Again if it does not come whole."""
    path, left, digest = wheel(data["name"]), int(data["size"]), hashlib.sha256()
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb") as file:
            while left:
                piece = os.read(0, min(left, PIECE_BYTES))
                if not piece:
                    raise Again(f"{data['name']} came only in part")
                file.write(piece)
                digest.update(piece)
                left -= len(piece)
        if digest.hexdigest() != data["sha256"]:
            raise Again(f"{data['name']} arrived damaged")
        os.replace(part, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)


def build(data: Data) -> object:
    """Make the runtime of the wheels; a half one of before is removed first."""
    with alone():
        owned(data)
        if not interpreter(data["digest"]):
            fill(runtime(data["digest"]), [wheel(name) for name in data["wheels"]])
        write_json(at("installed.json"), {"digest": data["digest"]})
    return {}


def adopt(data: Data) -> object:
    """Take an interpreter of this computer, with all that it has installed, for a runtime."""
    with alone():
        owned(data)
        folder = runtime(data["digest"])
        os.makedirs(folder, exist_ok=True)
        write_json(os.path.join(folder, "complete"), {"python": data["interpreter"]})
        write_json(at("installed.json"), {"digest": data["digest"]})
    return {}


def fill(folder: str, wheels: list[str]) -> None:
    """Make a virtual environment with these wheels, pip's among them."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    done = run([sys.executable, "-I", "-m", "venv", "--without-pip", folder], BUILD_LIMIT_S)
    if done.returncode:
        raise trouble("no virtual environment can be made (Debian: apt install python3-venv)", done)
    python = os.path.join(folder, PROGRAMS, "python")
    (pip,) = [path for path in wheels if os.path.basename(path).startswith("pip-")]
    done = run([python, f"{pip}/pip", "install", *PIP_OPTIONS, *wheels], BUILD_LIMIT_S)
    if done.returncode:
        raise trouble("the wheels cannot be installed", done)
    write_json(os.path.join(folder, "complete"), {"python": python})


def wheel(name: str) -> str:
    """Return where a wheel is kept."""
    if not WHEEL.fullmatch(name):
        raise No(f"{name!r} is no name of a wheel")
    return at("wheels", name)


def runtime(digest: str) -> str:
    """Return where a runtime is."""
    if not DIGEST.fullmatch(digest):
        raise No(f"{digest!r} is no name of a runtime")
    return at("runtime", digest)


def interpreter(digest: str) -> str:
    """Return the interpreter of a runtime; empty where it is not whole."""
    if not DIGEST.fullmatch(digest):
        return ""
    python = str(read_json(os.path.join(runtime(digest), "complete")).get("python", ""))
    return python if os.access(python, os.X_OK) else ""


def python_of(digest: str) -> str:
    """Return the interpreter of a runtime, or raise Again: it is installed anew."""
    python = interpreter(digest)
    if not python:
        raise Again("its runtime is not whole; it is installed again")
    return python


def is_runtime(path: str) -> bool:
    """Whether a folder is a virtual environment that we made, whole or half."""
    name = os.path.basename(path)
    made = ("complete", "pyvenv.cfg")
    is_ours = any(os.path.exists(os.path.join(path, each)) for each in made)
    return bool(DIGEST.fullmatch(name)) and (is_ours or not os.listdir(path))


def drop_wheels() -> None:
    """Remove the wheels that were sent."""
    empty(at("wheels"), lambda path: bool(WHEEL.fullmatch(os.path.basename(path))))
