"""What one output of one source will be: a setting and the facts, settled before anything runs.

Nodes never guess: size, shape of pixels, pixel format, colour, field order, rate of the sound and
where each stream begins are decided here, and the same facts always give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator_compressor import audio as sound
from orchestrator_compressor import (
    beside,
    colour,
    filters,
    geometry,
    hdr10,
    overlays,
    streams,
    timing,
)
from orchestrator_compressor.audio import LAYOUTS, Audio
from orchestrator_compressor.beside import NOTHING, Extras
from orchestrator_compressor.chain import Filter
from orchestrator_compressor.codecs import (
    COPYABLE,
    SAME_PIXELS,
    SOUND_RATES,
    STARTLESS,
    byte_order,
    has_alpha,
    is_rgb,
    sound_family,
)
from orchestrator_compressor.colour import HDR, Grade, Graded
from orchestrator_compressor.facts import AudioFacts, Colour, Source, VideoFacts
from orchestrator_compressor.formats import nearest
from orchestrator_compressor.geometry import Layout
from orchestrator_compressor.hdr10 import Hdr10
from orchestrator_compressor.overlays import Canvas
from orchestrator_compressor.settings import FIRST_TRACK, SOURCE, Setting, Video
from orchestrator_compressor.streams import Others
from orchestrator_compressor.supplied import NONE, Supplied
from orchestrator_compressor.timing import PLAY, Timing

RESAMPLED_SLACK = 256  #: samples that a change of rate may cost or add
FITTED_SLACK = 2048  #: samples: a frame, for containers that hold whole ones of picture and sound
COMPRESSED_SLACK = 4096  #: samples by which lossy sources declare too much or too little
UNCOUNTED_SLACK_S = 0.5  #: by how much the length in a header may be wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The pictures of an output."""

    video: Video
    stream: int  #: of the source
    width: int
    height: int
    pixel_format: str
    sar: Fraction
    first_field: str | None  #: tff or bff; None: progressive
    colour: Colour
    chain: tuple[Filter, ...]  #: from the source's pictures to these, in order
    start: Fraction  #: of the first frame, in seconds of the source's clock
    tb: Fraction  #: seconds a tick of its times
    rate: Fraction | None  #: average, frames a second
    timing: Timing  #: how its frames follow from the source's
    notes: tuple[str, ...] = ()  #: of what a setting asks and this source does not need
    hdr10: Hdr10 | None = None  #: what each keyframe says of displays


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A track of sound of an output, encoded anew."""

    audio: Audio
    stream: int
    codec: str  #: ffmpeg's name of what will be in the file
    encoder: str
    rate: int
    channels: int
    depth: int  #: bits a sample, where the codec has such a thing
    samples: int | None  #: how many there should be, within `slack`; None: unknown
    slack: int
    start: Fraction
    language: str
    title: str
    layout: str | None = None  #: of loudspeakers that it is brought to; None: as it is
    disposition: str = ""  #: its flags
    source_rate: int = 0  #: samples a second before it is encoded
    source_codec: str = ""
    lead: int = 0  #: samples of silence before it; below 0: so many of its first are left out
    is_fitted: bool = False  #: it is made as long as `samples` says, by silence or by a cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One output of one source."""

    setting: Setting
    picture: Picture | None
    sounds: tuple[Sound, ...]
    copied: tuple[AudioFacts, ...]  #: sound that passes untouched
    others: Others
    extras: Extras = NOTHING  #: what is made for it beside pictures and sound
    notes: tuple[str, ...] = ()

    @property
    def zero(self) -> Fraction:
        """The time of the source's clock at which the file begins: T0."""
        parts = (self.picture, *self.heard, self.others)
        starts = [part.start for part in parts if part is not None and part.start is not None]
        return min(starts, default=Fraction(0))

    @property
    def sound(self) -> Sound | None:
        """The first track of sound that is encoded anew."""
        return self.sounds[0] if self.sounds else None

    @property
    def heard(self) -> tuple[Sound | AudioFacts, ...]:
        """The sound it has, encoded or copied."""
        return self.sounds or self.copied


