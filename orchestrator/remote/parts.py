"""Which distributions a node's part consists of, in exactly the versions that are installed here."""

from __future__ import annotations

import importlib.metadata as metadata
import platform as machine
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from orchestrator.errors import Refusal
from orchestrator.installed import entry_points

OURS = "media-orchestrator"
GROUP = "orchestrator"
"""Entry points of plugins."""

ROOTS = (
    "av",
    "cryptography",
    "distributed",
    "fabric",
    "font-lato",
    "imageio-ffmpeg",
    "packaging",
    "pluggy",
    "psutil",
    "tzlocal",
    "zeroconf",
)
"""What of our own requirements a node needs: no web, no keyring, no manifests, no terminal."""

PIP = "pip"

_LINUX = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
_DARWIN = {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"}
_GLIBC = ("2_17", "2_5", "2_12", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35")
_MACOS = tuple(f"{major}_0" for major in range(11, 16))


@dataclass(frozen=True, slots=True)
class Target:
    """What a runtime is for."""

    platform: str  #: as ``linux-x86_64``
    python: str  #: as ``3.11``
    is_whole: bool = False  #: all that we are, for a controller; else the node's part
    shut: frozenset[str] = frozenset()  #: distributions of plugins that do not go there

    @property
    def tags(self) -> tuple[str, ...]:
        """The platforms that wheels for it may be called after, those that ask least first."""
        system, _, arch = self.platform.partition("-")
        if system == "linux":
            return (f"manylinux2014_{arch}", *(f"manylinux_{glibc}_{arch}" for glibc in _GLIBC))
        old = ("macosx_10_9_x86_64", "macosx_10_13_x86_64") if arch == "x86_64" else ()
        kinds = (arch, "universal2")
        return (*old, *(f"macosx_{each}_{kind}" for each in _MACOS for kind in kinds))

    @property
    def markers(self) -> Mapping[str, str]:
        """What requirements that depend on the machine are asked about."""
        system, _, arch = self.platform.partition("-")
        return {
            **(_LINUX if system == "linux" else _DARWIN),
            "platform_machine": arch,
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }

    @property
    def is_here(self) -> bool:
        """Whether what is installed here can be used there as it is."""
        return replace(self, is_whole=False, shut=frozenset()) == here()


def here() -> Target:
    """Return the target that this computer is."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Target(f"{sys.platform}-{machine.machine()}", minor)


def target(platform: str, python: str = "") -> Target:
    """Return the target called so; Refusal for a system that no node can have."""
    system, _, arch = platform.partition("-")
    if system not in {"linux", "darwin"} or not arch.replace("_", "").isalnum():
        raise Refusal(
            f"platform {platform!r}: not known; one is linux-x86_64, linux-aarch64, darwin-arm64 or darwin-x86_64"
        )
    return Target(platform, python or here().python)


def pins(wanted: Target) -> tuple[str, ...]:
    """Return what is wanted as ``name==version``, sorted, without ourselves and our plugins.

    A requirement that only the other system has, and that is not installed here, comes as its
    plain requirement.
    """
    ours = _needs(OURS, wanted) if wanted.is_whole else ROOTS
    theirs = plugins(wanted.shut)
    roots = [*ours, PIP, *(name for plugin in theirs for name in _needs(plugin, wanted))]
    known = {canonicalize_name(name) for name in (OURS, *theirs)}
    found: dict[str, str] = {}
    todo = [Requirement(text) for text in roots]
    asked: set[tuple[str, frozenset[str]]] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if name in known or key in asked:
            continue
        asked.add(key)
        try:
            found[name] = f"{name}=={metadata.version(name)}"
        except metadata.PackageNotFoundError:
            found[name] = f"{name}{requirement.specifier}"
            continue
        todo += [Requirement(text) for text in _needs(name, wanted, requirement.extras)]
    return tuple(found[name] for name in sorted(found))


def plugins(shut: Container[str] = ()) -> tuple[str, ...]:
    """Return the distributions of plugins that are not ours, but for those shut out, sorted."""
    points = entry_points(GROUP)
    names = {point.dist.name for point in points if point.dist is not None}
    return tuple(sorted(name for name in names - {OURS} if name not in shut))


def _needs(name: str, wanted: Target, extras: Iterable[str] = ()) -> Iterator[str]:
    """Yield what a distribution that is installed here requires there, markers taken off."""
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        environments = [{**wanted.markers, "extra": extra} for extra in ("", *extras)]
        if marker is None or any(marker.evaluate(dict(each)) for each in environments):
            requirement.marker = None
            yield str(requirement)
