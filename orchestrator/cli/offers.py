"""Which plugins a command loads: as the environment, a Node document or a cluster says (T22)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from orchestrator.cli.options import Layout
from orchestrator.manifest import files, node
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document
from orchestrator.manifest.schema import core, fault_of
from orchestrator.model.cluster import PluginRules
from orchestrator.model.codec import canonical, load
from orchestrator.plugin.manager import Plugins
from orchestrator.plugin.points import found

ENVIRONMENT = "ORCHESTRATOR_PLUGINS"
"""Names of the only plugins to load beside ours, with commas between; ``none``: none."""


NO_PLUGIN = "none"


def installed(rules: PluginRules) -> Plugins:
    """Return the installed plugins that these rules and the environment let in."""
    return Plugins.installed(both(rules, of_environment()), fault_of=fault_of)


def denied(rules: PluginRules) -> frozenset[str]:
    """Return the distributions of which these rules let no plugin in, without importing any."""
    every = found(both(rules, of_environment()))
    kept = {point.distribution for point in every if not point.is_denied}
    return frozenset(point.distribution for point in every if not point.is_ours) - kept


def rules(*jobs: Path) -> PluginRules:
    """Return what the Node documents of job files say; of several, each counts.

    They are looked for before the plugins are there, so nothing else of the files is.
    """
    said = PluginRules()
    for job in jobs:
        said = both(said, _said_by(job))
    return said


def both(one: PluginRules, two: PluginRules) -> PluginRules:
    """Return the rules that let in what both let in."""
    if one.allow is None or two.allow is None:
        allow = two.allow if one.allow is None else one.allow
    else:
        allow = tuple(each for each in one.allow if each in two.allow)
    return PluginRules(allow=allow, deny=tuple(dict.fromkeys((*one.deny, *two.deny))))


def written(rules: PluginRules) -> dict[str, object]:
    """Return the rules as a manifest says them; nothing where they say nothing."""
    allow = {} if rules.allow is None else {"allow": list(rules.allow)}
    return {**allow, **({"deny": list(rules.deny)} if rules.deny else {})}


def of_environment() -> PluginRules:
    """Return what `ENVIRONMENT` says."""
    said = os.environ.get(ENVIRONMENT)
    if said is None:
        return PluginRules()
    allowed = tuple(name for each in said.split(",") if (name := each.strip()))
    return NOTHING if allowed == (NO_PLUGIN,) else PluginRules(allow=allowed)


def keep(where: Layout, rules: PluginRules) -> None:
    """Note the rules that work began under: who ends or recovers it goes by them, too."""
    part = where.plugins.with_suffix(".part")
    part.write_text(canonical(rules), "utf-8")
    part.replace(where.plugins)


def kept(where: Layout) -> PluginRules:
    """Return the rules that were noted."""
    try:
        return load(PluginRules, json.loads(where.plugins.read_text("utf-8")))
    except FileNotFoundError:
        return PluginRules()
    except (OSError, ValueError, TypeError):
        return NOTHING


def _said_by(job: Path) -> PluginRules:
    if not job.is_file():
        return PluginRules()
    documents, faults = files.read(job)
    if faults:
        return NOTHING  # it will be refused, and nothing need be imported for that
    nodes = (each for each in documents if each.get("kind") == "Node")
    said = (each for each in nodes if each.get("spec", "plugins") is not None)
    return next(map(said_in, said), PluginRules())


def said_in(document: Document) -> PluginRules:
    """Return what a document says, whose other parts may be wrong; nothing where this is."""
    said = document.get("spec", "plugins")
    if not isinstance(said, dict) or check(document, ("spec", "plugins"), core_rules()):
        return NOTHING
    return node.plugin_rules(said)


def core_rules() -> dict[str, object]:
    """Return the schema of ``plugins``."""
    shared = core("Node")["$defs"]
    return {**shared["plugins"], "$defs": shared}


NOTHING = PluginRules(allow=())
"""Ours alone."""
