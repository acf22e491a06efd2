"""Whether a version, as a program prints it, fits a condition of a job, as ``>=3.4,<4``."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version

ANY = ("", "*")
"""Conditions that every version fits, and what tells none."""

WANTED = '">=3.4", ">=3.4,<4", "==3.4.*" or "*" for any'

_OPERATOR = re.compile(r"(>=|<=|==|!=|~=|>|<)(.*)")
_VERSION = re.compile(
    r"[A-Za-z]*\s?(?P<numbers>[0-9]{1,18}(?:\.[0-9]{1,18}){0,9})(?![0-9])"  # n6.1.1, Blender 4.2.0, 3.7.0.10.unofficial
    r"(?:v(?P<release>[0-9]{1,9}))?"  # 16.5v3
    r"(?:[ ._-]?(?P<stage>alpha|beta|rc)[ ._-]?(?P<count>[0-9]{0,9}))?",
    re.IGNORECASE,
)


def fault(condition: str) -> str:
    """Return what is wrong with a condition, and what to write; empty: nothing."""
    try:
        _specifiers(condition)
    except ValueError:
        return f"{condition!r} is no condition on a version; write {WANTED}"
    return ""


def fits(version: str, condition: str) -> bool:
    """Whether a version fits; one that cannot be compared fits only where any does.

    Raises ValueError for what is no condition.
    """
    wanted = _specifiers(condition)
    known = comparable(version)
    return not str(wanted) or (known is not None and wanted.contains(known, prereleases=True))


def comparable(version: str) -> Version | None:
    """Return a version as it is compared; None: it says no number, or that of no release."""
    hit = _VERSION.match(version.strip())
    return Version(_plain(hit)) if hit else None


@lru_cache(1000)
def _specifiers(condition: str) -> SpecifierSet:
    if condition.strip() in ANY:
        return SpecifierSet("")
    try:
        return SpecifierSet(",".join(_clause(each.strip()) for each in condition.split(",")))
    except ValueError as error:
        raise ValueError(condition) from error


def _clause(text: str) -> str:
    """Return one comparison in the words of the library, its version as programs print theirs."""
    hit = _OPERATOR.fullmatch(text)
    if hit is None:
        raise ValueError(text)
    operator, rest = hit[1], hit[2].strip()
    plain = rest.removesuffix(".*")
    if (version := _VERSION.fullmatch(plain)) is None:
        raise ValueError(text)
    return f"{operator}{_plain(version)}{rest[len(plain) :]}"


def _plain(hit: re.Match[str]) -> str:
    release = f".{hit['release']}" if hit["release"] else ""
    stage = f"{hit['stage'].lower()}{hit['count'] or 0}" if hit["stage"] else ""
    return f"{hit['numbers']}{release}{stage}"
