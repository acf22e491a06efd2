"""Brings the machines of a cluster to work, and away from it: one step of each at a time.

Decisions are `decide.way`'s; here they are carried out by a bounded pool, so that a host that hangs
costs a thread and delays nobody.  What runs on a node is never ended by a change (F-SVC-7).
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.controller.enlist import Ground, agents, heartbeat_s, manifest_name, settings
from orchestrator.controller.gather import Gathering
from orchestrator.controller.gather import Tell as Tell
from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.nodeview import of_guest, of_post, with_hours
from orchestrator.controller.post import Post
from orchestrator.controller.stops import Tell as TellPeople
from orchestrator.controller.stops import tell_nobody, tell_of_step, tell_of_stop
from orchestrator.decide.fleet import Gate, Ours, Sight, is_live
from orchestrator.decide.way import Deed, Step, next_step
from orchestrator.decide.windows import Opening
from orchestrator.errors import NodeError, NotThere, OrchestratorError, Rejected
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.node import Identity, Member, Report
from orchestrator.model.schedule import ALWAYS, WorkSchedule
from orchestrator.model.talk import Leaving, NodePhase, NodeView
from orchestrator.model.work import Copying
from orchestrator.remote.protocol import Found, Remote, Runtime
from orchestrator.system import now_s

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Connections at a time: more of them, and an sshd that guards itself drops some."""

AT_ONCE_DOUBTFUL = AT_ONCE // 2
"""Of these for nodes whose last step failed; the others must not wait for them."""

FAREWELLS_MAX = 3
"""So often at least a machine that is to be cleaned is tried before its cluster ends without it."""

UNHEARD = "its work schedule is not known yet: it has not spoken"

RENEWAL_LOOK_S = 3600.0
TURN_S = 0.5
STOP_GRACE_S = 10.0
DEEDS_IN_A_ROW = 8
"""So many steps one connection serves before others get their turn."""


class Signer(Protocol):
    """The cluster's authority."""

    @property
    def pem(self) -> bytes:
        """Its certificate."""

    def sign(self, request_pem: bytes, name: str) -> bytes:
        """Return a certificate for a node's request; Rejected if it is none."""

    def is_due(self, name: str) -> bool:
        """Whether a node needs a new certificate."""

    def forget(self, name: str) -> None:
        """Stop watching the certificate of a node that has left."""


def _nothing_paused() -> frozenset[str]:
    return frozenset()


def _keep_nothing(names: frozenset[str]) -> None:
    """Keep paused names nowhere."""


def _nobody_leaves() -> tuple[Node, ...]:
    return ()


def _forget_nothing(name: str) -> None:
    """Know nobody who leaves."""


