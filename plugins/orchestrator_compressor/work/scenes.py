"""Scene changes of a source: where an encoder puts a keyframe anyway, a cut costs nothing."""

from __future__ import annotations

from dataclasses import replace

from orchestrator_compressor.table import Table
from orchestrator_compressor.work import index
from orchestrator_compressor.work.trouble import Trouble

LONGEST_S = 600
"""Of a longer source they are looked for only if that was asked: it is decoded once for it."""

WIDTH = 320  #: of the pictures that are compared: enough to see another scene


def found(times: Table, path: str, ffmpeg: str, stream: int) -> Table:
    """Return the table with the frames that begin a scene.

    As it was where the source cannot be decoded: who encodes it will say so better.
    """
    chain = (f"scale={WIDTH}:-2:flags=fast_bilinear", "scdet=sc_pass=1")
    try:
        tick, pts, _ = index.decoded(path, ffmpeg, stream, chain)
    except Trouble:
        return times
    begun = {times.at_or_after(time * tick) for time in pts}
    return replace(times, scenes=tuple(sorted(each for each in begun if 0 < each < len(times.pts))))
