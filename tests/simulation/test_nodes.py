"""Stories of several nodes: silent ones, lost ones, some that come back, some that have to go."""

from collections import Counter
from dataclasses import replace

import pytest
from farm import job
from farm_world import HANGS, crashes, fails, says

from orchestrator.decide.fleet import Gate
from orchestrator.engine.fake import USUAL
from orchestrator.model.node import Program

GATE = Gate(lost_after_s=60.0)
SEGMENTS = 6
NODE = replace(USUAL, instances={"render": 1})


@pytest.fixture
def many(farm):
    """A farm of three nodes whose beats are watched, with segments that take a while."""

    def build(nodes=("n1", "n2", "n3"), seconds=20.0, **wanted):
        f = farm(nodes=nodes, **wanted).watched(GATE)
        f.world.seconds["encode"] = seconds
        return f

    return build


def busy(f, segments=SEGMENTS):
    """Submit a job and go on until every node encodes."""
    f.submit(job(segments=segments))
    f.run_until("encode")
    f.turn()
    return f


def encodes(f):
    """Return how often each segment was started."""
    return Counter(f.started("encode"))


def test_every_node_has_its_share(many):
    f = busy(many())
    assert sorted(f.holders().values()) == ["n1", "n2", "n3"]
    f.run()
    nodes = {record.node for record in f.ledger.attempts("b-0001/j/web")}
    assert nodes == {"n1", "n2", "n3"}


def test_link_that_is_cut_for_a_while_costs_nothing(many):
    f = busy(many())
    f.engine.cut("n1")
    f.pass_time(8)
    assert "n1" in f.watch.closed
    f.engine.heal("n1")
    f.run()
    assert set(encodes(f).values()) == {1}
    assert f.watch.closed == {}


def test_suspect_gets_no_new_work_and_keeps_what_it_has(many):
    f = busy(many(seconds=4.0), segments=30)
    held = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.cut("n1")
    f.pass_time(30)
    assert [task for task, node in f.holders().items() if node == "n1"] == held
    f.engine.heal("n1")
    f.run()
    assert encodes(f)[held[0]] == 1


@pytest.mark.fault("F10")
def test_what_a_dead_node_had_is_done_elsewhere_and_nothing_else_is(many):
    f = busy(many())
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.lose("n1")
    f.pass_time(59)
    assert f.holders()[held] == "n1"
    f.pass_time(3)
    assert f.holders()[held] in {"n2", "n3"}
    f.run()
    assert {task: count for task, count in encodes(f).items() if count > 1} == {held: 2}
    task = f.task(held)
    assert (f.state(), task.tries, task.losses) == ("Successful", 0, 1)


def test_node_that_comes_back_late_does_not_harm(many):
    f = busy(many(seconds=90.0))
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.cut("n1")
    f.pass_time(70)
    assert f.task(held).losses == 1
    f.engine.heal("n1")
    f.run()
    assert f.state() == "Successful"
    assert encodes(f)[held] == 1  # nobody had begun it anew: it goes on where it is
    assert f.watch.closed == {}


def test_lost_node_is_not_talked_to_in_a_circle(many):
    f = busy(many())
    f.engine.cut("n1")
    f.pass_time(70)
    killed = []
    f.engine.kill = lambda *asked: killed.append(asked)
    f.pass_time(10)
    assert killed == []


def test_after_a_start_of_the_controller_nobody_is_lost_for_a_whole_while(many):  # R10
    f = busy(many(nodes=("n1", "n2")))
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.lose("n1")
    f.pass_time(50)
    f.restart()
    f.pass_time(58)
    assert f.holders()[held] == "n1"
    f.pass_time(4)
    assert f.holders().get(held) != "n1"
    f.run()
    assert f.state() == "Successful"


def test_node_that_begins_anew_without_its_work_is_believed_at_once(many):  # R11
    f = busy(many())
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.join("n1", NODE)  # the same name, and an empty spool
    f.pass_time(2)
    assert f.task(held).losses == 1
    assert held in f.holders()
    f.run()
    assert f.state() == "Successful"


def test_agent_that_begins_anew_with_its_spool_goes_on(many):
    f = busy(many())
    f.engine.restart("n1")
    f.run()
    assert set(encodes(f).values()) == {1}


