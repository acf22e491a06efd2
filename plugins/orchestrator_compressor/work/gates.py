"""The gates of a finished file, each a row of the report: what was wanted, what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

from orchestrator_compressor.table import Output
from orchestrator_compressor.work import child, media, sound
from orchestrator_compressor.work.trouble import Trouble

#: How far, in seconds, a container may move a time of ours; one that is not here: not at all.
ROUNDING = {
    "mkv": Fraction(1, 2000),
    "webm": Fraction(1, 2000),
    "ts": Fraction(1, 90000),
    "mpg": Fraction(1, 45000),
}
REPACKED = frozenset({"ts", "m2ts", "mpg", "mpeg", "vob"})  #: do not keep packets as they are
START_TOLERANCE = Fraction(1, 1000)  #: edit lists and Matroska count starts in milliseconds
RATE_TOLERANCE = Fraction(1, 10000)  #: Matroska keeps a frame's duration in whole nanoseconds
PRIMING_MAX = 4096  #: samples that any codec needs to get going
SOUND_TOLERANCE = 2048  #: samples: the padding of a codec, where a container forgets it


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One row of the report."""

    gate: str
    wanted: str
    found: str
    ok: bool
    number: float | None = None  #: what was found, where a report shows it as a figure

    @staticmethod
    def equal(name: str, wanted: object, found: object) -> Gate:
        """Return the gate that holds if both are equal."""
        return Gate(gate=name, wanted=str(wanted), found=str(found), ok=wanted == found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The picture of a finished file, as its packets tell it."""

    tb: Fraction
    pts: tuple[int, ...]  #: in display order
    end: int  #: of the last frame, in ticks
    payloads: tuple[str, ...]  #: the hash over the packets of each segment
    facts: Mapping[str, object]  #: what the headers say
    sizes: tuple[int, ...] = ()  #: bytes of each frame, in display order


def read_picture(path: Path, ranges: Sequence[tuple[int, int]]) -> Shown:
    """Read all packets of the first video once; `ranges` are the frames of the segments.

    Raises Trouble if there is no video, or a packet without a time.
    """
    shown = _first_frame(path)
    with media.opened(str(path)) as container:
        if not container.streams.video:
            raise Trouble(f"{path.name}: holds no video")
        stream = container.streams.video[0]
        lengths = iter([b - a for a, b in ranges])
        times: list[int] = []
        ends: list[int] = []
        sizes: list[int] = []
        hashes: list[str] = []
        left, payload = next(lengths, 0), hashlib.sha256()
        for packet in media.packets(container, stream):
            if packet.pts is None:
                raise Trouble(f"{path.name}: frame {len(times)} has no time")
            times.append(packet.pts)
            ends.append(packet.pts + (packet.duration or 0))
            sizes.append(packet.size)
            payload.update(packet)
            left -= 1
            if left == 0:
                hashes.append(payload.hexdigest())
                left, payload = next(lengths, 0), hashlib.sha256()
        facts = media.picture(stream) | {
            "tag": stream.codec_context.codec_tag,
            "rate": stream.average_rate,
            **shown,
            "timecode": media.timecode(container),
        }
        return Shown(
            tb=stream.time_base or Fraction(1),
            pts=tuple(sorted(times)),
            end=max(ends, default=0),
            payloads=tuple(hashes),
            facts=facts,
            sizes=tuple(size for _, size in sorted(zip(times, sizes, strict=True))),
        )


def _first_frame(path: Path) -> dict[str, object]:
    """Return what only a decoded frame tells: how far a player turns it, and whether it has fields."""
    with media.opened(str(path)) as container:
        if not container.streams.video:
            return {}
        frame = next(container.decode(container.streams.video[0]), None)
        if frame is None:
            return {"rotation": None, "interlaced": None}
        return {
            "rotation": int(frame.rotation) % 360,
            "interlaced": bool(frame.interlaced_frame),
        }


def times(shown: Shown, output: Output, container: str) -> Iterator[Gate]:
    """Yield the gates of number, time and duration of the frames.

    Exact as fractions where the container can be, else within half of its rounding step for each
    frame and without drift: all errors then lie within one step of each other.
    """
    yield Gate.equal("frames", len(output.pts), len(shown.pts))
    if len(shown.pts) != len(output.pts):
        return
    pairs = zip(shown.pts, output.expected, strict=True)
    errors = [(time - shown.pts[0]) * shown.tb - want * output.tb for time, want in pairs]
    allowed = ROUNDING.get(container, Fraction(0))
    spread = max(errors) - min(errors)
    yield Gate(
        gate="frame times",
        wanted=f"the plan's, each within {_ms(allowed)}" if allowed else "the plan's, exactly",
        found=f"errors spread over {_ms(spread)}",
        ok=spread <= 2 * allowed,
        number=float(spread * 1000),
    )
    length = (shown.end - shown.pts[0]) * shown.tb
    frame = max(output.last_duration * output.tb, output.duration / len(output.pts))
    off = abs(length - output.duration)
    yield Gate(
        gate="duration",
        wanted=f"{float(output.duration):.6f} s, within a frame",
        found=f"{float(length):.6f} s",
        ok=off <= frame + allowed,
    )


def payloads(shown: Shown, segments: Sequence[Mapping[str, object]]) -> Iterator[Gate]:
    """Yield the gate that every segment's packets stand in the file as they were accepted."""
    wanted = [str(segment["payload_sha256"]) for segment in segments]
    pairs = zip(segments, wanted, shown.payloads, strict=False)
    wrong = [str(segment["a"]) for segment, want, found in pairs if want != found]
    missing = len(wanted) - len(shown.payloads)
    yield Gate(
        gate="packets of the segments",
        wanted=f"all {len(wanted)} unchanged",
        found="unchanged"
        if not wrong and not missing
        else f"changed in those that begin at {', '.join(wrong) or '-'}; {missing} missing",
        ok=not wrong and not missing,
    )


def picture(shown: Shown, expect: Mapping[str, object], container: str) -> Iterator[Gate]:
    """Yield a gate for every fact of the picture that `expect` names."""
    named = cast("Mapping[str, object]", expect.get("video") or {})
    for key, wanted in named.items():
        if wanted is None or key not in shown.facts:
            continue
        found = shown.facts[key]
        if key == "field_order":
            found = found or "progressive"  # a header that does not tell means it
        if key == "rate":
            yield _rate(Fraction(str(wanted)), cast("Fraction | None", found), container)
        elif key == "sar":
            width = int(str(shown.facts["width"]))
            fits = media.is_shape(str(wanted), str(found), width, container)
            yield Gate(gate=key, wanted=str(wanted), found=str(found), ok=fits)
        else:
            yield Gate.equal(key, wanted, found)


def decodes(path: Path, ffmpeg: str, threads: int, frames: int) -> Iterator[Gate]:
    """Yield the gate that every frame of a repacked file can be decoded."""
    ended = child.run(child.decode_words(path, ffmpeg, threads), label="gate")
    found = f"{ended.frames}, {len(ended.tail)} complaints, code {ended.code}"
    is_fine = ended.frames == frames and not ended.tail and not ended.code
    yield Gate(
        gate="decoded frames", wanted=f"{frames}, 0 complaints, code 0", found=found, ok=is_fine
    )


def sounds(path: Path, expect: Mapping[str, object]) -> Iterator[Gate]:
    """Yield the gates of each sound stream: decoded to its end, with the samples it should have."""
    late = lateness(path, expect)
    for n, each in enumerate(_sounds(expect)):
        heard = sound.listen(path, n)
        facts = {"codec": heard.codec, "rate": heard.rate, "channels": heard.channels}
        for key, found in facts.items():
            if each.get(key) is not None:
                yield Gate.equal(f"{key} of sound {n}", each[key], found)
        if each.get("samples") is not None:
            wanted = int(str(each["samples"]))
            allowed = int(str(each.get("slack", SOUND_TOLERANCE)))
            yield Gate(
                gate=f"samples of sound {n}",
                wanted=f"{wanted}, within {allowed}",
                found=str(heard.samples),
                ok=abs(heard.samples - wanted) <= allowed,
            )
        if late is not None and each.get("start") is not None:
            yield _together(n, each, heard, late)


def _together(n: int, each: Mapping[str, object], heard: sound.Sound, late: Fraction) -> Gate:
    """Return the gate that sound and picture keep their distance.

    A sound that starts a little after the picture may have its silent priming shown before it: it
    then starts earlier and has as many samples more, so that what is heard stands where it should.
    """
    wanted = Fraction(str(each["start"]))
    lead = wanted - (heard.start - late)
    planned = each.get("samples")
    if lead > START_TOLERANCE and lead * heard.rate <= PRIMING_MAX:
        surplus = (
            lead if planned is None else Fraction(heard.samples - int(str(planned)), heard.rate)
        )
        lead -= surplus
    return Gate(
        gate=f"sound {n} against the picture",
        wanted=f"starts at {float(wanted):.6f} s, within {_ms(START_TOLERANCE)}",
        found=f"{float(wanted - lead):.6f} s",
        ok=abs(lead) <= START_TOLERANCE,
        number=float(-lead * 1000),
    )


def lateness(path: Path, expect: Mapping[str, object]) -> Fraction | None:
    """Return by how much the picture starts later than planned; None if no start is planned."""
    planned = cast("Mapping[str, object]", expect.get("video") or {}).get("start")
    with media.opened(str(path)) as container:
        videos = [each for each in container.streams.video if not media.is_cover(each)]
        if not videos:
            return Fraction(0)
        start = (videos[0].start_time or 0) * (videos[0].time_base or Fraction(1))
    return None if planned is None else start - Fraction(str(planned))


def _rate(wanted: Fraction, found: Fraction | None, container: str) -> Gate:
    allowed = wanted * RATE_TOLERANCE if container in ROUNDING else Fraction(0)
    is_fine = found is not None and abs(found - wanted) <= allowed
    return Gate(gate="frame rate", wanted=str(wanted), found=str(found), ok=is_fine)


def _sounds(expect: Mapping[str, object]) -> list[Mapping[str, object]]:
    named = cast("Mapping[str, object] | Iterable[Mapping[str, object]]", expect.get("audio") or ())
    return [named] if isinstance(named, Mapping) else list(named)


def _ms(seconds: Fraction) -> str:
    return f"{float(seconds * 1000):g} ms"
