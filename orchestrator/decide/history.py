"""How long what is over is remembered (F-ADM-6)."""

from __future__ import annotations

from orchestrator.model.cluster import Cluster, ClusterKind

DAY_S = 86400


def kept_s(cluster: Cluster) -> int:
    """Return for how many seconds a batch that is over stays in the ledger.

    Never less than its files stay, and a day more: what is not known cannot be collected.
    """
    return max(cluster.keep_days, cluster.delete_after_days + 1) * DAY_S


KEPT_S = kept_s(Cluster(name="", kind=ClusterKind.THIS_COMPUTER))
"""How long this computer remembers, which has no manifest that says it."""
