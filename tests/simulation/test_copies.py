"""What a job reads: shared, on one node, on none; brought to cluster storage, or read in place."""

import pytest
from farm import START, Crash, job
from farm_world import HANGS, fails, no_source, says

from orchestrator.controller import copies
from orchestrator.controller.visibility import SILENT_S
from orchestrator.decide.fleet import Gate
from orchestrator.model.work import Copying

MOVIE = "/media/movie.mov"


@pytest.fixture
def studio(farm):
    """A farm whose nodes are asked what they see."""

    def make(shared=(), local=None, **more):
        f = farm(**more).asking()
        f.engine.files = dict.fromkeys(shared, 1000)
        f.engine.local = {node: dict.fromkeys(files, 1000) for node, files in (local or {}).items()}
        return f

    return make


def nodes_of(f, words):
    """Return who was given tasks whose id ends so."""
    return {r.node for r in f.ledger.attempts("b-0001") if r.task.endswith(words)}


def test_media_that_all_nodes_see_are_not_copied(studio):
    f = studio(shared=[MOVIE])
    f.submit(job(source=MOVIE))
    f.run()
    assert (f.state(), f.started("/copy")) == ("Successful", [])


def test_source_that_one_node_lacks_is_copied_by_one_that_sees_it(studio):
    f = studio(local={"n1": [MOVIE], "n2": []})
    f.submit(job(source=MOVIE, segments=4))
    f.run()
    assert f.state() == "Successful"
    assert nodes_of(f, "/copy") == {"n1"}
    assert nodes_of(f, "/encode") == {"n1", "n2"}
    assert f.started()[:2] == ["b-0001/j/copy", "b-0001/j/probe"]
    f.check()


def test_what_is_wrong_with_a_copy_is_said_of_what_was_copied(studio):
    f = studio(local={"n1": [MOVIE], "n2": []})

    def says_of_the_copy(spec):
        if not spec.task.endswith("/probe"):
            return {}
        made = f.ledger.results(["b-0001/j/copy"])["b-0001/j/copy"]
        file = f.storage.attempt(made.attempt) / "copy-000.mov"
        return fails(result={"error": f"{file}: is no media; name another", "cause": "source"})

    f.world.improvise = says_of_the_copy
    f.submit(job(source=MOVIE))
    f.run()
    assert (f.state(), f.reason("j")) == ("Failed", f"{MOVIE}: is no media; name another")


def test_source_that_nobody_sees_fails_its_job_as_ever(studio):
    f = studio(local={"n1": [], "n2": []})
    f.script["bad/probe"] = [no_source()]
    f.submit(job("bad", source=MOVIE), job("good"))
    f.run()
    assert (f.state("b-0001/bad"), f.state("b-0001/good")) == ("Failed", "Successful")
    assert f.started("/copy") == []


@pytest.mark.parametrize("policy", [Copying.NEVER, Copying.NEVER_SOURCE])
def test_what_may_not_be_copied_fails_its_job_before_it_begins_and_the_rest_goes_on(studio, policy):
    f = studio(local={"n1": [MOVIE], "n2": []})
    f.submit(job("bad", source=MOVIE), job("good"), copy=policy)
    f.run()
    assert (f.state("b-0001/bad"), f.state("b-0001/good")) == ("Failed", "Successful")
    assert f.reason("bad") == (
        f"copy: {policy.value}, and not every node sees what it reads: {MOVIE} (not on n2); mount "
        "it there, or allow copying"
    )
    assert f.started("bad/probe") == []
    f.engine.local["n2"] = f.engine.local["n1"]
    f.submit(job("bad", source=MOVIE), job("good"), copy=policy)
    f.run()
    assert f.state() == "Successful"


def test_never_source_copies_what_is_not_the_source(studio):
    f = studio(local={"n1": [MOVIE, "/lut"], "n2": [MOVIE]})
    f.submit(job(source=MOVIE, reads=["/lut"]), copy=Copying.NEVER_SOURCE)
    f.run()
    assert (f.state(), f.task("/copy").args["paths"]) == ("Successful", ["/lut"])


def test_always_copies_what_all_nodes_see(studio):
    f = studio(shared=[MOVIE])
    f.submit(job(source=MOVIE), copy=Copying.ALWAYS)
    f.run()
    assert (f.state(), f.started("/copy")) == ("Successful", ["b-0001/j/copy"])


