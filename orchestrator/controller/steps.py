"""A node's next step, to work or away from it: decided by `decide.way`, carried out here.

What runs on a node is never ended by a step (F-SVC-7).
"""

from __future__ import annotations

import logging

from orchestrator.controller.enlist import manifest_name
from orchestrator.controller.fleetmeans import Means
from orchestrator.controller.fleetstate import FleetState
from orchestrator.controller.gate import gate_of
from orchestrator.controller.gather import Gathering
from orchestrator.controller.post import Post
from orchestrator.controller.stops import tell_of_step, tell_of_stop
from orchestrator.decide.fleet import Gate
from orchestrator.decide.way import Deed, Step, next_step
from orchestrator.errors import NodeError, OrchestratorError, Rejected
from orchestrator.model.talk import NodePhase
from orchestrator.remote.protocol import Found, Runtime

log = logging.getLogger(__name__)

RENEWAL_LOOK_S = 3600.0
STOP_GRACE_S = 10.0


class Steps:
    """What is next for each node.  `advance` alone is called without the state's lock."""

    def __init__(self, state: FleetState, means: Means, gathering: Gathering) -> None:
        self._state = state
        self._means = means
        self._gathering = gathering

    def due(self) -> list[Post]:
        """Decide the next step of every node that no thread is at work on; return who has one."""
        gate, due = gate_of(self._state, self._means), []
        for post in list(self._state.posts.values()):
            if post.at_work:
                continue
            if self.decide(post, gate).deed is not None:
                due.append(post)
            self.retire(post)
        return due

    def decide(self, post: Post, gate: Gate) -> Step:
        """Return a node's next step, and show where it stands."""
        now = self._means.clock()
        gathered = self._gathering.of(post.platform) if post.platform else None
        runtime = gathered.digest if gathered else ""
        if post.step.phase in {NodePhase.READY, NodePhase.CLOSED} and now >= post.renewal_at:
            post.renewal_at = now + RENEWAL_LOOK_S
            post.is_forced |= self._means.signer.is_due(post.node.name)
        step = next_step(post.way(gate, runtime, now))
        if gathered and not runtime and step.phase is NodePhase.INSTALLING:
            step = gathered.step
        if step.is_down and post.found is not None and not post.found.live:
            why = f"node {post.node.name!r}: its agent is down, and none of its work lives"
            self._state.given_up.setdefault(post.node.name, why)
        if step != post.step:
            tell_of_step(self._means.tell, post, step)
            post.stepped(step)
            self._state.tell()
        return step

    def advance(self, post: Post) -> bool:
        """Carry out a node's next step; return whether it had one, and that went well."""
        with self._state.changed:
            deed = self.decide(post, gate_of(self._state, self._means)).deed
        if deed is None:
            return False
        try:
            self._do(post, deed)
        except OrchestratorError as error:
            why = str(error).removeprefix(f"node {post.node.name!r}: ")
            final = isinstance(error, Rejected) or not isinstance(error, NodeError)
            with self._state.changed:
                self._gathering.check()
                self.fail(post, why, final=final)
            _say("node_failed", post, f"{deed.value}: {why}")
            return False
        with self._state.changed:
            post.succeeded(is_progress=deed is not Deed.ASK)
        return True

    def fail(self, post: Post, why: str, *, final: bool) -> None:
        """Take that a step failed; `final`: trying again does not help."""
        post.telling = ""
        post.failed(why, self._means.clock(), self._means.jitter(), final=final)
        self.decide(post, gate_of(self._state, self._means))

    def retire(self, post: Post) -> None:
        """Take a node that has left out of those there is something to do about."""
        if post.step.phase is NodePhase.REMOVED and not post.is_wanted:
            self._state.posts.pop(post.node.name, None)
            self._state.removed[post.node.name] = post
            name, others = manifest_name(post.node), self._state.posts.values()
            if all(each.is_wanted or manifest_name(each.node) != name for each in others):
                self._means.left(name)

    def _do(self, post: Post, deed: Deed) -> None:
        """Do one thing to a machine; it is asked again after each, so that a crash costs nothing."""
        name, remote = post.node.name, post.remote
        found: Found | None = None
        match deed:
            case Deed.ASK:
                found = remote.ask()
            case Deed.INSTALL:
                remote.install(self._runtime(post), lambda text: self._show(post, text))
            case Deed.START:
                signed = self._means.signer.sign(remote.request(name), name)
                digest = self._runtime(post).digest
                remote.start(post.settings, digest, signed, self._means.signer.pem)
            case Deed.STOP:
                remote.stop(STOP_GRACE_S)
            case Deed.REMOVE:
                remote.remove()
                self._means.signer.forget(name)
        if deed is not Deed.ASK:
            _say(f"node_{deed.value}", post, deed.value)
        with self._state.changed:
            stops = len(post.ran)
            post.did(deed, found, self._means.clock())
            tell_of_stop(self._means.tell, post, stops)

    def _runtime(self, post: Post) -> Runtime:
        runtime = self._gathering.of(post.platform).runtime
        assert runtime is not None  # the decision to use it rests on its digest
        return runtime

    def _show(self, post: Post, text: str) -> None:
        with self._state.changed:
            post.telling = text
            self._state.tell()


def _say(action: str, post: Post, what: str) -> None:
    log.info("node %s: %s", post.node.name, what, extra={"action": action, "node": post.node.name})
