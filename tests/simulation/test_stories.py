"""Whole stories, told on scripted nodes and a real ledger."""

from dataclasses import replace
from itertools import pairwise

import pytest
from farm import START, job
from farm_world import HANGS, crashes, fails, lost, no_source, says, unready

from orchestrator.controller.submit import Arrival
from orchestrator.model.work import Kind, Priority, State


def test_every_step_comes_to_its_end(farm):
    f = farm()
    f.submit(job(segments=3, targets=["web", "master"]))
    f.run()
    assert (f.state(), set(f.states())) == ("Successful", {"Successful"})
    assert len(f.world.published) == 2
    assert f.ended == [("b-0001", 0)]


def test_job_without_a_probe_is_planned_at_once(farm):
    f = farm()
    f.submit(job(probe=False, segments=1))
    f.run()
    assert f.state() == "Successful"
    assert f.started("probe") == []


def test_nothing_is_looked_for_when_everything_is_done(farm):
    f = farm()
    f.submit()
    f.run()
    assert f.turn() is False


# What goes wrong, and what it costs


@pytest.mark.parametrize("ending", [fails("no space for tmp"), crashes(9), says(frames=3)])
def test_task_is_tried_three_times_then_its_target_and_job_fail(farm, ending):
    f = farm()
    f.script["web/000001/encode"] = [ending] * 3
    f.submit(job(segments=3, targets=["web", "master"]))
    f.run()
    task = f.task("web/000001/encode")
    assert (task.state, task.tries) == (State.FAILED, 3)
    assert [f.state(f"b-0001/j{part}") for part in ("/web", "/master", "")] == [
        "Failed",
        "Successful",
        "Failed",
    ]


def test_failed_target_cancels_what_waits_of_it_and_publishes_nothing(farm):
    f = farm()
    f.script["000000/encode"] = [fails()] * 3
    f.submit(job(segments=2))
    f.run()
    assert f.task("web/publish").state is State.CANCELLED
    assert f.task("web/publish").reason == (
        "b-0001/j/web/000000/encode was given up: exit code 1: it did not work"
    )
    assert f.world.published == {}
    assert f.ended == [("b-0001", 1)]


def test_failure_that_ends_well_is_forgiven(farm):
    f = farm()
    f.script["000000/encode"] = [fails(), crashes()]
    f.submit()
    f.run()
    assert f.state() == "Successful"
    assert f.task("000000/encode").tries == 2


def test_failures_and_crashes_share_their_tries(farm):
    f = farm()
    f.script["000000/encode"] = [fails(), crashes(6), fails("Conversion failed!")]
    f.submit()
    f.run()
    assert f.task("000000/encode").reason == "exit code 1: Conversion failed!"
    assert [record.cause for record in f.ledger.attempts("b-0001/j/web/000000/encode")] == [
        "failed",
        "crashed",
        "failed",
    ]


def test_lost_attempt_is_replaced_and_costs_no_try(farm):
    f = farm()
    f.script["000000/encode"] = [lost()] * 4
    f.submit()
    f.run()
    task = f.task("000000/encode")
    assert (f.state(), task.tries, task.losses) == ("Successful", 0, 4)


def test_unready_waits_longer_each_time_and_costs_no_try(farm):
    f = farm(nodes=("n1",))
    f.script["000000/encode"] = [unready()] * 7
    f.world.seconds["encode"] = 0
    f.submit(job(segments=1))
    f.run()
    starts = [r.opened for r in f.ledger.attempts("b-0001/j/web/000000/encode")]
    seconds = [int(opened[17:19]) + 60 * int(opened[14:16]) for opened in starts]
    assert [b - a for a, b in pairwise(seconds)] == [1, 2, 4, 8, 16, 30, 30]
    assert f.task("000000/encode").tries == 0


def test_missing_source_fails_its_job_at_once(farm):
    f = farm()
    f.script["probe"] = [no_source()]
    f.submit(job("bad"), job("good"))
    f.run()
    assert f.started("bad/probe") == ["b-0001/bad/probe"]
    assert (f.state("b-0001/bad"), f.state("b-0001/good")) == ("Failed", "Successful")
    assert "movie.mov: no such file" in f.ledger.standings("b-0001")[1].reason


def test_source_that_changes_stops_every_target_of_its_job(farm):
    f = farm(nodes=("n1",))
    f.script["web/000001/encode"] = [no_source()]
    f.submit(job(segments=2, targets=["web", "master"]))
    f.run()
    assert {f.state("b-0001/j/web"), f.state("b-0001/j/master")} <= {"Failed", "Cancelled"}
    assert f.world.published == {}


