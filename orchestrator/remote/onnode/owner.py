"""Whose the machine is: one cluster's at a time."""

from __future__ import annotations

import os

from orchestrator.remote.onnode.files import read_json, unlink, write_json
from orchestrator.remote.onnode.places import at
from orchestrator.remote.onnode.question import Data, No


def owned(data: Data) -> None:
    """Raise No if the machine belongs to another cluster."""
    owner = read_json(at("owner.json"))
    mine = data.get("cluster_id", "")
    if owner and mine and owner.get("cluster_id") != mine:
        raise No(
            f"belongs to cluster {owner.get('cluster')!r}; take it out of that cluster's manifest "
            "and apply that, or name another machine"
        )


def own(data: Data) -> None:
    """Make the machine the cluster's, or raise No; of two at once, one wins."""
    part = at(f"owner.json.{os.getpid()}")
    write_json(part, {"cluster": data["cluster"], "cluster_id": data["cluster_id"]})
    try:
        os.link(part, at("owner.json"))
    except FileExistsError:
        if not read_json(at("owner.json")):  # a power cut left it empty
            os.replace(part, at("owner.json"))
        owned(data)
    finally:
        unlink(part)
