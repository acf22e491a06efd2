"""What a manifest's references to secrets stand for, found where `apply` is typed (F-ACC-10)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.cli.connect import from_file
from orchestrator.client.tokens import secret
from orchestrator.errors import Refusal
from orchestrator.manifest.cluster import secrets
from orchestrator.model.cluster import Cluster, Secret


def resolved(cluster: Cluster) -> Mapping[str, str]:
    """Return every secret of a cluster by the name it travels under; each lack at once.

    Refusal says which reference leads nowhere; no value is ever in a sentence.
    """
    found, faults = dict[str, str](), list[str]()
    for name, reference in secrets(cluster).items():
        try:
            found[name] = value(reference)
        except Refusal as error:
            faults.append(f"cluster {cluster.name!r}: {name}: {error}")
    if faults:
        raise Refusal("\n".join(faults))
    return found


def value(reference: Secret) -> str:
    """Return what one reference stands for."""
    if reference.env:
        if not (said := os.environ.get(reference.env)):
            raise Refusal(f"environment {reference.env}: not set, or empty; set it and apply again")
        return said
    return from_file(Path(reference.file)) if reference.file else secret(reference.keyring)