def test_source_that_makes_the_job_impossible_is_said_in_the_processors_words(farm):
    f = farm()
    f.script["probe"] = [says(impossible=True)]
    f.submit()
    f.run()
    assert f.state("b-0001/j") == "Failed"
    assert f.ledger.standings("b-0001")[1].reason == "the source has no picture; choose another"


def test_task_is_done_again_with_other_arguments_and_costs_no_try(farm):
    f = farm()
    f.script["000000/encode"] = [says(again={"depth": 2})]
    f.submit()
    f.run()
    task = f.task("000000/encode")
    assert (f.state(), task.tries, task.agains, task.args["depth"]) == ("Successful", 0, 1, 2)


def test_task_that_wants_another_turn_for_ever_is_given_up(farm):
    f = farm()
    f.script["000000/encode"] = [says(again={"depth": 2})] * 9
    f.submit()
    f.run()
    assert f.task("000000/encode").reason == "it needs other arguments"
    assert len(f.started("000000/encode")) == 5


def test_part_that_does_not_fit_is_made_otherwise_and_nothing_else_is_done_again(farm):
    f = farm()
    f.script["j/web/assemble"] = [says(rework={"depth": 2}), says(rework={"depth": 3})]
    f.submit()
    f.run()
    part, whole = f.task("000000/encode"), f.task("web/assemble")
    assert (f.state(), part.tries, part.agains, part.args["depth"]) == ("Successful", 0, 2, 3)
    assert (whole.tries, whole.losses, whole.agains) == (0, 0, 0)
    assert len(f.started("000000/encode")) == 3
    assert len(f.started("000001/encode")) == 1
    assert len(f.started("web/assemble")) == 3


def test_part_that_never_fits_ends_its_target(farm):
    f = farm()
    f.script["j/web/assemble"] = [says(rework={"depth": 2})] * 9
    f.submit()
    f.run()
    assert f.task("000000/encode").agains == 4
    assert f.task("web/assemble").reason == "its first part is too large"
    assert f.state("b-0001/j/web") == "Failed"


def test_what_something_accepted_was_made_of_is_not_made_otherwise(farm):
    f = farm()
    f.script["j/web/publish"] = [says(rework={"depth": 2})]  # `verify` needed the joined file, too
    f.submit()
    f.run()
    assert (f.task("web/publish").state, f.task("web/assemble").agains) == (State.FAILED, 0)


def test_analysis_is_made_again_though_a_share_was_made_of_it(farm):
    f = farm()
    f.script["000001/encode"] = [says(rework={"depth": 2})]  # its first need is its analysis
    f.submit(job(analyses=True))
    f.run()
    assert (f.state(), f.task("000001/analyse").args["depth"]) == ("Successful", 2)
    assert len(f.started("000001/analyse")) == len(f.started("000001/encode")) == 2
    assert len(f.started("000000/analyse")) == len(f.started("web/analyse")) == 1


def test_job_is_planned_anew_once_when_the_probe_saw_too_little(farm):
    f = farm()
    f.script["000001/encode"] = [says(replan={"depth": 1})]
    f.submit()
    f.run()
    assert f.state() == "Successful"
    assert len(f.started("probe")) == 2
    assert f.task("j/probe").args == {"depth": 1}


def test_hung_attempt_holds_up_nobody_else(farm):
    f = farm(nodes=("n1", "n2"))
    f.script["000000/encode"] = [HANGS]
    f.submit()
    for _ in range(20):
        f.turn()
        f.step()
    assert f.states(kind=Kind.ENCODE) == ["Processing", "Successful"]


# Who goes first


def test_job_waits_for_those_it_comes_after(farm):
    f = farm()
    f.submit(job("c", after=("b",)), job("b", after=("a",)), job("a"))
    f.run()
    probes = [id.split("/")[1] for id in f.started("probe")]
    assert probes == ["a", "b", "c"]
    starts = f.started()
    assert starts.index("b-0001/a/web/publish") < starts.index("b-0001/b/probe")


def test_job_without_a_probe_waits_for_those_it_comes_after_too(farm):
    f = farm()
    f.submit(job("b", after=("a",), probe=False), job("a"))
    f.run()
    starts = f.started()
    assert starts.index("b-0001/a/web/publish") < starts.index("b-0001/b/web/000000/encode")


