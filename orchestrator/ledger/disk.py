"""On which disks a ledger may lie: those that keep locks and what was synced (F04)."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import Refusal
from orchestrator.system import mount_of

ELSEWHERE = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fuse",
        "fuseblk",
        "gfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
        "virtiofs",
        "vboxsf",
    }
)
"""Kinds of file systems, as Linux calls them, whose disk is another machine's or program's."""


def check_disk(path: Path) -> None:
    """Refuse a ledger on a network or FUSE file system; the folder of `path` need not be there."""
    point, kind = mount_of(path)
    if kind in ELSEWHERE or kind.startswith("fuse."):
        raise Refusal(
            f"ledger {path}: {point} is a network or FUSE file system ({kind}), which keeps "
            "neither locks nor what was synced; name a folder on a local disk with --state"
        )
