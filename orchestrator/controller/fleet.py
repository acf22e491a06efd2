"""The machines of a cluster: what people want of them, what is seen of them, who takes part.

`steps` brings them to work and away from it, `turns` says whose turn that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.controller.enlist import agents, heartbeat_s, settings
from orchestrator.controller.fleetmeans import Means
from orchestrator.controller.fleetstate import FleetState
from orchestrator.controller.gate import gate_of
from orchestrator.controller.gather import Gathering
from orchestrator.controller.nodeview import of_fleet
from orchestrator.controller.post import Post
from orchestrator.controller.steps import Steps
from orchestrator.controller.turns import Turns
from orchestrator.decide.fleet import Gate, Sight
from orchestrator.errors import NotThere
from orchestrator.model.cluster import Cluster
from orchestrator.model.node import Member, Report
from orchestrator.model.talk import Leaving, NodeView

FAREWELLS_MAX = 3
"""So often at least a machine that is to be cleaned is tried before its cluster ends without it."""


class Fleet:
    """The nodes that a cluster wants, and all that is done so that they work.  From any thread."""

    def __init__(self, cluster: Cluster, means: Means) -> None:
        self._means = means
        self._state = FleetState(cluster, paused=means.load_paused())
        self._gathering = Gathering(means.runtime_of, self.wake)
        self._steps = Steps(self._state, means, self._gathering)
        self._turns = Turns(self._state, self._steps)
        self.want(cluster)
        with self._state.changed:
            self._state.let_leave(self._enlisted(replace(cluster, nodes=means.load_leaving())))

    def open(self) -> None:
        """Begin to work."""
        self._turns.open()

    def close(self) -> None:
        """Let go of everything; agents go on."""
        self._turns.close()
        self._gathering.close()

    def turn(self) -> None:
        """Begin the next step of every node once; of itself only as long as it is open."""
        self._turns.turn()

    def wake(self) -> None:
        """Say "look now"."""
        self._state.tell()
        self._turns.wake()

    # -- what people want

    def want(self, cluster: Cluster, force: Iterable[str] = ()) -> None:
        """Make the nodes be those of `cluster`; who is no longer in it leaves when its work is done.

        Every refusal is forgotten, and every machine asked anew: that mends drift.  Agents of
        nodes in `force` are started anew although nothing differs, drained first.
        """
        with self._state.changed:
            self._gathering.forgive()
            self._state.want(cluster, self._enlisted(cluster), frozenset(force))
        self.wake()

    def pause(self, name: str, leaving: Leaving | None = None) -> NodeView:
        """Give a node no more work; what runs there is finished, or ended when time is over."""
        with self._state.changed:
            post = self._state.post(name)
            self._pause(self._state.paused | {name})
            post.deadline = self._deadline(leaving or Leaving())
            self._steps.decide(post, self.gate())
        self.wake()
        return self.view(name)

    def resume(self, name: str) -> NodeView:
        """Take a node back; an agent that stopped too often is started again."""
        with self._state.changed:
            post = self._state.post(name)
            self._pause(self._state.paused - {name})
            if not self._state.is_leaving:
                post.deadline = None
            post.forgive()
            self._steps.decide(post, self.gate())
        self.wake()
        return self.view(name)

    def trust(self, name: str, fingerprint: str) -> NodeView:
        """Take a host key for a node's, and try again.  Rejected if it is not what it shows."""
        with self._state.changed:
            node = self._state.post(name).node
        self._means.trust(node, fingerprint)
        with self._state.changed:
            self._state.post(name).forgive()
        self.wake()
        return self.view(name)

    def lost(self, name: str) -> NodeView:
        """Take a person's word that a silent node does not come back; one that leaves has left."""
        with self._state.changed:
            post = self._state.post(name)
            post.is_removed |= not post.is_wanted
            self._state.given_up[name] = f"node {name!r}: somebody said that it is lost"
        self.wake()
        return self.view(name)

    def leave(self, leaving: Leaving) -> None:
        """Let all nodes go: drained, then what we put on them removed; `is_gone` says when."""
        with self._state.changed:
            self._state.is_leaving = True
            self._state.deadline = self._deadline(leaving)
            for post in self._state.posts.values():
                post.is_wanted, post.deadline = False, self._deadline(leaving)
                post.forgive()
        self.wake()

    def welcome(self, name: str) -> None:
        """Let a free node that was taken work here."""
        with self._state.changed:
            self._state.guests.add(name)
            self._state.tell()

    def farewell(self, name: str) -> None:
        """Give a free node no more work."""
        with self._state.changed:
            self._state.guests.discard(name)
            self._state.tell()

    # -- what is seen

    @property
    def version(self) -> int:
        """One more with every change of what is shown."""
        return self._state.version

    def wait(self, version: int, timeout_s: float) -> int:
        """Return the version once it is another than this one, or after that time."""
        return self._state.wait(version, timeout_s)

    def views(self) -> tuple[NodeView, ...]:
        """Return every node as people see it, by name."""
        with self._state.changed:
            return of_fleet(self._state, self._means.hours, self.gate())

    def view(self, name: str) -> NodeView:
        """Return one node; NotThere names those there are."""
        found = {view.name: view for view in self.views()}
        if name not in found:
            raise NotThere(f"node {name!r}: there is none; known: {', '.join(found) or 'none'}")
        return found[name]

    def is_gone(self) -> bool:
        """Whether nothing more can be removed: all nodes are, or cannot be reached."""
        with self._state.changed:
            left = self._state.posts.values()
            return all(post.is_refused or post.fails >= FAREWELLS_MAX for post in left)

    def members(self) -> Mapping[Member, Report]:
        """Return who is here, as the last look saw it: of each node the life that counts."""
        with self._state.changed:
            return self._state.members()

    def paths(self, name: str) -> Mapping[str, str]:
        """Return how a node calls the folders that manifests name (F-STOR-14)."""
        with self._state.changed:
            post = self._state.posts.get(name)
            return post.node.paths if post else {}

    def log(self, name: str) -> str:
        """Return the end of an agent's log; Unreachable or Rejected if that cannot be had."""
        with self._state.changed:
            node = self._state.post(name).node
        remote = self._means.remote_of(node)
        try:
            return remote.log()
        finally:
            remote.close()

    # -- what the lookout asks and tells

    def gate(self) -> Gate:
        """Return who takes part."""
        with self._state.changed:
            return gate_of(self._state, self._means)

    def saw(
        self,
        sights: Mapping[str, Sight],
        busy: Mapping[str, Mapping[str, int]],
        closed: Mapping[str, str],
    ) -> None:
        """Take what a look saw."""
        with self._state.changed:
            if self._state.saw(sights, busy, closed, self.gate(), self._means.clock()):
                self._turns.wake()

    # -- parts

    def _enlisted(self, cluster: Cluster) -> Mapping[str, Post]:
        ground, restarts = self._means.ground, cluster.recovery.restarts
        wanted = list(agents(cluster, ground.wrap))
        beat_s = heartbeat_s(len(wanted))
        posts = {}
        for node, words in wanted:
            told = settings(cluster, node, ground, beat_s, words)
            remote = self._means.remote_of(node)
            posts[node.name] = Post(node, remote, told, ground.cluster_id, restarts)
        return posts

    def _pause(self, names: frozenset[str]) -> None:
        self._means.keep_paused(names)
        self._state.paused = names

    def _deadline(self, leaving: Leaving) -> float | None:
        if leaving.now:
            return self._means.clock()
        return None if leaving.deadline_s is None else self._means.clock() + leaving.deadline_s
