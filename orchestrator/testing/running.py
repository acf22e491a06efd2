"""A whole job by the real `orchestrator run`, in a folder of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "test"
LIMIT_S = 120.0
_OURS = ("ORCHESTRATOR_", "XDG_STATE_HOME", "XDG_CONFIG_HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a job ended."""

    code: int  #: 0 done, 1 ran and failed, 2 refused
    said: str  #: what the command line told on stderr: faults, what was done and why
    data: Mapping[str, Any]  #: what ``run -o json`` answers; empty if the job was refused

    @property
    def reason(self) -> str:
        """Why the job failed, in one sentence; empty if it did not."""
        jobs = self.data.get("jobs", ())
        return next((str(job["reason"]) for job in jobs if job["reason"]), "")


def run_job(
    folder: Path | str,
    processor: str,
    asks: Mapping[str, object],
    limit_s: float = LIMIT_S,
    **keys: object,
) -> Ran:
    """Run one job to its end, as a person would by ``orchestrator run job.yaml``.

    The plugin must be installed; the batch and all state stay in `folder`.  Raises
    subprocess.TimeoutExpired after `limit_s` seconds.

    :param folder: an empty one, as pytest's `tmp_path`; paths in `asks` may be relative to it
    :param asks: the job's ``with``
    :param keys: what stands beside ``with``, as ``ifExists="replace"``
    """
    job = {"name": NAME, "processor": processor, **keys, "with": dict(asks)}
    batch = {
        "apiVersion": "orchestrator/v1",
        "kind": "Batch",
        "metadata": {"name": NAME},
        "spec": {"jobs": [job]},
    }
    file, state = Path(folder, "job.yaml"), Path(folder, "state")
    file.write_text(json.dumps(batch, indent=1), "utf-8")  # JSON is YAML
    words = [sys.executable, "-m", "orchestrator", "-v", "run", str(file)]
    done = subprocess.run(
        [*words, "--state", str(state), "-o", "json"],
        env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    data = json.loads(done.stdout) if done.stdout.strip() else {}
    return Ran(code=done.returncode, said=done.stderr, data=data)