def test_word_of_a_person_is_taken_at_once(many):
    f = busy(many())
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.lose("n1")
    f.watch.say(given_up={"n1": "somebody said so"})
    f.pass_time(6)
    assert f.holders().get(held) != "n1"
    f.run()
    assert f.ledger.attempts(held)[0].why == "somebody said so"


def test_busy_node_that_is_removed_finishes_what_it_has(many):
    f = busy(many())
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.watch.say(wanted=frozenset({"n2", "n3"}))
    f.run()
    assert set(encodes(f).values()) == {1}
    on_n1 = [record.task for record in f.ledger.attempts("b-0001/j/web") if record.node == "n1"]
    assert on_n1 == [held]


def test_node_whose_time_is_over_gives_its_work_back_at_no_cost(many):  # P9
    f = busy(many())
    (held,) = [task for task, node in f.holders().items() if node == "n1"]
    f.watch.say(draining={"n1": "leaves"}, evicting=frozenset({"n1"}))
    f.pass_time(2)
    assert f.holders().get(held) != "n1"
    f.run()
    task = f.task(held)
    assert (f.state(), task.tries, task.losses) == ("Successful", 0, 0)


@pytest.mark.parametrize("ending", [fails(), crashes(11)])
def test_next_try_is_on_another_node(many, ending):  # F-REC-9
    f = many()
    f.script["000000/encode"] = [ending, ending]
    f.submit(job(segments=2))
    f.run()
    nodes = [record.node for record in f.ledger.attempts("b-0001/j/web/000000/encode")]
    assert len(nodes) == len(set(nodes)) == 3


def test_only_node_is_tried_again(many):
    f = many(nodes=("n1",))
    f.script["000000/encode"] = [fails(), fails()]
    f.submit(job(segments=1))
    f.run()
    assert f.state() == "Successful"


def test_job_that_no_free_node_can_do_holds_up_nobody(many):
    f = many(nodes=("n1", "n2"))
    tool = Program(name="tool", path="/tool", version="2")
    f.engine.join("n2", replace(NODE, programs=(tool,)))
    picky = replace(job("picky", segments=40, probe=False), requires={"tool": ">=1"})
    f.script["picky/web/000000/encode"] = [HANGS]
    f.submit(picky, job("other", segments=3, probe=False))
    for _ in range(12):
        f.pass_time(20)
    assert f.state("b-0001/other") == "Successful"
    assert {record.node for record in f.ledger.attempts("b-0001/picky")} == {"n2"}
    f.world.free_hung(f.engine)
    f.run()
    assert f.state() == "Successful"


def test_job_that_no_node_can_do_begins_when_one_joins_that_can(many):
    def having(version):
        return replace(NODE, programs=(Program(name="tool", path="/tool", version=version),))

    f = many(nodes=("n1",))
    f.engine.join("n2", having("1.9"))
    f.submit(replace(job(segments=2, probe=False), requires={"tool": ">=2,<3"}))
    f.pass_time(30)
    assert f.started() == []
    f.engine.join("n3", having("3.0.1"))
    f.pass_time(30)
    assert f.started() == []
    f.engine.join("n4", having("n2.10"))
    f.run()
    assert f.state() == "Successful"
    assert {record.node for record in f.ledger.attempts("b-0001")} == {"n4"}


@pytest.mark.fault("F16")
def test_nodes_are_cut_and_healed_in_turn_and_nothing_is_lost(many):
    f = busy(many(seconds=7.0), segments=20)
    for number in range(30):
        node = f"n{number % 3 + 1}"
        f.engine.cut(node)
        f.pass_time(3)
        f.engine.heal(node)
        f.pass_time(1)
    f.run()
    assert f.state() == "Successful"
    assert set(encodes(f).values()) == {1}


def test_what_a_node_says_of_its_paths_is_kept_as_manifests_have_them(farm):  # F-STOR-14
    f = farm(nodes=("n1",))
    f.paths["n1"] = {"/mnt/studio": "/Volumes/studio"}
    f.script["publish"] = [says(destination="/Volumes/studio/a.mov", sizes=[1, "/tmp/x"])]
    f.submit(job(segments=1))
    f.run()
    (result,) = f.ledger.results(["b-0001/j/web/publish"]).values()
    assert result.values["destination"] == "/mnt/studio/a.mov"
    assert list(result.values["sizes"]) == [1, "/tmp/x"]
