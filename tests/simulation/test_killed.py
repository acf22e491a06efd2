"""The controller is killed before and after every step it takes, and nobody can tell afterwards."""

import itertools
from collections.abc import Callable

import pytest
from farm import Crash, Farm, job
from farm_world import crashes, fails, lost, no_source, says, unready

SCRIPTS = {
    "all goes well": {},
    "much goes wrong": {
        "000000/encode": [fails(), lost(), unready()],
        "audio": [crashes(), says(again={"depth": 2})],
    },
    "a job is given up": {"a/web/000000/encode": [fails()] * 3},
    "the source is gone": {"a/probe": [no_source()]},
    "a part is made otherwise": {"a/web/assemble": [says(rework={"depth": 2})]},
    "a job is planned anew": {"a/web/000001/encode": [says(replan={"depth": 1})]},
}
JOBS = (job("a"), job("b", after=("a",), probe=False, segments=1))


def tell(f: Farm, script: dict, times: int = 2) -> bool:
    """Type the same command so often, and again whenever the controller dies.

    Returns whether it died.
    """
    f.script.update({words: list(lines) for words, lines in script.items()})
    died = False
    for _ in range(times):
        if f.ledger.standings() and f.state() == "Successful":
            break
        died |= outlived(f, lambda: f.submit(*JOBS))
        died |= outlived(f, f.run)
    return died


def outlived(f: Farm, do: Callable[[], object]) -> bool:
    try:
        do()
    except Crash:
        f.check()
        f.fuse.left = float("inf")
        f.restart()
        do()
        return True
    return False


@pytest.mark.timeout(300)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_controller_killed_after_any_step_comes_to_the_same_end(farm, script):
    whole = farm(memory=True)
    tell(whole, script)
    for steps in itertools.count(1):
        f = farm(memory=True)
        f.fuse.left = steps
        if not tell(f, script):
            break  # the fuse outlived the story: every step has been tried
        f.check()
        assert f.end() == whole.end(), f"killed after step {steps}"
        assert len(f.engine.started) == len(whole.engine.started), f"killed after step {steps}"
        assert f.world.published.keys() == whole.world.published.keys()
        assert set(f.ended) == set(whole.ended), "every plugin was told of the end"
    assert steps > 100


@pytest.mark.timeout(300)
def test_ledger_on_disk_opened_anew_after_any_step_knows_it_all(farm):
    whole = farm()
    whole.submit(job(segments=1))
    whole.run()
    for steps in itertools.count(1):
        f = farm()
        f.fuse.left = steps
        died = outlived(f, lambda f=f: f.submit(job(segments=1)))
        if not (outlived(f, f.run) or died):
            break
        assert f.end() == whole.end(), f"killed after step {steps}"
        assert len(f.engine.started) == len(whole.engine.started), f"killed after step {steps}"
    assert steps > 50
