"""TTML, which iTunes calls iTT, to cues: a strict reader of XML without entities or doctypes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from xml.parsers import expat

from orchestrator_compressor import timecode
from orchestrator_compressor.marks import Cue, nanoseconds

PARAMETER = "http://www.w3.org/ns/ttml#parameter"
DEPTH_MAX = 64
CLOCK = re.compile(r"(\d{2,3}):(\d\d):(\d\d)(?:\.(\d+)|[:;](\d{2,3}))?")
OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|m|s|ms|f|t)")
UNITS = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
TIMED = frozenset({"body", "div", "p", "span"})


@dataclass(slots=True)
class Reader:
    """What is known while a file is read."""

    nominal: int = 30
    rate: Fraction = Fraction(30)
    ticks: int = 1
    is_smpte: bool = False
    is_dropped: bool = False
    begins: list[Fraction] = field(default_factory=lambda: [Fraction(0)])
    cue: tuple[Fraction, Fraction] | None = None
    text: list[str] = field(default_factory=list)
    found: list[Cue] = field(default_factory=list)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Enter an element."""
        if len(self.begins) > DEPTH_MAX:
            raise ValueError(f"nests deeper than {DEPTH_MAX}")
        tag = name.rpartition(" ")[2]
        if tag == "tt":
            self._parameters(attributes)
        begin = self.begins[-1]
        if tag in TIMED and "begin" in attributes and self.cue is None:
            begin += self._time(attributes["begin"])
        self.begins.append(begin)
        if tag == "p" and "begin" in attributes:
            end = self._end(attributes, begin)
            self.cue, self.text = (begin, end), []
        elif tag == "br":
            self.text.append("\n")

    def end(self, name: str) -> None:
        """Leave it."""
        self.begins.pop()
        if name.rpartition(" ")[2] != "p" or self.cue is None:
            return
        lines = "".join(self.text).split("\n")
        text = "\n".join(filter(None, (" ".join(line.split()) for line in lines)))
        begin, end = self.cue
        self.found.append(Cue(start=nanoseconds(begin), end=nanoseconds(end), text=text))
        self.cue = None

    def data(self, text: str) -> None:
        """Take in text; a new line of the file is only space."""
        self.text.append(text.replace("\n", " "))

    def _parameters(self, attributes: Mapping[str, str]) -> None:
        def said(key: str, default: str) -> str:
            return attributes.get(f"{PARAMETER} {key}", default)

        self.nominal = int(said("frameRate", "30"))
        over, under = map(int, said("frameRateMultiplier", "1 1").replace(":", " ").split())
        self.ticks = int(said("tickRate", "1"))
        self.is_smpte = said("timeBase", "media") == "smpte"
        self.is_dropped = said("dropMode", "nonDrop") == "dropNTSC"
        if not 0 < self.nominal <= 1000 or min(over, under, self.ticks) <= 0:
            raise ValueError("has no sensible frame rate")
        self.rate = self.nominal * Fraction(over, under)

    def _end(self, attributes: Mapping[str, str], begin: Fraction) -> Fraction:
        if "dur" in attributes:
            return begin + self._time(attributes["dur"])
        if "end" not in attributes:
            raise ValueError(f"a caption at {float(begin):g} s has neither end nor dur")
        end = self.begins[-2] + self._time(attributes["end"])
        if end < begin:
            raise ValueError(f"a caption at {float(begin):g} s ends before it begins")
        return end

    def _time(self, text: str) -> Fraction:
        if hit := OFFSET.fullmatch(text):
            unit = UNITS | {"f": 1 / self.rate, "t": Fraction(1, self.ticks)}
            return Fraction(hit[1]) * unit[hit[2]]
        hit = CLOCK.fullmatch(text)
        if not hit:
            raise ValueError(f"{text[:40]!r} is no time")
        hours, minutes, seconds, frames = (int(hit[n] or 0) for n in (1, 2, 3, 5))
        whole = (hours * 60 + minutes) * 60 + seconds
        if hit[4]:
            return whole + Fraction(f"0.{hit[4]}")
        if not self.is_smpte:
            return whole + frames / self.rate
        code = timecode.Timecode(
            hours=hours, minutes=minutes, seconds=seconds, frames=frames, drop=self.is_dropped
        )
        return timecode.count(code, Fraction(self.nominal)) / self.rate


def read(text: str) -> Iterator[Cue]:
    """Yield the cues of a file.

    Raises ValueError for what is no TTML, and for a doctype or an entity of its own: these are how
    XML reads other files, and grows without end.
    """
    reader = Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    body = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)  # it was decoded already
    try:
        parser.Parse(body, True)  # noqa: FBT003  (expat takes no name here)
    except expat.ExpatError as error:
        raise ValueError(f"is no XML: {error}") from error
    yield from reader.found


def _refuse(*_: object) -> None:
    raise ValueError("has a doctype or an entity of its own; remove it")