def test_jobs_that_come_after_a_failed_one_are_cancelled(farm):
    f = farm()
    f.script["a/probe"] = [no_source()]
    f.submit(job("a"), job("b", after=("a",)), job("c", after=("b",)), job("d"))
    f.run()
    assert [f.state(f"b-0001/{name}") for name in "abcd"] == [
        "Failed",
        "Cancelled",
        "Cancelled",
        "Successful",
    ]


def test_higher_priority_goes_first_and_stops_nothing(farm):
    f = farm(nodes=("n1",))
    f.submit(job(probe=False, segments=3), name="low", priority=Priority.LOW)
    f.turn()
    f.submit(job(probe=False, segments=3), name="high", priority=Priority.HIGH)
    f.run()
    order = [id.split("-")[0] for id in f.started()]
    assert order == ["low"] + ["high"] * 7 + ["low"] * 6


def test_first_batch_goes_first_among_equals(farm):
    f = farm(nodes=("n1",))
    f.submit(job(probe=False), name="one")
    f.submit(job(probe=False), name="two")
    f.run()
    order = [id.split("-")[0] for id in f.started("encode")]
    assert order == ["one", "one", "two", "two"]


def test_longest_segment_goes_first(farm):
    f = farm(nodes=("n1",))
    f.submit(job(sizes=[5, 30, 10, 20]))
    f.run()
    assert [id[-13:-7] for id in f.started("encode")] == [
        "000001",
        "000003",
        "000002",
        "000000",
    ]


def test_batch_starts_no_earlier_than_it_may(farm):
    f = farm()
    f.submit(not_before="2030-01-01T22:30:00+00:00")
    assert f.turn() is False
    f.run()
    assert f.state() == "Successful"
    assert f.world.now >= START + 22.5 * 3600


def test_delay_counts_from_acceptance_for_a_job_without_a_probe_too(farm):
    f = farm()
    f.submit(job(probe=False), delay_s=90.0)
    f.run()
    opened = min(record.opened for record in f.ledger.attempts("b-0001"))
    assert opened >= "2030-01-01T00:01:30"


def test_two_batches_share_the_nodes_and_both_end(farm):
    f = farm(nodes=("n1", "n2", "n3"), instances=2)
    f.script["one-0001/j/web/000000/encode"] = [fails()] * 3
    f.submit(job(segments=4), name="one")
    f.submit(job(segments=4), name="two")
    f.run()
    assert (f.state("one-0001"), f.state("two-0001")) == ("Failed", "Successful")


# Storage, drain, actions


def test_full_storage_takes_only_what_makes_room_and_goes_on_by_itself(farm):
    f = farm(nodes=("n1",))
    f.submit(job(segments=2))
    while "b-0001/j/web/assemble" not in f.started():
        f.turn()
        f.step()
    f.submit(job("late"), name="late")
    f.storage.shortage.append("cluster storage is full")
    for _ in range(9):
        f.turn()
        f.step()
    assert (f.state(), f.started("late/probe")) == ("Successful", [])
    f.storage.shortage.clear()
    f.run()
    assert f.state("late-0001") == "Successful"


@pytest.mark.fault("F35")
def test_drain_ends_what_runs_and_starts_nothing(farm):
    f = farm(nodes=("n1",))
    f.submit(job(segments=3))
    f.run_until("000000/encode")
    f.controller.draining = True
    started = f.started()
    for _ in range(5):
        f.turn()
        f.step()
    assert (f.started(), f.ledger.open_attempts()) == (started, ())
    f.controller.draining = False
    f.run()
    assert [task.tries for task in f.ledger.tasks("b-0001")] == [0] * 8


def test_action_runs_after_publish_with_the_words_filled_in(farm):
    f = farm()
    action = {"command": ["notify", "{destination}", "{batch}"]}
    f.submit(replace(job(), actions=(action,)))
    f.run()
    assert f.state() == "Successful"
    assert f.started()[-1] == "b-0001/j/web/000000/action"
    assert f.engine.started[-1].argv == ("notify", "/out/b-0001/j/web.mov", "b-0001")


def test_action_that_fails_fails_the_target_and_keeps_the_file(farm):
    f = farm()
    f.script["action"] = [fails("no mail server")] * 3
    f.submit(replace(job(), actions=({"command": ["notify"]},)))
    f.run()
    assert (f.state("b-0001/j/web"), len(f.world.published)) == ("Failed", 1)


# The same manifest again


def test_same_manifest_goes_on_with_its_unfinished_batch(farm):
    f = farm()
    assert f.submit().arrival is Arrival.NEW
    f.turn()
    again = f.submit()
    assert (again.batch, again.arrival) == ("b-0001", Arrival.RESUMED)


