"""Text to plain data: one walk over the events of YAML, which stops at what is not read (T08).

Nothing is composed by the library: aliases, anchors, tags and depth are refused event by event,
so that a bomb is never built, and a large file is walked once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.manifest.finding import Document, Finding, Path, Place, shown_path
from orchestrator.manifest.scalar import resolve
from orchestrator.manifest.text import DEPTH_MAX

EVENTS_MAX = 20_000  # 100 KiB of an ordinary manifest have some 8000; bounds the time to answer

_SAYS = {
    "'<stream end>'": "the file ends too early; close the bracket or quote that is open",
    "mapping values are not allowed": "a ':' too many; quote the text, or end the key above with ':'",
    "could not find expected ':'": "a key without ':'; write key: value",
    "expected <block end>": "does not fit what stands above; check indentation and quotes",
    "found unexpected end of stream": "a quote that is never closed; close it",
    "while scanning a quoted scalar": "a quote that is never closed; close it",
    "expected ',' or": "a bracket that is never closed; close it, or quote text with brackets",
    "cannot start any token": "text cannot begin with this character; quote it",
    "expected the node content": "a value is missing or begins with a special character; quote it",
}
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_TAB = re.compile(r"^ *\t", re.MULTILINE)


class _Stop(Exception):
    """What stands here is never read, nor anything after it."""

    def __init__(self, mark: StreamMark, text: str) -> None:
        super().__init__(text)
        self.place = _place(mark)


def documents(file: str, text: str) -> tuple[tuple[Document, ...], list[Finding]]:
    """Return the documents in `text` up to the first fault of form, and every fault found.

    Values that are a fault stand in the data as text, and in `Document.refused`.
    """
    walk = _Walk(file, text)
    found: list[Document] = []
    try:
        found.extend(walk.documents())
    except _Stop as stop:
        walk.findings.append(Finding(file, stop.place, f"document: {stop}"))
    except MarkedYAMLError as error:
        walk.findings.append(_form_fault(file, text, error))
    except Exception as error:  # noqa: BLE001  # the reader's door: whatever goes wrong has a place
        what = f"cannot be read as YAML ({type(error).__name__}); look at the text around this line"
        walk.findings.append(Finding(file, walk.last, f"document: {what}"))
    if not found and not walk.findings:
        what = "nothing in it; a manifest begins with: apiVersion: orchestrator/v1"
        walk.findings.append(Finding(file, Place(), f"document: {what}"))
    return tuple(found), walk.findings


class _Walk:
    """The state of one walk: where we are, and what was wrong so far."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.last = Place()
        self._events: Iterator[Event] = iter(YAML(typ="safe", pure=True).parse(text))
        self._count = 0
        self._places: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}
        self._refused: set[Path] = set()

    def documents(self) -> Iterator[Document]:
        """Yield each document that holds something."""
        for event in self._events:
            self._count_in(event)
            if isinstance(event, DocumentStartEvent):
                _refuse_directives(event)
                self._places, self._keys, self._refused = {}, {}, set()
                data = self._value(self._next(), ())
                if data is not None:
                    yield Document(
                        file=self.file,
                        data=data,
                        places=self._places,
                        keys=self._keys,
                        refused=frozenset(self._refused),
                    )

    def _next(self) -> Event:
        event = next(self._events)
        self._count_in(event)
        anchor = str(getattr(event, "anchor", None) or "")[:60]
        if isinstance(event, AliasEvent):
            raise _Stop(event.start_mark, f"alias *{anchor} is not read; write it out")
        if anchor:
            raise _Stop(event.start_mark, f"anchor &{anchor} is not read; remove it")
        if tag := getattr(event, "tag", None):
            raise _Stop(event.start_mark, f"tag {str(tag)[:60]} is not read; remove it")
        return event

    def _count_in(self, event: Event) -> None:
        self._count += 1
        self.last = _place(event.start_mark)
        if self._count > EVENTS_MAX:
            raise _Stop(event.start_mark, f"more than {EVENTS_MAX} parts; split the file")

    def _value(self, event: Event, path: Path) -> object:
        self._places[path] = _place(event.start_mark)
        if len(path) >= DEPTH_MAX and not isinstance(event, ScalarEvent):
            raise _Stop(event.start_mark, f"nested deeper than {DEPTH_MAX}; flatten it")
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(cast("ScalarEvent", event), path)

    def _sequence(self, path: Path) -> list[object]:
        items: list[object] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(event, path)
            place = _place(event.start_mark)
            if first := self._keys.get((*path, key)):
                what = f"key {key[:60]!r} stands twice, first in line {first.line}; remove one"
                self._fault(place, path, what)
                self._refused.add((*path, key))
            self._keys.setdefault((*path, key), place)
            values.setdefault(key, self._value(self._next(), (*path, key)))
        return values

    def _key(self, event: Event, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            raise _Stop(event.start_mark, "a key must be text; quote text that begins with { or [")
        word, place = _joined(str(event.value)), _place(event.start_mark)
        if word == "<<" and not event.style:
            raise _Stop(event.start_mark, "merge key << is not read; write it out")
        try:
            _refuse_control(word)
            if not event.style and not isinstance(resolve(word), str):
                raise ValueError(f"key {word[:60] or 'nothing'} is not text; quote it")
        except ValueError as error:
            self._fault(place, path, str(error))
            self._refused.add((*path, word))
        return word

    def _scalar(self, event: ScalarEvent, path: Path) -> object:
        word = _joined(str(event.value))
        try:
            _refuse_control(word)
            return word if event.style else resolve(word)
        except ValueError as error:
            self._fault(_place(event.start_mark), path, str(error))
            self._refused.add(path)
            return word

    def _fault(self, place: Place, path: Path, text: str) -> None:
        self.findings.append(Finding(self.file, place, f"{shown_path(path)}: {text}"))


def _joined(word: str) -> str:
    """JSON is YAML: it may write a character beyond U+FFFF as two escaped halves."""
    return _HALVES.sub(lambda two: two[0].encode("utf-16", "surrogatepass").decode("utf-16"), word)


def _refuse_control(word: str) -> None:
    """Escapes in double quotes can write what the text itself may not hold."""
    if word.isprintable():
        return
    for char in word:
        if unicodedata.category(char) in {"Cc", "Cs"} and char not in "\t\n":
            raise ValueError(f"holds a control character (U+{ord(char):04X}); remove it")


def _refuse_directives(event: DocumentStartEvent) -> None:
    if event.tags or (event.version and tuple(event.version) != (1, 2)):
        raise _Stop(event.start_mark, "directives (%YAML, %TAG) are not read; remove them")


def _form_fault(file: str, text: str, error: MarkedYAMLError) -> Finding:
    mark = error.problem_mark or error.context_mark
    place = _place(mark) if mark else Place()
    above = "".join(text.splitlines(keepends=True)[: place.line])
    if tab := next(iter(_TAB.finditer(above)), None):
        at = Place(above.count("\n", 0, tab.end()) + 1, tab.end() - tab.start())
        return Finding(file, at, "document: a tab; indent with spaces")
    problem = " ".join(str(error.problem or error.context or "cannot be read").split())
    said = f"{error.context or ''} {problem}"
    says = next(
        (says for part, says in _SAYS.items() if part in said), f"not YAML: {problem[:200]}"
    )
    return Finding(file, place, f"document: {says}")


def _place(mark: StreamMark) -> Place:
    return Place(mark.line + 1, mark.column + 1)
