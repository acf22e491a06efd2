"""A batch as accepted, back to the manifest that says the same (F-SUB-10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.manifest.write import yaml_text
from orchestrator.model.codec import dump
from orchestrator.model.work import Batch, IfExists, Job, Priority, Split

Data = dict[str, Any]  # a document: JSON data, any of its types

_VERSION = "orchestrator/v1"


def manifest_text(batch: Batch) -> str:
    """Return YAML that, read again, is this batch: its own Settings first, then the Batch.

    Paths are absolute, ``serialize`` stands as ``after``, what is a default is left out.
    """
    settings = {name: spec for job in batch.jobs for name, spec in job.settings.items()}
    documents = [_setting(name, spec) for name, spec in sorted(settings.items())]
    return "---\n".join(yaml_text(each) for each in (*documents, _batch(batch)))


def _setting(name: str, spec: Mapping[str, object]) -> Data:
    return {
        "apiVersion": _VERSION,
        "kind": "Setting",
        "metadata": {"name": name},
        "spec": dump(spec),
    }


def _batch(batch: Batch) -> Data:
    metadata: Data = {"name": batch.name, "annotations": dict(batch.annotations)}
    spec = {
        "cluster": batch.cluster if batch.cluster != "this-computer" else None,
        "plus": batch.plus,
        "priority": batch.priority.value if batch.priority is not Priority.MEDIUM else None,
        "notBefore": batch.not_before,
        "delay": _duration(batch.delay_s),
        "copy": batch.copy.value if batch.copy else None,
        "copyAtSubmit": batch.copy_at_submit,
        "notify": dump(batch.notify),
        "jobs": [_job(job) for job in batch.jobs],
    }
    return {
        "apiVersion": _VERSION,
        "kind": "Batch",
        "metadata": _told(metadata),
        "spec": _told(spec),
    }


def _job(job: Job) -> Data:
    return _told(
        {
            "name": job.name,
            "processor": job.processor,
            "after": list(job.after),
            "requires": dict(job.requires),
            "licences": list(job.licences),
            "env": dict(job.env),
            "preflight": list(job.preflight),
            "workingDirectory": job.working_directory,
            "timeout": _duration(job.timeout_s),
            "stallAfter": _duration(job.stall_s),
            "ifExists": job.if_exists.value if job.if_exists is not IfExists.FAIL else None,
            "segments": _split(job.split),
            "onDecodeErrors": job.on_decode_errors if job.on_decode_errors != "fail" else None,
            "with": dump(job.asks),
            "actions": dump(job.actions),
        }
    )


def _split(split: Split) -> Data:
    seconds = split.seconds
    whole = int(seconds) if seconds is not None and seconds.is_integer() else seconds
    spread = split.spread if split.spread != "auto" else None
    cuts = list(split.cuts) if split.cuts else None
    scenes = split.scenes if split.scenes != "auto" else None
    said = {"seconds": whole, "frames": split.frames, "cuts": cuts}
    return _told({**said, "spread": spread, "scenes": scenes})


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def _told(data: Data) -> Data:
    """Return `data` without what says nothing: a default need not be written."""
    return {key: value for key, value in data.items() if value not in (None, False, {}, [])}
