import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fake_remote import USUAL as FOUND
from fake_remote import Machines

from orchestrator.controller.enlist import Ground
from orchestrator.controller.fleet import Fleet
from orchestrator.controller.fleetmeans import Means
from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.presence import Presence
from orchestrator.decide.fleet import Ours, closed
from orchestrator.engine.fake import USUAL, FakeEngine
from orchestrator.errors import NotThere, Refusal, Rejected, Unreachable
from orchestrator.model.cluster import Cluster, ClusterKind, Extended, Node
from orchestrator.model.schedule import AtClose, WorkSchedule
from orchestrator.model.talk import Leaving, NodePhase
from orchestrator.model.work import Service
from orchestrator.remote.protocol import Runtime

OURS = Ours(version="1", python_minor="3.11")
IDENTITY = replace(USUAL, version="1", python_minor="3.11")
WAIT_S = 20.0
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Pens:
    """A signer whose certificates are words."""

    pem = b"authority"

    def __init__(self):
        self.due = set()
        self.signed = []

    def sign(self, request_pem, name):
        self.signed.append(name)
        return b"certificate of " + name.encode()

    def is_due(self, name):
        return name in self.due

    def forget(self, name):
        self.due.discard(name)


class Yard:
    """A fleet, its machines, and an engine that their agents join."""

    def __init__(self, names, **cluster):
        self.now, self.wall = 1000.0, NOON
        self.machines, self.engine, self.signer = Machines(), FakeEngine([]), Pens()
        self.presence = Presence(lambda: self.now)
        self.paused = frozenset()
        self.trusted = []
        self.leaving, self.left = (), []
        self.told = []  #: what people should hear of
        self.reached = []  #: addresses
        self.runtime = Runtime(digest="r1", wheels=())
        self.busy = {}
        for name in names:
            self.machines[name].on_start = self._join
            self.machines[name].on_stop = self._leave
        self.fleet = Fleet(cluster_of(*names, **cluster), self._means())

    def again(self, *names, leaving=()):
        """Let another controller take over, which knows of the nodes that leave."""
        self.fleet.close()
        self.leaving = cluster_of(*leaving).nodes
        self.fleet = Fleet(cluster_of(*names), self._means())
        self.presence = Presence(lambda: self.now)

    def _means(self):
        return Means(
            ours=OURS,
            ground=Ground(
                cluster_id="id",
                scheduler="tls://c:1",
                storage="/mnt",
                token="t",
                wrap=lambda node, each, _: ("via", each.host),
            ),
            signer=self.signer,
            remote_of=self._remote_of,
            runtime_of=self._runtime_of,
            load_paused=lambda: self.paused,
            keep_paused=lambda names: setattr(self, "paused", names),
            load_leaving=lambda: self.leaving,
            left=self.left.append,
            trust=lambda node, fingerprint: self.trusted.append((node.name, fingerprint)),
            hours=OpeningHours(lambda: self.wall.timestamp()),
            tell=lambda *told: self.told.append(told),
            clock=lambda: self.now,
            jitter=lambda: 1.0,
        )

    def _remote_of(self, node):
        self.reached.append(node.host)
        return self.machines.remote_of(node)

    def _runtime_of(self, platform, tell):
        tell(f"gathering wheels for {platform}")
        if isinstance(self.runtime, Exception):
            raise self.runtime
        return self.runtime

    def _join(self, machine):
        self.engine.join(machine.name, replace(IDENTITY, settings=machine.settings.digest))

    def _leave(self, machine):
        if machine.name in {member.node for member in self.engine.look()}:
            self.engine.lose(machine.name)

    def settings(self, name):
        """Return the digest of those that a node should have."""
        return self.fleet._state.posts[name].settings.digest

    def look(self):
        """Do what a look of the controller does with a fleet."""
        attempts = {f"{node}-{n}": node for node, count in self.busy.items() for n in range(count)}
        sights = self.presence.look(self.engine.look(), attempts)
        shut = closed(sights, self.fleet.gate())
        self.fleet.saw(sights, {node: {"render": n} for node, n in self.busy.items()}, shut)
        return shut

    def until(self, *phases, of=None, turns_max=60):
        """Turn, a virtual second each, until every node stands so; return the views by name."""
        wanted = set(phases)
        for _ in range(turns_max):
            self.look()
            self.fleet.turn()
            self.rest()
            views = {view.name: view for view in self.fleet.views()}
            if {views[name].phase for name in of or views} <= wanted:
                return views
            self.now += 1
        raise AssertionError(f"still {[(v.name, v.phase, v.why) for v in views.values()]}")

    def rest(self):
        """Wait until no thread of the fleet is at work, but for those that hang."""
        version = self.fleet.version
        while any(post.at_work for post in self._posts() if not self._hangs(post)):
            version = self.fleet.wait(version, 0.05)
        while self.fleet._gathering.is_busy():
            version = self.fleet.wait(version, 0.05)

    def _posts(self):
        return list(self.fleet._state.posts.values())

    def _hangs(self, post):
        hangs = self.machines[post.node.name].hangs
        return hangs is not None and not hangs.is_set()


