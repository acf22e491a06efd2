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
    hardware,
    hdr10,
    keeping,
    overlays,
    quality,
    rates,
    timing,
)
from orchestrator_compressor.audio import COPY, Audio, Tracks
from orchestrator_compressor.codecs import (
    AUDIO,
    ENDINGS,
    SOUND_ONLY,
    SOUND_RATES,
    VIDEO,
    VideoCodec,
    byte_order,
    has_alpha,
)
from orchestrator_compressor.colour import Grade
from orchestrator_compressor.filters import Wanted
from orchestrator_compressor.geometry import Shape
from orchestrator_compressor.hdr10 import Hdr10
from orchestrator_compressor.keeping import ALL, Keeping
from orchestrator_compressor.overlays import Overlays
from orchestrator_compressor.quality import Quality
from orchestrator_compressor.rates import Rate
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.timing import Wish

SOURCE = "source"
SOFTWARE = "software"
PACKAGES = frozenset({"hls", "dash"})  #: containers that are a folder of pieces and playlists
ALIGNED = ("h264", "hevc")  #: codecs whose keyframes can be told to stand on a grid alone
ALONE = ("captions", "poster", "thumbnails", "contactSheet", "chapters", "metadata", "timecode")
LOOK = ("crop", "pad", "pixelAspect", "colour", "toneMap", "lut")
DRAWN = ("watermark", "text", "timecodeBurnIn")
TIMED = ("frameRate", "deinterlace", "fieldOrder", "filters")
ALL_VIDEO = frozenset({"codec", "pixelFormat", "size", *TIMED, *LOOK, *DRAWN})
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
    preset: str = ""  #: of the codec's; empty: it has none
    profile: str | None = None  #: None: the encoder's choice
    rate: Rate = ANY_RATE
    key_interval: int = 250  #: frames, at most
    timing: Wish = AS_IT_IS
    filters: tuple[Wanted, ...] = ()  #: in the order in which they work
    shape: Shape = ANY_SHAPE
    grade: Grade = ANY_COLOUR
    drawn: Overlays = NOTHING_DRAWN
    quality: Quality | None = None  #: a VMAF, for which the rate is searched
    level: str | None = None  #: None: the encoder's choice
    b_frames: int | None = None  #: in a row, at most; None: the encoder's choice
    hdr10: Hdr10 | None = None  #: None: nothing is said
    hardware: str | None = None  #: kind of encoder in silicon; None: software
    fixed_keys: bool = False  #: keyframes stand on the grid of `key_interval` and nowhere else

    @property
    def encoder(self) -> str:
        """Ffmpeg's name of the encoder."""
        return self.codec.hardware[self.hardware] if self.hardware else self.codec.encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One size and rate of a ladder."""

    height: int  #: of the box that it fits in: what it is called by
    video: Video


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
    extension: str | None = None  #: that people want for its files; None: any of the container's
    ladder: tuple[Rung, ...] = ()  #: of a package for streaming; `video` is then the last rung's

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
        return (*(() if self.video is None else (self.video.encoder,)), *audio)

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
    rungs = tuple(_rungs(spec))
    return Setting(
        name=name,
        container=str(spec["container"]),
        allow_segmenting=bool(spec.get("allowSegmenting", True)),
        video=rungs[-1].video if rungs else _video(cast("Spec", video)) if video else None,
        audio=sound.read(cast("Spec", audio)) if audio and not _is_copy(audio) else None,
        copy_audio=_is_copy(audio),
        tracks=sound.tracks(audio),
        faststart=bool(options.get("faststart", False)),
        keeping=keeping.read(spec),
        extension=cast("str | None", spec.get("extension")),
        ladder=rungs,
    )


def faults(spec: Spec) -> tuple[str, ...]:
    """Return each thing that is wrong with a spec, valid against the schema, in one sentence."""
    found = [*_alien_keys(spec), *_ladder(spec)]
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


def _rungs(spec: Spec) -> Iterator[Rung]:
    video = cast("Spec", spec.get("video", {}))
    for each in cast("list[Spec]", spec.get("ladder", ())):
        found = _video({**video, **each, "fixedKeys": True})
        box = cast("list[int]", cast("Spec", each["size"])["fit"])
        yield Rung(height=int(box[1]), video=found)


def _video(spec: Spec) -> Video:
    name, encoder = str(spec["codec"]), str(spec.get("encoder", SOFTWARE))
    profile, level = spec.get("profile", VIDEO[name].profile), spec.get("level")
    return Video(
        name=name,
        codec=VIDEO[name],
        pixel_format=str(spec.get("pixelFormat", SOURCE)),
        preset=str(spec.get("preset", VIDEO[name].preset)) if VIDEO[name].presets else "",
        profile=None if profile is None else str(profile),
        rate=rates.read(cast("Spec", spec.get("rate", {}))),
        key_interval=int(cast("int", spec.get("keyInterval", VIDEO[name].key_interval))),
        timing=timing.read(spec),
        filters=filters.read(spec),
        shape=geometry.read(spec),
        grade=colour.read(spec),
        drawn=overlays.read(spec),
        quality=quality.read(cast("Spec | None", spec.get("quality")), name),
        level=None if level is None else str(level),
        b_frames=cast("int | None", spec.get("bFrames")),
        hdr10=hdr10.read(spec.get("hdr10")),
        hardware=None if encoder == SOFTWARE else encoder,
        fixed_keys=bool(spec.get("fixedKeys", False)),
    )


def _is_copy(audio: object) -> bool:
    return audio == COPY or (isinstance(audio, Mapping) and audio["codec"] == COPY)


def _alien_keys(spec: Spec) -> Iterator[str]:
    video, audio = spec.get("video"), spec.get("audio")
    if isinstance(video, Mapping) and "codec" not in video:  # an override of a setting of sound
        yield "video.codec: the setting names none; name one"
    elif isinstance(video, Mapping):
        codec = str(video["codec"])
        known = ALL_VIDEO | VIDEO[codec].keys | quality.keys(codec)
        for key in sorted(set(video) - known):
            yield f"video.{key}: {codec} has no such choice; remove it"
        needs_rate = "rate" in VIDEO[codec].keys and VIDEO[codec].needs_rate
        is_rated = {"rate", quality.KEY} & set(video) or "ladder" in spec
        if needs_rate and not is_rated:
            yield f"video.rate: {codec} needs one; add rate: {{crf: …}}"
        yield from hardware.faults(video)
    if isinstance(audio, Mapping) and "codec" not in audio:  # an override of copied sound
        yield "audio.codec: the setting names none; name one"
    elif isinstance(audio, Mapping):
        codec = str(audio["codec"])
        known = sound.COPIED if codec == COPY else sound.EVERY_CODEC | AUDIO[codec].keys
        for key in sorted(set(audio) - known):
            yield f"audio.{key}: {codec} has no such choice; remove it"


def _ladder(spec: Spec) -> Iterator[str]:
    container, video = str(spec["container"]), spec.get("video")
    if container in PACKAGES and "ladder" not in spec:
        yield f"ladder: {container} needs one; add at least one size and rate"
    if "ladder" not in spec:
        return
    if container not in PACKAGES:
        yield f"ladder: {container} holds one size; choose hls or dash, or remove it"
    audio = spec.get("audio")
    if audio and _is_copy(audio):
        yield "audio: a ladder encodes its sound; name a codec instead of copy"
    elif isinstance(audio, Mapping) and audio.get("tracks", "first") != "first":
        yield "audio.tracks: a ladder has one track of sound; remove it"
    if not isinstance(video, Mapping):
        yield "video: a ladder needs it; add its codec"
        return
    for key in ("rate", "size", quality.KEY):
        if key in video:
            yield f"video.{key}: each rung of the ladder has its own rate and size; remove it"
    if video.get("encoder", SOFTWARE) != SOFTWARE:
        yield "video.encoder: keyframes of a ladder stand where software alone puts them; remove it"
    if "pad" in video:
        yield "video.pad: all rungs would be of one size; remove it"
    for n, rung in enumerate(_rungs(spec)):
        for text in rates.faults(rung.video.rate, rung.video.name, rung.video.codec):
            yield f"ladder[{n}]: {text}"
    for key in ALONE:
        if key in spec:
            yield f"{key}: a folder for streaming holds pictures and sound alone; remove it"
    if video["codec"] not in ALIGNED:
        yield f"video.codec: a ladder is of {' or '.join(ALIGNED)}, not {video['codec']}"


def _holding(setting: Setting) -> Iterator[str]:
    container, video, audio = setting.container, setting.video, setting.audio
    if video is None and not setting.wants_sound:
        yield "neither video nor audio: nothing would be written; add one of them"
    if container == CONTAINER and (setting.wants_sound or video is None):
        yield "container: a sequence is images and nothing else; remove audio, and say video"
        return
    if container == CONTAINER:
        yield from _beside(setting)
    if container in PACKAGES:
        container = "mp4"  # what its rungs and its sound are before they are packaged
    if video and container in SOUND_ONLY:
        yield f"container: {container} holds sound only; remove video, or choose another"
    elif video and container not in video.codec.containers:
        yield _cannot_hold(container, video.name, video.codec.containers)
    if audio and container not in audio.codec.containers:
        yield _cannot_hold(container, audio.name, audio.codec.containers)
    yield from sound.faults(audio) if audio else ()
    yield from sound.track_faults(container, setting.tracks)
    only = SOUND_RATES.get(container)
    if audio and only and audio.rate not in {None, only}:
        yield f"audio.rate: {container} takes {only}; remove it"
    if setting.extension and setting.extension not in ENDINGS[container]:
        known = ", ".join(sorted(ENDINGS[container]))
        yield f"extension: {container} is not called {setting.extension}; it is called {known}"


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
    yield from _choices(video)


def _choices(video: Video) -> Iterator[str]:
    presets = video.codec.presets
    if not video.hardware and presets and video.preset not in presets:
        yield f"video.preset: {video.name} has no {video.preset}; it has {', '.join(presets)}"
    if video.hdr10 and "10" not in video.pixel_format:
        yield "video.hdr10: needs 10 bits; set pixelFormat: yuv420p10le"


def _profile(video: Video) -> Iterator[str]:
    profiles, wanted, profile = video.codec.profiles, video.pixel_format, video.profile
    if profile is None or wanted not in {SOURCE, *video.codec.pixel_formats}:
        return
    if profile not in profiles:
        yield f"video.profile: {video.name} has no {profile}; it has {', '.join(profiles)}"
    elif wanted != SOURCE and wanted not in profiles[profile]:
        fitting = ", ".join(sorted(profiles[profile]))
        yield f"video.profile: {profile} cannot have {wanted}; it has {fitting}"
