import pytest

from orchestrator.decide.place import Seats, lacks, place
from orchestrator.model.node import Identity, Member, Program
from orchestrator.model.work import Job, Kind, Service, Task

JOB = Job(id="b-0001/j", name="j", processor="p", asks={})
FFMPEG = Program(name="ffmpeg", path="/usr/bin/ffmpeg", version="7.0.2", parts=frozenset({"x264"}))
NEEDS = {"ffmpeg": (("x265", "setting hevc-10bit"),)}


def identity(*programs):
    return (
        Identity(version="0", python="python", cores=2, memory_bytes=0, instances={})
        if (not programs)
        else Identity(
            version="0", python="python", cores=2, memory_bytes=0, instances={}, programs=programs
        )
    )


def seats(node, free, *programs, service=Service.RENDER):
    return Seats(member=Member(node, "1"), identity=identity(*programs), free={service: free})


def line(count, needs=None, service=Service.RENDER, job=JOB):
    tasks = [Task(id=f"b-0001/j/t/{n:06d}/encode", job=job, kind=Kind.ENCODE) for n in range(count)]
    return [(task, service, needs or {}) for task in tasks]


def nodes(placed):
    return [member.node for _, member in placed]


def test_member_with_most_room_is_asked_first():
    assert nodes(place(line(3), [seats("n1", 1), seats("n2", 2)])) == ["n2", "n2", "n1"]


def test_tasks_keep_their_order():
    ready = line(3)
    placed = place(ready, [seats("n1", 3)])
    assert [task.id for task, _ in placed] == [task.id for task, _, _ in ready]


def test_what_finds_no_seat_waits():
    assert nodes(place(line(3), [seats("n1", 1), seats("n2", 0)])) == ["n1"]


def test_instances_of_one_service_are_not_taken_by_another():
    assert place(line(1, service=Service.COMPRESSOR), [seats("n1", 4)]) == ()


def test_task_that_no_node_can_do_holds_up_nobody():
    ready = [*line(1, needs=NEEDS), *line(2)[1:]]
    placed = place(ready, [seats("n1", 1, FFMPEG)])
    assert [task.id for task, _ in placed] == ["b-0001/j/t/000001/encode"]


def test_same_view_gives_the_same_answer():
    ready, free = line(5), [seats("n1", 2), seats("n2", 2), seats("n3", 2)]
    assert place(ready, free) == place(ready, list(reversed(free)))


# Why a node cannot do a job


def test_node_with_everything_lacks_nothing():
    assert lacks(JOB, {"ffmpeg": (("x264", "setting web"),)}, identity(FFMPEG)) is None


def test_missing_encoder_names_the_binary_and_who_wants_it():
    why = lacks(JOB, NEEDS, identity(FFMPEG))
    assert why == (
        "ffmpeg 7.0.2 (/usr/bin/ffmpeg) has no encoder x265, needed by setting hevc-10bit."
    )


def test_unfit_program_says_why_in_its_own_words():
    unfit = Program(name="ffmpeg", path="", why="ffmpeg 5.1 is too old; install 6.1 or newer")
    assert lacks(JOB, {"ffmpeg": ()}, identity(unfit)) == unfit.why


def test_program_nobody_looks_for_is_said_so():
    assert lacks(JOB, {"maya": ()}, identity(FFMPEG)).startswith("it has no maya")


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [(">=6.1", True), (">=7.0.2", True), (">=7.1", False), (">=10", False), ("any", False)],
)
def test_required_version_is_compared_number_by_number(wanted, fits):
    job = Job(id="b-0001/j", name="j", processor="p", asks={}, requires={"ffmpeg": wanted})
    assert (lacks(job, {}, identity(FFMPEG)) is None) == fits
