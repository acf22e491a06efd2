"""Policy and sight to what is done: in place, a copy, a refusal, or not yet."""

import pytest

from orchestrator.decide.copying import (
    Copy,
    Eyes,
    InPlace,
    Media,
    Refused,
    Unsure,
    begun,
    check,
    copying,
    decide,
    name_of,
)
from orchestrator.model.work import Accept, Copying, Ending, Job, Kind, Outcome

M, R, L = "/m/movie.mov", "/m/sound.wav", "/m/lut.cube"
NEEDED, ALWAYS, NEVER_SOURCE, NEVER = Copying
JOB = Job(id="b-0001/j", name="j", processor="p", asks={})


def eyes(**seen):
    """Return what nodes answered: a text names a file of 10 bytes."""
    return Eyes(seen={n: {p: 10 for p in paths} for n, paths in seen.items()})


#: who sees the source -> what each policy makes of it
SOURCE = {
    "all": (eyes(a=[M], b=[M]), "in place", "copy", "in place", "in place"),
    "some": (eyes(a=[M], b=[M], c=[]), "copy", "copy", "refused", "refused"),
    "one": (eyes(a=[M], b=[]), "copy", "copy", "refused", "refused"),
    "the only node": (eyes(a=[M]), "in place", "copy", "in place", "in place"),
    "none": (eyes(a=[], b=[]), "in place", "in place", "in place", "in place"),
}
NAMES = {InPlace: "in place", Copy: "copy", Refused: "refused", Unsure: "unsure"}


@pytest.mark.parametrize("who", SOURCE)
def test_source(who):
    seen, *wanted = SOURCE[who]
    found = [NAMES[type(decide(policy, Media(source=(M,)), seen))] for policy in Copying]
    assert found == wanted


#: what the nodes see of a source, what it refers to and another file -> what each policy does
MORE = {
    "all see all": (eyes(a=[M, R, L], b=[M, R, L]), (), (M, R, L), (), ()),
    "one lacks what it refers to": (eyes(a=[M, R, L], b=[M, L]), (R,), (M, R, L), None, None),
    "one lacks the other file": (eyes(a=[M, R, L], b=[M, R]), (L,), (M, R, L), (L,), None),
    "one lacks all": (eyes(a=[M, R, L], b=[]), (M, R, L), (M, R, L), None, None),
    "each lacks another": (eyes(a=[M, R], b=[M, L]), None, None, None, None),
    "nobody has what it refers to": (eyes(a=[M, L], b=[M, L]), None, None, None, None),
}


@pytest.mark.parametrize("who", MORE)
def test_files_that_are_copied_or_refused(who):
    seen, *wanted = MORE[who]
    media = Media(source=(M,), refers=(R,), others=(L,))
    for policy, paths in zip(Copying, wanted, strict=True):
        found = decide(policy, media, seen)
        if paths is None:
            assert isinstance(found, Refused), policy
        elif paths:
            assert isinstance(found, Copy), policy
            assert (found.paths, found.size) == (paths, 10 * len(paths))
        else:
            assert found == InPlace()


def test_refusal_names_every_file_and_every_node_that_lacks_it():
    media = Media(source=(M,), refers=(R,))
    seen = {**eyes(a=[M, R], d=[M, R], b=[R], c=[]).seen, "e": {M: 9, R: 10}}
    assert decide(NEVER, media, Eyes(seen=seen)) == Refused(
        f"copy: never, and not every node sees what it reads: {M} (not on b, c; another file on e), "
        f"{R} (not on c); mount it there, or allow copying"
    )
    assert decide(NEEDED, media, eyes(a=[M], b=[R])) == Refused(
        f"no node sees all that must be copied to cluster storage: {M} (not on b), {R} (not on a); "
        "let one node see them all"
    )
    assert decide(NEEDED, media, eyes(a=[M], b=[M])) == Refused(
        f"{M}: it refers to other files, and no node sees {R}; put them there, or save it "
        "self-contained"
    )


def test_file_of_another_size_than_most_see_is_another_file():
    seen = {"a": {M: 10}, "b": {M: 10}, "c": {M: 7}}
    found = decide(NEEDED, Media(source=(M,)), Eyes(seen=seen))
    assert found == Copy((M,), 10, {"c": f"it sees another file at {M}"})


def test_nothing_is_decided_before_all_have_answered_but_the_silent():
    media = Media(source=(M,), refers=(R,))
    known = eyes(a=[M, R]).seen
    assert decide(NEEDED, media, Eyes(seen=known, asked=frozenset({"b", "c"}))) == Unsure(
        f"asks the nodes whether they see {M} and 1 more: b, c"
    )
    silent = Eyes(seen=known, silent=frozenset({"b"}))
    assert decide(NEVER, media, silent) == InPlace({"b": f"it has not said whether it sees {M}"})
    assert isinstance(decide(NEEDED, media, Eyes(silent=frozenset({"b"}))), Unsure)
    assert isinstance(decide(NEEDED, media, Eyes()), Unsure)


def test_what_is_copied_already_is_seen_by_all():
    media = Media(source=(M,), refers=(R,), copied=frozenset({M}))
    assert decide(NEVER, media, eyes(a=[R], b=[R])) == InPlace()
    assert decide(NEEDED, media, eyes(a=[R], b=[])).paths == (R,)
    assert decide(NEEDED, Media(source=(M,), copied=frozenset({M})), Eyes()) == InPlace()


def test_job_that_has_begun_goes_on_where_its_media_are_seen():
    late = Eyes(seen=eyes(a=[M], b=[]).seen, asked=frozenset({"c"}), silent=frozenset({"d"}))
    assert begun(Media(source=(M,)), late).blind == {
        "b": f"it does not see {M}",
        "c": f"it has not said whether it sees {M}",
        "d": f"it has not said whether it sees {M}",
    }
    assert begun(Media(source=(M,)), eyes(a=[], b=[])).blind == {}  # its own commands say why
    gone = begun(Media(source=(M,)), eyes(b=[]), before={"a"})  # it may be back
    assert gone.blind == {"b": f"it does not see {M}"}


def test_copy_is_checked_against_what_was_asked():
    task = copying(JOB, Copy((M, R), 20))
    assert (task.id, task.kind, task.args["bytes"]) == ("b-0001/j/copy", Kind.COPY, 20)

    def told(result, code=0):
        return Outcome(attempt="a", ending=Ending.EXITED, exit_code=code, result=result)

    assert check(task, told({"files": [{}, {}]})) == Accept()
    assert check(task, told({"files": [{}]})).why == "1 files were copied instead of 2"
    assert check(task, told({})).why == "0 files were copied instead of 2"
    assert check(task, told({}, 1)).why == "exit code 1"


def test_copies_keep_the_suffix_by_which_a_reader_knows_them():
    names = ["/m/a.mov", "/m/b.tar.gz", "/m/none", "/m/.hidden", "/m/x.né", "/m/y.very-long-suffix"]
    assert [name_of(n, path) for n, path in enumerate(names)] == [
        "copy-000.mov",
        "copy-001.gz",
        "copy-002",
        "copy-003",
        "copy-004",
        "copy-005",
    ]
