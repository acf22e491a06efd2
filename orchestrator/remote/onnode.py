"""What is done on a node, by the node's own Python: sent as text on stdin, nothing is installed.

Standard library only, Python 3.11 or newer; it knows nothing of this package.  The next line on
stdin says what to do, as JSON; the answer stands between two lines that nobody can guess.

Folder of a node, ``orchestrator/node``, or another beside it as the question's ``folder`` says:
``owner.json``, ``wheels/``, ``runtime/<digest>/`` with ``complete`` in it,
``installed.json`` (the newest runtime), ``started.json`` (what the agent was last started with),
``settings.json``, ``tls/``, ``spool/``, ``scratch/``, ``agent.{log,pid,lock}``.  A free node has
``free.{json,log,pid,lock}``, ``{service,maker}.key``, ``claim.json`` and ``clusters/<id>/`` instead.

Folder of controllers, ``orchestrator/controller``: ``wheels/`` and ``runtime/`` alike, and
``of/<cluster>.json``, what each cluster's controller was last started with.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import platform
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

Data = Mapping[str, Any]  # JSON, as the controller sent it

LOCK_WAIT_S = 6.0
START_WAIT_S = 12.0
STEP_S = 0.05
BUILD_LIMIT_S = 540.0
KEYS_LIMIT_S = 12.0
SERVE_LIMIT_S = 90.0
LIVE_MAX = 1000
STOP_GRACE_S = 5.0
LOG_KEEP_BYTES = 8 << 20
PIECE_BYTES = 1 << 20
TAIL_BYTES = 4096

KEPT_ENV = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"),
    *("XDG_RUNTIME_DIR", "XDG_STATE_HOME"),
)
OURS = (
    *("owner.json", "installed.json", "started.json", "settings.json", "programs.json"),
    *("free.json", "service.key", "maker.key", "claim.json"),
)
LOGS = (
    *("agent.log", "agent.log.1", "agent.pid", "agent.lock", "current"),
    *("free.log", "free.log.1", "free.pid", "free.lock"),
)
TLS = ("ca.pem", "cert.pem", "key.pem", "own.pem")
PIP_OPTIONS = (
    *("--isolated", "--no-index", "--no-deps", "--no-cache-dir", "--no-input", "--quiet"),
    *("--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"),
    "--no-compile",  # what is used is compiled when it is first used: half of the time
)
WHEEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*\.whl")
DIGEST = re.compile(r"[a-z0-9-]{1,64}")
NAME = re.compile(r"controller|node([+][A-Za-z0-9._+-]{1,63})?")
CLUSTER = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
FULL = {errno.ENOSPC, errno.EDQUOT}

if sys.platform == "win32":
    KILL = signal.SIGTERM
    PROGRAMS = "Scripts"
else:
    KILL = signal.SIGKILL
    PROGRAMS = "bin"

PLAIN = {"LC_ALL": "C", "TZ": "UTC"}
"""Dates are in the same words for whoever asks, as in the agent's own."""

UMASK = 0o077
"""What the agent makes files with: the umask of the session that starts it."""

FOLDER = "node"
"""The node's folder: each agent on a machine has one, and each one owner."""

LINE: socket.socket | None = None
"""The controller between which and our stdin and stdout bytes are carried after the answer."""


class Again(Exception):
    """It does not work now; it may later."""


class No(Exception):
    """It will not work until a person has done something."""


# -- where things are


def base() -> str:
    """Return the node's folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "orchestrator", FOLDER)


def at(*names: str) -> str:
    """Return a path in the node's folder."""
    return os.path.join(base(), *names)


def read_json(path: str) -> dict[str, Any]:
    """Return what a file of ours says; nothing where it is missing or damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write(path: str, data: bytes) -> None:
    """Write a file whole, for its owner alone."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        raise


def write_json(path: str, data: object) -> None:
    """Write a file of ours."""
    write(path, json.dumps(data).encode())


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other controller or person does something here, and keep them out."""
    path, until = at("lock"), time.monotonic() + LOCK_WAIT_S
    while True:
        os.makedirs(base(), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take(descriptor)
            if same_file(descriptor, path):
                break
        except (BlockingIOError, PermissionError):  # Windows says the second
            if time.monotonic() > until:
                os.close(descriptor)
                raise Again("something else is being installed or started there") from None
            time.sleep(STEP_S)
        os.close(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)


def take(descriptor: int) -> None:
    """Lock an open file until it is closed; OSError if another has it."""
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def same_file(descriptor: int, path: str) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


# -- which process is meant: pid, start time, boot id, as the agent and its runners write it


def boot_id() -> str:
    """Return the name of this boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return boot_of_macos(said)


