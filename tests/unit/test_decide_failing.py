"""Why something failed stands above its logs (F-LOG-1)."""

from orchestrator.decide.failing import failures
from orchestrator.model.record import Standing
from orchestrator.model.work import Job, Kind, State, Task

JOBS = 9


def part(id, state=State.FAILED, reason="no frame"):
    level = ("batch", "job", "target")[id.count("/")]
    return Standing(id=id, level=level, name=id, state=state, reason=reason)


def test_batch_names_its_failed_jobs_and_counts_the_rest():
    jobs = [part(f"b-0001/j{number}", reason=f"{number}\nlines") for number in range(JOBS)]
    well = part("b-0001/fine", State.SUCCESSFUL, "")
    said = list(failures([part("b-0001"), well, *jobs], (), "b-0001"))
    assert said[:2] == ["b-0001: Failed: no frame", "b-0001/j0: Failed: 0 lines"]
    assert said[-1] == "and 4 more have failed"


def test_target_speaks_for_itself_and_a_task_for_a_segment():
    parts = [part("b-0001"), part("b-0001/j"), part("b-0001/j/t"), part("b-0001/j/u", State.HOLD)]
    assert list(failures(parts, (), "b-0001/j/t")) == ["b-0001/j/t: Failed: no frame"]
    assert list(failures(parts, (), "b-0001/j/u")) == []
    job = Job(id="b-0001/j", name="j", processor="frames", asks={})
    task = Task(
        id="b-0001/j/t/000000/encode", job=job, kind=Kind.ENCODE, state=State.FAILED, reason="x"
    )
    assert list(failures(parts, [task], "b-0001/j/t/000000")) == [f"{task.id}: Failed: x"]