def cluster_of(*names, nodes=(), **more):
    named = [Node(name=name, instances={Service.RENDER: 2}) for name in names]
    return Cluster(name="studio", kind=ClusterKind.MANAGED, nodes=(*named, *nodes), **more)


@pytest.fixture
def yard():
    yards = []

    def build(*names, **cluster):
        yards.append(Yard(names or ("n1",), **cluster))
        return yards[-1]

    yield build
    for each in yards:
        for machine in each.machines.values():
            if machine.hangs is not None:
                machine.hangs.set()
        each.fleet.close()


READY = NodePhase.READY


def test_fresh_machine_is_asked_installed_and_started(yard):
    y = yard("n1")
    view = y.until(READY)["n1"]
    assert y.machines["n1"].done == ["ask", "install", "ask", "request", "start", "ask"]
    assert y.signer.signed == ["n1"]
    assert (view.version, view.cluster, view.services["render"].instances) == ("1", "studio", 2)


def test_node_that_is_ready_is_left_alone(yard):
    y = yard("n1")
    y.until(READY)
    before = list(y.machines["n1"].done)
    for _ in range(5):
        y.until(READY)
    assert y.machines["n1"].done == before


def test_every_way_is_told_as_it_goes(yard):
    y = yard("n1")
    version, seen = y.fleet.version, set()
    y.machines["n1"].hangs = threading.Event()
    y.look()
    y.fleet.turn()
    seen.add(y.fleet.view("n1").phase)
    assert y.fleet.version > version
    y.machines["n1"].hangs.set()
    y.until(READY)
    assert NodePhase.CONNECTING in seen


def test_agent_that_does_not_reach_the_scheduler_is_shown_as_such_without_a_break(yard):
    y = yard("n1")
    y.machines["n1"].on_start = lambda machine: None
    y.until(NodePhase.UNREACHABLE, turns_max=90)
    shown = set()
    for _ in range(40):
        y.look()
        y.fleet.turn()
        shown |= {view.phase for view in y.fleet.views()}
        y.rest()
        y.now += 1
    assert shown == {NodePhase.UNREACHABLE}
    assert "does not reach the scheduler" in y.fleet.view("n1").why


def test_applied_twice_nothing_is_done(yard):
    y = yard("n1")
    y.until(READY)
    done = len(y.machines["n1"].done)
    y.fleet.want(cluster_of("n1"))
    y.until(READY)
    assert y.machines["n1"].done[done:] == ["ask"]


def changed(name="n1", instances=4):
    return cluster_of(nodes=(Node(name=name, instances={Service.RENDER: instances}),))


def test_changed_settings_wait_for_what_runs(yard):  # F-SVC-7
    y = yard("n1", "n2")
    y.until(READY)
    y.busy = {"n1": 1}
    y.fleet.want(cluster_of("n2", nodes=changed().nodes))
    views = y.until(NodePhase.DRAINING, of=["n1"])
    assert views["n1"].why == "it gets new settings; 1 running"
    assert y.look()["n1"].startswith("it gets new settings")
    assert y.fleet.view("n2").phase is READY
    assert "stop" not in y.machines["n1"].done
    y.busy = {}
    y.until(READY)
    assert y.machines["n1"].settings.instances == {"compressor": 0, "render": 4}
    assert "stop" not in y.machines["n2"].done
    assert y.told == []  # what is done on purpose is no news


def test_another_version_is_installed_when_nothing_runs(yard):
    y = yard("n1")
    y.until(READY)
    y.machines["n1"].found = replace(y.machines["n1"].found, runtime="r0")
    y.fleet.want(cluster_of("n1"))
    done = len(y.machines["n1"].done)
    y.until(NodePhase.DRAINING)
    y.until(READY)
    assert [d for d in y.machines["n1"].done[done:] if d != "ask"] == [
        "stop",
        "install",
        "request",
        "start",
    ]