def test_same_manifest_after_success_is_a_new_batch(farm):
    f = farm()
    f.submit()
    f.run()
    assert f.submit().batch == "b-0002"
    f.run()


def test_retry_after_failure_redoes_only_what_is_missing(farm):
    f = farm()
    f.script["000001/encode"] = [fails()] * 3
    f.submit(job(segments=3))
    f.run()
    before = len(f.engine.started)
    assert f.submit(job(segments=3)).arrival is Arrival.RETRIED
    f.run()
    assert f.state() == "Successful"
    again = [id.removeprefix("b-0001/j/web/") for id in f.started()[before:]]
    assert set(again) >= {"000001/encode", "assemble", "verify", "publish"}
    assert "000000/encode" not in again


def test_retry_looks_at_a_source_that_had_gone_anew(farm):
    f = farm()
    f.script["probe"] = [no_source()]
    f.submit()
    f.run()
    f.submit()
    f.run()
    assert (f.state(), len(f.started("probe"))) == ("Successful", 2)


def test_retry_frees_the_jobs_that_were_cancelled_with_the_failed_one(farm):
    f = farm()
    f.script["a/000000/encode"] = []
    f.script["a/web/000000/encode"] = [fails()] * 3
    f.submit(job("a"), job("b", after=("a",)))
    f.run()
    assert f.state("b-0001/b") == "Cancelled"
    f.submit(job("a"), job("b", after=("a",)))
    f.run()
    assert (f.state("b-0001/a"), f.state("b-0001/b"), f.state()) == ("Successful",) * 3


# Nodes and deliveries


def test_delivery_that_was_dropped_is_made_again(farm):
    f = farm()
    f.engine.drop_next(3)
    f.submit()
    f.run()
    assert f.state() == "Successful"


def test_delivery_that_arrives_twice_starts_once(farm):
    f = farm()
    f.engine.duplicate_next(9)
    f.submit()
    f.run()
    assert len(f.engine.started) == len(f.ledger.attempts("b-0001"))


@pytest.mark.parametrize("silence", ["cut", "stall"])
def test_silence_of_a_node_loses_nothing(farm, silence):
    f = farm(nodes=("n1", "n2"))
    f.submit(job(segments=4))
    f.run_until("000000/encode")
    getattr(f.engine, silence)("n1")
    for _ in range(9):
        f.turn()
        f.step()
    f.engine.heal("n1")
    f.run()
    assert len(f.engine.started) == len(f.ledger.tasks("b-0001"))


def test_agent_that_begins_a_new_life_goes_on_from_its_spool(farm):
    f = farm()
    f.submit(job(segments=4))
    f.run_until("000000/encode")
    f.engine.restart("n1")
    f.engine.restart("n2")
    f.run()
    assert len(f.engine.started) == len(f.ledger.tasks("b-0001"))


def test_runners_that_die_with_their_agent_are_replaced(farm):
    f = farm()
    f.submit(job(segments=4))
    f.run_until("000000/encode")
    f.die("n1")
    f.die("n2")
    f.run()
    assert f.state() == "Successful"
    assert sum(task.losses for task in f.ledger.tasks("b-0001")) == 2


def test_attempt_nobody_waits_for_is_ended(farm):
    f = farm(nodes=("n1", "n2"))
    f.script["000000/encode"] = [HANGS]
    f.script["000001/encode"] = [says(replan={"depth": 1})]
    f.submit(job(segments=2))
    f.run()
    assert f.state() == "Successful"
    assert [report.attempts for report in f.engine.look().values()] == [{}, {}]


# The log


def test_log_tells_each_action_once(farm, caplog):
    caplog.set_level("INFO", "orchestrator")
    f = farm(nodes=("n1",))
    f.submit(job(segments=1))
    f.run()
    told = [record.action for record in caplog.records]
    steps = len(f.engine.started)
    assert told.count("task_leased") == told.count("task_settled") == steps == 6
    rest = [each for each in told if each not in {"task_leased", "task_settled"}]
    assert rest == ["batch_accepted", "job_planned", "part_closed", "part_closed", "part_closed"]


def test_look_that_finds_nothing_to_do_is_silent(farm, caplog):
    f = farm()
    f.submit(not_before="2030-01-01T22:30:00+00:00")
    f.turn()
    caplog.set_level("DEBUG", "orchestrator")
    f.turn()
    assert caplog.records == []
