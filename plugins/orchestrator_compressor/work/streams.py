"""streams: make what stands beside pictures and sound: captions, chapters, small pictures."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

from orchestrator_compressor import captions, marks, scc, supplied, timecode
from orchestrator_compressor.beside import BURNED, FONTS, MADE_MARKS
from orchestrator_compressor.marks import Chapter, Cue, Marks, nanoseconds
from orchestrator_compressor.span import Span
from orchestrator_compressor.table import Table
from orchestrator_compressor.work import burned, closed, fingerprint, folder, prepare, shots
from orchestrator_compressor.work.assemble import read_table
from orchestrator_compressor.work.attempt import ask, write_whole
from orchestrator_compressor.work.trouble import Trouble

NEAR = marks.SECOND  #: a first caption may come so much before the timecode that it counts from


@dataclass(frozen=True, slots=True)
class Track:
    """One of captions, and what is made of it."""

    stream: int  #: of the source; below 0: in its pictures, or in a file
    path: str = ""  #: that file
    kind: str = ""  #: srt, vtt, scc, itt
    language: str = ""
    track: str = ""  #: name of the file that becomes a track
    stacked: bool = False  #: of which one cue is shown at a time
    sidecars: Sequence[str] = ()  #: names of files; their endings say what they are
    burned: Sequence[int] | None = None  #: width and height of the pictures they are burned into


@dataclass(frozen=True, slots=True)
class Streams:
    """What is asked."""

    source: str
    fingerprint: Mapping[str, object]
    ffmpeg: str
    zero: str = "0"  #: where the file begins, in seconds of the source's clock
    lead: str = "0"  #: of its first picture after that
    length: str | None = None  #: of a file without pictures, in seconds
    table: Mapping[str, str] | None = None
    span: Mapping[str, object] | None = None  #: the part of the source; None: all of it
    video: int | None = None  #: the stream of pictures
    rate: str | None = None  #: frames a second; None: not even
    first: str | None = None  #: timecode of the first picture
    tracks: Sequence[Mapping[str, object]] = ()
    chapters: Mapping[str, object] | None = None  #: path or list
    poster: Mapping[str, object] = field(default_factory=dict)
    thumbnails: Mapping[str, object] = field(default_factory=dict)
    sheet: Mapping[str, object] = field(default_factory=dict)


def run(_words: list[str]) -> dict[str, object]:
    """Make all of it, and return the hash of each file; of a folder, of all that is in it."""
    wanted = ask(Streams)
    fingerprint.check(wanted.source, wanted.fingerprint)
    times = _times(wanted)
    names: list[str] = []
    cues = {}
    for track in (Track(**cast("dict[str, object]", each)) for each in wanted.tracks):  # type: ignore[arg-type]
        found = _cues(wanted, track, times)
        names += _write(wanted, track, found, times)
        if track.track:
            kept = marks.stacked(found) if track.stacked else found
            cues[track.stream] = _moved(kept, Fraction(wanted.zero))
    if wanted.chapters or cues:
        made = Marks(cues=cues, chapters=_chapters(wanted, times))
        write_whole(Path(MADE_MARKS), marks.dump(made))
        names.append(MADE_MARKS)
    if times:
        names += shots.make(wanted.ffmpeg, times, wanted.poster, wanted.thumbnails, wanted.sheet)
    fingerprint.check(wanted.source, wanted.fingerprint)
    return {"files": {name: folder.digest(Path(name)) for name in names}}


def _times(wanted: Streams) -> Table | None:
    """Return when the pictures are shown that are within in and out points."""
    times = read_table(wanted.table) if wanted.table else None
    return Span.load(wanted.span).of(times) if times and wanted.span else times


def _end(wanted: Streams, times: Table | None) -> int | None:
    """Return when the film ends, in nanoseconds from its beginning; None: nobody knows."""
    if times:
        return nanoseconds(Fraction(wanted.lead) + times.duration)
    return nanoseconds(Fraction(wanted.length)) if wanted.length else None


def _cues(wanted: Streams, track: Track, times: Table | None) -> tuple[Cue, ...]:
    """Return the cues of a track by the clock of the file, within it."""
    end = _end(wanted, times)
    if track.path:
        found = _of_file(wanted, track)
    elif track.stream < 0:
        pairs = _pairs(wanted, times)
        found = tuple(
            _moved(closed.cues(wanted.ffmpeg, pairs, wanted.source), -Fraction(wanted.zero))
        )
    else:
        path = Path(f"stream{track.stream}.srt")
        prepare.text(wanted.ffmpeg, wanted.source, track.stream, path)
        found = _moved(closed.text_of(path, wanted.source), -Fraction(wanted.zero))
    return tuple(_within(found, end))


def _of_file(wanted: Streams, track: Track) -> tuple[Cue, ...]:
    data = _read(track.path)
    try:
        if track.kind == captions.SCC:
            pairs = scc.read(captions.text_of(data))
            found = closed.cues(wanted.ffmpeg, pairs, track.path)
        else:
            found = captions.read(track.kind, data)
    except ValueError as error:
        raise Trouble(f"{track.path}: {error}", final=True) from error
    if not found:
        raise Trouble(f"{track.path}: has no captions in it", final=True)
    if track.kind in {captions.SCC, captions.ITT}:
        return _moved(found, Fraction(wanted.lead) - _base(wanted, found[0], track.kind))
    return found


def _base(wanted: Streams, first: Cue, kind: str) -> Fraction:
    """Return the timecode, in seconds, that captions count from: the film's, or midnight."""
    if not wanted.first or not timecode.WORDS.fullmatch(wanted.first):
        return Fraction(0)
    rate = timecode.CAPTIONS_RATE if kind == captions.SCC else Fraction(wanted.rate or 0)
    if not rate:
        return Fraction(0)
    base = timecode.seconds(timecode.read(wanted.first), rate)
    return base if first.start >= nanoseconds(base) - NEAR else Fraction(0)


