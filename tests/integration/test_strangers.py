"""A stranger's plugin in a whole controller: what hangs in it delays nobody else (F27)."""

import pytest
from outsiders import stranger
from pair import Pair

from orchestrator.plugin.far import Deadlines
from orchestrator.plugin.manager import Plugins

HANGS = "import time\ndef hang(self, *args): time.sleep(60)\n"
JOB = {"name": "j", "processor": "odd", "with": {}}


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Return a controller with a stranger `odd` whose text the test gives."""
    monkeypatch.syspath_prepend(tmp_path)
    opened = []

    def made(text):
        stranger(tmp_path, "odd", text)
        plugins = Plugins.installed(deadlines=Deadlines(call_s=1.0))
        opened.append(Pair(tmp_path, {"n1": {}}, plugins))
        return opened[-1]

    yield made
    for each in opened:
        each.close()
        each.plugins.close()


@pytest.mark.slow
def test_job_of_a_stranger_is_done(pair):
    with_stranger = pair("")
    assert with_stranger.run(with_stranger.submit(JOB)).value == "Successful"


@pytest.mark.slow
@pytest.mark.fault("F27")
@pytest.mark.parametrize("method", ["plan", "command", "check"])
def test_stranger_that_hangs_fails_its_own_job_and_others_do_not_wait_for_it(pair, method):
    both = pair(f"{HANGS}odd.{method} = hang\n")
    hangs = both.submit(JOB, name="hangs")
    well = both.submit({**JOB, "processor": "shell", "with": {"command": ["true"]}}, name="well")
    looks = []
    both.controller.run(lambda view: len(looks) > 5 and is_over(both, well), looks.append)
    assert not is_over(both, hangs)
    both.controller.run(lambda view: is_over(both, hangs), id)
    assert both.ledger.state(hangs).value == "Failed"
    said = [each.reason for each in both.ledger.standings(hangs)]
    wanted = f"plugin 'odd', processor 'odd': {method} took more than 1 s"
    assert any(wanted in reason for reason in said)


def is_over(pair, batch):
    return pair.ledger.state(batch).is_final
