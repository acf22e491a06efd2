"""A Setting's spec as frozen nouns, and what is wrong with it beyond its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from orchestrator_compressor import audio as sound
from orchestrator_compressor import (
    colour,
    filters,
    geometry,
    keeping,
    overlays,
    quality,
    rates,
    timing,
)
from orchestrator_compressor.audio import COPY, Audio, Tracks
from orchestrator_compressor.codecs import (
    AUDIO,
    SOUND_ONLY,
    VIDEO,
    VideoCodec,
    byte_order,
    has_alpha,
)
from orchestrator_compressor.colour import Grade
from orchestrator_compressor.filters import Wanted
from orchestrator_compressor.geometry import Shape
from orchestrator_compressor.keeping import ALL, Keeping
from orchestrator_compressor.overlays import Overlays
from orchestrator_compressor.quality import Quality
from orchestrator_compressor.rates import Rate
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.timing import Wish

SOURCE = "source"
LOOK = ("crop", "pad", "pixelAspect", "colour", "toneMap", "lut")
DRAWN = ("watermark", "text", "timecodeBurnIn")
TIMED = ("frameRate", "deinterlace", "fieldOrder", "filters")
ALL_VIDEO = frozenset({"codec", "pixelFormat", "size", *TIMED, *LOOK, *DRAWN})
KEY_INTERVAL = 250
PRESET = "medium"
ANY_RATE = Rate()
AS_IT_IS = Wish()
FIRST_TRACK = Tracks()
ANY_SHAPE = Shape()
ANY_COLOUR = Grade()
NOTHING_DRAWN = Overlays()

Spec = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """How pictures are encoded."""

    name: str  #: of the codec, as settings name it
    codec: VideoCodec
    pixel_format: str  #: ``source``: as the source has it
    preset: str = PRESET
    profile: str | None = None  #: None: the encoder's choice
    rate: Rate = ANY_RATE
    key_interval: int = KEY_INTERVAL  #: frames, at most
    timing: Wish = AS_IT_IS
    filters: tuple[Wanted, ...] = ()  #: in the order in which they work
    shape: Shape = ANY_SHAPE
    grade: Grade = ANY_COLOUR
    drawn: Overlays = NOTHING_DRAWN
    quality: Quality | None = None  #: a VMAF, for which the rate is searched


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A reusable description of an output."""

    name: str
    container: str
    allow_segmenting: bool = True
    video: Video | None = None
    audio: Audio | None = None
    copy_audio: bool = False  #: the source's sound passes untouched
    tracks: Tracks = FIRST_TRACK  #: of the source's sound
    faststart: bool = False
    keeping: Keeping = ALL

    @property
    def wants_sound(self) -> bool:
        """Whether the output has sound, if the source has."""
        return self.copy_audio or self.audio is not None

    @property
    def encoders(self) -> tuple[str, ...]:
        """The ffmpeg encoders it needs, of which a node may lack some."""
        order = byte_order(self.container)
        audio = (
            () if self.audio is None else (self.audio.codec.encoder.format(depth=24, order=order),)
        )
        return (*(() if self.video is None else (self.video.codec.encoder,)), *audio)

    @property
    def filters(self) -> tuple[str, ...]:
        """The ffmpeg filters it needs, of which a node may lack some."""
        if self.video is None:
            return ()
        return (*colour.needed(self.video.grade), *overlays.needed(self.video.drawn))

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """The kind and the path of each file that it reads beside a source."""
        if self.video is None:
            return ()
        lut = self.video.grade.lut
        return (*([("lut", lut)] if lut else []), *overlays.files(self.video.drawn))


def read(name: str, spec: Spec) -> Setting:
    """Return the setting that `spec`, valid against the schema, describes; defaults applied."""
    video, audio = spec.get("video"), spec.get("audio")
    options = cast("Spec", spec.get("options", {}))
    return Setting(
        name=name,
        container=str(spec["container"]),
        allow_segmenting=bool(spec.get("allowSegmenting", True)),
        video=_video(cast("Spec", video)) if video else None,
        audio=sound.read(cast("Spec", audio)) if audio and not _is_copy(audio) else None,
        copy_audio=_is_copy(audio),
        tracks=sound.tracks(audio),
        faststart=bool(options.get("faststart", False)),
        keeping=keeping.read(spec),
    )


def faults(spec: Spec) -> tuple[str, ...]:
    """Return each thing that is wrong with a spec, valid against the schema, in one sentence."""
    found = list(_alien_keys(spec))
    if found:
        return tuple(found)
    setting = read("", spec)
    found += _holding(setting)
    if setting.video:
        found += _picture(setting.video)
        wanted = cast("Spec", spec["video"])
        found += quality.faults(wanted, setting.video.quality, setting.video.codec)
        name = setting.audio.name if setting.audio else None
        found += rates.sound_faults(setting.video.rate, name, copied=setting.copy_audio)
    found += keeping.faults(setting.keeping, has_video=setting.video is not None)
    return tuple(found)


