"""Who takes part in a cluster's work now: all that a fleet knows, to a `Gate`."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.controller.enlist import heartbeat_s
from orchestrator.controller.fleetmeans import Means
from orchestrator.controller.fleetstate import FleetState
from orchestrator.controller.hours import OpeningHours
from orchestrator.decide.fleet import Gate, Sight
from orchestrator.decide.way import Deed
from orchestrator.decide.windows import Opening
from orchestrator.model.node import Identity
from orchestrator.model.schedule import ALWAYS, WorkSchedule
from orchestrator.model.talk import NodePhase
from orchestrator.model.work import Copying

UNHEARD = "its work schedule is not known yet: it has not spoken"


def gate_of(state: FleetState, means: Means) -> Gate:
    """Return who takes part."""
    posts, recovery = state.posts, state.cluster.recovery
    hours, unheard = _openings(state, means.hours), _unheard(state)
    shut = {name: each.shut for name, each in hours.items() if each.shut}
    out_of_time = {name for name, each in hours.items() if each.is_evicting} - unheard
    return Gate(
        ours=means.ours,
        wanted=frozenset(posts),
        guests=frozenset(state.guests),
        paused=state.paused,
        inactive=frozenset(name for name, post in posts.items() if not post.node.active),
        draining=_draining(state),
        shut={**shut, **dict.fromkeys(unheard, UNHEARD)},
        evicting=_late(state, means.clock()) | out_of_time,
        given_up=dict(state.given_up),
        heartbeat_s=heartbeat_s(len(posts) + len(state.guests)),
        lost_after_s=recovery.lost_after_s,
        orphan_stop_after_s=recovery.orphan_stop_after_s,
        mass_loss_hold_s=recovery.mass_loss_hold_s,
        limits=state.cluster.limits,
        copy=Copying(state.cluster.copy),
    )


def schedules(state: FleetState) -> Mapping[str, tuple[WorkSchedule, str]]:
    """Return the work schedule of each node that has one, and the zone that it says it is in.

    That of a managed node stands in the manifest; a free one brings its own.
    """
    found = {}
    for name in state.guests:
        who = _identity(state.sights.get(name))
        if who is not None and who.schedule is not ALWAYS:
            found[name] = (who.schedule, who.timezone)
    for name, post in state.posts.items():
        if post.node.schedule is not ALWAYS:
            who = _identity(state.sights.get(name))
            found[name] = (post.node.schedule, who.timezone if who else "")
    return found


def _openings(state: FleetState, hours: OpeningHours) -> Mapping[str, Opening]:
    """Return how the nodes that have a work schedule stand with it."""
    looked = {
        name: hours.look(name, schedule, zone)
        for name, (schedule, zone) in schedules(state).items()
    }
    return {name: each for name, each in looked.items() if each is not None}


def _unheard(state: FleetState) -> frozenset[str]:
    """Return the nodes of which nobody knows yet when they are open: they have not spoken."""
    asked = [name for name, post in state.posts.items() if _asks_zone(post.node.schedule)]
    return frozenset(
        name for name in (*state.guests, *asked) if _identity(state.sights.get(name)) is None
    )


def _draining(state: FleetState) -> Mapping[str, str]:
    """Return the nodes that finish what they have, each with what for."""
    draining = {
        name: post.step.why or "it is drained"
        for name, post in state.posts.items()
        if post.step.phase is NodePhase.DRAINING or post.step.deed is Deed.STOP
    }
    going = {
        name: "it leaves the cluster" for name, post in state.posts.items() if not post.is_wanted
    }
    return {**draining, **going}


def _late(state: FleetState, now: float) -> frozenset[str]:
    """Return the nodes whose deadline is over: what still runs on them is ended."""
    late = frozenset(name for name, post in state.posts.items() if post.is_late(now))
    if state.deadline is not None and now >= state.deadline:
        late |= state.sights.keys() - state.posts.keys()
    return late


def _asks_zone(schedule: WorkSchedule) -> bool:
    """Whether a schedule's times are those of wherever its node is."""
    return schedule is not ALWAYS and not schedule.timezone


def _identity(sight: Sight | None) -> Identity | None:
    return sight.report.identity if sight and sight.report else None
