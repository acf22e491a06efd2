"""What this machine is: cores, memory, instances, and the programs that processors run."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import tzlocal

from orchestrator import __version__
from orchestrator.agent import versions
from orchestrator.agent.asking import ask
from orchestrator.agent.files import write_whole
from orchestrator.agent.versions import UNASKED
from orchestrator.model.codec import dump, load
from orchestrator.model.node import Identity, Program
from orchestrator.model.work import Service

CHECK_LIMIT_S = 60.0
CHECKS_AT_ONCE = 4
WAY = "{way}"
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
    is_behind: bool = False,
) -> Identity:
    """Return what this machine is and can do.

    `checks`: program -> words that find and try it, with ``{python}``, ``{path}`` and ``{way}``;
    `paths`: program -> where the user says it is; `instances`: service -> how many the user wants,
    where the rule of thumb is not wanted; `cache`: a file that remembers programs until they
    change; `is_behind`: it is an extended node: `programs_behind` asks for its programs later.
    """
    cores, memory_bytes = cores_here(), memory_here()
    return Identity(
        version=__version__,
        python=sys.executable,
        cores=cores,
        memory_bytes=memory_bytes,
        instances={**default_instances(cores, memory_bytes), **instances},
        programs=_unasked(checks) if is_behind else _programs(checks, paths, cache),
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
    known, fresh = _remembered(cache), {}
    path = os.environ.get("PATH", "")
    asked = {
        name: [__version__, *_filled(words, paths.get(name, "")), path]
        for name, words in checks.items()
    }
    found = {name: _unchanged(known.get(name), asked[name]) for name in checks}
    unknown = {name: asked[name][1:-1] for name, each in found.items() if each is None}
    absent = {name: why for name, check in unknown.items() if (why := versions.absent(check))}
    found |= {name: Program(name=name, path="", why=why) for name, why in absent.items()}
    found |= _checked({name: unknown[name] for name in unknown.keys() - absent.keys()})
    for name, program in found.items():
        if program and program.path:
            stamp = _stamp(program.path)
            fresh[name] = {"asked": asked[name], "stamp": stamp, "is": dump(program)}
    if fresh != known:
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_whole(cache, json.dumps(fresh, indent=1).encode())
    return tuple(program for program in found.values() if program)


def _unasked(checks: Mapping[str, Sequence[str]]) -> tuple[Program, ...]:
    return tuple(Program(name=name, path="", why=f"{name}: {UNASKED}") for name in checks)


def programs_behind(
    checks: Mapping[str, Sequence[str]], paths: Mapping[str, str], way: Sequence[str]
) -> tuple[Program, ...]:
    """Return the programs of the machine that the words of `way` lead to."""
    words = json.dumps([sys.executable if word == "{python}" else word for word in way])
    able = {name: check for name, check in checks.items() if WAY in check}
    able |= {name: _unversioned(name) for name in checks if name in paths and name not in able}
    found = _checked({n: _filled(check, paths.get(n, ""), words) for n, check in able.items()})
    missing = {
        name: Program(
            name=name,
            path="",
            why=f"it has no {name}: its plugin cannot look for it there; name it in `programs`",
        )
        for name in checks
        if name not in able
    }
    return tuple((found | missing)[name] for name in checks)


def _unversioned(name: str) -> tuple[str, ...]:
    """Return a check of a program whose path a person says, and whose plugin cannot look there."""
    return ("{python}", "-m", versions.MODULE, name, "{path}", "", WAY)


def _filled(words: Sequence[str], path: str, way: str = "") -> list[str]:
    return [
        way if word == WAY else word.replace("{python}", sys.executable).replace("{path}", path)
        for word in words
    ]


def _remembered(cache: Path) -> dict[str, object]:
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _unchanged(entry: object, asked: list[str]) -> Program | None:
    """Return the remembered program if neither the question nor the file has changed.

    Nor may another of its name have come before it on the path.
    """
    if not isinstance(entry, dict) or entry.get("asked") != asked:
        return None
    try:
        program = load(Program, entry["is"])
    except (KeyError, TypeError, ValueError):
        return None
    first = shutil.which(os.path.basename(program.path))
    is_first = first is None or os.path.abspath(first) == program.path
    return program if is_first and entry.get("stamp") == _stamp(program.path) else None


def _stamp(path: str) -> list[int]:
    """Return what changes when a file is replaced; nothing where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _checked(checks: Mapping[str, Sequence[str]]) -> dict[str, Program]:
    """Run checks, some at once: one that hangs keeps nobody waiting for longer than it does."""
    found: dict[str, Program] = {}
    room = threading.Semaphore(CHECKS_AT_ONCE)

    def check(name: str) -> None:
        with room:
            found[name] = _answered(name, checks[name])

    threads = [threading.Thread(target=check, args=(name,), daemon=True) for name in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _answered(name: str, words: Sequence[str]) -> Program:
    """Run a check; whatever it does instead of answering is the reason that is shown."""
    try:
        answer = ask(words, CHECK_LIMIT_S)
    except OSError as error:
        return Program(name=name, path="", why=f"its check cannot be run: {error.strerror}")
    if answer.is_late:
        return Program(name=name, path="", why=f"its check took more than {CHECK_LIMIT_S:g} s")
    try:
        return load(Program, {"path": "", **json.loads(answer.out), "name": name})
    except (ValueError, TypeError, RecursionError):
        last = answer.last[:_WHY_CHARS_MAX]
        why = f"its check ended with code {answer.code}" + (f": {last}" if last else "")
        return Program(name=name, path="", why=why)