def _pairs(wanted: Streams, times: Table | None) -> tuple[scc.Pair, ...]:
    if wanted.video is None or times is None:
        raise Trouble(f"{wanted.source}: has no pictures, hence no captions in them", final=True)
    end = nanoseconds(_stop(times) * times.tb)
    return closed.pairs(wanted.source, wanted.video, end)


def _write(wanted: Streams, track: Track, found: tuple[Cue, ...], times: Table | None) -> list[str]:
    """Write the files of a track and return their names."""
    names = []
    for name in track.sidecars:
        kind = name.rpartition(".")[2]
        if kind == captions.SCC:
            data = _scc(wanted, track, times)
        else:
            data = captions.write(kind, found, track.language).encode()
        write_whole(Path(name), data)
        names.append(name)
    if track.track:
        kept = marks.stacked(found) if track.stacked else found
        write_whole(Path(track.track), captions.write(captions.SRT, kept).encode())
        names.append(track.track)
    if track.burned:
        width, height = track.burned
        burned.make(wanted.ffmpeg, _moved(found, Fraction(wanted.zero)), (width, height))
        names += [BURNED, FONTS]
    return names


def _scc(wanted: Streams, track: Track, times: Table | None) -> bytes:
    """Return closed captions as they are: a file's own, or what the pictures carry."""
    if track.path:
        return _read(track.path)
    found = closed.pairs(wanted.source, cast("int", wanted.video), None)
    if times and wanted.span:
        start, stop = (nanoseconds(at * times.tb) for at in (times.pts[0], _stop(times)))
        found = tuple(each for each in found if start <= each.time < stop)
    off = nanoseconds(Fraction(wanted.zero))
    return scc.write([replace(each, time=each.time - off) for each in found]).encode()


def _stop(times: Table) -> int:
    """Return when the last picture is no longer shown, in ticks."""
    return times.pts[-1] + times.last_duration


def _chapters(wanted: Streams, times: Table | None) -> tuple[Chapter, ...]:
    if not wanted.chapters:
        return ()
    path, end = str(wanted.chapters["path"]), _end(wanted, times)
    if end is None:
        raise Trouble(
            f"{wanted.source}: nobody knows how long it is; chapters are left out", final=True
        )
    listed = cast("Sequence[Sequence[str]]", wanted.chapters["list"])
    asked = tuple((at, title) for at, title in listed)
    rate = Fraction(wanted.rate) if wanted.rate else None
    try:
        if path:
            asked = supplied.lines(captions.text_of(_read(path)))
        found = supplied.chapters(asked, end, rate, wanted.first, Fraction(wanted.lead))
    except ValueError as error:
        raise Trouble(f"{path}: {error}" if path else str(error), final=True) from error
    off = nanoseconds(Fraction(wanted.zero))
    return tuple(replace(c, start=c.start + off, end=c.end + off) for c in found)


def _moved(found: Sequence[Cue], by: Fraction) -> tuple[Cue, ...]:
    return tuple(marks.shifted(found, -by))


def _within(found: Sequence[Cue], end: int | None) -> list[Cue]:
    """Return what is shown of cues between the beginning and the end of the film."""
    kept = []
    for cue in found:
        start, stop = max(0, cue.start), cue.end or cue.start
        stop = stop if end is None else min(stop, end)
        if start < stop:
            kept.append(replace(cue, start=start, end=stop))
    return kept


def _read(path: str) -> bytes:
    """Return what is in a file; a pipe or a device is never opened (T06)."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise Trouble(f"{path}: is no regular file; name another", final=True)
        with open(path, "rb") as file:
            return file.read(captions.BYTES_MAX + 1)
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}; put it there, or name another") from error
