from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.licences import Licences
from orchestrator.decide.place import (
    Past,
    Seats,
    is_segment,
    lacks,
    needed,
    place,
    refusals,
    refuses,
)
from orchestrator.model.cluster import Licence
from orchestrator.model.node import Identity, Member, Program
from orchestrator.model.work import Job, Kind, Review, Segment, Service, Task

JOB = Job(id="b-0001/j", name="j", processor="p", asks={})
FFMPEG = Program(name="ffmpeg", path="/usr/bin/ffmpeg", version="7.0.2", parts=frozenset({"x264"}))
NEEDS = {"ffmpeg": (("x265", "setting hevc-10bit"),)}


OFFERS = {"render": 2, "compressor": 2}


def identity(*programs, bare=False, instances=OFFERS):
    return Identity(
        version="0",
        python="python",
        cores=2,
        memory_bytes=0,
        instances=instances,
        programs=programs,
        bare=bare,
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


def test_missing_filter_is_called_one():
    needs = {"ffmpeg": (("filter:zscale", "setting web"),)}
    assert "has no filter zscale, needed by setting web" in lacks(JOB, needs, identity(FFMPEG))


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
    assert (lacks(requiring(ffmpeg=wanted), {}, identity(FFMPEG)) is None) == fits


def requiring(**conditions):
    return replace(JOB, requires=conditions)


@pytest.mark.parametrize(
    ("has", "wanted", "why"),
    [
        (FFMPEG, "<7", "ffmpeg 7.0.2 (/usr/bin/ffmpeg) is not what the job requires: <7"),
        (
            Program(name="ffmpeg", path="/b", version="N-109542-g9e"),
            ">=6",
            "ffmpeg (/b) tells no version but 'N-109542-g9e', and the job requires >=6",
        ),
        (
            Program(name="ffmpeg", path="", present=True),
            ">=8",
            "ffmpeg tells no version, and the job requires >=8",
        ),
        (Program(name="ffmpeg", path="", present=True), "*", None),
        (Program(name="ffmpeg", path="", present=True, version="8.9"), ">=8", None),
        (Program(name="ffmpeg", path="", why="no card is there"), "*", "no card is there"),
        (FFMPEG, "yes", "requires: ffmpeg: 'yes' is no condition on a version; write"),
    ],
)
def test_node_says_what_it_has_and_what_the_job_requires(has, wanted, why):
    said = lacks(requiring(ffmpeg=wanted), {}, identity(has))
    assert said is None if why is None else said.startswith(why)


# Where it went before


def seat(node, free=1, *, sha="", bare=False, instances=OFFERS):
    programs = (Program(name="ffmpeg", path="/ffmpeg", sha256=sha),) if sha else ()
    who = identity(*programs, bare=bare, instances=instances)
    return Seats(member=Member(node, "1"), identity=who, free={Service.RENDER: free})


def failed_on(*nodes):
    return Past(failed={"b-0001/j/t/000000/encode": frozenset(nodes)})


@pytest.mark.parametrize(
    ("free", "failed", "goes_to"),
    [
        ({"n1": 1, "n2": 1}, ("n2",), ["n1"]),
        ({"n1": 0, "n2": 1}, ("n2",), []),  # it waits for the other one
        ({"n1": 1, "n2": 2}, ("n1", "n2"), ["n2"]),  # there is no other
        ({"n2": 1}, ("n2",), ["n2"]),
        ({"n2": 1}, ("n9",), ["n2"]),
    ],
)
def test_next_try_goes_to_another_node_if_there_is_one(free, failed, goes_to):  # F-REC-9
    all_seats = [seat(node, count) for node, count in free.items()]
    assert nodes(place(line(1), all_seats, failed_on(*failed))) == goes_to


def test_node_that_does_not_offer_the_service_is_no_other_node():
    all_seats = [seat("n1", 0, instances={"compressor": 2}), seat("n2")]
    assert nodes(place(line(1), all_seats, failed_on("n2"))) == ["n2"]


def segments(count, target="t"):
    return [
        (
            replace(task, id=task.id.replace("/t/", f"/{target}/"), segment=Segment(n, n, n + 1)),
            s,
            w,
        )
        for n, (task, s, w) in enumerate(line(count, needs={"ffmpeg": ()}))
    ]


def test_segments_of_one_target_go_to_one_build():  # F-ROLE-6
    all_seats = [seat("n1", 2, sha="old"), seat("n2", 1, sha="new"), seat("n3", 1, sha="old")]
    assert nodes(place(segments(4), all_seats)) == ["n1", "n3", "n1"]


def test_node_with_another_build_does_other_targets():
    begun = Past(builds={"b-0001/j/t": {"ffmpeg": "old"}})
    ready = [*segments(2), *segments(1, "u")]
    placed = place(ready, [seat("n1", 2, sha="new"), seat("n2", 1, sha="old")], begun)
    assert [(task.id, member.node) for task, member in placed] == [
        ("b-0001/j/t/000000/encode", "n2"),
        ("b-0001/j/u/000000/encode", "n1"),
    ]


def test_what_has_no_segment_may_go_to_any_build():
    begun = Past(builds={"b-0001/j/t": {"ffmpeg": "old"}})
    assert nodes(place(line(1, {"ffmpeg": ()}), [seat("n1", 1, sha="new")], begun)) == ["n1"]


@pytest.mark.parametrize("kind", list(Kind))
def test_extended_node_is_given_render_commands_alone(kind):  # F-EXT-1
    ready = [(replace(line(1)[0][0], kind=kind), Service.RENDER, {})]
    given = place(ready, [seat("gate+old-01", bare=True)])
    assert bool(given) == (kind is Kind.RENDER)


def test_refusal_names_the_target_that_was_begun_with_another_build():
    task = segments(1)[0][0]
    begun = {"b-0001/j/t": {"ffmpeg": "old"}}
    assert refuses(task, {"ffmpeg": ()}, seat("n1", sha="new").identity, begun) == (
        "its ffmpeg is another build than the one that b-0001/j/t was begun with; "
        "it does other targets"
    )


@pytest.mark.parametrize(
    ("id", "is_one"),
    [
        ("b-0001/j/t/000000/encode", True),
        ("b-0001/j/t/000000/action", False),
        ("b-0001/j/t/assemble", False),
        ("b-0001/j/probe", False),
    ],
)
def test_only_parts_of_a_target_are_segments(id, is_one):
    assert is_segment(id) == is_one


def test_it_is_said_of_each_node_why_it_is_not_given_a_task():
    nodes = {
        "able": identity(replace(FFMPEG, parts=frozenset({"x265"}))),
        "bare": identity(FFMPEG, bare=True),
        "no-service": identity(FFMPEG, instances={"compressor": 2}),
        "old": identity(FFMPEG),
    }
    probe = Task(id="b-0001/j/probe", job=JOB, kind=Kind.PROBE)
    said = refusals([(probe, NEEDS)], nodes, Past())[probe.id]
    assert list(said) == ["bare", "no-service", "old"]
    assert said["bare"].startswith("it is an extended node")
    assert said["no-service"] == "it offers no render service"
    assert "has no encoder x265" in said["old"]
    assert refusals([(probe, NEEDS)], {"able": nodes["able"]}, Past()) == {}


def test_node_that_does_not_see_what_is_read_is_given_nothing_of_the_job_but_of_others():
    other = Job(id="b-0001/k", name="k", processor="p", asks={})
    copy = Task(id="b-0001/j/copy", job=JOB, kind=Kind.COPY)
    past = Past(
        blind={
            JOB.id: {"n1": "it does not see /m/a.mov"},
            copy.id: {"n2": "it does not see /m/a.mov"},
        }
    )
    both = [seats("n1", 4), seats("n2", 1)]
    assert nodes(place(line(2), both, past)) == ["n2"]
    assert nodes(place([(copy, Service.RENDER, {})], both, past)) == ["n1"]
    assert nodes(place(line(2, job=other), both, past)) == ["n1", "n1"]
    identities = {each.member.node: each.identity for each in both}
    (task, _, needs) = line(1)[0]
    assert refusals([(task, needs)], identities, past)[task.id] == {
        "n1": "it does not see /m/a.mov"
    }


def test_task_that_runs_no_program_of_its_job_may_be_done_without():
    job = requiring(ffmpeg=">=9")
    task = replace(renders("m")[0][0], job=job, kind=Kind.PUBLISH, id="b-0001/j/t/000000/publish")
    review = Review(needs={"ffmpeg": ()}, plain=frozenset({Kind.PUBLISH}))
    begun = Past(builds={"b-0001/j/t": {"ffmpeg": "elsewhere"}})
    plain, bare = needed(task, review), seat("gate+old", bare=True)
    assert nodes(place([(task, Service.RENDER, plain)], [seat("gate"), bare], begun)) == ["gate"]
    render = replace(task, kind=Kind.RENDER, id="b-0001/j/t/000000/render")
    assert place([(render, Service.RENDER, needed(render, review))], [seat("gate")], begun) == ()


# Licences


def renders(*jobs):
    """Return the next renders of jobs, in that order."""
    made = []
    for n, name in enumerate(jobs):
        job = Job(id=f"b-0001/{name}", name=name, processor="p", asks={})
        task = Task(id=f"{job.id}/t/{n:06d}/render", job=job, kind=Kind.RENDER)
        made.append((task, Service.RENDER, {}))
    return made


OF = {"b-0001/m": ("maya",), "b-0001/both": ("maya", "arnold")}


@pytest.mark.parametrize(
    ("limits", "held", "ready", "goes"),
    [
        ({"maya": Licence(cluster=2)}, {}, "mmmf", {"m": 2, "f": 1}),
        ({"maya": Licence(cluster=2)}, {("maya", "gone"): 2}, "mmf", {"f": 1}),
        ({"maya": Licence(host=1)}, {("maya", "n1"): 1}, "mmmf", {"m": 1, "f": 1}),
        ({"maya": Licence(host=1)}, {("maya", "n1"): 3}, "m", {"m": 1}),  # the limit was lowered
        ({"maya": Licence(cluster=1)}, {("maya", "n1"): 3}, "mf", {"f": 1}),
        ({"arnold": Licence(cluster=1)}, {}, ["both", "both", "m"], {"both": 1, "m": 1}),
        ({}, {}, "mmmm", {"m": 4}),
    ],
)
def test_no_more_renders_hold_a_licence_than_may(limits, held, ready, goes):
    of = {job: tuple(n for n in names if n in limits) for job, names in OF.items()}
    licences = Licences(limits=limits, of=of, held=held)
    seats = [seat("n1", 3), seat("n2", 3)]
    placed = place(renders(*ready), seats, licences=licences)
    assert Counter(task.job.name for task, _ in placed) == goes


def test_licence_in_use_is_told_with_its_numbers():
    def why(**limit):
        limits = {"maya": Licence(**limit)}
        held = {("maya", "n2"): 2, ("maya", "n1"): 1}
        licences = Licences(limits=limits, of={"b-0001/m": ("maya",)}, held=held)
        return licences.why("b-0001/m"), bool(licences.short("b-0001/m"))

    assert why(cluster=3) == ("licence maya: 3 of 3 in use (limits.licences)", True)
    assert why(cluster=2) == ("licence maya: 3 of 2 in use (limits.licences)", True)
    assert why(host=2) == ("licence maya: 2 of 2 in use on n2 (limits.licences)", False)
    assert why(cluster=4, host=3) == ("", False)


def test_other_tasks_of_a_job_hold_no_licence():
    licences = Licences(limits={"maya": Licence(cluster=1)}, of=OF, held={("maya", "n9"): 1})
    (task, service, needs) = renders("m")[0]
    done = replace(task, id="b-0001/m/t/000000/publish", kind=Kind.PUBLISH)
    assert len(place([(done, service, needs)], [seat("n1")], licences=licences)) == 1


@given(
    st.lists(st.sampled_from(["m", "f", "both"]), max_size=30),
    st.dictionaries(st.sampled_from(["n1", "n2", "n3"]), st.integers(0, 6), min_size=1),
    st.none() | st.integers(1, 5),
    st.none() | st.integers(1, 3),
)
def test_no_order_and_no_room_break_a_limit_or_leave_a_licence_unused(ready, room, all_, each):
    limits = {"maya": Licence(cluster=all_, host=each), "arnold": Licence(cluster=2)}
    licences = Licences(limits=limits, of=OF)
    seats = [seat(node, free) for node, free in room.items()]
    placed = place(renders(*ready), seats, licences=licences)
    on = Counter((name, member.node) for task, member in placed for name in OF.get(task.job.id, ()))
    maya = sum(number for (name, _), number in on.items() if name == "maya")
    assert maya <= (all_ or 99)
    assert all(n <= (each or 99) for (name, _), n in on.items() if name == "maya")
    assert sum(n for (name, _), n in on.items() if name == "arnold") <= 2
    waiting = {task.job.name for task, _, _ in renders(*ready)} - {t.job.name for t, _ in placed}
    if sum(room.values()) > len(placed):  # what is left free nobody may take
        assert "f" not in waiting
