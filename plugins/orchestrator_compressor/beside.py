"""What an output has that is not in its source as it is: captions made, poster, files beside it.

Pure.  The streams task makes all of it in its folder; assembly takes from there what goes into the
file, `publish` what is put beside it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from orchestrator_compressor import captions, streams, timecode
from orchestrator_compressor.chain import Filter
from orchestrator_compressor.facts import Source
from orchestrator_compressor.keeping import ANY, Moment, Sheet, Thumbnails
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.settings import Setting
from orchestrator_compressor.streams import COVERED, MADE, POSTER, TEXT, Cover, Others, Subtitle
from orchestrator_compressor.supplied import LANGUAGES, Caption, Supplied

CLOSED = -1  #: number of the captions that stand in the pictures
SUPPLIED = -2  #: of the first file of captions of the job; the next is -3
CARRIERS = frozenset({"h264", "hevc", "mpeg2"})
"""Codecs, as settings name them, whose encoders keep captions in the pictures."""

NAMED: Mapping[str, frozenset[str]] = {
    "mov": frozenset({"title", "artist", "album", "date", "genre", "comment", "copyright"}),
    "wav": frozenset({"title", "artist", "album", "date", "genre", "comment", "copyright"}),
    CONTAINER: frozenset(),
    **{
        name: frozenset(
            {
                *("title", "artist", "album", "date", "genre", "comment", "copyright"),
                *("composer", "description", "synopsis", "show", "keywords"),
            }
        )
        for name in ("mp4", "m4a")
    },
}
"""Container -> the names it keeps; one that is not named here keeps any."""

ANNOTATED = frozenset({"mkv", "webm"})  #: containers that keep any key
BURNED = "captions.ass"  #: in an attempt's own folder, with its fonts beside it
FONTS = "fonts"
BURN = Filter("captions", f"ass=f={BURNED}:fontsdir={FONTS}")
MADE_MARKS = "made.json"  #: cues and chapters that the streams task made
SHEET = "sheet.jpg"
THUMBS = "thumbs"
ENDINGS = {"jpeg": "jpg", "png": "png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Captions as text, or that can be made text."""

    stream: int  #: of the source; below 0: `CLOSED`, `SUPPLIED` and on
    language: str  #: three letters; empty: unknown
    written: str  #: the same, as it stands in the names of files
    title: str = ""
    is_608: bool = False  #: they are closed captions, which SCC can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A file of captions beside the output."""

    track: Track
    file: str  #: in the folder of the streams task
    suffix: str  #: of its name beside the output, which ends in its kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """All of it."""

    embedded: tuple[Track, ...] = ()  #: become tracks of the file
    burned: Track | None = None
    sidecars: tuple[Sidecar, ...] = ()
    poster: Moment | None = None
    is_attached: bool = False  #: the poster is in the file, not beside it
    thumbnails: Thumbnails | None = None
    sheet: Sheet | None = None
    has_chapters: bool = False  #: the job gives them
    timecode: str | None = None  #: likewise
    metadata: Mapping[str, str] = field(default_factory=dict)  #: likewise, what is kept of it
    notes: tuple[str, ...] = ()

    @property
    def is_made(self) -> bool:
        """Whether there is something to make, which is the streams task's."""
        return bool(self.embedded or self.burned or self.poster or self.has_chapters or self.files)

    @property
    def has_marks(self) -> bool:
        """Whether cues or chapters are in the file that are not the source's."""
        return bool(self.embedded or self.has_chapters)

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What stands beside the output: what it is called where it is made, and its suffix."""
        found = [(each.file, each.suffix) for each in self.sidecars]
        if self.poster and not self.is_attached:
            found.append((streams.POSTER_FILE, ".poster.jpg"))
        if self.thumbnails:
            found.append((THUMBS, ".thumbs"))
        if self.sheet:
            found.append((SHEET, ".sheet.jpg"))
        return tuple(found)


NOTHING = Extras()


def path(destination: str, suffix: str) -> str:
    """Return where a file beside `destination` stands."""
    return posixpath.splitext(destination)[0] + suffix


def known(destination: str, setting: Setting, given: Supplied) -> tuple[str, ...]:
    """Return what stands beside an output, as far as nothing need be known of its source."""
    tracks = tuple(_supplied(given))
    keeping = setting.keeping
    extras = Extras(
        sidecars=tuple(_sidecars(setting, tracks)),
        poster=keeping.poster,
        is_attached=setting.container in COVERED,
        thumbnails=keeping.thumbnails,
        sheet=keeping.sheet,
    )
    return tuple(path(destination, suffix) for _, suffix in extras.files)


def settle(setting: Setting, source: Source, given: Supplied, rate: Fraction | None) -> Extras:
    """Return what `setting` and the job ask for beside what is kept of the source.

    :param rate: of the pictures, frames a second; None where they stand on no grid, or are none

    Raises ValueError where it cannot be made.
    """
    keeping, tracks = setting.keeping, tuple(_tracks(source, given))
    sidecars = tuple(_sidecars(setting, tracks))
    return Extras(
        embedded=tuple(each for each in tracks if _is_embedded(each, setting)),
        burned=None if keeping.burn is None else _burned(setting, source, tracks, keeping.burn),
        sidecars=sidecars,
        poster=keeping.poster if source.video else None,
        is_attached=setting.container in COVERED,
        thumbnails=keeping.thumbnails,
        sheet=keeping.sheet,
        has_chapters=given.has_chapters and setting.container in streams.CHAPTERED,
        timecode=_timecode(setting, given, rate),
        metadata=_metadata(setting, given),
        notes=tuple(_notes(setting, source, given, sidecars)),
    )


def joined(kept: Others, extras: Extras, setting: Setting) -> Others:
    """Return what the file has beside pictures and sound: the source's, and what is given."""
    keeping = setting.keeping
    subtitles = kept.subtitles if keeping.embed is not False else ()
    added = tuple(_subtitle(each, setting.container) for each in extras.embedded)
    covers = kept.covers
    if extras.poster and extras.is_attached:
        covers = (Cover(stream=POSTER, codec="mjpeg"),)
    chapters = 1 if extras.has_chapters else kept.chapters if keeping.chapters else 0
    return replace(
        kept,
        subtitles=(*subtitles, *added),
        covers=covers,
        chapters=chapters,
        timecode=extras.timecode or (kept.timecode if keeping.timecode else None),
        start=kept.start if subtitles else None,
    )