def _take_no_key(node: Node, fingerprint: str) -> None:
    raise Rejected(node.name, f"its host key {fingerprint} cannot be taken here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a fleet works with; every callable may be called from any thread."""

    ours: Ours
    ground: Ground
    signer: Signer
    remote_of: Callable[[Node], Remote]
    runtime_of: Callable[[str, Tell], Runtime]
    #: platform, as ``linux-x86_64`` -> what is installed there; minutes, the first time
    load_paused: Callable[[], frozenset[str]] = _nothing_paused
    keep_paused: Callable[[frozenset[str]], None] = _keep_nothing
    load_leaving: Callable[[], tuple[Node, ...]] = _nobody_leaves  #: since before we began
    left: Callable[[str], object] = _forget_nothing  #: hears the name of a node that has left
    trust: Callable[[Node, str], None] = _take_no_key  #: write a host key down
    hours: OpeningHours = field(default_factory=OpeningHours)
    tell: TellPeople = tell_nobody  #: what people should hear of; returns at once
    clock: Callable[[], float] = now_s
    jitter: Callable[[], float] = random.random


@dataclass(slots=True)
class _State:
    """All that changes, under the fleet's lock."""

    cluster: Cluster
    posts: dict[str, Post] = field(default_factory=dict)
    removed: dict[str, Post] = field(default_factory=dict)  #: gone since the last `want`
    guests: set[str] = field(default_factory=set)
    paused: frozenset[str] = frozenset()
    given_up: dict[str, str] = field(default_factory=dict)
    sights: Mapping[str, Sight] = field(default_factory=dict)
    busy: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    is_leaving: bool = False
    deadline: float | None = None  #: then what still runs on guests is not waited for
    version: int = 0


class Fleet:
    """The nodes that a cluster wants, and all that is done so that they work."""

    def __init__(self, cluster: Cluster, means: Means) -> None:
        self._means = means
        self._changed = threading.Condition(threading.RLock())
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._state = _State(cluster, paused=means.load_paused())
        self._pool = ThreadPoolExecutor(AT_ONCE, "fleet")
        self._gathering = Gathering(means.runtime_of, self.wake)
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self.want(cluster)
        self._let_leave(means.load_leaving())

    def open(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Let go of everything; agents go on.  A step that hangs is left to its watchdog."""
        self._closing.set()
        self._woken.set()
        with self._changed:
            hanging = [post.remote for post in self._state.posts.values() if post.at_work]
        for remote in hanging:
            remote.close()
        if self._thread.is_alive():
            self._thread.join()
        self._gathering.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # -- what people want

    def want(self, cluster: Cluster, force: Iterable[str] = ()) -> None:
        """Make the nodes be those of `cluster`; who is no longer in it leaves when its work is done.

        Every refusal is forgotten, and every machine asked anew: that mends drift.  Agents of
        nodes in `force` are started anew although nothing differs, drained first.
        """
        with self._changed:
            state = self._state
            state.cluster, state.is_leaving, state.deadline = cluster, False, None
            state.removed.clear()
            self._gathering.forgive()
            forced, wanted = frozenset(force), dict(self._enlisted(cluster))
            for name, post in list(state.posts.items()):
                if name not in wanted:
                    post.is_wanted = False
                    post.forgive()
            for name, fresh in wanted.items():
                old = state.posts.get(name)
                state.posts[name] = fresh if old is None else self._renewed(old, fresh)
                state.posts[name].is_forced |= name in forced
        self.wake()

    def _let_leave(self, nodes: tuple[Node, ...]) -> None:
        """Let nodes go that were taken out before we began."""
        with self._changed:
            posts = self._state.posts
            for name, post in self._enlisted(replace(self._state.cluster, nodes=nodes)):
                if name not in posts:
                    post.is_wanted, posts[name] = False, post

    def pause(self, name: str, leaving: Leaving | None = None) -> NodeView:
        """Give a node no more work; what runs there is finished, or ended when time is over."""
        with self._changed:
            post = self._post(name)
            self._pause(self._state.paused | {name})
            post.deadline = self._deadline(leaving or Leaving())
            self._decide(post, self._gate(), self._means.clock())
        self.wake()
        return self.view(name)

    def resume(self, name: str) -> NodeView:
        """Take a node back; an agent that stopped too often is started again."""
        with self._changed:
            post = self._post(name)
            self._pause(self._state.paused - {name})
            if not self._state.is_leaving:
                post.deadline = None
            post.forgive()
            self._decide(post, self._gate(), self._means.clock())
        self.wake()
        return self.view(name)

    def trust(self, name: str, fingerprint: str) -> NodeView:
        """Take a host key for a node's, and try again.  Rejected if it is not what it shows."""
        with self._changed:
            node = self._post(name).node
        self._means.trust(node, fingerprint)
        with self._changed:
            self._post(name).forgive()
        self.wake()
        return self.view(name)

    def lost(self, name: str) -> NodeView:
        """Take a person's word that a silent node does not come back; one that leaves has left."""
        with self._changed:
            post = self._post(name)
            post.is_removed |= not post.is_wanted
            self._state.given_up[name] = f"node {name!r}: somebody said that it is lost"
        self.wake()
        return self.view(name)

    def leave(self, leaving: Leaving) -> None:
        """Let all nodes go: drained, then what we put on them removed; `is_gone` says when."""
        with self._changed:
            self._state.is_leaving = True
            self._state.deadline = self._deadline(leaving)
            for post in self._state.posts.values():
                post.is_wanted, post.deadline = False, self._deadline(leaving)
                post.forgive()
        self.wake()

    def welcome(self, name: str) -> None:
        """Let a free node that was taken work here."""
        with self._changed:
            self._state.guests.add(name)
            self._tell_all()

    def farewell(self, name: str) -> None:
        """Give a free node no more work."""
        with self._changed:
            self._state.guests.discard(name)
            self._tell_all()

    # -- what is seen

    @property
    def version(self) -> int:
        """One more with every change of what is shown."""
        return self._state.version

    def wait(self, version: int, timeout_s: float) -> int:
        """Return the version once it is another than this one, or after that time."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.version != version, timeout_s)
            return self._state.version

    def views(self) -> tuple[NodeView, ...]:
        """Return every node as people see it, by name."""
        with self._changed:
            state = self._state
            posts = {**state.removed, **state.posts}
            views = [of_post(post, state.cluster.name) for post in posts.values()]
            guests = ((name, state.sights.get(name)) for name in state.guests)
            shut = self._gate().shut
            views += [
                of_guest(
                    name, sight, state.cluster.name, state.busy.get(name, {}), shut.get(name, "")
                )
                for name, sight in guests
                if sight is not None
            ]
            asked = self._schedules()
            views = [self._with_hours(view, asked.get(view.name)) for view in views]
            return tuple(sorted(views, key=lambda view: view.name))

    def view(self, name: str) -> NodeView:
        """Return one node; NotThere names those there are."""
        found = {view.name: view for view in self.views()}
        if name not in found:
            raise NotThere(f"node {name!r}: there is none; known: {', '.join(found) or 'none'}")
        return found[name]

    def is_gone(self) -> bool:
        """Whether nothing more can be removed: all nodes are, or cannot be reached."""
        with self._changed:
            left = self._state.posts.values()
            return all(post.is_refused or post.fails >= FAREWELLS_MAX for post in left)

    def members(self) -> Mapping[Member, Report]:
        """Return who is here, as the last look saw it: of each node the life that counts."""
        with self._changed:
            seen = self._state.sights.values()
            return {
                sight.member: sight.report
                for sight in seen
                if sight.is_listed and sight.member is not None and sight.report is not None
            }

    def paths(self, name: str) -> Mapping[str, str]:
        """Return how a node calls the folders that manifests name (F-STOR-14)."""
        with self._changed:
            post = self._state.posts.get(name)
            return post.node.paths if post else {}

    def log(self, name: str) -> str:
        """Return the end of an agent's log; Unreachable or Rejected if that cannot be had."""
        with self._changed:
            node = self._post(name).node
        remote = self._means.remote_of(node)
        try:
            return remote.log()
        finally:
            remote.close()

    # -- what the lookout asks and tells

    def gate(self) -> Gate:
        """Return who takes part."""
        with self._changed:
            return self._gate()

    def saw(
        self,
        sights: Mapping[str, Sight],
        busy: Mapping[str, Mapping[str, int]],
        closed: Mapping[str, str],
    ) -> None:
        """Take what a look saw."""
        with self._changed:
            state, gate, now = self._state, self._gate(), self._means.clock()
            state.sights, state.busy = sights, busy
            for name in [name for name in state.given_up if is_live(sights.get(name), gate)]:
                del state.given_up[name]
            for name, post in state.posts.items():
                was_live, sight = is_live(post.sight, gate), sights.get(name)
                post.sight, post.busy, post.is_closed = sight, busy.get(name, {}), name in closed
                if is_live(sight, gate):
                    post.live_at = now
                if was_live != is_live(sight, gate):
                    self._woken.set()

    def wake(self) -> None:
        """Say "look now"; from any thread."""
        with self._changed:
            self._tell_all()
        self._woken.set()

    # -- turning

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.clear()
            try:
                self.turn()
            except Exception:  # one turn of the loop: the next one may go well
                log.exception("a turn of the fleet failed", extra={"action": "fleet_bug"})
            self._woken.wait(TURN_S)

    def turn(self) -> None:
        """Decide every node's next step once, and have the pool begin those there is room for."""
        with self._changed:
            gate, now, due = self._gate(), self._means.clock(), []
            for post in list(self._state.posts.values()):
                if post.at_work:
                    continue
                if self._decide(post, gate, now).deed is not None:
                    due.append(post)
                self._retire(post)
            for post in self._chosen(due):
                post.at_work = True
                self._pool.submit(self._work, post)

    def _chosen(self, due: list[Post]) -> list[Post]:
        """Return those that begin now: the ones without trouble first."""
        busy = [post for post in self._state.posts.values() if post.at_work]
        room = AT_ONCE - len(busy)
        doubtful = AT_ONCE_DOUBTFUL - sum(post.fails > 0 for post in busy)
        sound = [post for post in due if not post.fails]
        unsound = sorted((post for post in due if post.fails), key=lambda post: post.not_before)
        return [*sound, *unsound[: max(0, doubtful)]][: max(0, room)]

    def _decide(self, post: Post, gate: Gate, now: float) -> Step:
        """Return a node's next step, and show where it stands."""
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
            self._tell_all()
        return step

    def _work(self, post: Post) -> None:
        """Carry out a node's steps, one after the other, while there are any."""
        try:
            for _ in range(DEEDS_IN_A_ROW):
                with self._changed:
                    deed = self._decide(post, self._gate(), self._means.clock()).deed
                if deed is None or self._closing.is_set() or not self._tried(post, deed):
                    break
        except Exception:  # one pass of the loop: a fault of ours harms one node alone
            log.exception("node %s: a step failed", post.node.name, extra={"action": "fleet_bug"})
            with self._changed:
                self._failed(post, "a fault of the controller's own; see its log", final=False)
        finally:
            post.remote.close()
            with self._changed:
                post.remote, post.successor = post.successor or post.remote, None
                post.at_work, post.telling = False, ""
                self._retire(post)
            self._woken.set()

    def _retire(self, post: Post) -> None:
        """Take a node that has left out of those there is something to do about."""
        if post.step.phase is NodePhase.REMOVED and not post.is_wanted:
            self._state.posts.pop(post.node.name, None)
            self._state.removed[post.node.name] = post
            name, others = manifest_name(post.node), self._state.posts.values()
            if all(each.is_wanted or manifest_name(each.node) != name for each in others):
                self._means.left(name)

    def _tried(self, post: Post, deed: Deed) -> bool:
        try:
            self._do(post, deed)
        except OrchestratorError as error:
            why = str(error).removeprefix(f"node {post.node.name!r}: ")
            final = isinstance(error, Rejected) or not isinstance(error, NodeError)
            with self._changed:
                self._gathering.check()
                self._failed(post, why, final=final)
            _say("node_failed", post, f"{deed.value}: {why}")
            return False
        with self._changed:
            post.succeeded(is_progress=deed is not Deed.ASK)
        return True

    def _failed(self, post: Post, why: str, *, final: bool) -> None:
        now, post.telling = self._means.clock(), ""
        post.failed(why, now, self._means.jitter(), final=final)
        self._decide(post, self._gate(), now)

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
        with self._changed:
            now = self._means.clock()
            post.found, post.telling = None, ""
            if found is not None:
                stops = len(post.ran)
                post.take(found, now)
                tell_of_stop(self._means.tell, post, stops)
            post.is_removed |= deed is Deed.REMOVE
            if deed is Deed.START:
                post.started_at = now
            if deed is Deed.STOP:  # on purpose: it counts as no stop of its own
                post.started_at, post.is_forced = None, False

    # -- parts

    def _enlisted(self, cluster: Cluster) -> Iterable[tuple[str, Post]]:
        ground = self._means.ground
        wanted = list(agents(cluster, ground.wrap))
        beat_s = heartbeat_s(len(wanted))
        for node, words in wanted:
            told = settings(cluster, node, ground, beat_s, words)
            remote = self._means.remote_of(node)
            restarts = cluster.recovery.restarts
            yield node.name, Post(node, remote, told, ground.cluster_id, restarts)

    def _renewed(self, old: Post, fresh: Post) -> Post:
        """Let a known node have its new settings; what is going on with it goes on."""
        old.settings, old.restarts_max = fresh.settings, fresh.restarts_max
        if old.node != fresh.node:
            if old.at_work:
                old.successor = fresh.remote
            else:
                old.remote = fresh.remote
        old.node, old.is_wanted, old.is_removed, old.deadline = fresh.node, True, False, None
        old.forgive()
        return old

    def _runtime(self, post: Post) -> Runtime:
        runtime = self._gathering.of(post.platform).runtime
        assert runtime is not None  # the decision to use it rests on its digest
        return runtime

    def _gate(self) -> Gate:
        state, now = self._state, self._means.clock()
        posts = state.posts
        recovery = state.cluster.recovery
        going = {
            name: "it leaves the cluster" for name, post in posts.items() if not post.is_wanted
        }
        draining = {
            name: post.step.why or "it is drained"
            for name, post in posts.items()
            if post.step.phase is NodePhase.DRAINING or post.step.deed is Deed.STOP
        }
        hours, unheard = self._hours(), self._unheard()
        return Gate(
            ours=self._means.ours,
            wanted=frozenset(posts),
            guests=frozenset(state.guests),
            paused=state.paused,
            inactive=frozenset(name for name, post in posts.items() if not post.node.active),
            draining={**draining, **going},
            shut={
                **{name: each.shut for name, each in hours.items() if each.shut},
                **dict.fromkeys(unheard, UNHEARD),
            },
            evicting=self._late(now)
            | {name for name, each in hours.items() if each.is_evicting} - unheard,
            given_up=dict(state.given_up),
            heartbeat_s=heartbeat_s(len(posts) + len(state.guests)),
            lost_after_s=recovery.lost_after_s,
            orphan_stop_after_s=recovery.orphan_stop_after_s,
            mass_loss_hold_s=recovery.mass_loss_hold_s,
            limits=state.cluster.limits,
            copy=Copying(state.cluster.copy),
        )

    def _hours(self) -> Mapping[str, Opening]:
        """Return how the nodes that have a work schedule stand with it."""
        looked = {
            name: self._means.hours.look(name, schedule, zone)
            for name, (schedule, zone) in self._schedules().items()
        }
        return {name: each for name, each in looked.items() if each is not None}

    def _schedules(self) -> Mapping[str, tuple[WorkSchedule, str]]:
        """Return the work schedule of each node, and the zone that it says it is in.

        That of a managed node stands in the manifest; a free one brings its own.
        """
        state, found = self._state, {}
        for name in state.guests:
            who = _identity(state.sights.get(name))
            if who is not None and who.schedule is not ALWAYS:
                found[name] = (who.schedule, who.timezone)
        for name, post in state.posts.items():
            if post.node.schedule is not ALWAYS:
                who = _identity(state.sights.get(name))
                found[name] = (post.node.schedule, who.timezone if who else "")
        return found

    def _unheard(self) -> frozenset[str]:
        """Return the nodes of which nobody knows yet when they are open: they have not spoken."""
        state = self._state
        asked = [name for name, post in state.posts.items() if _asks_zone(post.node.schedule)]
        return frozenset(
            name for name in (*state.guests, *asked) if _identity(state.sights.get(name)) is None
        )

    def _with_hours(self, view: NodeView, asked: tuple[WorkSchedule, str] | None) -> NodeView:
        hours = self._means.hours
        opening = hours.look(view.name, *asked) if asked else None
        if asked is None or opening is None:
            return view
        return with_hours(view, hours.table(view.name, *asked), opening, hours.now())

    def _late(self, now: float) -> frozenset[str]:
        """Return the nodes on which what still runs is ended."""
        state = self._state
        late = frozenset(name for name, post in state.posts.items() if post.is_late(now))
        if state.deadline is not None and now >= state.deadline:
            late |= state.sights.keys() - state.posts.keys()
        return late

    def _pause(self, names: frozenset[str]) -> None:
        self._means.keep_paused(names)
        self._state.paused = names

    def _deadline(self, leaving: Leaving) -> float | None:
        if leaving.now:
            return self._means.clock()
        return None if leaving.deadline_s is None else self._means.clock() + leaving.deadline_s

    def _post(self, name: str) -> Post:
        if name not in self._state.posts:
            known = ", ".join(sorted(self._state.posts)) or "none"
            raise NotThere(f"node {name!r}: there is none; known: {known}")
        return self._state.posts[name]

    def _show(self, post: Post, text: str) -> None:
        with self._changed:
            post.telling = text
            self._tell_all()

    def _tell_all(self) -> None:
        self._state.version += 1
        self._changed.notify_all()


def _asks_zone(schedule: WorkSchedule) -> bool:
    """Whether a schedule's times are those of wherever its node is."""
    return schedule is not ALWAYS and not schedule.timezone


def _identity(sight: Sight | None) -> Identity | None:
    return sight.report.identity if sight and sight.report else None


def _say(action: str, post: Post, what: str) -> None:
    log.info("node %s: %s", post.node.name, what, extra={"action": action, "node": post.node.name})