def test_node_of_another_cluster_is_refused_by_name(yard):  # F-MAN-10
    y = yard("n1")
    y.machines["n1"].found = replace(FOUND, owner="films", owner_id="other")
    assert "'films'" in y.until(NodePhase.REFUSED)["n1"].why
    assert set(y.machines["n1"].done) == {"ask"}


def test_other_python_is_said_and_nothing_is_installed(yard):
    y = yard("n1")
    y.machines["n1"].found = replace(FOUND, python="3.9")
    assert "install Python 3.11" in y.until(NodePhase.UNFIT)["n1"].why
    assert set(y.machines["n1"].done) == {"ask"}


# What goes wrong


def test_unreachable_host_is_tried_again_later_and_later(yard):
    y = yard("n1")
    y.machines["n1"].dead = Unreachable("n1", "no answer")
    assert y.until(NodePhase.UNREACHABLE)["n1"].why == "no answer"
    tried = []
    for _ in range(40):
        y.until(NodePhase.UNREACHABLE)
        tried.append(len(y.machines["n1"].done))
        y.now += 1
    gaps = [tried.count(n) for n in sorted(set(tried))]
    assert gaps[:4] == [1, 2, 4, 8]
    y.machines["n1"].dead = None
    y.until(READY)


def test_refusal_waits_for_a_person(yard):
    y = yard("n1")
    y.machines["n1"].troubles["ask"] = [Rejected("n1", "its host key has changed")]
    y.until(NodePhase.REFUSED)
    y.now += 3600
    assert y.until(NodePhase.REFUSED)["n1"].why == "its host key has changed"
    y.fleet.trust("n1", "SHA256:abc")
    y.until(READY)
    assert y.trusted == [("n1", "SHA256:abc")]


def test_refusal_is_tried_again_by_apply(yard):
    y = yard("n1")
    y.machines["n1"].troubles["ask"] = [Rejected("n1", "no")]
    y.until(NodePhase.REFUSED)
    y.fleet.want(cluster_of("n1"))
    y.until(READY)


def test_what_cannot_be_gathered_is_said_on_every_node(yard):
    y = yard("n1", "n2")
    y.runtime = Refusal("no internet; fill it with controller wheels")
    views = y.until(NodePhase.REFUSED)
    assert "no internet" in views["n2"].why
    y.runtime = Runtime(digest="r1", wheels=())
    y.fleet.want(cluster_of("n1", "n2"))
    y.until(READY)


def test_one_host_that_hangs_delays_nobody(yard):
    names = [f"n{n:02}" for n in range(50)]
    y = yard(*names)
    y.machines["n07"].hangs = threading.Event()
    others = [name for name in names if name != "n07"]
    views = y.until(READY, of=others)
    assert views["n07"].phase is NodePhase.CONNECTING


def test_dead_hosts_leave_room_for_the_others(yard):
    names = [f"n{n:02}" for n in range(40)]
    y = yard(*names)
    dead = names[:30]
    for name in dead:
        y.machines[name].dead = Unreachable(name, "no answer")
    y.until(READY, of=names[30:])
    y.until(NodePhase.UNREACHABLE, of=dead)


# Agents that stop


def test_agent_that_died_is_started_again(yard):  # F09
    y = yard("n1")
    y.until(READY)
    y.now += 5.0
    y.machines["n1"].end_agent()
    y.until(READY)
    assert y.machines["n1"].done.count("start") == 2
    ((kind, subject, why, services),) = y.told  # F-NOTE-1, F-NOTE-2
    assert (kind, subject, services) == ("service-stopped", "n1", ("render",))
    assert "its agent stopped after" in why
    assert why.endswith("it is started again (1 of 4)")


def test_agent_that_stops_in_a_circle_is_left_down(yard):  # F-REC-2
    y = yard("n1")
    y.machines["n1"].on_start = lambda machine: machine.end_agent()
    view = y.until(NodePhase.UNFIT)["n1"]
    assert y.machines["n1"].done.count("start") == 3
    assert "stopped too often" in view.why
    assert [kind for kind, *_ in y.told] == ["service-stopped"] * 3 + ["service-down"]
    y.machines["n1"].on_start = y._join
    y.fleet.resume("n1")
    y.until(READY)


