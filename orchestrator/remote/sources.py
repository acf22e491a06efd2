"""Wheels of what is installed editable: built from a copy, so that the source tree stays as it is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.errors import Refusal
from orchestrator.remote.repack import installed

BUILD_LIMIT_S = 300.0
FILES_MAX = 20_000

_EPOCH = (
    "1700000000"  #: the time of every file in a wheel, so that the same source is the same wheel
)
_NOT_SOURCE = frozenset(
    {"__pycache__", "build", "demo", "dist", "docs", "examples", "node_modules", "test", "tests"}
)


def source_of(name: str) -> Path | None:
    """Return the folder that a distribution is installed from editable; None: it is a copy."""
    text = installed(name).read_text("direct_url.json")
    if not text:
        return None
    about = json.loads(text)
    url = urlsplit(str(about.get("url", "")))
    if not about.get("dir_info", {}).get("editable") or url.scheme != "file":
        return None
    return Path(unquote(url.path))


def stamp(source: Path) -> str:
    """Return what changes when a source file does; Refusal for a folder that is no source."""
    digest = hashlib.sha256()
    for path in _files(source):
        stat = path.stat()
        digest.update(f"{path.relative_to(source)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def build(name: str, source: Path, folder: Path) -> Path:
    """Build the wheel of a source folder into `folder`; Refusal with what the build said."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary, "source")
        for path in _files(source):
            to = copy / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
        before = set(folder.glob("*.whl"))
        done = _wheel(copy, folder)
        made = sorted(set(folder.glob("*.whl")) - before)
    if done.returncode or not made:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        why = lines[-1].strip()[:400] if lines else "it says nothing"
        raise Refusal(f"{name} in {source} cannot be built for nodes: {why}")
    return made[0]


def _wheel(copy: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build with what is installed here, so that no index is needed; else as the source asks."""
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-input"]
    words += ["--disable-pip-version-check", "--wheel-dir", str(folder)]
    done = _run([*words, "--no-build-isolation", str(copy)])
    return _run([*words, str(copy)]) if done.returncode else done


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_LIMIT_S,
            env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, f"no end after {BUILD_LIMIT_S:g} s")


def _files(source: Path) -> Iterator[Path]:
    """Yield the files that a build may need, in order: no hidden ones, no environments, no tests."""
    count = 0
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_source(here / name))
        for name in sorted(files):
            if name.startswith(".") or name.endswith((".pyc", ".whl")):
                continue
            count += 1
            if count > FILES_MAX:
                raise Refusal(
                    f"{source}: more than {FILES_MAX} files; is this the source of a plugin?"
                )
            if (here / name).is_file():
                yield here / name


def _is_source(folder: Path) -> bool:
    name = folder.name
    if name.startswith(".") or name in _NOT_SOURCE or name.endswith(".egg-info"):
        return False
    return not (folder / "pyvenv.cfg").exists()
