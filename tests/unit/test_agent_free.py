"""A free node between claims: when it frees itself, what it keeps, what it remembers."""

import json
import os
import queue
import threading

import pytest
from free_nodes import KEY, claimant, free_node, joining, signer

from orchestrator.agent import freenode
from orchestrator.agent.claims import OUTCOMES_KEPT_S, Claims
from orchestrator.agent.files import write_whole
from orchestrator.agent.free import claim_ports, read_folder
from orchestrator.agent.freenode import is_over, limited
from orchestrator.agent.process import boot_id, mark
from orchestrator.discovery.claim import claim
from orchestrator.discovery.counter import Keys
from orchestrator.errors import Conflict, Refusal
from orchestrator.model.schedule import WorkSchedule


@pytest.fixture
def free(tmp_path):
    with free_node(tmp_path / "node") as free:
        yield free


def taken(free, name="studio"):
    who = claimant(name)
    claim(free.place, lambda *_: KEY, who, signer(who))
    free.agent.spool = free.agent.folder / "spool"
    return free.agent


def hear(free, agent):
    agent.spool.mkdir(exist_ok=True)
    note = {"at": free.clock.now, "boot": boot_id(), "stop_after_s": 3600.0}
    write_whole(agent.spool / "heard.json", json.dumps(note).encode())


def attempt(agent, pid=None, name="a-1"):
    folder = agent.spool / "attempts" / name
    folder.mkdir(parents=True)
    if pid is not None:
        write_whole(folder / "pid.json", json.dumps(mark(pid)).encode())
    return folder


@pytest.mark.parametrize(
    ("silent_s", "runs", "over"),
    [
        (0, False, False),
        (69.9, False, False),
        (70, False, True),
        (70, True, False),
        (3599, True, False),
        (3600, True, True),
    ],
)
def test_when_a_node_frees_itself(silent_s, runs, over):
    assert is_over(silent_s, 60.0, 3600.0, runs) is over


def test_dismissed_it_is_free_again_and_the_certificate_is_dropped(free):
    agent = taken(free)
    agent.done = True
    free.node.look()
    assert free.node.notice().held_by == ""
    assert not agent.folder.exists()
    assert not agent.ended
    assert taken(free, "other") is not agent


def test_silent_with_nothing_running_it_frees_itself(free):
    agent = taken(free)
    free.clock.now += 60
    hear(free, agent)
    free.clock.now += 69
    free.node.look()
    assert free.node.notice().held_by == "studio"
    free.clock.now += 1
    free.node.look()
    assert agent.ended
    assert free.node.notice().held_by == ""


def test_silent_with_a_runner_it_stays_until_the_runner_would_end_itself(free):
    agent = taken(free)
    attempt(agent, os.getpid())
    free.clock.now += 3599
    free.node.look()
    assert not agent.ended
    free.clock.now += 1
    free.node.look()
    assert agent.ended
    assert free.node.notice().held_by == ""


def test_a_cluster_that_never_came_is_silent_from_the_claim_on(free):
    agent = taken(free)
    free.clock.now += 70
    free.node.look()
    assert agent.ended


def test_outcomes_that_nobody_acked_wait_for_that_cluster_alone(free):
    agent = taken(free)
    (attempt(agent) / "exit.json").write_text("{}")
    free.clock.now += 70
    free.node.look()
    assert (agent.spool / "attempts" / "a-1" / "exit.json").exists()
    assert not (agent.folder / "tls").exists()
    other = taken(free, "other")
    assert not list(other.folder.glob("spool/attempts/*"))
    other.done = True
    free.node.look()
    again = taken(free)
    assert (again.spool / "attempts" / "a-1" / "exit.json").exists()
    again.done = True
    free.node.look()
    claims = Claims(free.folder, free.wall)
    claims.prune()
    assert agent.folder.exists()
    free.wall.now += OUTCOMES_KEPT_S + 1
    claims.prune()
    assert not agent.folder.exists()


def test_an_agent_that_crashes_is_started_again(free):
    agent = taken(free)
    agent.runs = False
    free.node.look()
    assert agent.starts == 2
    assert free.node.notice().held_by == "studio"


def test_after_a_restart_it_still_belongs_to_who_had_it(free):
    taken(free)
    again = free.made()
    assert again.notice().held_by == "studio"
    assert again.reserve(claimant("other")) == "taken by studio until its job ends"
    free.clock.now += 70
    again.look()
    assert free.agent.ended
    assert free.made().notice().held_by == ""


def test_a_cluster_id_that_leads_elsewhere_is_refused(free):
    who = claimant("../../x")
    assert free.node.reserve(who) == "the claim names no cluster"


class Announced:
    """Who is told of a node: nobody, or everybody; each word is waited for."""

    def __init__(self):
        self.words = queue.Queue()

    def say(self, notice):
        self.words.put(f"here, held by {notice.held_by or 'nobody'}")

    def hush(self):
        self.words.put("gone")


BY_NIGHT = WorkSchedule(monday=((18 * 60, 24 * 60),), timezone="Europe/Berlin")


def test_outside_its_schedule_it_grants_nothing_and_is_not_announced(tmp_path, monkeypatch):
    monkeypatch.setattr(freenode, "LOOK_EVERY_S", 0.01)
    with free_node(tmp_path / "node", schedule=BY_NIGHT) as free:
        announced, stop = Announced(), threading.Event()
        serving = threading.Thread(target=free.node.serve, args=(announced, 1, stop))
        serving.start()
        try:
            assert announced.words.get(timeout=20) == "gone"
            with pytest.raises(Conflict, match=r"closed until Mon 18:00 \(Europe/Berlin\)"):
                taken(free)
            free.wall.now += 4 * 3600  # half-open: it is 18:00
            assert announced.words.get(timeout=20) == "here, held by nobody"
            taken(free)
            assert announced.words.get(timeout=20) == "here, held by studio"
            free.wall.now -= 1
            assert announced.words.get(timeout=20) == "gone"
        finally:
            stop.set()
            serving.join()
        assert free.node.notice().held_by == "studio"  # it keeps who has it
        assert limited(joining(claimant()).settings, free.settings).schedule == BY_NIGHT


def test_settings_are_limited_to_what_is_offered(free):
    settings = joining(claimant()).settings
    ours = limited(settings, free.settings)
    assert ours.instances == {"render": 2}
    assert ours.orphan_stop_after_s == 3600


def test_the_folder_is_read_with_its_keys(tmp_path):
    (tmp_path / "free.json").write_text('{"node": "n", "id": "1", "instances": {"render": null}}')
    (tmp_path / "service.key").write_text(KEY.hex() + "\n")
    known = read_folder(tmp_path)
    assert known.keys == Keys(service=KEY)
    assert KEY.hex() not in repr(known)
    assert known.settings.instances == {"render": None}


@pytest.mark.parametrize("text", ["", "{}", '{"node": 1}', "[" * 10000])
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "free.json").write_text(text)
    with pytest.raises(Refusal) as refusal:
        read_folder(tmp_path)
    assert "\n" not in str(refusal.value)


def test_claims_come_to_the_first_free_port_of_the_range():
    assert list(claim_ports("")) == [50000, 0]
    assert list(claim_ports("50010:50012")) == [50010, 50011, 50012]