def test_silent_node_is_suspect_then_lost_and_comes_back(yard):
    y = yard("n1")
    y.until(READY)
    y.engine.cut("n1")
    y.until(NodePhase.SUSPECT)
    y.until(NodePhase.LOST, turns_max=100)
    assert "start" not in y.machines["n1"].done[6:]
    ((kind, subject, why, _),) = y.told
    assert (kind, subject) == ("service-stopped", "n1")
    assert why.startswith("silent for")
    y.engine.heal("n1")
    y.until(READY)


def test_somebodys_word_makes_a_silent_node_lost_until_it_is_heard_of(yard):
    y = yard("n1")
    y.until(READY)
    y.engine.cut("n1")
    y.until(NodePhase.SUSPECT)
    y.fleet.lost("n1")
    y.until(NodePhase.LOST, turns_max=3)
    y.engine.heal("n1")
    y.until(READY)
    assert y.fleet.gate().given_up == {}


# Going


def test_removed_node_finishes_its_work_then_is_cleaned(yard):
    y = yard("n1", "n2")
    y.until(READY)
    y.busy = {"n1": 2}
    y.fleet.want(cluster_of("n2"))
    assert y.until(NodePhase.DRAINING, of=["n1"])["n1"].why == "2 running"
    assert "n1" in y.look()
    y.busy = {}
    y.until(NodePhase.REMOVED, of=["n1"])
    assert y.machines["n1"].done[-4:] == ["ask", "stop", "ask", "remove"]
    y.fleet.want(cluster_of("n2"))
    assert [view.name for view in y.fleet.views()] == ["n2"]


def test_removed_node_leaves_though_another_controller_has_come(yard):
    y = yard("n1", "n2")
    y.until(READY)
    y.busy = {"n1": 1}
    y.fleet.want(cluster_of("n2"))
    y.until(NodePhase.DRAINING, of=["n1"])
    y.again("n2", leaving=["n1"])
    y.until(NodePhase.DRAINING, of=["n1"])
    assert "n1" in y.look()
    assert y.left == []
    y.busy = {}
    y.until(NodePhase.REMOVED, of=["n1"])
    assert y.machines["n1"].done[-4:] == ["ask", "stop", "ask", "remove"]
    assert y.left == ["n1"]


def test_node_that_was_to_leave_and_is_wanted_again_stays(yard):
    y = yard("n1")
    y.until(READY)
    y.again("n1", leaving=["n1"])
    y.until(READY)
    assert "remove" not in y.machines["n1"].done


def test_node_that_cannot_be_cleaned_has_left_once_somebody_says_so(yard):
    y = yard("n1", "n2")
    y.until(READY)
    y.machines["n1"].dead = Unreachable("n1", "no route")
    y.fleet.want(cluster_of("n2"))
    y.until(NodePhase.UNREACHABLE, of=["n1"])
    y.fleet.lost("n1")
    y.until(NodePhase.REMOVED, of=["n1"])
    assert y.left == ["n1"]


def test_node_that_was_never_ours_is_left_as_it_is(yard):
    y = yard("n1")
    y.machines["n1"].found = replace(FOUND, owner="films", owner_id="other", agent=True)
    y.until(NodePhase.REFUSED)
    y.fleet.want(cluster_of())
    y.until(NodePhase.REMOVED)
    assert set(y.machines["n1"].done) == {"ask"}


def test_cluster_that_ends_leaves_nothing(yard):
    y = yard("n1", "n2")
    y.until(READY)
    y.fleet.leave(Leaving())
    y.until(NodePhase.REMOVED)
    assert y.fleet.is_gone()
    assert y.engine.look() == {}


def test_deadline_ends_what_still_runs(yard):  # P9
    y = yard("n1")
    y.until(READY)
    y.busy = {"n1": 1}
    y.fleet.leave(Leaving(deadline_s=30))
    y.until(NodePhase.DRAINING)
    assert y.fleet.gate().evicting == frozenset()
    y.now += 30
    assert y.fleet.gate().evicting == {"n1"}


