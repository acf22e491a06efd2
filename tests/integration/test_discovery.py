"""Announced and found over real multicast, and a free node as a process of its own."""

import json
import signal
import threading

import pytest
from agents import until
from free_nodes import KEY, claimant, end_agents, free_process, signer

from orchestrator.discovery.announce import Announcer
from orchestrator.discovery.claim import claim, hello
from orchestrator.discovery.find import Finder
from orchestrator.discovery.protocol import NODE_TYPE, Notice
from orchestrator.errors import OrchestratorError

LO = "127.0.0.1"


def notice(**more):
    return Notice(
        **{"name": "mac-07", "id": "n-7", "port": 50000, "services": {"render": 2}, **more}
    )


@pytest.fixture(scope="module")
def multicast():
    """Skip where the loopback interface carries no multicast."""
    try:
        announcer, finder = Announcer(NODE_TYPE, LO), Finder(NODE_TYPE, LO)
    except OrchestratorError as error:
        pytest.skip(f"no multicast on loopback: {error}")
    try:
        announcer.say(notice(name="probe", id="probe"))
        until(finder.seen, limit_s=5)
    except (AssertionError, OrchestratorError):
        pytest.skip("no multicast on loopback: ip link set lo multicast on")
    finally:
        announcer.close()
        finder.close()


@pytest.fixture
def finder(multicast):
    finder = Finder(NODE_TYPE, LO)
    yield finder
    finder.close()
    until(lambda: not [each for each in threading.enumerate() if "zeroconf" in each.name])


def seen(finder):
    return {each.notice.id: each.notice for each in finder.seen()}


def test_announced_is_found_changes_are_heard_and_goodbyes(finder):
    announcer = Announcer(NODE_TYPE, LO)
    try:
        announcer.say(notice())
        until(lambda: seen(finder).get("n-7") == notice())
        announcer.say(notice(held_by="studio"))
        until(lambda: seen(finder)["n-7"].held_by == "studio")
    finally:
        announcer.close()
    until(lambda: not seen(finder))


def test_two_of_one_name_are_both_found(finder):
    one, two = Announcer(NODE_TYPE, LO), Announcer(NODE_TYPE, LO)
    try:
        one.say(notice())
        two.say(notice(id="n-8", port=50001))
        assert one.name != two.name
        until(lambda: seen(finder).keys() == {"n-7", "n-8"})
    finally:
        one.close()
        two.close()


@pytest.mark.timeout(60)
def test_a_free_node_as_a_process_is_found_claimed_and_ends(tmp_path, finder):
    folder = installed(tmp_path)
    process = free_process(folder)
    try:
        (found,) = until(finder.seen)
        assert hello(found.place)[0].services == {"render": 2}
        who = claimant()
        claim(found.place, lambda *_: KEY, who, signer(who))
        until(lambda: seen(finder)["n-7"].held_by == "studio")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
        end_agents(folder)
    assert code == 0


def installed(tmp_path):
    folder = tmp_path / "node"
    folder.mkdir()
    settings = {"node": "mac-07", "id": "n-7", "instances": {"render": 2}, "interface": LO}
    (folder / "free.json").write_text(json.dumps(settings))
    (folder / "service.key").write_text(KEY.hex())
    return folder