def settle(setting: Setting, source: Source, given: Supplied = NONE) -> Product:
    """Return what `setting` makes of `source`, and of what the job gives beside it.

    Raises ValueError, one sentence for people, where the source lacks what is asked.
    """
    seen, heard = source.video, _heard(setting, source)
    if setting.video and seen is None:
        raise ValueError(f"{source.path}: no video, which setting {setting.name} needs")
    if setting.video is None and not heard:
        raise ValueError(f"{source.path}: no audio, which setting {setting.name} needs")
    first = given.timecode or source.timecode
    picture = _picture(setting, seen, first) if setting.video and seen else None
    copied = heard if setting.copy_audio else ()
    for each in copied:
        _check_copy(setting, each, source, picture)
    if picture and picture.timing.kind == PLAY and heard and setting.wants_sound:
        raise ValueError(
            f"setting {setting.name}: frames that play at another rate last longer or shorter than "
            "the source's sound; leave audio out, or conform: frameRate without play"
        )
    theirs, rate = _grid(source, picture)
    others = streams.settle(setting, theirs, rate)
    extras = beside.settle(setting, theirs, given, rate)
    if picture and extras.burned:
        picture = replace(picture, chain=(*picture.chain, beside.BURN))
    return Product(
        setting=setting,
        picture=picture,
        sounds=_sounds(setting, heard, picture, seen.duration if seen else None),
        copied=copied,
        others=beside.joined(others, extras, setting),
        extras=extras,
        notes=(
            *_notes(setting, source, picture),
            *_sound_notes(setting, source),
            *others.notes,
            *extras.notes,
        ),
    )


def _picture(setting: Setting, facts: VideoFacts, timecode: str | None) -> Picture:
    video = setting.video
    assert video is not None  # settle asked
    pixel_format = _pixel_format(setting.name, video, facts)
    first_field = timing.first_field(video.timing, facts, keeps_fields=video.codec.interlaced)
    timed = timing.settle(video.timing, facts, on_grid=video.fixed_keys)
    apart = timing.fields(setting.name, video.timing, facts)
    interlaced = bool(facts.first_field) and video.timing.deinterlace == timing.NONE
    layout = geometry.settle(video.shape, facts, even=video.codec.even, interlaced=interlaced)
    before = (
        *apart,
        *geometry.cropping(layout),
        *filters.chain(setting.name, video.filters, facts),
    )
    graded = colour.settle(
        _grade(video, pixel_format),
        facts,
        pixel_format,
        full_range=video.codec.full_range,
        interlaced=interlaced,
    )
    said = hdr10.settle(video.hdr10, graded.colour, facts, setting.name)
    graded = replace(graded, colour=_meant(video, graded.colour, said))
    canvas = Canvas(
        frame=layout.frame,
        pixel_format=pixel_format,
        colour=graded.colour,
        start=facts.start,
        rate=_counting(facts),
        timecode=timecode,
    )
    drawn, notes = overlays.settle(video.drawn, canvas)
    return Picture(
        video=video,
        stream=facts.index,
        width=layout.frame.width,
        height=layout.frame.height,
        pixel_format=pixel_format,
        sar=layout.frame.sar,
        first_field=first_field,
        colour=graded.colour,
        chain=(
            *filters.made_fit(before, facts),
            *graded.chain,
            *_scaling(
                layout, graded, pixel_format, interlaced=bool(first_field and facts.first_field)
            ),
            *geometry.padding(layout, video.shape),
            *drawn,
        ),
        start=timed.start(facts),
        tb=timed.tb(facts),
        rate=timed.frames_s(facts),
        timing=timed,
        notes=(*graded.notes, *notes),
        hdr10=said,
    )


def _meant(video: Video, colour: Colour, said: Hdr10 | None) -> Colour:
    """Return what the colours of pictures are once HDR10 and their codec have had their say."""
    named = hdr10.coloured(colour, said)
    return replace(named, range="pc") if video.codec.only_full else named