def test_dead_host_does_not_keep_a_cluster_from_ending(yard):
    y = yard("n1", "n2")
    y.until(READY)
    y.machines["n1"].dead = Unreachable("n1", "no answer")
    y.fleet.leave(Leaving(now=True))
    y.until(NodePhase.REMOVED, of=["n2"])
    while not y.fleet.is_gone():
        y.until(NodePhase.REMOVED, NodePhase.UNREACHABLE, NodePhase.DRAINING)
        y.now += 1
    assert "was not removed" in y.fleet.view("n1").why


# Pause


def test_paused_node_takes_no_work_and_stays_paused(yard):
    y = yard("n1")
    y.until(READY)
    assert y.fleet.pause("n1").name == "n1"
    y.until(NodePhase.PAUSED)
    assert "orchestrator resume n1" in y.look()["n1"]
    assert y.paused == {"n1"}
    y.fleet.want(cluster_of("n1"))
    y.until(NodePhase.PAUSED)
    y.fleet.resume("n1")
    y.until(READY)
    assert (y.look(), y.paused) == ({}, frozenset())


def test_word_about_a_node_is_seen_at_once(yard):
    y = yard("n1")
    y.until(READY)
    assert y.fleet.pause("n1").phase is NodePhase.PAUSED
    assert y.fleet.resume("n1").phase is NodePhase.READY


def test_trouble_is_told_once_and_the_address_is_that_of_the_last_answer(yard):  # F-NET-8
    y = yard("n1")
    y.machines["n1"].found = replace(FOUND, address="10.0.0.2")
    y.until(READY)
    y.machines["n1"].dead = Unreachable("n1", "no route")
    y.engine.lose("n1")
    view = y.until(NodePhase.LOST, turns_max=90)["n1"]
    assert (view.host, view.address) == ("n1", "10.0.0.2")
    assert (view.why.count("no route"), view.notes) == (1, ())


def test_inactive_node_is_shown_as_paused(yard):
    y = yard("n1", nodes=(Node(name="n2", active=False, instances={Service.RENDER: 1}),))
    y.machines["n2"].on_start = y._join
    views = y.until(READY, NodePhase.PAUSED)
    assert views["n2"].phase is NodePhase.PAUSED


def test_name_that_nobody_has_is_answered_with_those_there_are(yard):
    with pytest.raises(NotThere, match="known: n1"):
        yard("n1").fleet.pause("n9")


# The rest


def test_certificate_is_renewed_when_it_is_time(yard):
    y = yard("n1")
    y.until(READY)
    y.signer.due.add("n1")
    y.now += 3601
    for _ in range(3):
        y.until(READY, NodePhase.DRAINING, NodePhase.STARTING, NodePhase.JOINING)
        y.now += 1
    y.signer.due.clear()
    y.until(READY)
    assert y.signer.signed == ["n1", "n1"]


def test_free_node_that_was_taken_is_shown_and_works(yard):
    y = yard("n1")
    y.until(READY)
    y.engine.join("free-1", IDENTITY)
    assert "not a node of this cluster" in y.look()["free-1"]
    y.fleet.welcome("free-1")
    assert y.look() == {}
    views = {view.name: view for view in y.fleet.views()}
    assert (views["free-1"].is_managed, views["free-1"].phase) == (False, READY)
    y.fleet.farewell("free-1")
    assert "free-1" in y.look()


def test_extended_node_is_one_more_agent_on_its_way(yard):  # F-EXT-1
    y = yard("n1")
    gate = Node(name="gate", extended=(Extended(host="old-01", instances=3),))
    for name in ("gate", "gate+old-01"):
        y.machines[name].on_start = y._join
    y.fleet.want(cluster_of("n1", nodes=(gate,)))
    y.until(READY)
    told = y.machines["gate+old-01"].settings
    assert (told.wrap, told.instances) == (("via", "old-01"), {"compressor": 0, "render": 3})


def test_log_of_an_agent_is_brought(yard):
    assert yard("n1").fleet.log("n1") == "log of n1"


def test_deadline_leaves_time_for_what_is_ended(yard):  # P9
    y = yard("n1")
    y.until(READY)
    y.busy = {"n1": 1}
    y.fleet.leave(Leaving(now=True))
    y.until(NodePhase.DRAINING)
    assert "stop" not in y.machines["n1"].done
    y.busy = {}
    y.until(NodePhase.REMOVED)


def test_paused_node_may_be_given_a_deadline(yard):
    y = yard("n1")
    y.until(READY)
    y.fleet.pause("n1", Leaving(now=True))
    assert y.fleet.gate().evicting == {"n1"}
    y.fleet.resume("n1")
    assert y.fleet.gate().evicting == frozenset()


