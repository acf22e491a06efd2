"""How good pictures are: the words that measure a file of ours against its source.

The reference is the source through the very chain that was encoded, so what is measured is what
the encoder did, at the output's own size and rate; frames are compared one to one, by their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from orchestrator_compressor import recipe
from orchestrator_compressor.codecs import is_rgb
from orchestrator_compressor.encoders import Words
from orchestrator_compressor.facts import Source
from orchestrator_compressor.product import Picture
from orchestrator_compressor.recipe import Cut, Means
from orchestrator_compressor.settings import Setting

VMAF, XPSNR = "vmaf", "xpsnr"
FILTERS = {VMAF: "libvmaf", XPSNR: "xpsnr"}
LOGS = {VMAF: "vmaf.csv", XPSNR: "xpsnr.log"}  #: in the attempt's folder, a row a frame
MODEL, MODEL_4K = "vmaf_v0.6.1", "vmaf_4k_v0.6.1"
MODEL_MAX = (2560, 1440)  #: beyond it, people sit nearer to their screens
#: Container -> ffmpeg's demuxers of it, where they are not called like it.
DEMUXERS = {
    **dict.fromkeys(("mp4", "mov"), "mov,mp4,m4a,3gp,3g2,mj2"),
    **dict.fromkeys(("mkv", "webm"), "matroska,webm"),
    **dict.fromkeys(("mpg", "mpeg", "vob"), "mpeg"),
    **dict.fromkeys(("ts", "m2ts"), "mpegts"),
}
SAMPLING = re.compile(r"yuva?(420|422|444)p")
DEPTH = re.compile(r"(9|10|12|14|16)le$")
DEPTHS = {"9": "10", "10": "10", "12": "12", "14": "12", "16": "12"}  #: what both filters take
USUAL_RATE = Fraction(25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file of ours that is measured."""

    path: str
    demuxer: str  #: that may open it
    metrics: tuple[str, ...] = (VMAF,)


def words(means: Means, source: Source, cut: Cut, picture: Picture, made: Made) -> Words:
    """Return the words that write a row of figures for each frame of `made`, for each metric."""
    return [
        *recipe.begin(means),
        *recipe.guarded(made.demuxer, made.path),
        *("-threads", str(means.threads)),
        *cut.seek,
        "-copyts",
        *recipe.opened(source),
        *("-filter_complex", graph(means, cut, picture, made.metrics)),
        *("-map", "[out]", "-fps_mode", "passthrough", "-enc_time_base", "filter"),
        *("-an", "-sn", "-dn", "-f", "null", "-"),
    ]


def parts(setting: Setting, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts of ffmpeg that measuring needs, and searching for a quality."""
    searched = (VMAF,) if setting.video and setting.video.quality else ()
    return tuple(f"filter:{FILTERS[each]}" for each in dict.fromkeys((*searched, *metrics)))


def demuxers(container: str) -> str:
    """Return what may open a file of ours, by its container or its suffix without the dot."""
    return DEMUXERS.get(container, container)


def graph(means: Means, cut: Cut, picture: Picture, metrics: tuple[str, ...]) -> str:
    """Return the filters: both sides by number of frame, then each metric in turn."""
    rate = max(1, round(picture.rate or USUAL_RATE))
    clock = f"settb=1/{rate},setpts=N,fps={rate}"
    alike = f"format={compared(picture.pixel_format)}"
    # numbers are compared: where a codec says otherwise what they mean, ffmpeg would convert them
    meant = {"range": picture.colour.range, "colorspace": picture.colour.matrix}
    said = ":".join(f"{key}={value}" for key, value in meant.items() if value)
    told = [f"setparams={said}"] if said else []
    chain = ",".join([*recipe.filters(cut, picture), *told, clock, alike])
    copies = "".join(f"[r{n}]" for n in range(len(metrics)))
    parts = [
        f"[0:v:0]{','.join([*told, clock, alike])}[m0]",
        f"[1:{picture.stream}]{chain},split={len(metrics)}{copies}",
    ]
    for n, metric in enumerate(metrics):
        end = "[out]" if n == len(metrics) - 1 else f"[m{n + 1}]"
        parts.append(f"[m{n}][r{n}]{_filter(metric, means, picture)}{end}")
    return ";".join(parts)


def compared(pixel_format: str) -> str:
    """Return the pixel format both sides are compared in: without transparency, never RGB."""
    if is_rgb(pixel_format):
        sampling = "444"
    else:
        hit = SAMPLING.match(pixel_format)
        sampling = hit[1] if hit else "420"
    depth = DEPTH.search(pixel_format)
    return f"yuv{sampling}p" + (f"{DEPTHS[depth[1]]}le" if depth else "")


def model(picture: Picture) -> str:
    """Return the model of VMAF that fits the size."""
    larger = picture.width > MODEL_MAX[0] or picture.height > MODEL_MAX[1]
    return MODEL_4K if larger else MODEL


def _filter(metric: str, means: Means, picture: Picture) -> str:
    # what ends first ends it: a row that is missing tells of a frame that is
    together = "shortest=1:repeatlast=0"
    if metric == XPSNR:
        return f"xpsnr=stats_file={LOGS[XPSNR]}:{together}"
    threads = f"n_threads={means.threads}"
    log = f"log_fmt=csv:log_path={LOGS[VMAF]}"
    return f"libvmaf=model=version={model(picture)}:{log}:{threads}:{together}"
