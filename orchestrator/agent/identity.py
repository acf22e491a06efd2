"""What this machine is: cores, memory, instances, and the programs that processors run."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import tzlocal

from orchestrator import __version__
from orchestrator.agent.files import write_whole
from orchestrator.model.codec import dump, load
from orchestrator.model.node import Identity, Program
from orchestrator.model.work import Service

CHECK_LIMIT_S = 60.0
INSTANCE_BYTES = 2 * 10**9
"""Memory that one compressor instance is given (F-SVC-5)."""

_CGROUP = Path("/sys/fs/cgroup")
_WHY_CHARS_MAX = 400


def this_identity(
    checks: Mapping[str, Sequence[str]],
    *,
    paths: Mapping[str, str],
    instances: Mapping[str, int],
    cache: Path,
) -> Identity:
    """Return what this machine is and can do.

    `checks`: program -> words that find and try it, with ``{python}`` and ``{path}``; `paths`:
    program -> where the user says it is; `instances`: service -> how many the user wants, where
    the rule of thumb is not wanted; `cache`: a file that remembers programs until they change.
    """
    cores, memory_bytes = cores_here(), memory_here()
    return Identity(
        version=__version__,
        python=sys.executable,
        cores=cores,
        memory_bytes=memory_bytes,
        instances={**default_instances(cores, memory_bytes), **instances},
        programs=_programs(checks, paths, cache),
        timezone=own_zone(),
    )


def own_zone() -> str:
    """Return the time zone of this computer, as ``Europe/Berlin``; empty: it does not say."""
    try:
        return tzlocal.get_localzone_name() or ""
    except (LookupError, ValueError, OSError):  # its settings contradict each other
        return ""


def default_instances(cores: int, memory_bytes: int) -> dict[str, int]:
    """Return how many tasks of each service such a machine does at once (F-SVC-3, F-SVC-4)."""
    return {
        Service.COMPRESSOR.value: max(1, min(cores, memory_bytes // INSTANCE_BYTES)),
        Service.RENDER.value: max(1, cores),
    }


def cores_here(cgroup: Path = _CGROUP) -> int:
    """Return how many cores the system gives our process: affinity, container limits."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota, period = (
        _numbers(cgroup / "cpu.max")
        or (
            *_numbers(cgroup / "cpu" / "cpu.cfs_quota_us"),
            *_numbers(cgroup / "cpu" / "cpu.cfs_period_us"),
        )
        or (0, 0)
    )
    if quota > 0 and period > 0:
        cores = min(cores, math.ceil(quota / period))
    return max(1, cores)


def memory_here(cgroup: Path = _CGROUP) -> int:
    """Return how many bytes of memory we may use: the machine's, or the container's limit."""
    limits = _numbers(cgroup / "memory.max") or _numbers(
        cgroup / "memory" / "memory.limit_in_bytes"
    )
    return min([int(psutil.virtual_memory().total), *(limit for limit in limits if limit > 0)])


def _numbers(file: Path) -> tuple[int, ...]:
    """Return the numbers in a file of the kernel's; nothing where it says ``max`` or is missing."""
    try:
        return tuple(int(word) for word in file.read_text().split())
    except (OSError, ValueError):
        return ()


def _programs(
    checks: Mapping[str, Sequence[str]], paths: Mapping[str, str], cache: Path
) -> tuple[Program, ...]:
    known = _remembered(cache)
    found, fresh = [], {}
    for name, words in checks.items():
        asked = [__version__, *_filled(words, paths.get(name, "")), os.environ.get("PATH", "")]
        entry = known.get(name)
        program = _unchanged(entry, asked) or _checked(name, asked[1:-1])
        found.append(program)
        if program.path:
            fresh[name] = {"asked": asked, "stamp": _stamp(program.path), "is": dump(program)}
    if fresh != known:
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_whole(cache, json.dumps(fresh, indent=1).encode())
    return tuple(found)


def _filled(words: Sequence[str], path: str) -> list[str]:
    return [word.replace("{python}", sys.executable).replace("{path}", path) for word in words]


def _remembered(cache: Path) -> dict[str, object]:
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _unchanged(entry: object, asked: list[str]) -> Program | None:
    """Return the remembered program if neither the question nor the file has changed."""
    if not isinstance(entry, dict) or entry.get("asked") != asked:
        return None
    try:
        program = load(Program, entry["is"])
    except (KeyError, TypeError, ValueError):
        return None
    return program if entry.get("stamp") == _stamp(program.path) else None


def _stamp(path: str) -> list[int]:
    """Return what changes when a file is replaced; nothing where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _checked(name: str, words: list[str]) -> Program:
    """Run a check; whatever it does instead of answering is the reason that is shown."""
    try:
        answer = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CHECK_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Program(name=name, path="", why=f"its check took more than {CHECK_LIMIT_S:g} s")
    except OSError as error:
        return Program(name=name, path="", why=f"its check cannot be run: {error.strerror}")
    try:
        return load(Program, {"path": "", **json.loads(answer.stdout), "name": name})
    except (ValueError, TypeError):
        said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()
        last = said.rpartition("\n")[2][:_WHY_CHARS_MAX]
        why = f"its check ended with code {answer.returncode}" + (f": {last}" if last else "")
        return Program(name=name, path="", why=why)