def test_node_that_moved_is_reached_where_it_is_now(yard):
    y = yard("n1")
    y.until(READY)
    y.reached.clear()
    y.fleet.want(
        cluster_of(nodes=(Node(name="n1", host="10.0.0.9", instances={Service.RENDER: 2}),))
    )
    y.until(READY)
    assert y.reached == ["10.0.0.9"]
    assert y.fleet.view("n1").host == "10.0.0.9"


def test_fleet_works_by_itself_once_it_is_open(yard):
    y = yard("n1")
    y.fleet.open()
    version = y.fleet.version
    while y.fleet.view("n1").phase is not READY:
        y.look()
        version = y.fleet.wait(version, WAIT_S)
    assert y.machines["n1"].done.count("start") == 1


def test_fault_of_our_own_harms_one_node_alone(yard, caplog):
    y = yard("n1", "n2")
    y.machines["n1"].troubles["ask"] = [ZeroDivisionError("oops")] * 9
    y.until(READY, of=["n2"])
    assert "a fault of the controller's own" in y.until(NodePhase.UNREACHABLE, of=["n1"])["n1"].why
    assert "ZeroDivisionError" in caplog.text


BY_NIGHT = WorkSchedule(
    monday=((18 * 60, 24 * 60),), timezone="Europe/Berlin", at_close=AtClose.REQUEUE
)


def test_node_outside_its_schedule_is_closed_and_its_agent_goes_on(yard):  # F-SCHED-8, F-SCHED-11
    y = yard("n1")
    y.until(READY)
    node = Node(name="n1", instances={Service.RENDER: 2}, schedule=BY_NIGHT)
    y.fleet.want(cluster_of(nodes=(node,)))
    view = y.until(NodePhase.CLOSED)["n1"]
    assert view.why == "closed until Mon 18:00 (Europe/Berlin)"
    assert (view.opens, view.closes) == ("2026-05-04T18:00:00+02:00", "2026-05-11T00:00:00+02:00")
    assert len(view.week) == 7
    assert y.look() == {"n1": view.why}
    assert y.fleet.gate().evicting == {"n1"}
    y.wall = NOON.replace(hour=16)
    assert y.until(READY)["n1"].why == ""
    assert y.fleet.gate().evicting == frozenset()
    assert "stop" not in y.machines["n1"].done


def test_zone_of_a_node_is_heard_before_anything_begins_or_ends_there(yard):
    y = yard("n1")
    y.until(READY)
    schedule = replace(BY_NIGHT, timezone="")
    node = Node(name="n1", instances={Service.RENDER: 2}, schedule=schedule)
    y.again("n1")
    y.fleet.want(cluster_of(nodes=(node,)))
    y.engine.join("n1", replace(IDENTITY, timezone="Asia/Tokyo", settings=y.settings("n1")))
    assert "not known yet" in y.look()["n1"]
    assert y.look() == {}  # in Tokyo it is evening
    assert y.fleet.gate().evicting == frozenset()


def test_closed_node_that_is_switched_off_is_no_trouble(yard):
    y = yard("n1")
    y.until(READY)
    node = Node(name="n1", instances={Service.RENDER: 2}, schedule=BY_NIGHT)
    y.fleet.want(cluster_of(nodes=(node,)))
    y.until(NodePhase.CLOSED)
    y.machines["n1"].troubles["ask"] = [Unreachable("n1", "no route")] * 99
    y.engine.lose("n1")
    for _ in range(90):
        y.look()
        y.fleet.turn()
        y.rest()
        y.now += 1
    view = y.fleet.view("n1")
    assert view.phase is NodePhase.CLOSED
    assert view.why.startswith("closed until Mon 18:00 (Europe/Berlin); silent for")


def test_free_node_that_was_taken_keeps_to_its_own_schedule(yard):  # F-SCHED-7
    y = yard("n1")
    schedule = WorkSchedule(monday=())
    y.engine.join("desk", replace(IDENTITY, schedule=schedule, timezone="America/New_York"))
    y.fleet.welcome("desk")
    assert "not known yet" in y.look()["desk"]  # at the first look it has just been seen
    assert y.look()["desk"] == "closed until Tue 00:00 (America/New_York)"
    assert y.fleet.view("desk").phase is NodePhase.CLOSED
    assert y.fleet.gate().evicting == frozenset()