def made(stream: int) -> str:
    """Return what the streams task calls a track that becomes one of the file's."""
    return f"track{stream}.srt"


def caption(given: Supplied, stream: int) -> Caption | None:
    """Return the file that a track is made of; None: it is in the source."""
    return given.captions[SUPPLIED - stream] if stream <= SUPPLIED else None


def _tracks(source: Source, given: Supplied) -> Iterator[Track]:
    yield from _supplied(given)
    for other in source.others:
        if other.type == "subtitle" and other.codec in TEXT:
            said = other.language
            yield Track(stream=other.index, language=said, written=said, title=other.title)
    if source.video and source.video.captions:
        yield Track(stream=CLOSED, language="", written="", title="", is_608=True)


def _supplied(given: Supplied) -> Iterator[Track]:
    for n, each in enumerate(given.captions):
        yield Track(
            stream=SUPPLIED - n,
            language=each.track_language,
            written=each.language,
            title=each.title,
            is_608=each.kind == captions.SCC,
        )


def _is_embedded(track: Track, setting: Setting) -> bool:
    embed = setting.keeping.embed
    if setting.video is None or setting.container not in MADE or embed is False:
        return False
    if track.stream == CLOSED:
        return embed is True and setting.video.name not in CARRIERS
    return track.stream <= SUPPLIED


def _subtitle(track: Track, container: str) -> Subtitle:
    return Subtitle(
        stream=track.stream,
        codec=MADE[container],
        is_made=True,
        is_stacked=False,  # whoever makes it has seen to it
        language=streams.language(container, track.language),
        title=track.title,
        disposition="",
        file=made(track.stream),
    )