def test_job_without_a_probe_is_copied_before_its_plan(studio):
    f = studio(local={"n1": [MOVIE], "n2": []})
    f.submit(job(source=MOVIE, probe=False, segments=3))
    f.run()
    assert f.state() == "Successful"
    assert f.started()[0] == "b-0001/j/copy"


def test_node_that_dies_with_the_copy_has_it_made_by_another_that_sees_it(studio):
    f = studio(nodes=("n1", "n2", "n3"), local={"n1": [MOVIE], "n2": [MOVIE], "n3": []})
    f.script["copy"] = [HANGS]
    f.submit(job(source=MOVIE))
    f.run_until("/copy")
    (holder,) = f.holders().values()
    f.die(holder)
    f.engine.local.pop(holder)  # its disk went with it
    f.run()
    assert f.state() == "Successful"
    assert f.task("/copy").losses == 1
    f.check()


def test_node_that_comes_later_and_sees_nothing_is_given_nothing_of_what_is_read_in_place(studio):
    f = studio(local={"n1": [MOVIE], "n2": []}, nodes=("n1",))
    f.submit(job(source=MOVIE, segments=6))
    f.run_until("000001/encode")
    f.engine.join("n2", f.engine.look()[f.engine.member("n1")].identity)
    f.run()
    assert (f.state(), nodes_of(f, "")) == ("Successful", {"n1"})
    assert f.controller.lookout.copies.blind["b-0001/j"] == {"n2": f"it does not see {MOVIE}"}


def test_node_that_comes_before_the_probe_has_it_copied(studio):
    f = studio(local={"n1": [MOVIE], "n2": []}, nodes=("n1",))
    f.submit(job(source=MOVIE, segments=4), delay_s=100)
    f.turn()
    f.engine.join("n2", f.engine.look()[f.engine.member("n1")].identity)
    f.run()
    assert (f.state(), nodes_of(f, "/encode")) == ("Successful", {"n1", "n2"})


def test_copy_at_submission_waits_for_no_time_and_no_job(studio):
    f = studio(local={"n1": [MOVIE], "n2": []}, instances=2).watched(Gate())
    f.submit(
        job("first"), job("last", source=MOVIE, after=("first",)), delay_s=50, copy_at_submit=True
    )
    f.pass_time(10)
    assert f.started() == ["b-0001/last/copy"]
    f.run()
    assert (f.state(), f.started("/copy")) == ("Successful", ["b-0001/last/copy"])


def test_many_copies_at_submission_are_looked_at_a_few_at_a_time(studio, monkeypatch):
    monkeypatch.setattr(copies, "EARLY_MOST", 2)
    movies = [f"/media/{number}.mov" for number in range(7)]
    lacking = ["/media/gone.mov"] * 3  # of these it stays unknown for as long as n2 is closed
    f = studio(local={"n1": movies, "n2": lacking}, instances=20)
    f.watched(Gate(paused=frozenset({"n2"})))
    jobs = [job(f"j{number}", source=movie) for number, movie in enumerate([*lacking, *movies])]
    f.submit(*jobs, delay_s=500, copy=Copying.ALWAYS, copy_at_submit=True)
    f.pass_time(60)
    assert sorted(f.started()) == [f"b-0001/j{number}/copy" for number in range(3, 10)]


def test_without_it_the_copy_waits_for_the_turn_of_its_job(studio):
    f = studio(local={"n1": [MOVIE], "n2": []}).watched(Gate())
    f.submit(job(source=MOVIE), delay_s=50)
    f.pass_time(10)
    assert f.started() == []
    f.run()
    assert f.state() == "Successful"


def test_silent_node_is_waited_for_a_while_and_then_given_nothing(studio):
    f = studio(local={"n1": [MOVIE], "n2": [MOVIE]})
    f.engine.cut("n2")
    f.submit(job("asks", source=MOVIE, segments=6), job("free", targets=["web"]))
    for _ in range(3):  # asked, answered, said
        f.turn()
    copies = f.controller.lookout.copies
    why = f"asks the nodes whether they see {MOVIE}: n2"
    assert copies.told["b-0001/asks/copy"] == why
    f.run_until("asks/probe")
    assert f.world.now - START > SILENT_S
    assert copies.blind["b-0001/asks"] == {"n2": f"it has not said whether it sees {MOVIE}"}
    f.engine.heal("n2")
    f.run()
    assert f.state() == "Successful"


