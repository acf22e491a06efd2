import pytest

from orchestrator.model.work import (
    Cause,
    Command,
    Ending,
    Kind,
    Outcome,
    Room,
    Secret,
    Segment,
    State,
    Target,
    task_id,
)

FINAL = {State.SUCCESSFUL, State.CANCELLED, State.FAILED}
POST = {Kind.ASSEMBLE, Kind.VERIFY, Kind.PUBLISH, Kind.ACTION}


@pytest.mark.parametrize("state", State)
def test_nothing_more_happens_in_a_final_state_alone(state):
    assert state.is_final == (state in FINAL)


@pytest.mark.parametrize("kind", Kind)
def test_post_processing_is_what_comes_after_the_segments(kind):
    assert kind.is_post == (kind in POST)


@pytest.mark.parametrize(
    ("wanted", "id"),
    [
        ((Kind.PROBE,), "b-0001/j/probe"),
        ((Kind.AUDIO, "web"), "b-0001/j/web/audio"),
        ((Kind.ENCODE, "web", 0), "b-0001/j/web/000000/encode"),
        ((Kind.ENCODE, "web", 1234567), "b-0001/j/web/1234567/encode"),
    ],
)
def test_task_id_leaves_out_the_levels_that_do_not_apply(wanted, id):
    assert task_id("b-0001/j", *wanted) == id


def test_secret_word_reaches_the_node_and_no_log():
    command = Command(("curl", "-H", Secret("tok en"), "a b"))
    assert str(command) == "curl -H *** 'a b'"
    assert command.words() == ["curl", "-H", "tok en", "a b"]
    assert "tok en" not in repr(command)


def test_command_without_words_is_refused():
    with pytest.raises(ValueError, match="at least one word"):
        Command(())


def test_target_has_the_frames_of_its_segments():
    assert Target(name="t", tasks=(), segments=(Segment(0, 0, 12), Segment(1, 12, 25))).frames == 25


@pytest.mark.parametrize(
    ("cores", "instances", "threads"), [(8, 2, 4), (8, 3, 2), (2, 4, 1), (1, 1, 1), (8, 0, 8)]
)
def test_cores_are_shared_out_over_instances(cores, instances, threads):
    assert Room(instances=1, cores=cores, node_instances=instances).threads == threads


def outcome(**changes):
    return Outcome(attempt="a-000001", ending=Ending.EXITED, **changes)


def test_exit_code_0_is_no_fault():
    assert outcome(exit_code=0, log_tail="warning: odd").exit_fault is None


def test_exit_fault_ends_with_the_last_line_of_the_log():
    fault = outcome(exit_code=1, log_tail="frame=1\nConversion failed!\n\n").exit_fault
    assert (fault.why, fault.cause) == ("exit code 1: Conversion failed!", Cause.FAILED)


def test_exit_fault_of_a_silent_command_is_its_code():
    assert outcome(exit_code=3).exit_fault.why == "exit code 3"