def boot_of_macos(said: Callable[[list[str]], str]) -> str:
    """Return it as macOS tells it; where it has no name for it, when it was."""
    return said(["sysctl", "-n", "kern.bootsessionuuid"]) or said(["sysctl", "-n", "kern.boottime"])


def started_at(pid: int) -> str:
    """Return when a live process started, in the system's words; empty: there is none."""
    return start_by_proc(pid) if os.path.isdir("/proc/self") else start_by_ps(pid)


def start_by_ps(pid: int) -> str:
    """Ask a system without /proc."""
    state, _, start = said(["ps", "-o", "state=,lstart=", "-p", str(pid)]).partition(" ")
    return "" if state.startswith("Z") else start.strip()


def start_by_proc(pid: int) -> str:
    """Ask Linux."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


def said(words: list[str]) -> str:
    """Return what a small program of the system prints."""
    with suppress(OSError, subprocess.SubprocessError):
        env = {**os.environ, **PLAIN}
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=5, check=False, env=env
        )
        return done.stdout.strip()
    return ""


def lives(path: str) -> int:
    """Return the pid of the process that a file describes if it still runs, else 0."""
    marked = read_json(path)
    pid = marked.get("pid")
    if not isinstance(pid, int) or pid <= 0 or marked.get("boot") != boot_id():
        return 0
    return pid if started_at(pid) == marked.get("start") != "" else 0


def agent() -> int:
    """Return the pid of the agent, or of the free node, or 0."""
    return lives(at("agent.pid")) or lives(at("free.pid"))


def claims() -> list[str]:
    """Return the folders of the clusters that a free node has, or had."""
    try:
        return [at("clusters", name) for name in os.listdir(at("clusters"))]
    except OSError:
        return []


def runners() -> list[str]:
    """Return the attempts whose runner lives."""
    found = []
    for base_of in (base(), *claims()):
        with suppress(OSError), os.scandir(f"{base_of}/spool/attempts") as entries:
            for entry in entries:
                folder = entry.path
                if not os.path.exists(f"{folder}/exit.json") and lives(f"{folder}/pid.json"):
                    found.append(entry.name)
    return sorted(found)[:LIVE_MAX]


# -- what is asked for


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


def start(data: Data) -> object:
    """Start the agent, unless one runs with these settings in this runtime."""
    with alone():
        python = python_of(data["runtime"])
        own(data)
        wants = {"settings": data["digest"], "runtime": data["runtime"]}
        if agent():
            if read_json(at("started.json")) == wants:
                return {"was": True}
            raise Again("its agent still runs with other settings; it is stopped first")
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
        wants = {"settings": data["digest"], "runtime": data["runtime"]}
        if agent():
            if read_json(at("started.json")) == wants:
                return {"was": True}
            raise Again("it still runs with other settings; it is stopped first")
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


def end(running: Callable[[], int], grace_s: float) -> None:
    """End a process of ours, if it runs."""
    if not (pid := running()):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not wait_for(lambda: not running(), grace_s):
        with suppress(ProcessLookupError):
            os.kill(pid, KILL)
        if not wait_for(lambda: not running(), STEP_S * 100):
            raise Again(f"its agent (process {pid}) cannot be ended; it hangs in the system")


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
        empty(at("wheels"), lambda path: bool(WHEEL.fullmatch(os.path.basename(path))))
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


# -- what is asked for where controllers run


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
            empty(at("wheels"), lambda path: bool(WHEEL.fullmatch(os.path.basename(path))))
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


# -- how it is done


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
    done = run(words, SERVE_LIMIT_S, UMASK)
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


def carry(line: socket.socket) -> None:
    """Carry bytes both ways until either end has nothing more to say."""
    with line:
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


def owned(data: Data) -> None:
    """Raise No if the machine belongs to another cluster."""
    owner = read_json(at("owner.json"))
    mine = data.get("cluster_id", "")
    if owner and mine and owner.get("cluster_id") != mine:
        raise No(
            f"belongs to cluster {owner.get('cluster')!r}; take it out of that cluster's manifest "
            "and apply that, or name another machine"
        )


def own(data: Data) -> None:
    """Make the machine the cluster's, or raise No; of two at once, one wins."""
    part = at(f"owner.json.{os.getpid()}")
    write_json(part, {"cluster": data["cluster"], "cluster_id": data["cluster_id"]})
    try:
        os.link(part, at("owner.json"))
    except FileExistsError:
        if not read_json(at("owner.json")):  # a power cut left it empty
            os.replace(part, at("owner.json"))
        owned(data)
    finally:
        unlink(part)


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


