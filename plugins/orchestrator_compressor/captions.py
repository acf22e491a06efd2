"""Captions as text: SubRip, WebVTT and iTunes' TTML to cues and back.

Pure.  Times are nanoseconds from the beginning; of a cue's text only italics, bold and underline
are kept, as ``<i>``, ``<b>``, ``<u>``.  What a file says wrongly is a ValueError.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

from orchestrator_compressor import ttml
from orchestrator_compressor.marks import MILLISECOND, Cue

BYTES_MAX = 16 << 20  #: of a file of captions
CUES_MAX = 100_000
SRT = "srt"
VTT = "vtt"
SCC = "scc"
ITT = "itt"
KINDS: Mapping[str, str] = {
    **{".srt": SRT, ".vtt": VTT, ".scc": SCC},
    **{".itt": ITT, ".ttml": ITT, ".dfxp": ITT, ".xml": ITT},
}
"""Ending of a file of captions -> its kind."""

TIMES = re.compile(
    r"[ \t]*(?:(\d{1,3}):)?(\d{1,2}):(\d\d)[,.](\d{1,3})[ \t]+-->"
    r"[ \t]+(?:(\d{1,3}):)?(\d{1,2}):(\d\d)[,.](\d{1,3})(?:[ \t][^\n]*)?"
)
KEPT_TAG = re.compile(r"</?[ibu]>")
SRT_TAG = re.compile(r"</?font\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
VTT_TAG = re.compile(r"<[^<>]*>")
BLANK = re.compile(r"\n(?:[ \t]*\n)+")


class NoCaptions(ValueError):
    """A file that is read well, and has none."""

    def __init__(self) -> None:
        super().__init__("has no captions in it")


def text_of(data: bytes) -> str:
    """Return the text of a file of captions: UTF-8, or UTF-16 that says so.

    Raises ValueError for other encodings, for control characters, and for more than 16 MiB.
    """
    if len(data) > BYTES_MAX:
        raise ValueError(f"has {len(data)} bytes; at most {BYTES_MAX} are read")
    is_wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    try:
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise ValueError("has a NUL in it; it is no file of captions")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(kind: str, data: bytes) -> tuple[Cue, ...]:
    """Return the cues of a file of text, in order of time; SCC is none: see `scc`."""
    text = text_of(data)
    readers: Mapping[str, Callable[[str], Iterable[Cue]]] = {SRT: _srt, VTT: _vtt, ITT: ttml.read}
    found = sorted((c for c in readers[kind](text) if plain(c.text)), key=lambda cue: cue.start)
    if not found:
        raise NoCaptions
    if len(found) > CUES_MAX:
        raise ValueError(f"has {len(found)} captions; at most {CUES_MAX} are read")
    return tuple(found)


def write(kind: str, cues: Iterable[Cue], language: str = "") -> str:
    """Return cues, each with an end, as the text of a file: srt, vtt or itt."""
    if kind == VTT:
        return "WEBVTT\n\n" + "".join(
            f"{_clock(c.start, '.')} --> {_clock(c.end or 0, '.')}\n{_marked(c.text)}\n\n"
            for c in cues
        )
    if kind == ITT:
        return "".join(_itt(cues, language))
    return "".join(
        f"{n}\n{_clock(c.start, ',')} --> {_clock(c.end or 0, ',')}\n{c.text}\n\n"
        for n, c in enumerate(cues, start=1)
    )


def plain(text: str) -> str:
    """Return the text of a cue without its tags."""
    return KEPT_TAG.sub("", text).strip()


def bare(text: str) -> str:
    """Return a text of SubRip with no other tags than those that are kept, and no empty line."""
    lines = SRT_TAG.sub("", text).strip().split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())


def _srt(text: str) -> Iterator[Cue]:
    yield from _blocks(text, bare)


def _vtt(text: str) -> Iterator[Cue]:
    if not text.startswith("WEBVTT"):
        raise ValueError("does not begin with WEBVTT")
    yield from _blocks(text, _of_vtt)


def _blocks(text: str, cleaned: Callable[[str], str]) -> Iterator[Cue]:
    """Yield the cues of blocks with a line of times; others are headers, notes, styles."""
    for block in BLANK.split("\n" + text.strip() + "\n"):
        lines = block.strip("\n").split("\n")
        at = next((n for n, line in enumerate(lines[:2]) if "-->" in line), None)
        if at is None:
            continue
        hit = TIMES.fullmatch(lines[at])
        if not hit:
            raise ValueError(f"{lines[at][:80]!r} is no time of a caption")
        start, end = _time(*hit.groups()[:4]), _time(*hit.groups()[4:])
        if end < start:
            raise ValueError(f"{lines[at][:80]!r} ends before it begins")
        yield Cue(start=start, end=end, text=cleaned("\n".join(lines[at + 1 :])))


def _of_vtt(text: str) -> str:
    def tag(hit: re.Match[str]) -> str:
        return hit[0] if KEPT_TAG.fullmatch(hit[0]) else ""

    return bare(html.unescape(VTT_TAG.sub(tag, text)))


def _marked(text: str) -> str:
    """Return the text as WebVTT wants it: all but the tags escaped."""
    tags, rest = KEPT_TAG.findall(text), KEPT_TAG.split(text)
    return "".join(escape(a) + b for a, b in zip(rest, [*tags, ""], strict=True))


def _itt(cues: Iterable[Cue], language: str) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<tt xmlns="http://www.w3.org/ns/ttml" xml:lang={quoteattr(language)}>\n<body><div>\n'
    )
    for cue in cues:
        lines = "<br/>".join(escape(line) for line in plain(cue.text).split("\n"))
        times = f'begin="{_clock(cue.start, ".")}" end="{_clock(cue.end or 0, ".")}"'
        yield f"<p {times}>{lines}</p>\n"
    yield "</div></body>\n</tt>\n"


def _time(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 * MILLISECOND + int(fraction.ljust(3, "0")) * MILLISECOND


def _clock(time: int, point: str) -> str:
    seconds, thousandths = divmod(round(Fraction(time, MILLISECOND)), 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{point}{thousandths:03d}"
