"""What the report of a finished file says: every gate, figures by segment and second, the builds."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import cast

from orchestrator_compressor.table import Output
from orchestrator_compressor.work import figures
from orchestrator_compressor.work.attempt import sha256
from orchestrator_compressor.work.gates import Gate, Shown
from orchestrator_compressor.work.measure import Measured

VERSION = 1  #: of the report, as its schema says
AROUND = 12  #: frames on each side of a join that are looked at apart
DIGITS = 3
APART = "against the picture"  #: in the name of the gate of sound and picture
HEADERS = ("codec", "profile", "width", "height", "pix_fmt", "sar", "tag", "rate", "field_order")
COLOURS = ("range", "primaries", "trc", "matrix")


@dataclass(frozen=True, slots=True)
class Verify:
    """What is asked."""

    file: str
    container: str  #: mov | mp4 | mkv | webm | …
    sha256: str = ""
    table: Mapping[str, str] | None = None  #: None: no picture is expected
    output: Mapping[str, str] = field(default_factory=dict)
    segments: Sequence[Mapping[str, object]] = ()  #: a, b, payload_sha256, encode_s
    expect: Mapping[str, object] = field(default_factory=dict)
    source: str = ""
    fingerprint: Mapping[str, object] = field(default_factory=dict)
    ffmpeg: str = ""
    threads: int = 1
    marks: Mapping[str, str] | None = None  #: path, sha256 of the source's cues and chapters
    made: Mapping[str, str] | None = None  #: likewise, of those that are not the source's
    zero: str = "0"  #: where the file begins, in seconds of the source's clock
    beside: Mapping[str, object] = field(default_factory=dict)  #: files that its filters read
    metrics: Sequence[str] = ()  #: vmaf, xpsnr
    model: str = ""  #: of VMAF
    setting: str = ""
    spec: Mapping[str, object] = field(default_factory=dict)  #: of the setting
    destination: str = ""
    search: Mapping[str, object] = field(default_factory=dict)  #: what the search of a CRF found


@dataclass(frozen=True, slots=True)
class Found:
    """What was found."""

    gates: Sequence[Gate]
    times: Output | None  #: None: no picture was planned
    shown: Shown | None
    measured: Measured


def build(wanted: Verify, path: Path, found: Found) -> dict[str, object]:
    """Return the report as JSON data; `report.schema.json` describes it."""
    size = path.stat().st_size
    return {
        "version": VERSION,
        "ok": all(gate.ok for gate in found.gates),
        "file": wanted.file,
        "destination": wanted.destination,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"path": wanted.source, "fingerprint": dict(wanted.fingerprint)},
        "setting": {
            "name": wanted.setting,
            "container": wanted.container,
            "spec": dict(wanted.spec),
        },
        "gates": [asdict(gate) for gate in found.gates],
        "picture": _picture(found),
        "sound": [
            {"gate": gate.gate, "offset_ms": gate.number}
            for gate in found.gates
            if gate.gate.endswith(APART) and gate.number is not None
        ],
        "size": size,
        "segments": _segments(wanted, found),
        "joins": _joins(wanted, found),
        "seconds": _seconds(found),
        "measured": {
            "model": wanted.model if "vmaf" in found.measured.rows else "",
            "overall": _figures(found, 0, None),
            "why_not": found.measured.why_not,
        },
        "search": dict(wanted.search) or None,
        "builds": _builds(wanted),
        "times": {"encode_s": [each.get("encode_s") for each in wanted.segments]},
    }


def _picture(found: Found) -> dict[str, object] | None:
    shown, times = found.shown, found.times
    if not shown or not times:
        return None
    error = next((g.number for g in found.gates if g.gate == "frame times"), None)
    length = times.duration
    return {
        "frames": len(shown.pts),
        "planned": len(times.pts),
        "duration_s": round(float(length), 6),
        "bits": 8 * sum(shown.sizes),
        "bits_per_s": round(8 * sum(shown.sizes) / length) if length else 0,
        "pts_error_ms": error,
        "headers": {
            key: None if shown.facts.get(key) is None else str(shown.facts[key])
            for key in (*HEADERS, *COLOURS)
        },
    }


def _segments(wanted: Verify, found: Found) -> list[dict[str, object]]:
    """Return what each segment came to, as far as the file has its frames."""
    times, shown = found.times, found.shown
    if not times or not shown or len(shown.pts) != len(times.pts):
        return []
    rows = []
    for n, each in enumerate(wanted.segments):
        a, b = cast("int", each["a"]), cast("int", each["b"])
        start, length = _second(times, a), _second(times, b) - _second(times, a)
        bits = 8 * sum(shown.sizes[a:b])
        rows.append(
            {
                "index": n,
                "first": a,
                "frames": b - a,
                "start_s": round(start, 6),
                "duration_s": round(length, 6),
                "bits": bits,
                "bits_per_s": round(bits / length) if length else 0,
                **_figures(found, a, b),
            }
        )
    return rows


def _joins(wanted: Verify, found: Found) -> list[dict[str, object]]:
    """Return the figures of the frames around each join; none where nothing was measured."""
    times = found.times
    if not times or not found.measured.rows:
        return []
    starts = [cast("int", each["a"]) for each in wanted.segments][1:]
    return [
        {
            "frame": at,
            "time_s": round(_second(times, at), 6),
            **_figures(found, max(0, at - AROUND), at + AROUND),
        }
        for at in starts
    ]


def _figures(found: Found, a: int, b: int | None) -> dict[str, object]:
    """Return mean and worst frame of frames [a, b), by metric."""
    told: dict[str, object] = {}
    for metric, rows in found.measured.rows.items():
        part = list(rows[a:b])
        least = min(part)
        told[metric] = {
            "mean": round(figures.mean(metric, part), DIGITS),
            "min": round(least, DIGITS),
            "worst": a + part.index(least),
        }
    return told


def _seconds(found: Found) -> dict[str, list[float | None]]:
    """Return bits and figures of each second, by when frames are shown; null: no frame is."""
    times, shown = found.times, found.shown
    if not times or not shown or len(shown.pts) != len(times.pts):
        return {"bits": []}
    edges = _edges(times)
    pairs = list(pairwise(edges))
    told: dict[str, list[float | None]] = {"bits": [8 * sum(shown.sizes[a:b]) for a, b in pairs]}
    for metric, rows in found.measured.rows.items():
        told[metric] = [
            round(figures.mean(metric, list(rows[a:b])), DIGITS) if b > a else None
            for a, b in pairs
        ]
    return told


def _edges(times: Output) -> list[int]:
    """Return the first frame of each second, and the number of all frames at the end."""
    edges, second = [0], 1
    for n, time in enumerate(times.expected):
        while time * times.tb >= second:
            edges.append(n)
            second += 1
    return [*edges, len(times.pts)]


def _second(times: Output, frame: int) -> float:
    """Return how many seconds after the first `frame` is shown; the end, if it is none."""
    if frame >= len(times.pts):
        return float(times.duration)
    return float((times.pts[frame] - times.pts[0]) * times.tb)


def _builds(wanted: Verify) -> dict[str, object]:
    ffmpeg = Path(wanted.ffmpeg)
    return {
        "ffmpeg": wanted.ffmpeg,
        "ffmpeg_sha256": sha256(ffmpeg) if wanted.ffmpeg and ffmpeg.is_file() else "",
        "av": importlib.metadata.version("av"),
    }
