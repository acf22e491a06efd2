"""A settled rate as the words that ffmpeg's encoders want, for each pass."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator_compressor.rates import Phase, Rate

Words = list[str]

STATS = "stats"  #: stem of what a first pass writes, in the attempt's own folder
STATS_FILES: Mapping[str, tuple[str, ...]] = {
    "h264": ("stats-0.log", "stats-0.log.mbtree"),
    "hevc": ("stats.log", "stats.log.cutree"),
    "vp9": ("stats-0.log",),
}
"""Codec -> what a first pass writes; some presets write the first only."""

SILENT = frozenset({"vp9"})  #: codecs whose first pass shows no frame and writes no packet
ANALYSIS_CRF = {"h264": 20, "hevc": 26}


def words(name: str, rate: Rate) -> Words:
    """Return ffmpeg's options for the rate of the codec `name`."""
    numbered = {Phase.FIRST: "1", Phase.SECOND: "2"}.get(rate.phase)
    logged = ["-pass", numbered, "-passlogfile", STATS] if numbered and name != "hevc" else []
    return [*_aim(name, rate), *logged, *_buffer(rate)]


def h264(rate: Rate) -> Words:
    """Return what x264 is told in its own words."""
    return [*([f"level={rate.level}"] if rate.level else []), *_fill(rate)]


def hevc(rate: Rate) -> Words:
    """Return what x265 is told in its own words.

    ``info=0``: else its headers repeat all options, and parts of different rates have different ones.
    """
    crf = ANALYSIS_CRF["hevc"]
    passes = {
        Phase.FIRST: [f"pass=1:crf={crf}:stats={STATS}.log"],
        Phase.SECOND: [f"pass=2:stats={STATS}.log"],
    }
    level = [f"level-idc={rate.level}:high-tier=0:info=0"] if rate.level else []
    quantizer = [f"qp={rate.qp}"] if rate.qp is not None else []
    return [*quantizer, *passes.get(rate.phase, ()), *level, *_fill(rate)]


def _fill(rate: Rate) -> Words:
    return [f"vbv-init={rate.fill}"] if rate.fill else []


def _aim(name: str, rate: Rate) -> Words:
    if rate.phase is Phase.FIRST and name in ANALYSIS_CRF:
        return [] if name == "hevc" else ["-crf", str(ANALYSIS_CRF[name])]
    if rate.average is not None:
        return ["-b:v", str(rate.average)]
    if rate.qp is not None:
        return [] if name == "hevc" else ["-qp", str(rate.qp)]
    return ["-crf", f"{rate.crf:g}"] if rate.crf is not None else []


def _buffer(rate: Rate) -> Words:
    if rate.maximum is None or rate.phase is Phase.FIRST:
        return []
    return ["-maxrate", str(rate.maximum), "-bufsize", str(rate.buffer)]
