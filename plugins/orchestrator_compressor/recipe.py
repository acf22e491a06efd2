"""Recipe R and its kin: the exact words of ffmpeg for a segment and for the sound.

``-ss`` only saves decoding, ``trim`` by whole ticks makes the cut; a source is opened as a file of
the format it was probed as and as nothing else (T04).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from orchestrator_compressor import hardware, mix, sequences
from orchestrator_compressor.encoders import Words, sound_words, video_words
from orchestrator_compressor.facts import Source
from orchestrator_compressor.product import Picture, Sound
from orchestrator_compressor.timing import CONFORM

QUIET = ("-hide_banner", "-nostdin", "-y")
TELL = ("-progress", "pipe:1", "-nostats")
BARE = ("-map_metadata", "-1", "-map_chapters", "-1")  #: a part carries nothing but its stream
SAR_MAX = 65535  #: without it, shapes of pixels are rounded to two digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an ffmpeg command works with."""

    ffmpeg: str  #: the program's path
    threads: int
    strict: bool = True  #: a source that cannot be decoded ends it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a segment is in its source, and which frames of what filters make of it are its own."""

    start: int  #: ticks of the first frame that is read
    end: int | None  #: ticks of the first frame after it; None: to the end, whatever comes
    tb: Fraction  #: seconds a tick behind the filters
    seek: tuple[str, ...] = ()  #: words that save decoding
    rate: Fraction | None = None  #: of an output whose frames stand on a grid; None: they do not
    inner: tuple[int, int | None] | None = None
    """First tick, and the one after the last, behind the filters; None: they saw no more than that."""

    def dump(self) -> dict[str, object]:
        """Return it as JSON data, for a task's arguments."""
        return {
            "start": self.start,
            "end": self.end,
            "tb": str(self.tb),
            "seek": list(self.seek),
            "rate": None if self.rate is None else str(self.rate),
            **({"inner": list(self.inner)} if self.inner else {}),
        }

    @classmethod
    def load(cls, data: Mapping[str, object]) -> Cut:
        """Return the cut that `dump` wrote."""
        end, rate = data["end"], data["rate"]
        inner = cast("Sequence[int | None]", data.get("inner", ()))
        return cls(
            start=cast("int", data["start"]),
            end=cast("int | None", end),
            tb=Fraction(str(data["tb"])),
            seek=tuple(map(str, cast("Sequence[str]", data["seek"]))),
            rate=None if rate is None else Fraction(str(rate)),
            inner=(cast("int", inner[0]), inner[1]) if inner else None,
        )


def encode(means: Means, source: Source, cut: Cut, picture: Picture, out: str) -> Words:
    """Return Recipe R: one segment into the file `out`, whose times only give an order."""
    clock = "filter" if cut.rate is None else _ratio(1 / cut.rate)
    scale = cut.tb.denominator if cut.rate is None else cut.rate.numerator
    mov = ["-write_tmcd", "0", "-video_track_timescale", str(scale)]
    return [
        *begin(means),
        *hardware.device(picture.video),
        *cut.seek,
        "-copyts",
        *opened(source),
        *("-map", f"0:{picture.stream}"),
        *("-vf", ",".join([*filters(cut, picture), *hardware.filters(picture)])),
        *("-fps_mode", "passthrough", "-enc_time_base", clock),
        *video_words(picture, means.threads),
        *("-an", "-sn", "-dn"),
        *BARE,
        *([] if picture.video.codec.suffix == ".mkv" or picture.video.codec.nearest else mov),
        out,
    ]


def filters(cut: Cut, picture: Picture) -> Words:
    """Return the chain of filters: the cut, the picture, the cut of its own, and the clock last."""
    clock = ["setpts=PTS-STARTPTS"]
    if cut.rate is not None:  # the encoder's rate control then sees the true rate
        clock = [f"settb={_ratio(1 / cut.rate)}", "setpts=N", f"fps={_ratio(cut.rate)}"]
    return [
        _trim(cut.start, cut.end),
        *(each.words for each in picture.chain),
        *_own(cut, picture),
        f"format={picture.pixel_format}",
        f"setsar=sar={_ratio(picture.sar)}:max={SAR_MAX}",
        _params(picture),
        *clock,
    ]


