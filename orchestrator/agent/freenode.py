"""Who has a free node, and when it is free again: that agent was dismissed, or its cluster is gone."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import __version__
from orchestrator.agent.claims import Claims
from orchestrator.agent.files import now_s
from orchestrator.agent.identity import cores_here, default_instances, memory_here, own_zone
from orchestrator.agent.newkeys import made_keys
from orchestrator.agent.subagent import Agent
from orchestrator.discovery.claim import Claimant, Joining
from orchestrator.discovery.protocol import Announcing, Notice
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.node import AgentSettings, FreeSettings
from orchestrator.model.windows import hours, until, zone_of

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
SILENCE_MORE_S = 10.0
"""On top of a cluster's `lostAfter` (R17)."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def is_over(silent_s: float, lost_after_s: float, orphan_stop_after_s: float, runs: bool) -> bool:
    """Whether a node that has not heard of its cluster for `silent_s` frees itself (R17).

    :param runs: whether a runner of that cluster is alive
    """
    return silent_s >= orphan_stop_after_s or (
        not runs and silent_s >= lost_after_s + SILENCE_MORE_S
    )


class FreeNode:
    """Implements `discovery.counter.Desk`: who has the node, and since when."""

    def __init__(
        self,
        folder: Path,
        settings: FreeSettings,
        agent: Callable[[Path], Agent],
        clock: Callable[[], float] = now_s,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`agent`: makes the agent of a claim's folder; `wall`: the clock of its work schedule."""
        self._settings = settings
        self._agent_of = agent
        self._clock = clock
        self._wall = wall
        self._claims = Claims(folder, wall)
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._held: Claimant | None = None
        self._agent: Agent | None = None  #: None: the claim is not complete yet
        self._since = 0.0
        self._port = 0
        self._recall()

    def notice(self) -> Notice:
        with self._lock:
            held_by = self._held.cluster if self._held else ""
        known = default_instances(cores_here(), memory_here())
        return Notice(
            name=self._settings.node,
            id=self._settings.id,
            port=self._port,
            services={
                name: known.get(name, 1) if count is None else count
                for name, count in self._settings.instances.items()
            },
            version=__version__,
            held_by=held_by,
        )

    def reserve(self, claimant: Claimant) -> str:
        with self._lock:
            if self._settings.managed_only:
                return "it is for managed clusters only; name it in the cluster's nodes"
            if shut := self.shut():
                return shut
            if self._held is not None:
                return f"taken by {self._held.cluster} until its job ends"
            if not _ID.fullmatch(claimant.cluster_id) or not claimant.cluster:
                return "the claim names no cluster"
            self._held = claimant
            return ""

    def shut(self) -> str:
        """Return how long it is outside its work schedule; empty: it is not (F-SCHED-11)."""
        schedule, now = self._settings.schedule, datetime.fromtimestamp(self._wall(), UTC)
        name = schedule.timezone or own_zone() or "UTC"
        zone = zone_of(name)
        if zone is None:
            return f"closed; it knows no time zone {name!r}: install tzdata there"
        found = hours(schedule, zone, now)
        return "" if found.is_open else until(found, zone, name, now)

    def request(self, claimant: Claimant) -> bytes:
        return made_keys(self._claims.prepare(claimant), self._settings.node)

    def join(self, claimant: Claimant, joining: Joining) -> None:
        told = joining.settings
        if (told.cluster, told.cluster_id) != (claimant.cluster, claimant.cluster_id):
            raise Refusal("the settings are another cluster's")
        self._claims.furnish(claimant, joining, limited(told, self._settings))
        agent = self._agent_of(self._claims.place(claimant))
        agent.start()
        self._claims.keep(claimant)
        with self._lock:
            self._agent, self._since = agent, self._clock()
        self._changed.set()

    def release(self, claimant: Claimant) -> None:
        with self._lock:
            if self._held != claimant or self._agent is not None:
                return
            self._held = None
        self._claims.leave(claimant)

    def look(self) -> None:
        """See how the claim stands; free the node when it is over."""
        with self._lock:
            held, agent = self._held, self._agent
        if held is None or agent is None:
            return
        if agent.is_done():
            self._free(held, "it was dismissed")
        elif self._is_gone(held):
            agent.end()
            self._free(held, "its cluster was not heard of for too long")
        elif not agent.is_alive():
            try:
                agent.start()
            except OSError as error:
                log.warning("no agent: %s", error, extra={"action": "agent_not_started"})

    def serve(self, announcing: Announcing, port: int, stop: threading.Event) -> None:
        """Announce while it is open, and look after claims, until `stop`.

        The agent of a claim goes on.
        """
        self._port = port
        while not stop.is_set():
            notice, shut = self.notice(), self.shut()
            try:
                if shut:
                    announcing.hush()
                    log.info("free node: %s", shut, extra={"action": "free_closed"})
                else:
                    announcing.say(notice)
            except OrchestratorError as error:
                log.warning("%s", error, extra={"action": "not_announced"})
            while not stop.is_set() and self._is_as(notice, shut):
                self._changed.wait(LOOK_EVERY_S)
                self._changed.clear()
                self.look()
            self._claims.prune()

    def _is_as(self, notice: Notice, shut: str) -> bool:
        """Whether what was announced still holds."""
        return self.notice().held_by == notice.held_by and bool(self.shut()) == bool(shut)

    def _recall(self) -> None:
        """Go on with the claim of an earlier life."""
        if claimant := self._claims.recall():
            self._held, self._since = claimant, self._clock()
            self._agent = self._agent_of(self._claims.place(claimant))

    def _is_gone(self, held: Claimant) -> bool:
        settings = self._claims.settings(held)
        if settings is None:
            return True  # nothing can be started with it
        heard_at = self._claims.heard_at(held)
        at = self._since if heard_at is None else max(self._since, heard_at)
        return is_over(
            self._clock() - at,
            settings.lost_after_s,
            settings.orphan_stop_after_s,
            self._claims.has_runner(held),
        )

    def _free(self, held: Claimant, why: str) -> None:
        log.info("free again: %s", why, extra={"action": "freed"})
        self._claims.leave(held)
        with self._lock:
            self._held = self._agent = None


def limited(told: AgentSettings, ours: FreeSettings) -> AgentSettings:
    """Return the settings of a claim's agent: what we do not offer, nobody gets; Refusal."""
    offered = {name: ours.instances[name] for name in told.instances if name in ours.instances}
    if not offered:
        raise Refusal("the services asked for are not offered here")
    return replace(
        told,
        host=ours.interface or told.host,
        ports=ours.ports or told.ports,
        instances=offered,
        programs={**told.programs, **ours.programs},
        wrap=(),
        schedule=ours.schedule,
        orphan_stop_after_s=min(told.orphan_stop_after_s, ours.orphan_stop_after_s),
    )
