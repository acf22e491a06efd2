"""The rows that ffmpeg's metrics write, a frame each, read back as numbers."""

from __future__ import annotations

import csv
import re
from math import inf, log10
from pathlib import Path

from orchestrator_compressor.measure import VMAF, XPSNR
from orchestrator_compressor.work.trouble import Trouble

SAME_DB = 100.0  #: what frames that are equal count as: their XPSNR is infinite
ROW = re.compile(r"n:\s*\d+\s+XPSNR y:\s*(\S+)")


def read(metric: str, path: Path) -> list[float]:
    """Return a metric's figure of each frame, in order.

    Raises Trouble if the file is missing or is not what the filter writes.
    """
    try:
        return READERS[metric](path)
    except (OSError, ValueError, KeyError) as error:
        raise Trouble(f"{path}: cannot be read as figures of {metric}: {error}") from error


def mean(metric: str, values: list[float]) -> float:
    """Return the figure of several frames together, as ffmpeg itself does.

    XPSNR is a ratio: its errors are averaged, not its decibels.
    """
    if metric != XPSNR:
        return sum(values) / len(values)
    error = sum(10 ** (-each / 20) for each in values) / len(values)
    return float(min(SAME_DB, -20 * log10(error)))


def _vmaf(path: Path) -> list[float]:
    with path.open(encoding="ascii", newline="") as file:
        return [float(row["vmaf"]) for row in csv.DictReader(file)]


def _xpsnr(path: Path) -> list[float]:
    with path.open(encoding="ascii") as file:
        found = [float(hit[1]) for line in file if (hit := ROW.match(line))]
    return [SAME_DB if each == inf else min(each, SAME_DB) for each in found]


READERS = {VMAF: _vmaf, XPSNR: _xpsnr}