def trouble(what: str, done: subprocess.CompletedProcess[str]) -> Exception:
    """Return what is raised for a program that failed."""
    if os.strerror(errno.ENOSPC) in done.stdout:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return No(f"{what}: {last_line(done.stdout)}")


MODULES = {"agent": "orchestrator.agent", "free": "orchestrator.agent.free"}


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
            umask=UMASK,
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


def is_runtime(path: str) -> bool:
    """Whether a folder is a virtual environment that we made, whole or half."""
    name = os.path.basename(path)
    made = ("complete", "pyvenv.cfg")
    is_ours = any(os.path.exists(os.path.join(path, each)) for each in made)
    return bool(DIGEST.fullmatch(name)) and (is_ours or not os.listdir(path))


def empty(folder: str, ours: Callable[[str], bool]) -> None:
    """Remove what is ours in a folder, and the folder if nothing else is in it."""
    with suppress(OSError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                if ours(path):
                    shutil.rmtree(path, ignore_errors=True)
            elif ours(path.removesuffix(".part")):
                unlink(path)
        os.rmdir(folder)


def unlink(path: str) -> None:
    """Remove a file that need not be there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


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


def clean() -> dict[str, str]:
    """Return what of our environment may reach the agent: no secrets, no settings of Python's."""
    return {name: value for name, value in os.environ.items() if name in KEPT_ENV}


def run(words: list[str], limit_s: float, umask: int = -1) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output and its errors come as one text."""
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            env=clean(),
            cwd="/",
            umask=umask,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Again(f"{os.path.basename(words[0])} took more than {limit_s:g} s") from None


def hash_of(path: str) -> str:
    """Return a file's hash; empty where there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def tail(path: str, limit: int) -> str:
    """Return the end of a file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - max(0, limit)))
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text[-TAIL_BYTES:].splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    with suppress(ValueError, TypeError, KeyError):  # the agent's log has JSON lines
        last = str(json.loads(last)["message"])
    return last[:400]


def wait_for(true: Callable[[], bool], limit_s: float) -> bool:
    """Wait until something is so; whether it came to be."""
    until = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(STEP_S)
    return True


def own_address(connection: str) -> str:
    """Return our end of what sshd says of a connection: ``client port server port``."""
    words = connection.split()
    return words[2] if len(words) == 4 else ""


def minor() -> str:
    """Return the version of this Python, as ``3.11``."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def cores() -> int:
    """Return how many cores the system gives us."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Return the machine's memory in bytes; 0: not known."""
    if sys.platform == "win32":
        return 0
    with suppress(ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return memory_of_macos(said)


def memory_of_macos(said: Callable[[list[str]], str]) -> int:
    """Return it as macOS tells it; 0: it does not."""
    told = said(["sysctl", "-n", "hw.memsize"])
    return int(told) if told.isdecimal() else 0


CALLS: dict[str, Callable[[Data], object]] = {
    each.__name__: each
    for each in (
        *(ask, missing, put, build, adopt, request, start, free, stop, remove, log),
        *(stands, serve, retire, relay),
    )
}


def answer(call: str, data: Data) -> dict[str, object]:
    """Return what came of a call."""
    global FOLDER
    FOLDER = str(data.get("folder", FOLDER))
    if not NAME.fullmatch(FOLDER):
        return {"no": f"{FOLDER!r} is no name of a node's folder"}
    try:
        return {"is": CALLS[call](data)}
    except Again as error:
        return {"again": str(error)}
    except No as error:
        return {"no": str(error)}
    except OSError as error:
        if error.errno in FULL:
            return {"again": f"no space is left in {base()}; free some, it goes on by itself"}
        return {"no": f"{error.filename or base()}: {error.strerror or error}"}


def main() -> None:
    """Do what the next line on stdin says."""
    global UMASK
    UMASK = os.umask(0o077)
    with os.fdopen(os.dup(0), "rb", 0) as lines:
        told = json.loads(lines.readline().decode())
    text = json.dumps(answer(told["call"], told["data"]))
    sys.stdout.buffer.write(f"\n{told['mark']}\n{text}\n{told['mark']}\n".encode())
    sys.stdout.buffer.flush()
    if LINE is not None:
        carry(LINE)