def _grid(source: Source, picture: Picture | None) -> tuple[Source, Fraction | None]:
    """Return a source whose other streams fit the pictures, and the rate of these if they are even."""
    if picture is None or source.video is None:
        return source, None
    even = picture.timing.is_even(source.video)
    return timing.retimed(source, picture.timing), picture.rate if even else None


def _scaling(
    layout: Layout, graded: Graded, pixel_format: str, *, interlaced: bool
) -> tuple[Filter, ...]:
    """Return the filter that scales; none where pictures are already what they are to be."""
    same = layout.picture == layout.kept and pixel_format == graded.pixel_format
    if same and graded.colour.range in {None, graded.range}:
        return ()
    from_rgb = is_rgb(graded.pixel_format) and not is_rgb(pixel_format)
    return (
        geometry.scale(layout.picture, graded.colour, from_rgb=from_rgb, interlaced=interlaced),
    )


def _counting(facts: VideoFacts) -> Fraction | None:
    """Return the rate at which timecode counts: whole where the source's frames stand on no grid."""
    return facts.rate if facts.is_even or not facts.rate else Fraction(max(1, round(facts.rate)))


def _pixel_format(name: str, video: Video, facts: VideoFacts) -> str:
    wanted, known = video.pixel_format, video.codec.pixel_formats
    if wanted == SOURCE and video.codec.nearest:
        return nearest(facts.pixel_format, known)
    if wanted == SOURCE:
        theirs = facts.pixel_format
        theirs = theirs.removesuffix("be") + "le" if theirs.endswith("be") else theirs
        wanted = theirs if theirs in known else SAME_PIXELS.get(theirs, theirs)
    if wanted not in known:
        raise ValueError(
            f"setting {name}: {video.name} has no {facts.pixel_format}, the source's pixel format; "
            "name another in video.pixelFormat"
        )
    fitting = video.codec.profiles.get(video.profile or "", known)
    if wanted not in fitting:
        raise ValueError(
            f"setting {name}: profile {video.profile} cannot have {wanted}, the source's pixel "
            f"format; name one of {', '.join(sorted(fitting))} in video.pixelFormat"
        )
    return wanted


def _grade(video: Video, pixel_format: str) -> Grade:
    """Return what is said of colours; images that are no RGB know the full range only."""
    if video.codec.nearest and not is_rgb(pixel_format):
        return replace(video.grade, wanted=replace(video.grade.wanted, range="pc"))
    return video.grade


def _heard(setting: Setting, source: Source) -> tuple[AudioFacts, ...]:
    """Return the tracks of the source that are kept."""
    if not setting.wants_sound or not source.audio:
        return ()
    try:
        return sound.chosen(setting.container, setting.tracks, source.audio)
    except ValueError as error:
        raise ValueError(f"{source.path}: setting {setting.name}: {error}") from error


def _sounds(
    setting: Setting,
    heard: tuple[AudioFacts, ...],
    picture: Picture | None,
    seconds: Fraction | None,
) -> tuple[Sound, ...]:
    """Return the tracks that are encoded anew; `seconds`: the length of the pictures, if known."""
    if setting.audio is None:
        return ()
    found = tuple(_sound(setting, setting.audio, each) for each in heard)
    if picture is None or setting.container not in STARTLESS:
        return found
    return tuple(_together(each, picture, seconds) for each in found)