def _video(spec: Spec) -> Video:
    profile = spec.get("profile")
    name = str(spec["codec"])
    return Video(
        name=name,
        codec=VIDEO[name],
        pixel_format=str(spec.get("pixelFormat", SOURCE)),
        preset=str(spec.get("preset", PRESET)),
        profile=None if profile is None else str(profile),
        rate=rates.read(cast("Spec", spec.get("rate", {}))),
        key_interval=int(cast("int", spec.get("keyInterval", KEY_INTERVAL))),
        timing=timing.read(spec),
        filters=filters.read(spec),
        shape=geometry.read(spec),
        grade=colour.read(spec),
        drawn=overlays.read(spec),
        quality=quality.read(cast("Spec | None", spec.get("quality")), name),
    )


def _is_copy(audio: object) -> bool:
    return audio == COPY or (isinstance(audio, Mapping) and audio["codec"] == COPY)


def _alien_keys(spec: Spec) -> Iterator[str]:
    video, audio = spec.get("video"), spec.get("audio")
    if isinstance(video, Mapping):
        codec = str(video["codec"])
        known = ALL_VIDEO | VIDEO[codec].keys | quality.keys(codec)
        for key in sorted(set(video) - known):
            yield f"video.{key}: {codec} has no such choice; remove it"
        if "rate" in VIDEO[codec].keys and not {"rate", quality.KEY} & set(video):
            yield f"video.rate: {codec} needs one; add rate: {{crf: …}}"
    if isinstance(audio, Mapping):
        codec = str(audio["codec"])
        known = sound.COPIED if codec == COPY else sound.EVERY_CODEC | AUDIO[codec].keys
        for key in sorted(set(audio) - known):
            yield f"audio.{key}: {codec} has no such choice; remove it"


def _holding(setting: Setting) -> Iterator[str]:
    container, video, audio = setting.container, setting.video, setting.audio
    if video is None and not setting.wants_sound:
        yield "neither video nor audio: nothing would be written; add one of them"
    if container == CONTAINER and (setting.wants_sound or video is None):
        yield "container: a sequence is images and nothing else; remove audio, and say video"
        return
    if container == CONTAINER:
        yield from _beside(setting)
    if video and container in SOUND_ONLY:
        yield f"container: {container} holds sound only; remove video, or choose another"
    elif video and container not in video.codec.containers:
        yield _cannot_hold(container, video.name, video.codec.containers)
    if audio and container not in audio.codec.containers:
        yield _cannot_hold(container, audio.name, audio.codec.containers)
    yield from sound.faults(audio) if audio else ()
    yield from sound.track_faults(container, setting.tracks)


def _beside(setting: Setting) -> Iterator[str]:
    """Yield what cannot stand beside a sequence of images."""
    keeping = setting.keeping
    asked = {
        "captions.sidecar": keeping.sidecar,
        "poster": keeping.poster,
        "thumbnails": keeping.thumbnails,
        "contactSheet": keeping.sheet,
    }
    for key in (key for key, value in asked.items() if value):
        yield f"{key}: nothing stands beside a sequence of images; remove it"


def _cannot_hold(container: str, codec: str, containers: frozenset[str]) -> str:
    return f"container: {container} cannot hold {codec}; it fits in {', '.join(sorted(containers))}"


def _picture(video: Video) -> Iterator[str]:
    formats, wanted = video.codec.pixel_formats, video.pixel_format
    if wanted != SOURCE and wanted not in formats:
        if has_alpha(wanted) and not any(map(has_alpha, formats)):
            yield f"video.pixelFormat: {video.name} has no transparency; choose one without"
        else:
            known = ", ".join(sorted(formats))
            yield f"video.pixelFormat: {video.name} has no {wanted}; it has {known}"
    yield from rates.faults(video.rate, video.name, video.codec)
    yield from timing.faults(video.timing, video.name, keeps_fields=video.codec.interlaced)
    yield from _profile(video)
    yield from geometry.faults(video.shape, video.name, even=video.codec.even)
    yield from colour.faults(video.grade, video.name, video.codec)


def _profile(video: Video) -> Iterator[str]:
    profiles, wanted, profile = video.codec.profiles, video.pixel_format, video.profile
    if profile is None or wanted not in {SOURCE, *video.codec.pixel_formats}:
        return
    if profile not in profiles:
        yield f"video.profile: {video.name} has no {profile}; it has {', '.join(profiles)}"
    elif wanted != SOURCE and wanted not in profiles[profile]:
        fitting = ", ".join(sorted(profiles[profile]))
        yield f"video.profile: {profile} cannot have {wanted}; it has {fitting}"
