"""Opening media through PyAV, and saying in ffmpeg's words what a stream is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error
import av.logging
from av.stream import Disposition

from orchestrator.api import Cause
from orchestrator_compressor.marks import Chapter, nanoseconds
from orchestrator_compressor.work import reference
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.container.core import Chapter as Told
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

#: What may be read.  No playlist, script, pattern or protocol: those make a reader somebody's
#: deputy and read other files (T04).
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,mxf,gxf,nut,flv,asf,ogg,ivf,"
    "obu,av1,h264,hevc,vvc,m4v,dv,rm,yuv4mpegpipe,mjpeg,wav,w64,rf64,aiff,au,caf,flac,mp3,aac,ac3,"
    "eac3,dts,truehd,ape,wv,tta"
)
BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "jedec-p22",
}
TRANSFERS = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
}
RANGES = {1: "tv", 2: "pc"}
FIELDS = {1: "progressive", 2: "tt", 3: "bb", 4: "tb", 5: "bt"}


@contextmanager
def opened(path: str, formats: str = DEMUXERS) -> Iterator[InputContainer]:
    """Open a file for reading, by the whitelisted demuxers and from its own bytes only.

    Raises Trouble, of cause ``source``, whatever PyAV says while it is open.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": formats, **reference.options(path)}
    with av.logging.Capture() as said:
        try:
            # names in another encoding than UTF-8 are no reason to refuse a film
            container = av.open(
                f"file:{reference.path_of(path)}", options=options, metadata_errors="replace"
            )
        except av.error.FFmpegError as error:
            raise Trouble(f"{path}: {_why_not(path, error, said)}", Cause.SOURCE) from error
    try:
        yield container
    except av.error.FFmpegError as error:
        raise Trouble(f"{path}: cannot be read: {error.strerror}", Cause.SOURCE) from error
    finally:
        container.close()


def input_words(path: str) -> list[str]:
    """Return the same for a program of ffmpeg's."""
    more = [word for key, value in reference.options(path).items() for word in (f"-{key}", value)]
    guards = ("-protocol_whitelist", "file", "-format_whitelist", DEMUXERS)
    return [*more, *guards, "-i", f"file:{reference.path_of(path)}"]


def listen() -> None:
    """Let PyAV hand over what the libraries say of errors; off by default."""
    av.logging.set_level(av.logging.ERROR)


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Yield the packets a viewer sees, in decode order: no flush packet, none an edit list hides."""
    for packet in container.demux(stream):
        if packet.size and not packet.is_discard:
            yield packet


def codec(stream: Stream) -> str:
    """Return ffmpeg's name of a stream's codec, not of its decoder; empty if it is unknown."""
    context = stream.codec_context
    return context.codec.canonical_name if context else ""


def is_cover(stream: Stream) -> bool:
    """Return whether a stream of video is a cover picture."""
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def timecode(container: InputContainer) -> str | None:
    """Return the timecode of the first frame, wherever a format keeps it; None: it has none."""
    for metadata in (*(stream.metadata for stream in container.streams), container.metadata):
        for key, value in metadata.items():
            if key.lower() == "timecode":
                return value
    return None


def chapters(container: InputContainer) -> tuple[Chapter, ...]:
    """Return the chapters of a file, on its own clock."""
    return tuple(_chapter(each) for each in container.chapters())


def _chapter(told: Told) -> Chapter:
    tick = told["time_base"] or Fraction(1)
    return Chapter(
        start=nanoseconds(told["start"] * tick),
        end=nanoseconds(told["end"] * tick),
        title=told["metadata"].get("title", ""),
    )


def sar(value: Fraction | None) -> str:
    """Return a sample aspect ratio as ``n/d``; one that is not told is square."""
    return f"{value.numerator}/{value.denominator}" if value else "1/1"


def is_shape(wanted: str, found: str, width: int, container: str) -> bool:
    """Whether `found` is the sample aspect ratio `wanted`, as far as the container can tell it.

    Matroska keeps whole pixels of a display size instead: it may be one of `width` off.
    """
    if wanted == found:
        return True
    a, b = Fraction(wanted), Fraction(found)
    return container in {"mkv", "webm"} and bool(b) and abs(a / b - 1) <= Fraction(1, width)


def picture(stream: VideoStream) -> dict[str, object]:
    """Return what the headers say of a video stream, in ffmpeg's words; unknown is None."""
    context = stream.codec_context
    return {
        "codec": codec(stream),
        "profile": context.profile,
        "pix_fmt": context.pix_fmt,
        "width": context.width,
        "height": context.height,
        "sar": sar(stream.sample_aspect_ratio),
        "range": RANGES.get(int(context.color_range)),
        "primaries": PRIMARIES.get(int(context.color_primaries)),
        "trc": TRANSFERS.get(int(context.color_trc)),
        "matrix": MATRICES.get(int(context.colorspace)),
        "field_order": FIELDS.get(int(context.field_order)),
    }


def _why_not(path: str, error: av.error.FFmpegError, said: list[tuple[int, str, str]]) -> str:
    if isinstance(error, av.error.ArgumentError):
        return (
            "is no media file of a kind that is read here; a playlist or a script is not followed: "
            "name the media file itself, or join its parts first"
        )
    if any("moov atom not found" in text for _, _, text in said) and _has_boxes(path):
        return "is truncated: moov atom not found; copy it again"
    if isinstance(error, av.error.InvalidDataError):
        return "is not media, or is damaged; name a media file, or copy it again"
    return f"cannot be opened: {error.strerror}"


def _has_boxes(path: str) -> bool:
    """Whether a file begins as QuickTime and MP4 do; by its name alone it may be anything."""
    with open(path, "rb") as file:
        return file.read(8)[4:] in BOXES
