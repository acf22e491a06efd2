"""How a setting wants its sound: which tracks, how many channels, how loud, where it fades.

What becomes of a source's tracks is `product`'s; the words for it are `mix`'s and `encoders`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from orchestrator_compressor.codecs import AUDIO, ONE_SOUND, AudioCodec
from orchestrator_compressor.facts import AudioFacts

COPY = "copy"
SOURCE = "source"
ALL = "all"
FIRST = "first"
BITRATE = "160k"
EVERY_CODEC = frozenset(
    {"codec", "channels", "rate", "layout", "loudness", "fades", "volume", "tracks"}
)
"""Keys of a setting's ``audio`` that every codec understands."""

COPIED = frozenset({"codec", "tracks"})
"""Keys that there are where the sound passes untouched."""

LAYOUTS: Mapping[str, int] = {
    **{"mono": 1, "stereo": 2, "2.1": 3, "3.0": 3, "4.0": 4, "quad": 4},
    **{"5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8},
}
"""Layout of loudspeakers -> its channels; of some number the first is what is meant by it."""

RANGE_MAX = 50.0  #: LU: no source has more, so none is made smaller

Spec = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What the sound is brought to, by EBU R128."""

    integrated: float = -23.0  #: LUFS
    peak: float = -1.0  #: the true peak at most, in dBTP
    range: float = RANGE_MAX  #: the loudness range at most, in LU


@dataclass(frozen=True, slots=True, kw_only=True)
class Fades:
    """Where the sound begins and ends softly, in seconds; 0: it does not."""

    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """How sound is encoded."""

    name: str
    codec: AudioCodec
    bitrate: str = BITRATE
    channels: int | None = None  #: None: the source's
    layout: str | None = None  #: of loudspeakers; None: the source's, or what is usual
    rate: int | None = None  #: samples a second; None: the source's, where the codec takes it
    depth: int | None = None  #: bits a sample; None: by the source, 16 or 24
    volume_db: float = 0.0  #: made louder by so much
    loudness: Loudness | None = None
    fades: Fades | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """Which of a source's tracks are kept."""

    is_all: bool = False
    wishes: tuple[int | str, ...] = ()  #: numbers from 1, languages; neither: the first track


def read(spec: Spec) -> Audio:
    """Return what a setting's ``audio`` describes; it is no copy."""
    name = str(spec["codec"])
    depth, layout = spec.get("depth", SOURCE), spec.get("layout", SOURCE)
    loudness, fades = cast("Spec | None", spec.get("loudness")), cast("Spec", spec.get("fades", {}))
    return Audio(
        name=name,
        codec=AUDIO[name],
        bitrate=str(spec.get("bitrate", BITRATE)),
        channels=cast("int | None", spec.get("channels")),
        layout=None if layout == SOURCE else str(layout),
        rate=cast("int | None", spec.get("rate")),
        depth=None if depth == SOURCE else int(cast("int", depth)),
        volume_db=_number(spec.get("volume", 0)),
        loudness=None if loudness is None else _loudness(loudness),
        fades=_fades(fades) if fades else None,
    )


def tracks(spec: object) -> Tracks:
    """Return which tracks a setting's ``audio`` names."""
    wanted = cast("Spec", spec).get("tracks", FIRST) if isinstance(spec, Mapping) else FIRST
    if isinstance(wanted, str):
        return Tracks(is_all=wanted == ALL)
    return Tracks(wishes=tuple(cast("Sequence[int | str]", wanted)))


def faults(audio: Audio) -> Iterator[str]:
    """Yield each thing that is wrong with it, valid against the schema, in one sentence."""
    codec, layout = audio.codec, audio.layout
    if audio.rate and codec.rates and audio.rate not in codec.rates:
        rates = ", ".join(map(str, sorted(codec.rates)))
        yield f"audio.rate: {audio.name} cannot have {audio.rate}; it has {rates}"
    if layout and codec.layouts and layout not in codec.layouts:
        yield f"audio.layout: {audio.name} has no {layout}; it has {', '.join(_named(codec))}"
    if layout and audio.channels and LAYOUTS[layout] != audio.channels:
        yield f"audio.channels: {layout} has {LAYOUTS[layout]}; remove one of the two"
    if audio.channels and audio.channels not in _counts(codec):
        known = ", ".join(map(str, sorted(_counts(codec))))
        yield f"audio.channels: {audio.name} cannot have {audio.channels}; it has {known}"
    if "bitrate" in codec.keys and int(audio.bitrate.rstrip("k")) > codec.bitrate_max:
        yield f"audio.bitrate: {audio.name} has {codec.bitrate_max}k at most; ask for less"
    if codec.bitrates and audio.bitrate not in codec.bitrates:
        known = ", ".join(sorted(codec.bitrates, key=lambda each: int(each[:-1])))
        yield f"audio.bitrate: {audio.name} cannot have {audio.bitrate}; it has {known}"
    if audio.loudness and audio.volume_db:
        yield "audio.volume: loudness sets it already; remove one of the two"


def track_faults(container: str, wanted: Tracks) -> Iterator[str]:
    """Yield why a container cannot hold the tracks that are wanted."""
    if container in ONE_SOUND and (wanted.is_all or len(wanted.wishes) > 1):
        yield f"audio.tracks: {container} holds one track; name one"


def chosen(container: str, wanted: Tracks, heard: Sequence[AudioFacts]) -> tuple[AudioFacts, ...]:
    """Return the tracks of a source that are wanted, each once, in the order they are named.

    Raises ValueError, half a sentence, where the source has none like it.
    """
    if not wanted.wishes:
        found = list(heard if wanted.is_all else heard[:1])
    else:
        found = list(dict.fromkeys(each for wish in wanted.wishes for each in _like(wish, heard)))
    return tuple(found[:1] if container in ONE_SOUND else found)


def layout(audio: Audio, facts: AudioFacts) -> str | None:
    """Return the layout that a track must be brought to; None: it is as it should be."""
    wanted = audio.layout or (_usual(audio.codec, audio.channels) if audio.channels else None)
    theirs = facts.layout or _usual(audio.codec, facts.channels)
    if wanted is None and not audio.codec.layouts:
        return None
    if wanted is None and theirs not in audio.codec.layouts:
        wanted = _usual(audio.codec, facts.channels)
    return None if wanted == theirs else wanted


def _like(wish: int | str, heard: Sequence[AudioFacts]) -> Sequence[AudioFacts]:
    if isinstance(wish, int):
        found = heard[wish - 1 : wish]
        known = f"it has {len(heard)}"
    else:
        found = [each for each in heard if each.language == wish]
        known = "it has " + ", ".join(each.language or "one that is not told" for each in heard)
    if not found:
        what = f"{wish}" if isinstance(wish, int) else f"in {wish}"
        raise ValueError(f"no track of sound {what}: {known}; change audio.tracks")
    return found


def _usual(codec: AudioCodec, channels: int) -> str:
    """Return what is meant by a number of channels, or by the next smaller one that a codec has.

    Where it has none so small, the smallest.
    """
    counts = _counts(codec)
    most = max((count for count in counts if count <= channels), default=min(counts))
    return next(each for each in _named(codec) if LAYOUTS[each] == most)


def _named(codec: AudioCodec) -> Sequence[str]:
    return [each for each in codec.layouts or LAYOUTS if each in LAYOUTS]


def _counts(codec: AudioCodec) -> frozenset[int]:
    return frozenset(LAYOUTS[each] for each in _named(codec))


def _loudness(spec: Spec) -> Loudness:
    return Loudness(
        integrated=_number(spec.get("integrated", -23)),
        peak=_number(spec.get("peak", -1)),
        range=_number(spec.get("range", RANGE_MAX)),
    )


def _fades(spec: Spec) -> Fades:
    return Fades(start_s=_seconds(spec.get("in", 0)), end_s=_seconds(spec.get("out", 0)))


def _seconds(value: object) -> float:
    """Return ``1.5s`` as seconds."""
    return float(str(value).removesuffix("s"))


def _number(value: object) -> float:
    return float(cast("float", value))
