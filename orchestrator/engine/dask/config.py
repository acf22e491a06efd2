"""Dask's settings, the same in every process; to be applied before `distributed` is imported."""

from __future__ import annotations

from pathlib import Path

import dask.config

SETTINGS: dict[str, object] = {
    "distributed.scheduler.worker-ttl": "10 minutes",  # sweeping only; detection is ours
    "distributed.scheduler.allowed-failures": 1000,  # KilledWorker must never decide anything
    "distributed.scheduler.no-workers-timeout": "5s",  # else a vanished member is waited for
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.events-cleanup-delay": "10 minutes",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.timeouts.tcp": "30s",  # becomes TCP_USER_TIMEOUT and keepalive
    "distributed.comm.tls.min-version": 1.3,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.low-level-log-length": 1000,
    "distributed.diagnostics.nvml": False,
    "logging": {"distributed": "warning"},
}


def apply(scratch: Path, *, encrypted: bool = False) -> None:
    """Set everything, and forget what files and variables of this machine say.

    A stranger's ``~/.config/dask`` could else load code into us.  `scratch` is made; the default
    is a folder that all users of the machine share.  `encrypted`: of a cluster; nothing then
    connects or listens without TLS (T12).
    """
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    dask.config.refresh(paths=[], env={})
    here = {
        "temporary-directory": str(scratch),
        "distributed.comm.require-encryption": encrypted or None,
    }
    dask.config.set({**SETTINGS, **here})