def test_controller_that_dies_at_any_moment_copies_once(studio):
    for left in range(0, 60, 3):
        f = studio(local={"n1": [MOVIE], "n2": []}, memory=True)
        f.fuse.left = left
        try:
            f.submit(job(source=MOVIE), copy_at_submit=left % 2 == 0)
            f.run()
        except Crash:
            f.fuse.left = float("inf")
            f.restart()
            f.submit(job(source=MOVIE), copy_at_submit=left % 2 == 0)
            f.run()
        assert (f.state(), f.started("/copy")) == ("Successful", ["b-0001/j/copy"])


REFERRED = "/media/sound.wav"


def test_what_a_source_refers_to_is_asked_for_before_the_plan(studio):
    f = studio(local={"n1": [MOVIE, REFERRED], "n2": [MOVIE, REFERRED]})
    f.script["probe"] = [says(refers=[REFERRED])]
    f.submit(job(source=MOVIE))
    f.run()
    assert (f.state(), f.started("/copy"), len(f.started("/probe"))) == ("Successful", [], 1)


@pytest.mark.parametrize("first", ["n1", "n2"])
def test_what_a_source_refers_to_is_copied_with_it_and_the_probe_is_done_again(studio, first):
    f = studio(local={"n1": [MOVIE, REFERRED], "n2": [MOVIE]})
    f.script["probe"] = [says(refers=[REFERRED], absent=first == "n2"), says(refers=[REFERRED])]
    f.submit(job(source=MOVIE, segments=4))
    f.run()
    assert (f.state(), f.task("/copy").args["paths"]) == ("Successful", [REFERRED])
    assert f.task("/probe").args["refers"] == [REFERRED]
    assert (len(f.started("/probe")), nodes_of(f, "/encode")) == (2, {"n1", "n2"})
    f.check()


def test_source_that_was_copied_is_copied_again_with_what_it_refers_to(studio):
    f = studio(local={"n1": [MOVIE, REFERRED], "n2": []})
    f.script["probe"] = [says(refers=[REFERRED], absent=True), says(refers=[REFERRED])]
    f.submit(job(source=MOVIE))
    f.run()
    assert (f.state(), len(f.started("/copy"))) == ("Successful", 2)
    assert f.task("/copy").args["paths"] == [MOVIE, REFERRED]


def test_what_a_source_refers_to_and_nobody_sees_is_named(studio):
    f = studio(shared=[MOVIE])
    f.script["bad/probe"] = [says(refers=[REFERRED, "/media/b.mov"], absent=True)]
    f.submit(job("bad", source=MOVIE), job("good"))
    f.run()
    assert (f.state("b-0001/bad"), f.state("b-0001/good")) == ("Failed", "Successful")
    assert f.reason("bad") == (
        f"{MOVIE}: it refers to other files, and no node sees {REFERRED}, /media/b.mov; put them "
        "there, or save it self-contained"
    )


def test_probe_that_never_finds_what_it_refers_to_is_not_repeated_for_ever(studio):
    f = studio(shared=[MOVIE, REFERRED])
    f.world.improvise = lambda spec: (
        says(refers=[REFERRED], absent=True, impossible=True)
        if spec.task.endswith("/probe")
        else {}
    )
    f.submit(job(source=MOVIE))
    f.run()
    assert (f.state(), len(f.started("/probe"))) == ("Failed", 2)


def test_policy_never_refuses_what_a_source_refers_to(studio):
    f = studio(local={"n1": [MOVIE, REFERRED], "n2": [MOVIE]})
    f.script["probe"] = [says(refers=[REFERRED])]
    f.submit(job(source=MOVIE), copy=Copying.NEVER)
    f.run()
    assert f"{REFERRED} (not on n2)" in f.reason("j")
    assert f.started("/encode") == []


def test_plan_that_was_wrong_is_made_again_with_the_same_copy(studio):
    f = studio(local={"n1": [MOVIE], "n2": []})
    f.script["000000/encode"] = [says(replan={"depth": 2})]
    f.submit(job(source=MOVIE))
    f.run()
    assert (f.state(), len(f.started("/probe")), len(f.started("/copy"))) == ("Successful", 2, 1)


def test_source_that_only_a_closed_node_sees_is_waited_for(studio):
    f = studio(local={"n1": [MOVIE], "n2": []}).watched(Gate(paused=frozenset({"n1"})))
    f.submit(job(source=MOVIE))
    f.pass_time(30)
    assert f.started() == []
    why = f"only n1 sees {MOVIE}, and it takes no work now"
    assert f.controller.lookout.copies.told["b-0001/j/copy"] == why
    f.watch.say(paused=frozenset())
    f.run()
    assert (f.state(), nodes_of(f, "/copy")) == ("Successful", {"n1"})
