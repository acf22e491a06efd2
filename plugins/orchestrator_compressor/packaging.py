"""The words that package rungs and sound for streaming: pieces, and playlists that name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from orchestrator_compressor import ladder
from orchestrator_compressor.encoders import Words
from orchestrator_compressor.finish import TAGS
from orchestrator_compressor.product import Product
from orchestrator_compressor.recipe import Means, begin, guarded

FOLDER = "package"  #: in the attempt's folder; what stands there is published whole
MASTER = {"hls": "master.m3u8", "dash": "manifest.mpd"}
SOUND = "sound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The files that are packaged."""

    rungs: Sequence[tuple[str, str]]  #: name and file of each, the smallest first
    sound: str | None  #: of the audio task


def package(means: Means, product: Product, parts: Parts, rate: Fraction) -> Words:
    """Return the words of the packaging pass.

    :param rate: frames a second, exactly
    """
    rungs, sound = parts.rungs, parts.sound
    picture = product.picture
    assert picture is not None  # a ladder has rungs
    inputs, maps = list[str](), list[str]()
    for n, (_, path) in enumerate(rungs):
        inputs += [*_offset(picture.start - product.zero), *guarded("mov", path)]
        maps += ["-map", f"{n}:V:0"]
    if sound and product.sound:
        demuxer = "mov" if sound.endswith((".m4a", ".mov")) else sound.rpartition(".")[2]
        inputs += [*_offset(product.sound.start - product.zero), *guarded(demuxer, sound)]
        maps += ["-map", f"{len(rungs)}:a"]
    tag = TAGS.get(picture.video.name)
    chunk = ladder.chunk_frames(picture.video.key_interval, rate)
    seconds = Fraction(chunk) / rate
    names = [name for name, _ in rungs]
    kind = product.setting.container
    shape = picture.sar * picture.width / picture.height
    how = _hls(names, seconds, sound) if kind == "hls" else _dash(seconds, sound, shape)
    copied = ["-map_metadata", "-1", "-map_chapters", "-1", "-c", "copy"]
    tags = ["-tag:v", tag] if tag else []
    exact = ["-avoid_negative_ts", "disabled"]  # else what is shown first would start late
    return [*begin(means), "-copyts", *inputs, *maps, *copied, *exact, *tags, *how]


def _hls(names: Sequence[str], seconds: Fraction, sound: str | None) -> Words:
    group = f",agroup:{SOUND}" if sound else ""
    streams = [f"v:{n}{group},name:{name}" for n, name in enumerate(names)]
    streams += [f"a:0{group},default:yes,name:{SOUND}"] if sound else []
    return [
        *("-f", "hls", "-hls_time", _text(seconds), "-hls_list_size", "0"),
        *("-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"),
        *("-hls_flags", "independent_segments"),
        *("-var_stream_map", " ".join(streams), "-master_pl_name", MASTER["hls"]),
        *("-hls_fmp4_init_filename", "%v-init.mp4"),
        *("-hls_segment_filename", f"{FOLDER}/%v-%06d.m4s", f"{FOLDER}/%v.m3u8"),
    ]


def _dash(seconds: Fraction, sound: str | None, shape: Fraction) -> Words:
    sets = "id=0,streams=v" + (" id=1,streams=a" if sound else "")
    return [
        # even sizes are a little off: players change between pictures of one shape alone
        *("-aspect", f"{shape.numerator}:{shape.denominator}"),
        *("-f", "dash", "-seg_duration", _text(seconds)),
        *("-use_timeline", "1", "-use_template", "1", "-adaptation_sets", sets),
        *("-init_seg_name", "$RepresentationID$-init.mp4"),
        *("-media_seg_name", "$RepresentationID$-$Number%06d$.m4s"),
        f"{FOLDER}/{MASTER['dash']}",
    ]


def _offset(seconds: Fraction) -> Words:
    return ["-itsoffset", f"{float(seconds):.6f}"] if seconds else []


def _text(seconds: Fraction) -> str:
    """Return seconds in whole millionths, never more than they are: a piece ends at its keyframe."""
    return f"{seconds * 1_000_000 // 1 / 1_000_000:.6f}"