def _sidecars(setting: Setting, tracks: tuple[Track, ...]) -> Iterator[Sidecar]:
    kind = setting.keeping.sidecar
    if kind is None:
        return
    taken: set[str] = set()
    for track in tracks:
        if kind == captions.SCC and not track.is_608:
            continue
        stem, number = f".{track.written}" if track.written else "", 2
        suffix = f"{stem}.{kind}"
        while suffix in taken:
            suffix, number = f"{stem}-{number}.{kind}", number + 1
        taken.add(suffix)
        yield Sidecar(track=track, file=f"sidecar{track.stream}.{kind}", suffix=suffix)


def _burned(setting: Setting, source: Source, tracks: tuple[Track, ...], wanted: str) -> Track:
    language = LANGUAGES.get(wanted, wanted)
    for track in tracks:
        if language == ANY or track.language == language:
            return track
    pictures = [each for each in source.others if each.type == "subtitle"]
    if pictures and not tracks:
        raise ValueError(
            f"setting {setting.name}: the source's subtitles are pictures ({pictures[0].codec}), "
            "which are not burned in; give captions in the job, or remove captions.burnIn"
        )
    which = f" in {wanted}" if wanted else ""
    raise ValueError(
        f"setting {setting.name}: there are no captions{which} to burn in; give captions in the "
        "job, or remove captions.burnIn"
    )


def _timecode(setting: Setting, given: Supplied, rate: Fraction | None) -> str | None:
    if not given.timecode or not setting.video or setting.container not in streams.TIMECODED:
        return None
    if rate is None:
        raise ValueError(
            f"startTimecode {given.timecode}: the source has no even frame rate; remove it"
        )
    if why := timecode.why_not(timecode.read(given.timecode), rate):
        raise ValueError(f"startTimecode {why}")
    return str(timecode.read(given.timecode))


def _metadata(setting: Setting, given: Supplied) -> dict[str, str]:
    known = NAMED.get(setting.container)
    kept = {k: v for k, v in given.metadata.items() if known is None or k in known}
    return {**(given.annotations if setting.container in ANNOTATED else {}), **kept}


def _notes(
    setting: Setting, source: Source, given: Supplied, sidecars: tuple[Sidecar, ...]
) -> Iterator[str]:
    name, container, keeping = setting.name, setting.container, setting.keeping
    if given.captions and (setting.video is None or container not in MADE) and not sidecars:
        yield f"{name}: {container} holds no captions; those of the job are not kept"
    if given.has_chapters and container not in streams.CHAPTERED:
        yield f"{name}: {container} holds no chapters; those of the job are not kept"
    if given.timecode and (setting.video is None or container not in streams.TIMECODED):
        yield f"{name}: {container} holds no timecode; startTimecode is not kept"
    if given.annotations and container not in ANNOTATED:
        yield f"{name}: {container} holds no annotations; those of the job are not kept"
    if lost := sorted(set(given.metadata) - set(_metadata(setting, given))):
        yield f"{name}: {container} does not hold {', '.join(lost)} of the job's metadata"
    if keeping.sidecar and not sidecars:
        what = "closed captions" if keeping.sidecar == captions.SCC else "captions"
        yield f"{name}: there are no {what} to put beside it as {keeping.sidecar}"
    if keeping.poster and not source.video:
        yield f"{name}: the source has no pictures, hence no poster"
    yield from _lost_captions(setting, source, sidecars)


def _lost_captions(
    setting: Setting, source: Source, sidecars: tuple[Sidecar, ...]
) -> Iterator[str]:
    if setting.video is None or setting.video.name in CARRIERS:
        return
    is_beside = any(each.track.stream == CLOSED for each in sidecars)
    if source.video and source.video.captions and not is_beside and not setting.keeping.embed:
        yield (
            f"{setting.name}: {setting.video.name} does not keep the closed captions in the "
            "source's pictures; ask for captions: {sidecar: scc} or {embed: true}"
        )
