"""The wheelhouse: what is pushed to nodes, which need no package index and no internet.

``<platform>-<python>-<key>/`` holds other people's distributions that a node needs,
``whole-<platform>-…/`` those that a controller does, ``own-<key>/`` ours and plugins.
Keys follow from pins and from the source of what is installed editable: a folder that is there is
right, and whole.
"""

from __future__ import annotations

import hashlib
import importlib.metadata as metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import Refusal
from orchestrator.remote import parts
from orchestrator.remote.protocol import Runtime
from orchestrator.remote.repack import NotWhole, repack
from orchestrator.remote.sources import build, source_of, stamp

DOWNLOAD_LIMIT_S = 900.0
DIGEST_DIGITS = 16
PACKERS = 4
"""At a time: packing and hashing let other threads run, and each holds its largest file."""

Tell = Callable[[str], None]


def silent(_: str) -> None:
    """Tell nobody."""


def pins(platform: str = "", python: str = "") -> tuple[str, ...]:
    """Return the node's part in exact versions; empty arguments: as this computer."""
    return parts.pins(_target(platform, python))


def fill(
    folder: Path,
    platform: str = "",
    python: str = "",
    tell: Tell = silent,
    shut: Iterable[str] = (),
) -> Runtime:
    """Return the runtime for nodes of a platform, after getting what is missing of it.

    What is installed here is packed again for nodes of our own kind; for others it is downloaded.
    `shut`: distributions of plugins that do not go there.
    Raises Refusal, with what to do, where a wheel cannot be had.
    """
    return _filled(folder, replace(_target(platform, python), shut=frozenset(shut)), tell)


def fill_whole(
    folder: Path, platform: str = "", tell: Tell = silent, shut: Iterable[str] = ()
) -> Runtime:
    """Return the runtime for a controller on another computer; as `fill`, with all that we need."""
    wanted = replace(_target(platform, ""), is_whole=True, shut=frozenset(shut))
    return _filled(folder, wanted, tell)


def _filled(folder: Path, wanted: parts.Target, tell: Tell) -> Runtime:
    theirs, ours = _places(folder, wanted)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ThreadPoolExecutor(1) as beside:  # a build is a process of its own
        built = beside.submit(_made, ours, lambda part: _gather_ours(part, wanted, tell))
        _made(theirs, lambda part: _gather_theirs(part, wanted, tell))
        built.result()
    _drop_others(ours, "own-*")
    _drop_others(theirs, f"{_kind(wanted)}-*")
    return _runtime(theirs, ours)


def runtime_of(folder: Path, platform: str = "", python: str = "") -> Runtime:
    """Return the runtime for nodes of a platform; Refusal where the wheelhouse lacks it."""
    wanted = _target(platform, python)
    theirs, ours = _places(folder, wanted)
    if not (theirs.is_dir() and ours.is_dir()):
        raise Refusal(
            f"no wheels for nodes of {wanted.platform}; type: "
            f"orchestrator controller wheels --for {wanted.platform}"
        )
    return _runtime(theirs, ours)


def own_runtime() -> Runtime:
    """Return the runtime that is our own interpreter with what is installed: for this computer."""
    text = "\n".join((sys.executable, metadata.version(parts.OURS), *parts.pins(parts.here())))
    return Runtime(digest=f"own-{_short(text)}", wheels=())


def _target(platform: str, python: str) -> parts.Target:
    return parts.target(platform or parts.here().platform, python)


def _places(folder: Path, wanted: parts.Target) -> tuple[Path, Path]:
    """Return where the wheels of others and our own are, or will be."""
    theirs = _short("\n".join(parts.pins(wanted)))
    ours = _short("\n".join(map(_state, _own(wanted))))
    return folder / f"{_kind(wanted)}-{theirs}", folder / f"own-{ours}"


def _kind(wanted: parts.Target) -> str:
    return f"{'whole-' * wanted.is_whole}{wanted.platform}-{wanted.python}"


