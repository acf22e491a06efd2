"""A cluster and free nodes over real sockets: claimed for a job, dismissed with it."""

from dataclasses import replace

import pytest
from agents import IDENTITY
from free_nodes import KEY, OTHER, Clock, claimant, free_node, joining

from orchestrator import __version__
from orchestrator.controller.unmanaged import Dealings, Unmanaged
from orchestrator.decide.unmanaged import Demand
from orchestrator.discovery.claim import hello
from orchestrator.discovery.protocol import Seen
from orchestrator.errors import Rejected
from orchestrator.model.node import Member, Report


class Cluster:
    """What a cluster knows, as a test says it; members are those whose agents run."""

    def __init__(self, name, *nodes, key=KEY):
        self.nodes = nodes
        self.key = key
        self.claimant = claimant(name)
        self.job = f"{name}/job"
        self.waiting = 3
        self.unfinished = {self.job}
        self.busy = set()
        self.managed = frozenset()
        self.welcomed, self.dismissals = set(), []
        self.clock = Clock()
        self.deaf = False
        self.unmanaged = Unmanaged(
            Dealings(
                claimant=self.claimant,
                version=__version__,
                finding=self,
                key_of=lambda notice, lock: self.key,
                signer=self,
                settings_of=self.settings_of,
                demand=self.demand,
                members=self.members,
                dismiss=self.dismiss,
                managed=lambda: self.managed,
                hosting=self,
                clock=self.clock,
            )
        )

    def seen(self):
        if self.deaf:
            return ()
        return tuple(
            Seen(notice=node.node_notice(), host="mac.local", address="127.0.0.1")
            for node in self.nodes
        )

    pem = b"authority"

    def sign(self, request, name, hours):
        assert hours == 24
        return b"certificate"

    def forget(self, name):
        """Nothing is watched."""

    def settings_of(self, name, address):
        assert address == "127.0.0.1"
        return replace(joining(self.claimant).settings, node=name)

    def demand(self):
        waiting = {"render": {self.job: self.waiting}} if self.waiting else {}
        return Demand(
            waiting=waiting, unfinished=frozenset(self.unfinished), busy=frozenset(self.busy)
        )

    def agents(self):
        agents = [agent for node in self.nodes for agent in node.agents if agent.runs]
        return {
            agent.name: agent for agent in agents if agent.folder.name == self.claimant.cluster_id
        }

    def members(self):
        return {Member(name, "1"): Report(beat=1, identity=IDENTITY) for name in self.agents()}

    def dismiss(self, member, reason):
        self.dismissals.append(member.node)
        agent = self.agents()[member.node]
        agent.runs, agent.done = False, True
        for node in self.nodes:
            node.node.look()

    def welcome(self, name):
        self.welcomed.add(name)

    def farewell(self, name):
        self.welcomed.discard(name)

    def close(self):
        """Nothing listens."""

    def views(self):
        return [(view.name, view.why) for view in self.unmanaged.views()]


@pytest.fixture
def free(tmp_path):
    with free_node(tmp_path / "node") as free:
        yield known(free)


def known(free):
    def notice():
        return replace(free.node.notice(), port=free.place[1])

    free.node_notice = notice
    return free


def test_a_node_is_taken_for_a_job_and_free_again_after_it(free):
    studio = Cluster("studio", free)
    studio.unmanaged.turn()
    assert studio.welcomed == {"mac-07"}
    assert hello(free.place)[0].held_by == "studio"
    studio.unmanaged.turn()
    studio.waiting, studio.unfinished, studio.busy = 0, set(), {"mac-07"}
    studio.unmanaged.turn()
    assert studio.welcomed == set(), "it gets no more work"
    assert not studio.dismissals, "but finishes what it has"
    studio.busy = set()
    studio.unmanaged.turn()
    assert studio.dismissals == ["mac-07"]
    assert hello(free.place)[0].held_by == ""


def test_without_work_nobody_is_taken_and_the_free_are_listed(free):
    studio = Cluster("studio", free)
    studio.waiting = 0
    studio.unmanaged.turn()
    assert not free.agents
    assert studio.views() == [("mac-07", "free; taken when there is work for it")]
    assert not studio.unmanaged.views()[0].is_managed


def test_two_clusters_share_one_node_one_after_the_other(free):
    studio, other = Cluster("studio", free), Cluster("other", free)
    studio.unmanaged.turn()
    other.unmanaged.turn()
    assert other.welcomed == set()
    assert other.views() == [("mac-07", "taken by studio until its job ends")]
    studio.waiting, studio.unfinished = 0, set()
    studio.unmanaged.turn()
    other.unmanaged.turn()
    assert other.welcomed == {"mac-07"}


def test_a_wrong_password_is_shown_and_not_tried_at_once_again(free):
    studio = Cluster("studio", free, key=OTHER)
    studio.unmanaged.turn()
    free.patience_clock.now += 60
    studio.unmanaged.turn()
    ((_, why),) = studio.views()
    assert "does not take our service password" in why
    assert not free.agents
    studio.key = KEY
    studio.clock.now += 60
    studio.unmanaged.turn()
    assert studio.welcomed == {"mac-07"}


def test_names_that_collide_are_renamed(tmp_path):
    with free_node(tmp_path / "a", id="n-1") as one, free_node(tmp_path / "b", id="n-2") as two:
        studio = Cluster("studio", known(one), known(two))
        studio.managed = frozenset({"mac-07"})
        studio.waiting = 9
        for _ in range(2):
            studio.unmanaged.turn()
        assert studio.welcomed == {"mac-07-2", "mac-07-3"}


def test_after_a_restart_of_the_controller_an_idle_guest_goes(free):
    Cluster("studio", free).unmanaged.turn()
    again = Cluster("studio", free)
    again.waiting = 0
    again.busy = {"mac-07"}
    again.unmanaged.turn()
    assert not again.dismissals
    again.busy = set()
    again.unmanaged.turn()
    assert again.dismissals == ["mac-07"]


def test_a_claim_that_fails_at_the_last_word_is_no_guest(free):
    studio = Cluster("studio", free)

    def no_certificate(request, name, hours):
        raise Rejected(name, "no certificate")

    studio.sign = no_certificate
    studio.unmanaged.turn()
    assert studio.welcomed == set()
    assert not free.agents


def test_a_guest_that_never_shows_up_is_forgotten(free):
    studio = Cluster("studio", free)
    studio.unmanaged.turn()
    free.agent.runs = False
    studio.deaf = True
    studio.unmanaged.turn()
    assert len(studio.unmanaged._guests()) == 1
    studio.clock.now += 61
    studio.unmanaged.turn()
    assert not studio.unmanaged._guests()


def test_addresses_given_by_hand_are_asked(free):
    studio = Cluster("studio", free)
    studio.deaf = True
    studio.unmanaged._with = replace(studio.unmanaged._with, places=(free.place,))
    free.node._port = free.place[1]
    studio.unmanaged.turn()
    assert studio.welcomed == {"mac-07"}


def test_it_runs_in_a_thread_of_its_own_and_ends(free):
    studio = Cluster("studio", free)
    studio.unmanaged.open()
    studio.unmanaged.close()
