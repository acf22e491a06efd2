"""probe: index a source once, say what it is, and whether its outputs have a place to go."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api import Cause
from orchestrator_compressor import sequences, span, table
from orchestrator_compressor.span import Span
from orchestrator_compressor.work import (
    fingerprint,
    images,
    index,
    look,
    media,
    others,
    props,
    reference,
    scenes,
    stills,
)
from orchestrator_compressor.work.attempt import ask, write_whole
from orchestrator_compressor.work.follow import follow
from orchestrator_compressor.work.sound import begins as sound_begins
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

INDEX = "index.bin"
SHORT_S = 1  #: by so much less than it tells of, a sound is suspicious
#: Formats whose header tells the duration of the sound to the sample; elsewhere it is a guess.
TOLD = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "wav", "flac", "aiff"})


@dataclass(frozen=True, slots=True)
class Probe:
    """What is asked."""

    source: str
    ffmpeg: str
    mode: str = "packets"  #: packets | decoder
    stream: int | None = None  #: of the file; None: its first video that is no attached picture
    destinations: Sequence[str] = ()  #: those whose paths are known before the probe
    video_wanted: bool = True
    origin: str = ""  #: where the source stands, if it is a copy
    refers: Sequence[str] = ()  #: files that its media stand in, where that is known already
    named: Sequence[str] = ()  #: … and how these are called where they are no copies
    scenes: str = "never"  #: auto | always | never: whether scene changes are looked for
    props: Sequence[Sequence[str]] = ()  #: kind and path of files that settings name
    rate: str | None = None  #: of a sequence of images; None: the source is a file
    points: Sequence[str | int | None] = (None, None)  #: in and out, as people wrote them


def run(_words: list[str]) -> dict[str, object]:
    """Probe, and return the facts; the table is written to ``index.bin``."""
    wanted = ask(Probe)
    media.listen()
    if wanted.rate:
        return {**_sequence(wanted), **_props(wanted), "existing": _existing(wanted)}
    _check_name(wanted)
    before = fingerprint.take(wanted.source)
    found = reference.find(wanted.source, wanted.origin or wanted.source, wanted.refers)
    about: dict[str, object] = {"fingerprint": before, "path": wanted.source}
    about |= _props(wanted)
    if found:
        about["refers"] = list(wanted.named if wanted.refers else found.files)
        if found.absent:
            return {**about, "absent": True, "missing": list(found.absent)}
        about["stamps"] = [reference.stamp(path) for path in found.files]
        follow(wanted.source, found)
    facts = _facts(wanted)
    fingerprint.check(wanted.source, before)
    existing = _existing(wanted)
    return {**about, **facts, "existing": existing}


def _props(wanted: Probe) -> dict[str, object]:
    """Return the digests of the files that settings name, if they name any."""
    digests = [props.look(kind, path) for kind, path in wanted.props]
    return {"props": digests} if digests else {}


def _sequence(wanted: Probe) -> dict[str, object]:
    """Return the facts of a sequence of images; each is looked at, because ffmpeg would not mind."""
    begin, until = wanted.points
    rate = Fraction(str(wanted.rate))
    found = images.meant(wanted.source, (begin, until), rate)
    before = images.fingerprint(wanted.source, found.first, found.count)
    images.check(wanted.source, found)
    pattern = sequences.pattern(wanted.source)
    assert pattern  # else it was not listed
    data = table.dump(found.table)
    write_whole(Path(INDEX), data)
    with stills.opened(pattern.path(found.first)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        seen = {**media.picture(stream), "field_order": "progressive", "pix_fmt": frame.format.name}
        container_format = container.format.name
    fingerprint.check(wanted.source, before)
    told = {"first": found.first, "count": found.count, "rate": str(found.rate)}
    return {
        "path": wanted.source,
        "fingerprint": before,
        "images": told,
        "format": container_format,
        "video": {
            **seen,
            **{"index": 0, "tb": str(1 / found.rate), "start": "0", "rotation": 0},
            **{"frames": found.count, "rate": str(found.rate), "constant": True},
            **{"first": 0, "last_duration": 1, "gop": 1, "keyframes": found.count},
            **{"intra": True, "rising": True, "duration_s": float(found.count / found.rate)},
            "bit_rate": int(8 * int(str(before["size"])) * found.rate / found.count),
        },
        "audio": [],
        "table": {"file": INDEX, "sha256": hashlib.sha256(data).hexdigest(), "mode": wanted.mode},
    }


def _check_name(wanted: Probe) -> None:
    """Raise Trouble, final, for the pattern of a sequence where nobody said that it is one."""
    if sequences.pattern(wanted.source) and not images.there(wanted.source):
        raise Trouble(
            f"{wanted.source}: there is no such file; if it is an image sequence, say its frame "
            "rate: rate: 24 beside source",
            Cause.SOURCE,
            final=True,
        )


def _facts(wanted: Probe) -> dict[str, object]:
    with media.opened(wanted.source) as container:
        video = _video(container, wanted)
        sound = list(container.streams.audio)
        seen = index.read(container, video, [*sound, *container.streams.subtitles])
        # without a packet it is none: the media of a reference movie are in another file
        heard = [stream for stream in sound if stream.index in seen.heard]
        begins = [sound_begins(wanted.source, sound.index(each)) for each in heard]
        is_told = container.format.name in TOLD
        facts: dict[str, Any] = {  # JSON, on its way out
            "format": container.format.name,
            "start_us": container.start_time or 0,
            "video": None,
            "audio": [
                _audio(each, seen, begin, is_told)
                for each, begin in zip(heard, begins, strict=True)
            ],
        }
        notes = _short(wanted.source, heard, seen)
        if video is not None:
            pictures, more = _video_facts(wanted, container, video, seen)
            facts |= pictures
            notes += more
        elif not heard:
            sentence = f"{wanted.source}: has neither picture nor sound"
            raise Trouble(sentence, Cause.SOURCE, final=True)
        part = _span(wanted, facts, media.timecode(container))
        facts |= others.facts(container, video, seen.cues, part)
        facts["notes"] = [*facts["notes"], *notes]
        facts |= {"span": part.dump()} if part else {}
    return facts


def _span(wanted: Probe, facts: dict[str, Any], timecode: str | None) -> Span | None:
    """Return the part that the in and out points mean; None: all of the source.

    Raises Trouble, final, for a point that is not in it.
    """
    begin, until = (None if each is None else str(each) for each in wanted.points)
    if begin is None and until is None:
        return None
    try:
        if facts["video"] is None:
            track = facts["audio"][0]
            start = Fraction(track["start"])
            return span.heard((begin, until), start, start + Fraction(track["duration_s"]))
        even = Fraction(facts["video"]["rate"]) if facts["video"]["constant"] else None
        times = table.load(Path(INDEX).read_bytes())
        return span.resolve((begin, until), times, rate=even, timecode=timecode)
    except ValueError as error:
        raise Trouble(f"{wanted.source}: {error}", Cause.SOURCE, final=True) from error


def _video(container: InputContainer, wanted: Probe) -> VideoStream | None:
    pictures = [stream for stream in container.streams.video if not media.is_cover(stream)]
    if wanted.stream is not None:
        pictures = [stream for stream in pictures if stream.index == wanted.stream]
    if pictures:
        return pictures[0]
    if wanted.video_wanted:
        which = "no video" if wanted.stream is None else f"no video stream {wanted.stream}"
        raise Trouble(
            f"{wanted.source}: has {which}; choose other outputs", Cause.SOURCE, final=True
        )
    return None


def _video_facts(
    wanted: Probe, container: InputContainer, video: VideoStream, seen: index.Seen
) -> tuple[dict[str, object], list[str]]:
    if not seen.times and not seen.timeless:
        raise Trouble(f"{wanted.source}: its video has no frames; copy it again", Cause.SOURCE)
    found, mode, notes = _table(wanted, container, video, seen)
    if wanted.scenes == "always" or (
        wanted.scenes == "auto" and found.duration <= scenes.LONGEST_S
    ):
        found = scenes.found(found, wanted.source, wanted.ffmpeg, video.index)
    data = table.dump(found)
    write_whole(Path(INDEX), data)
    rate, is_constant = index.rate(found, (video.guessed_rate, video.average_rate, video.base_rate))
    seconds = float(found.duration)
    facts = media.picture(video) | look.first_frame(wanted.source, video.index, wanted.ffmpeg)
    facts |= look.captions(wanted.source, video.index, media.codec(video))
    told = {
        "video": facts
        | {
            "index": video.index,
            "tb": str(found.tb),
            "start": str(found.pts[0] * found.tb),
            "first": found.pts[0],
            "frames": len(found.pts),
            "last_duration": found.last_duration,
            "gop": found.longest_gop,
            "keyframes": len(found.keys),
            "intra": len(found.keys) == len(found.pts),
            "rising": found.is_rising,
            "rate": f"{rate.numerator}/{rate.denominator}",
            "constant": is_constant,
            "grid": len({b - a for a, b in pairwise(found.pts)}) <= 1,
            "duration_s": seconds,
            "bit_rate": int(seen.bytes_read * 8 / seconds) if seconds else 0,
        },
        "table": {"file": INDEX, "sha256": hashlib.sha256(data).hexdigest(), "mode": mode},
    }
    return told, notes


def _table(
    wanted: Probe, container: InputContainer, video: VideoStream, seen: index.Seen
) -> tuple[table.Table, str, list[str]]:
    start_us = container.start_time or 0
    why = index.why_not(seen, container.format.name)
    if wanted.mode == "packets" and why is None and video.time_base is not None:
        return index.of_packets(seen, video.time_base, start_us), "packets", []
    found = index.of_decoder(wanted.source, wanted.ffmpeg, video, seen, start_us)
    why = why or "its packets and its frames disagree"
    notes = [f"{wanted.source}: indexed by decoding it once: {why}"]
    if not found.is_rising:
        notes.append(f"{wanted.source}: its times do not rise, so it is encoded as one segment")
    return found, "decoder", notes


def _audio(
    stream: AudioStream, seen: index.Seen, begins: Fraction | None, is_told: bool
) -> dict[str, object]:
    base = stream.time_base or Fraction(1, stream.rate)
    start = (stream.start_time or 0) * base
    end = seen.ends.get(stream.index, start)
    if stream.duration is not None and is_told:
        end = start + stream.duration * base
    if begins is not None and start < begins < end:  # else the headers are better
        start = begins
    return {
        "index": stream.index,
        "codec": media.codec(stream),
        "rate": stream.rate,
        "channels": stream.layout.nb_channels,
        "layout": stream.layout.name,
        "start": str(start),
        "sample_fmt": stream.format.name,
        "samples": round((end - start) * stream.rate) or None,
        "duration_s": float(end - start),
        "tb": str(base),
        **others.named(stream),
        **others.flags(stream),
    }


def _short(source: str, heard: Sequence[AudioStream], seen: index.Seen) -> list[str]:
    """Return a note where much less sound was read than the file itself tells of.

    It is no refusal: where an MP3 has no header of its own, its length is a guess.
    """
    notes = []
    for stream in heard:
        base = stream.time_base or Fraction(1, stream.rate)
        told = (stream.duration or 0) * base
        there = seen.ends.get(stream.index, Fraction(0)) - (stream.start_time or 0) * base
        if told - there > SHORT_S:
            notes.append(
                f"{source}: {float(there):.3f} s of the sound in stream {stream.index} are there, of "
                f"{float(told):.3f} s that it tells of; it may be truncated"
            )
    return notes


def _existing(wanted: Probe) -> dict[str, bool]:
    """Ask which destinations stand already; what that means, the plan decides.

    Raises Trouble, final, where nothing could be written: before an hour of encoding, not after.
    """
    for path in wanted.destinations:
        _check_folder(Path(path).parent)
    return {path: True for path in wanted.destinations if os.path.lexists(path)}


def _check_folder(folder: Path) -> None:
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if not nearest.is_dir():
        raise Trouble(f"{folder}: {nearest} is no folder; choose another destination", final=True)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise Trouble(
            f"{folder}: {nearest} cannot be written; give permission, or choose another destination",
            final=True,
        )