def _own(wanted: parts.Target) -> tuple[str, ...]:
    """Return the distributions that no index has to have: ourselves, and plugins."""
    return (parts.OURS, *parts.plugins(wanted.shut))


def _state(name: str) -> str:
    """Return what changes when a distribution does."""
    source = source_of(name)
    return f"{name}=={metadata.version(name)} {stamp(source) if source else ''}"


def _made(place: Path, make: Callable[[Path], None]) -> None:
    """Have `make` fill a new folder, which gets its name when it is whole; once is enough."""
    if place.is_dir():
        return
    part = Path(tempfile.mkdtemp(dir=place.parent, prefix=".part-"))
    try:
        make(part)
        part.rename(place)
    except OSError:
        if not place.is_dir():  # else another was quicker, and that is as good
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _gather_ours(part: Path, wanted: parts.Target, tell: Tell) -> None:
    for name in _own(wanted):
        source = source_of(name)
        if source is None:
            _repacked_or_refused(name, part)
        else:
            tell(f"building {name}")
            build(name, source, part)


def _gather_theirs(part: Path, wanted: parts.Target, tell: Tell) -> None:
    lacks: Sequence[str] = parts.pins(wanted)
    if wanted.is_here:
        tell(f"packing {len(lacks)} distributions that are installed here")
        with ThreadPoolExecutor(PACKERS) as pool:
            packed = pool.map(lambda pin: _repacked(pin.partition("==")[0], part), lacks)
            lacks = [pin for pin, is_packed in zip(lacks, packed, strict=True) if not is_packed]
    if lacks:
        tell(f"downloading {len(lacks)} wheels for {wanted.platform}, Python {wanted.python}")
        _download(lacks, wanted, part)


def _repacked(name: str, part: Path) -> bool:
    try:
        repack(name, part)
    except NotWhole:
        return False
    return True


def _repacked_or_refused(name: str, part: Path) -> None:
    try:
        wheel = repack(name, part)
    except NotWhole as error:
        raise Refusal(f"{name} cannot be packed for nodes: {error}; install it again") from error
    if not wheel.name.endswith("-none-any.whl"):
        raise Refusal(
            f"plugin {name} is compiled for this computer; nodes of other kinds need its source"
        )


def _download(pins: Sequence[str], wanted: parts.Target, part: Path) -> None:
    tags = [word for tag in wanted.tags for word in ("--platform", tag)]
    words = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
        *("--disable-pip-version-check", "--only-binary=:all:", "--no-deps"),
        *("--python-version", wanted.python, *tags, "--dest", str(part), "--", *pins),
    ]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refusal(
            f"wheels for {wanted.platform}: no end after {DOWNLOAD_LIMIT_S:g} s; is the package index reachable?"
        ) from None
    if done.returncode:
        raise Refusal(_no_wheels(wanted, done.stderr))


def _no_wheels(wanted: parts.Target, text: str) -> str:
    errors = [line for line in text.splitlines() if line.startswith("ERROR:")]
    why = errors[-1].removeprefix("ERROR:").strip()[:400] if errors else "pip says nothing"
    if "No module named pip" in text:
        return f"wheels for {wanted.platform}: pip is not installed here; type: {sys.executable} -m ensurepip"
    return (
        f"wheels for {wanted.platform}, Python {wanted.python}: {why}; is a package index reachable "
        "from here? If not, type the same where one is, and copy the folder `wheels`"
    )


def _drop_others(place: Path, pattern: str) -> None:
    for each in place.parent.glob(pattern):
        if each != place:
            shutil.rmtree(each, ignore_errors=True)


def _runtime(*places: Path) -> Runtime:
    wheels = tuple(sorted(wheel for place in places for wheel in place.glob("*.whl")))
    text = "\n".join(sorted(f"{wheel.name} {_sha256(wheel)}" for wheel in wheels))
    return Runtime(digest=_short(text), wheels=wheels)


def _sha256(wheel: Path) -> str:
    with wheel.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:DIGEST_DIGITS]
