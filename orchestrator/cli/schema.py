"""`orchestrator schema`: the JSON Schema of a kind of manifest, for people and editors."""

from __future__ import annotations

import json

import click

from orchestrator.cli import offers
from orchestrator.manifest.schema import KINDS, schema


@click.command(name="schema")
@click.argument("kind", type=click.Choice(KINDS, case_sensitive=False), metavar="KIND")
def command(kind: str) -> int:
    """Print the JSON Schema of KIND: cluster, node, setting or batch.

    What the installed processors add stands in it.  Every key has a description, with its unit and
    default.
    """
    whole = schema(kind, offers.installed(offers.rules()).processors)
    click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    return 0