def _own(cut: Cut, picture: Picture) -> Words:
    """Return the filters that bring frames to their rate, and keep those of the segment alone."""
    rate = picture.timing.rate if picture.timing.kind == CONFORM else None
    grid = [f"fps={_ratio(rate)}"] if rate else []
    if cut.inner is None:
        return grid
    # filters may have another clock than their source
    return [*grid, f"settb={_ratio(cut.tb)}", _trim(*cut.inner)]


def _trim(start: int, end: int | None) -> str:
    return f"trim=start_pts={start}" + ("" if end is None else f":end_pts={end}")


def audio(means: Means, source: Source, sound: Sound, out: str) -> Words:
    """Return the words that encode all of the sound into `out`, which then starts at 0."""
    return audios(means, source, ((sound, out),))


def audios(means: Means, source: Source, tracks: Sequence[tuple[Sound, str]]) -> Words:
    """Return the words that encode each track of sound into a file of its own."""
    words = [*begin(means), "-copyts", *opened(source)]
    for number, (sound, out) in enumerate(tracks):
        words += [
            *("-map", f"0:{sound.stream}"),
            *(mix.FILTERS, ",".join([*_within(source, sound), mix.chain(sound, number)])),
            *("-vn", "-sn", "-dn"),
            *BARE,
            *sound_words(sound),
            *("-threads", str(means.threads)),
            out,
        ]
    return words


def measure(means: Means, source: Source, sound: Sound) -> Words:
    """Return the words that measure a track before it is encoded; the node says what."""
    words = begin(means)
    words[words.index("-v") + 1] = "level+info"  # what is measured is told as information
    return [
        *words,
        "-copyts",
        *opened(source),
        *("-map", f"0:{sound.stream}"),
        *(mix.FILTERS, ",".join([*_within(source, sound), mix.measuring(sound)])),
        *("-vn", "-sn", "-dn"),
        *("-f", "null", "-"),
    ]


def _within(source: Source, sound: Sound) -> Words:
    """Return the cut of the sound by whole samples: in and out points.

    Nothing is sought before it: many containers tell times too roughly for the first sample read.
    """
    span = source.span
    track = next((each for each in source.audio if each.index == sound.stream), None)
    if span is None or track is None:
        return []
    ends = {"start_pts": span.start, "end_pts": span.stop}
    words = [f"{key}={round(at * track.rate)}" for key, at in ends.items() if at is not None]
    return [f"atrim={':'.join(words)}"]


def begin(means: Means) -> Words:
    """Return how every command begins: what it says, what ends it, how many threads it has."""
    threads = str(means.threads)
    # a frame that is patched up is told of at level warning only
    strict = ["-v", "error", "-xerror"] if means.strict else ["-v", "warning"]
    words = [means.ffmpeg, *QUIET, *strict, *TELL]
    return [*words, "-threads", threads, "-filter_threads", threads]


def opened(source: Source) -> Words:
    """Return the source as an input; one whose media stand elsewhere through what was made for it."""
    if source.images:
        return sequences.opened(source.path, source.images.rate)
    if not source.stand_in:
        return guarded(source.format, source.path)
    follow = ("-enable_drefs", "1", "-use_absolute_path", "1")
    return [*follow, *guarded(source.format, source.stand_in)]


def guarded(demuxers: str, path: str) -> Words:
    """Return an input that is opened as a file of these formats and as nothing else."""
    guards = ("-protocol_whitelist", "file", "-format_whitelist", demuxers)
    return [*guards, "-i", f"file:{path}"]


def _params(picture: Picture) -> str:
    """Return the filter that says what the pixels mean; options of the encoder would be lost.

    An encoder that cannot say the full range is told of the other: ffmpeg would convert the pixels.
    The finishing pass says it then.
    """
    colour = picture.colour
    seen = colour.range if picture.video.codec.says_range else colour.range and "tv"
    params = {
        "field_mode": picture.first_field or "prog",
        "range": seen,
        "color_primaries": colour.primaries,
        "color_trc": colour.trc,
        "colorspace": colour.matrix,
    }
    return "setparams=" + ":".join(f"{key}={value}" for key, value in params.items() if value)


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
