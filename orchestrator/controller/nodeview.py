"""Nodes as people see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from orchestrator.controller.fleetstate import FleetState
from orchestrator.controller.gate import schedules
from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.post import Post
from orchestrator.decide.fleet import Gate, Sight
from orchestrator.decide.windows import Opening, Timetable, shown, week
from orchestrator.model.node import Program
from orchestrator.model.talk import Found, NodePhase, NodeView, Seats

SHOWN_SILENCE_S = 3.0
"""Less silence than this is none."""


def of_fleet(state: FleetState, hours: OpeningHours, gate: Gate) -> tuple[NodeView, ...]:
    """Return every node, by name: those of the manifest, those that left it, and taken free ones."""
    cluster = state.cluster.name
    views = [of_post(post, cluster) for post in {**state.removed, **state.posts}.values()]
    for name in state.guests:
        if (sight := state.sights.get(name)) is not None:
            shut = gate.shut.get(name, "")
            views.append(of_guest(name, sight, cluster, state.busy.get(name, {}), shut))
    asked, now = schedules(state), hours.now()
    for index, view in enumerate(views):
        if view.name in asked and (opening := hours.look(view.name, *asked[view.name])):
            table = hours.table(view.name, *asked[view.name])
            views[index] = with_hours(view, table, opening, now)
    return tuple(sorted(views, key=lambda view: view.name))


def of_post(post: Post, cluster: str) -> NodeView:
    """Return a node that the cluster's manifest names, or named."""
    step, node = post.step, post.node
    view = NodeView(
        name=node.name,
        display_name=node.display_name,
        host=node.address,
        address=post.address,
        phase=step.phase,
        why=post.telling or step.why,
        todo=step.todo,
        cluster=cluster,
        is_asked=post.found is not None or bool(post.trouble),
    )
    if post.found is not None:
        view = replace(
            view,
            python=post.found.python,
            cores=post.found.cores,
            memory_bytes=post.found.memory_bytes,
        )
    notes = (post.trouble,) if post.trouble and post.trouble not in step.why else ()
    return _with_sight(replace(view, notes=notes), post.sight, post.busy)


def of_guest(
    name: str, sight: Sight, cluster: str, busy: Mapping[str, int], shut: str = ""
) -> NodeView:
    """Return a free node that works here for a while; `shut`: why it is closed, if it is."""
    unfit = sight.report.unfit if sight.report else ""
    phase = NodePhase.CLOSED if shut else NodePhase.READY
    if unfit:
        phase = NodePhase.UNFIT
    why = unfit or shut
    view = NodeView(name=name, phase=phase, why=why, cluster=cluster, is_managed=False)
    return _with_sight(view, sight, busy)


def with_hours(view: NodeView, table: Timetable, opening: Opening, now: datetime) -> NodeView:
    """Add when a node with a work schedule is open."""
    hours = opening.hours
    return replace(
        view,
        timezone=table.name,
        opens=shown(hours.opens, table.zone),
        closes=shown(hours.closes, table.zone),
        week=week(table, now),
    )


def _with_sight(view: NodeView, sight: Sight | None, busy: Mapping[str, int]) -> NodeView:
    """Add what the node says of itself."""
    if sight is None or sight.report is None or view.phase is NodePhase.REMOVED:
        return view
    who = sight.report.identity
    notes = view.notes
    if sight.double is not None:
        notes = (*notes, "another machine calls itself so, too; it is given nothing: rename one")
    return replace(
        view,
        services={
            name: Seats(instances=count, busy=busy.get(name, 0))
            for name, count in who.instances.items()
            if count
        },
        version=who.version,
        python=who.python_minor,
        system=who.system,
        programs={each.name: each.version for each in who.programs if each.is_there},
        looked_for=tuple(_found(each) for each in sorted(who.programs, key=lambda p: p.name)),
        cores=who.cores,
        memory_bytes=who.memory_bytes,
        silent_s=sight.silent_s if sight.silent_s >= SHOWN_SILENCE_S else 0.0,
        notes=notes,
    )


def _found(program: Program) -> Found:
    why = "" if program.is_there else program.why or "it is not there"
    return Found(name=program.name, version=program.version, path=program.path, why=why)