def _sound(setting: Setting, audio: Audio, facts: AudioFacts) -> Sound:
    depth, order = audio.depth or facts.depth, byte_order(setting.container)
    layout = sound.layout(audio, facts)
    rates = audio.codec.rates
    theirs = facts.rate if not rates or facts.rate in rates else rates[0]
    rate = SOUND_RATES.get(setting.container) or audio.rate or theirs
    count, slack = facts.samples, audio.codec.padding
    if count is None and facts.duration_s is not None:
        count, slack = round(facts.duration_s * facts.rate), round(UNCOUNTED_SLACK_S * rate) + slack
    if rate != facts.rate:
        slack += RESAMPLED_SLACK
    if sound_family(facts.codec) not in {"pcm", "flac", "alac"}:
        slack += COMPRESSED_SLACK
    return Sound(
        audio=audio,
        stream=facts.index,
        codec=audio.codec.codec.format(depth=depth, order=order),
        encoder=audio.codec.encoder.format(depth=depth, order=order),
        rate=rate,
        channels=LAYOUTS[layout] if layout else facts.channels,
        depth=depth,
        samples=None if count is None else round(Fraction(count * rate, facts.rate)),
        slack=slack,
        start=facts.start,
        language=facts.language,
        title=facts.title,
        layout=layout,
        disposition=facts.disposition,
        source_rate=facts.rate,
        source_codec=facts.codec,
    )


def _together(sound: Sound, picture: Picture, seconds: Fraction | None) -> Sound:
    """Return the sound as it must be to begin and to end with pictures of so many seconds."""
    lead = round((sound.start - picture.start) * sound.rate)
    count = None if seconds is None else round(seconds * sound.rate)
    # its filters then work on samples of the rate that is written
    fitted = replace(sound, lead=lead, samples=count, start=picture.start, source_rate=sound.rate)
    return replace(fitted, is_fitted=count is not None, slack=FITTED_SLACK)


def _check_copy(
    setting: Setting, facts: AudioFacts, source: Source, picture: Picture | None
) -> None:
    if picture and setting.container in STARTLESS:
        raise ValueError(
            f"setting {setting.name}: in {setting.container} sound begins and ends with the "
            "pictures; name a codec in audio instead of copy"
        )
    if source.span:
        raise ValueError(
            f"setting {setting.name}: sound that passes untouched cannot be cut to the sample; name "
            "a codec in audio instead of copy, or remove in and out"
        )
    held = COPYABLE.get(setting.container)
    if held is not None and not {sound_family(facts.codec), facts.codec} & held:
        raise ValueError(
            f"setting {setting.name}: {setting.container} cannot hold {facts.codec}, the source's "
            "sound; name a codec in audio instead of copy"
        )


def _notes(setting: Setting, source: Source, picture: Picture | None) -> Iterator[str]:
    yield from source.notes
    facts = source.video
    if picture and facts:
        if has_alpha(facts.pixel_format) and not has_alpha(picture.pixel_format):
            yield f"{setting.name}: the source's transparency is not kept"
        wish, on_grid = picture.video.timing, picture.video.fixed_keys
        for said in timing.notes(wish, facts, source, on_grid=on_grid):
            yield f"{setting.name}: {said}"
        kept = wish.deinterlace == timing.NONE
        if kept and facts.first_field and not picture.first_field:
            yield f"{setting.name}: the source is interlaced; both fields stay in each frame"
        yield from (f"{setting.name}: {each}" for each in picture.notes)
        if picture.colour.trc in HDR and "10" not in picture.pixel_format:
            yield f"{setting.name}: the source is HDR and is not tone mapped to 8 bits"


def _sound_notes(setting: Setting, source: Source) -> Iterator[str]:
    heard = source.audio
    if setting.video and setting.wants_sound and not heard:
        yield f"{setting.name}: the source has no sound"
    if not setting.wants_sound or not heard:
        return
    if setting.tracks == FIRST_TRACK and len(heard) > 1:
        others = ", ".join(str(each.index) for each in heard[1:])
        yield (
            f"{setting.name}: the first of {len(heard)} tracks of sound is kept, not stream"
            f"{'s' * (len(heard) > 2)} {others}"
        )
    for each in _heard(setting, source) if setting.audio else ():
        assert setting.audio
        kept = LAYOUTS.get(sound.layout(setting.audio, each) or "", each.channels)
        if kept < each.channels and not (setting.audio.layout or setting.audio.channels):
            yield (
                f"{setting.name}: {setting.audio.name} has no {each.channels} channels; track "
                f"{each.index} is mixed down to {kept}"
            )
