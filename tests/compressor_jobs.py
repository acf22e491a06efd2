"""Jobs, probes and plans of the compressor for tests: what a manifest and a node would have said."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import orchestrator_compressor
from orchestrator.api import Facts, Job, Kind, Places, Room, Service, Split, Target, Task
from orchestrator_compressor import processor, table
from orchestrator_compressor.table import Table

COMPRESSOR = processor.load()
ROOM = Room(instances=2, cores=4, node_instances=2, date="2026-05-04")
SOURCE = "/in/trailer.mov"


def built_in() -> dict[str, dict[str, Any]]:
    """Return the built-in settings: name to spec."""
    files = Path(orchestrator_compressor.__file__).parent.glob("settings/*.yaml")
    documents = [YAML(typ="safe").load(file) for file in files]
    return {each["metadata"]["name"]: each["spec"] for each in documents}


def job(
    *outputs: Mapping[str, Any] | str, specs: Mapping[str, Any] | None = None, **more: Any
) -> Job:
    """Return a job; an output that is a text names a setting only."""
    known = {**built_in(), **(specs or {})}
    full = [_output(each, known) for each in outputs]
    return Job(
        id="friday-0001/trailer",
        name="trailer",
        processor="compressor",
        service=Service.COMPRESSOR,
        asks={"source": SOURCE, "outputs": full},
        settings={each["setting"]: known[each["setting"]] for each in full},
        **more,
    )


def steady(frames: int, rate: Fraction = Fraction(25), gop: int = 25) -> Table:
    """Return the table of a source whose frames stand on a grid."""
    return Table(
        tb=1 / (rate * 512),
        pts=tuple(range(0, frames * 512, 512)),
        keys=tuple(range(0, frames, gop)),
        last_duration=512,
    )


def seen(times: Table | None, **video: Any) -> dict[str, Any]:
    """Return what a probe of a source in stereo says; `video` differs from a usual picture."""
    values: dict[str, Any] = {
        "path": SOURCE,
        "format": "mov,mp4,m4a,3gp,3g2,mj2",
        "fingerprint": {"size": 1, "sha256": "f0"},
        "video": None,
        "audio": [dict(AUDIO)],
        "others": [],
        "existing": {},
        "notes": [],
    }
    if times:
        start = {"tb": str(times.tb), "start": str(times.pts[0] * times.tb)}
        values["video"] = {**PICTURE, **start, "frames": len(times.pts), **video}
        values["table"] = {"file": "index.bin", "sha256": "7a", "mode": "packets"}
    return values


PICTURE = {
    "index": 0,
    "codec": "h264",
    "width": 1920,
    "height": 1080,
    "pix_fmt": "yuv420p",
    "sar": "1/1",
    "rotation": 0,
    "field_order": "progressive",
    "range": "tv",
    "primaries": "bt709",
    "trc": "bt709",
    "matrix": "bt709",
    "rate": "25/1",
}
AUDIO = {
    "index": 1,
    "codec": "pcm_s16le",
    "rate": 48000,
    "channels": 2,
    "start": "0",
    "sample_fmt": "s16",
    "samples": 480000,
    "duration_s": 10.0,
}


def found(values: Mapping[str, Any], times: Table | None) -> Facts:
    """Return facts as the controller reads them from cluster storage."""
    files = {"index.bin": table.dump(times)} if times else {}
    return Facts(values=values, files=files, attempt="a1")


def planned(
    asked: Job, times: Table | None = None, room: Room = ROOM, **video: Any
) -> tuple[Target, ...]:
    """Return the plan of a job for a source of 10 seconds, or of `times`."""
    times = times or steady(250)
    return COMPRESSOR.plan(asked, found(seen(times, **video), times), room)


def places(tasks: tuple[Task, ...]) -> Places:
    """Return where things are on a node: every task's result is in a folder called after it."""
    folders = {task.id: f"/store/{'-'.join(task.id.split('/')[2:])}" for task in tasks}
    return Places(
        attempt="/store/OUT",
        results={**folders, "friday-0001/trailer/probe": "/store/probe"},
        programs={"python": "python", "ffmpeg": "ffmpeg"},
    )


def probe(asked: Job) -> Task:
    """Return the probe task of a job."""
    return Task(
        id=f"{asked.id}/probe", job=asked, kind=Kind.PROBE, args=COMPRESSOR.probe(asked) or {}
    )


def split(**ways: Any) -> Split:
    """Return how a person wants a target cut."""
    return Split(**ways)


def _output(each: Mapping[str, Any] | str, known: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(each, str):
        return dict(each)
    return {"setting": each, "destination": f"/out/{{setting}}.{known[each]['container']}"}
