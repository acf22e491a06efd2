"""Bytes to text: what is refused before any of it is read as YAML (T08)."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.manifest.finding import Finding, Place

SIZE_MAX_BYTES = 100 * 1024
DEPTH_MAX = 32

_BRACKETS = re.compile(rf"(?:[\[{{]\s*+){{{DEPTH_MAX}}}[\[{{]")
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


def load(path: Path) -> tuple[str, list[Finding]]:
    """Return the text of a file, or "" and why it is refused; reads at most 100 KiB of it."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return "", [_fault(str(path), "", f"cannot be read ({why}); check its name and rights")]
    return decode(str(path), content)


def decode(file: str, content: bytes) -> tuple[str, list[Finding]]:
    """Return `content` as text, or "" and why it is refused."""
    if len(content) > SIZE_MAX_BYTES:
        return "", [_fault(file, "", f"larger than {SIZE_MAX_BYTES} bytes; split it")]
    if content.startswith(b"\xef\xbb\xbf"):
        return "", [_fault(file, "", "begins with a byte order mark; save it as UTF-8 without one")]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        what = f"not UTF-8 (byte 0x{content[error.start]:02x}); save it as UTF-8"
        return "", [_fault(file, before, what)]
    faults = list(_traps(file, text))
    return ("", faults) if faults else (text, [])


def place_after(text: str) -> Place:
    """Return the place that follows `text`."""
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _traps(file: str, text: str) -> list[Finding]:
    if not text.strip():
        what = "nothing in it; a manifest begins with: apiVersion: orchestrator/v1"
        return [_fault(file, "", what)]
    if brackets := _BRACKETS.search(text):
        what = f"brackets nested deeper than {DEPTH_MAX}; flatten it"
        return [_fault(file, text[: brackets.end() - 1], what)]
    if control := _CONTROL.search(text):
        what = f"a control character (U+{ord(control[0]):04X}); remove it"
        return [_fault(file, text[: control.start()], what)]
    what = (
        "a git conflict that nobody has resolved; "
        "keep one side and remove the lines <<<<<<<, ======= and >>>>>>>"
    )
    conflicts = [mark for mark in _CONFLICT.finditer(text) if mark[0].startswith("<")]
    return [_fault(file, text[: mark.start()], what) for mark in conflicts[:10]]


def _fault(file: str, before: str, what: str) -> Finding:
    return Finding(file, place_after(before), f"document: {what}")
