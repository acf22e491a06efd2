"""All that a fleet knows, under its one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.controller.post import Post
from orchestrator.decide.fleet import Gate, Sight, is_live
from orchestrator.errors import NotThere
from orchestrator.model.cluster import Cluster
from orchestrator.model.node import Member, Report


@dataclass(slots=True)
class FleetState:
    """Read and changed under `changed`, which `tell` and `wait` take themselves."""

    cluster: Cluster
    posts: dict[str, Post] = field(default_factory=dict)
    removed: dict[str, Post] = field(default_factory=dict)  #: gone since the last `want`
    guests: set[str] = field(default_factory=set)  #: free nodes that were taken
    paused: frozenset[str] = frozenset()
    given_up: dict[str, str] = field(default_factory=dict)
    sights: Mapping[str, Sight] = field(default_factory=dict)
    busy: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    is_leaving: bool = False
    deadline: float | None = None  #: then what still runs on guests is not waited for
    version: int = 0  #: one more with every change of what is shown
    changed: threading.Condition = field(default_factory=threading.Condition)

    def post(self, name: str) -> Post:
        """Return a node of the manifest; NotThere names those there are."""
        if name not in self.posts:
            known = ", ".join(sorted(self.posts)) or "none"
            raise NotThere(f"node {name!r}: there is none; known: {known}")
        return self.posts[name]

    def want(self, cluster: Cluster, wanted: Mapping[str, Post], forced: frozenset[str]) -> None:
        """Make the nodes be those wanted; who is no longer among them leaves."""
        self.cluster, self.is_leaving, self.deadline = cluster, False, None
        self.removed.clear()
        for name, post in self.posts.items():
            if name not in wanted:
                post.is_wanted = False
                post.forgive()
        for name, fresh in wanted.items():
            if old := self.posts.get(name):
                old.renew(fresh)
            else:
                self.posts[name] = fresh
            self.posts[name].is_forced |= name in forced

    def let_leave(self, posts: Mapping[str, Post]) -> None:
        """Let nodes go that are not known yet."""
        for name, post in posts.items():
            if name not in self.posts:
                post.is_wanted, self.posts[name] = False, post

    def saw(
        self,
        sights: Mapping[str, Sight],
        busy: Mapping[str, Mapping[str, int]],
        closed: Iterable[str],
        gate: Gate,
        now: float,
    ) -> bool:
        """Take what a look saw; return whether a node fell silent, or is heard of again."""
        self.sights, self.busy = sights, busy
        for name in [name for name in self.given_up if is_live(sights.get(name), gate)]:
            del self.given_up[name]
        has_turned = False
        for name, post in self.posts.items():
            was_live, sight = is_live(post.sight, gate), sights.get(name)
            post.sight, post.busy, post.is_closed = sight, busy.get(name, {}), name in closed
            if is_live(sight, gate):
                post.live_at = now
            has_turned |= was_live != is_live(sight, gate)
        return has_turned

    def members(self) -> Mapping[Member, Report]:
        """Return who is here, as the last look saw it: of each node the life that counts."""
        return {
            sight.member: sight.report
            for sight in self.sights.values()
            if sight.is_listed and not sight.has_left
            if sight.member is not None and sight.report is not None
        }

    def tell(self) -> None:
        """Say that what is shown has changed."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def wait(self, version: int, timeout_s: float) -> int:
        """Return the version once it is another than this one, or after that time."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != version, timeout_s)
            return self.version
