"""What happens on This Computer is told, too: by its own mail server, or by the next `run`."""

import pytest
from ledgers import batch

from orchestrator.cli.options import Layout
from orchestrator.cli.telling import telling
from orchestrator.controller import delivery
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.work import State
from orchestrator.plugin.manager import Plugins


@pytest.fixture
def here(tmp_path):
    where = Layout(tmp_path / "this-computer")
    with SqliteLedger(where.ledger) as ledger:
        yield where, ledger, Plugins.given()


def test_end_of_a_batch_is_mailed_by_the_run_or_by_the_next_one(here, monkeypatch, capsys):
    _, ledger, _ = here
    sent = []

    def down(mail, server):
        raise OrchestratorError("mail server localhost:25: nobody is there")

    monkeypatch.setattr(delivery, "deliver", down)
    with telling(*here):
        ledger.accept(batch(notify={"to": ["me@x.y"]}), "d", [])
        ledger.close_part("b-0001", "batch", State.FAILED, "j: no such file")
    assert "1 notice not sent: mail server localhost:25" in capsys.readouterr().err
    monkeypatch.setattr(delivery, "deliver", lambda mail, server: sent.append(mail))
    with telling(*here):
        pass
    (mail,) = sent
    assert (mail.to, mail.subject) == (("me@x.y",), "[this-computer] b-0001: Failed")
    assert capsys.readouterr().err == ""
    with telling(*here):
        pass
    assert len(sent) == 1


def test_a_batch_that_asks_for_nothing_tells_nobody(here, monkeypatch, capsys):
    _, ledger, _ = here
    monkeypatch.setenv("EMAIL", "root@x.y")
    with telling(*here):
        ledger.accept(batch(), "d", [])
        ledger.close_part("b-0001", "batch", State.CANCELLED, "")
    assert capsys.readouterr().err == ""
    assert ledger.outbox() == ()
