"""A golden file: one test, as data.  What it does not compare, it leaves out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import OrchestratorError
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding, Place, refuse
from orchestrator.manifest.text import load
from orchestrator.manifest.tree import documents
from orchestrator.manifest.write import yaml_text
from orchestrator.testing.asking import Asked, answers
from orchestrator.testing.form import ANSWERS, form

SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file that was read; `str` is its name for a test's."""

    path: Path
    data: Mapping[str, Any]  #: as written, and fit by its form
    own: Mapping[str, Any] = field(default_factory=dict)  #: keys that the test itself understands

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    def says(self, files: Mapping[str, bytes] | None = None) -> dict[str, Any]:
        """Return all that the processor says of this case now.

        Raises AssertionError where it says something else when it is asked the same again, and
        PluginError where it raises or answers what is not promised.

        :param files: what the probe left beside its result, where that is no text
        """
        asked = Asked(name=self.path.stem, data=self.data, files=files or {})
        said, again = answers(asked), answers(asked)
        if differing := [key for key in ANSWERS if said.get(key) != again.get(key)]:
            raise AssertionError(
                f"{self.path}: asked twice the same, the processor gives two answers: "
                f"{', '.join(differing)}; after a restart the controller asks again"
            )
        return said

    def check(self, files: Mapping[str, bytes] | None = None) -> None:
        """Raise AssertionError, with the answers to paste, where the processor says otherwise."""
        __tracebackhide__ = True  # the text is enough
        try:
            said = self.says(files)
        except OrchestratorError as error:
            raise AssertionError(f"{self.path}: {error}") from error
        wanted = {key: self.data[key] for key in ANSWERS if key in self.data}
        wanted.setdefault("faults", {})
        if said["faults"]:  # then nothing else is said
            wanted = {"faults": wanted["faults"]}
        got = {key: _compared(key, wanted[key], said.get(key)) for key in wanted}
        differing = [key for key in wanted if _plain(key, wanted[key]) != _plain(key, got[key])]
        if differing:
            raise AssertionError(_told(self.path, differing, wanted, got))


def golden_cases(folder: Path | str, own: Iterable[str] = ()) -> list[Case]:
    """Return the cases below a folder, by name, each ``*.yaml`` file one.

    Raises ManifestError with every fault of every file, as ``file:line:column: key: what``, and for
    a folder without any: a test that tries nothing proves nothing.

    :param own: keys that only the test understands: they are found in `Case.own`
    """
    files = sorted(Path(folder).rglob(f"*{SUFFIX}"))
    if not files:
        refuse([Finding(str(folder), Place(), f"no file *{SUFFIX} below it; write the first case")])
    cases, faults = [], list[Finding]()
    for file in files:
        case, more = _read(file, tuple(own))
        faults += more
        cases.append(case)
    refuse(faults)
    return [case for case in cases if case]


def read_case(file: Path, own: Iterable[str] = ()) -> Case:
    """Return the case of one file; ManifestError with every fault of it."""
    case, faults = _read(file, tuple(own))
    refuse(faults)
    return cast("Case", case)


def _read(file: Path, own: tuple[str, ...]) -> tuple[Case | None, list[Finding]]:
    text, faults = load(file)
    found, more = documents(str(file), text) if text else ((), [])
    faults += more
    if faults:
        return None, faults
    if len(found) != 1:
        return None, [Finding(str(file), Place(), "a case is one document; split the file")]
    (document,) = found
    faults = [*check(document, (), form(own)), *_two_verdicts(document)]
    if faults:
        return None, faults
    data = cast("Mapping[str, Any]", document.data)
    mine = {key: data[key] for key in own if key in data}
    return Case(path=file, data=data, own=mine), []


def _two_verdicts(document: Document) -> Iterable[Finding]:
    """Yield verdicts that are none, or two at once."""
    listed = document.get("verdicts")
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        said = each.get("is") if isinstance(each, dict) else None
        if isinstance(said, dict):
            words = [word for word in ("reject", "again", "replan", "rework") if word in said]
            if len(words) != 1:
                what = "needs just one of reject, again, replan, rework"
                yield document.fault(("verdicts", index, "is"), what)


def _compared(key: str, wanted: Any, said: Any) -> Any:
    """Return of an answer what a file names: of commands and inputs, only some may stand there."""
    if key in ("commands", "inputs") and isinstance(said, dict):
        return {id: said[id] for id in wanted if id in said}
    return said


def _plain(key: str, value: Any) -> Any:
    """Return a value without what makes no difference: where a command's line is broken."""
    if key == "commands" and isinstance(value, dict):
        return {id: " ".join(str(text).split()) for id, text in value.items()}
    return value


def _told(
    path: Path, differing: list[str], wanted: Mapping[str, Any], got: Mapping[str, Any]
) -> str:
    told = {key: got[key] for key in differing if got[key] is not None}
    lines = [f"{path}: the processor says otherwise: {', '.join(differing)}"]
    for key in differing:
        before = yaml_text({key: _plain(key, wanted[key])}).splitlines()
        after = yaml_text({key: _plain(key, got[key])}).splitlines() if key in told else []
        changed = difflib.unified_diff(before, after, "the file", "the processor", lineterm="")
        lines += ["", *changed]
    if silent := [key for key in differing if key not in told]:
        lines += ["", f"to be removed, if that is right: {', '.join(silent)}"]
    if told:
        lines += ["", "to paste, if that is right:", "", yaml_text(told)]
    return "\n".join(lines)
