"""What a job reads: shared, on one node, on none; brought to cluster storage, or read in place."""

import pytest
from farm import job

MOVIE = "/media/movie.mov"


@pytest.fixture
def studio(farm):
    """A farm whose nodes are asked what they see."""

    def make(shared=(), local=None, **more):
        f = farm(asks=True, **more)
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
