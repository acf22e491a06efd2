"""Notices by mail, through a real SMTP server in a process of its own."""

import email
import email.policy
from dataclasses import replace

import pytest
from mailserver import PASSWORD, USER, Certificate, MailServer

from orchestrator.controller.delivery import Delivery
from orchestrator.controller.mail import Mail, deliver
from orchestrator.controller.notices import Means, Notices
from orchestrator.decide.notices import Rules
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.cluster import MailTls, Notify, Smtp
from orchestrator.model.notice import Scene
from orchestrator.plugin.manager import Plugins

pytestmark = pytest.mark.slow

WAIT_S = 20.0
MAIL = Mail(
    to=("ops@studio.example", "ann@studio.example"),
    subject="[studio] Müller's node: services stopped",
    text="mac-01: its agent stopped é\n" + "x" * 3000 + "\n.\nend\n",
    key="k1",
    host="ctrl.lan",
    password=PASSWORD,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("smtpd")).make()


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))


def smtp(server, **keys):
    return Smtp(**{"host": "localhost", "port": server.port, "user": USER, **keys})


@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.TLS])
def test_mail_goes_encrypted_and_with_a_password(certificate, trusted, tls):
    with MailServer(certificate, tls.value, auth=True) as server:
        deliver(MAIL, smtp(server, tls=tls))
        took = server.mails.get(timeout=WAIT_S)
    assert (took["to"], took["user"], took["tls"]) == (list(MAIL.to), USER, True)
    came = email.message_from_string(took["text"], policy=email.policy.default)
    assert came["Subject"] == MAIL.subject
    assert came["From"] == "orchestrator@ctrl.lan"
    assert came["Auto-Submitted"] == "auto-generated"
    assert came["Message-ID"].endswith("@ctrl.lan>")
    assert came.get_content().splitlines() == MAIL.text.splitlines()


def test_a_wrong_password_and_a_server_that_is_not_who_it_says_send_nothing(
    certificate, trusted, monkeypatch
):
    with MailServer(certificate, "starttls", auth=True) as server:
        with pytest.raises(OrchestratorError, match=f"mail server localhost:{server.port}: 535 "):
            deliver(replace(MAIL, password="no"), smtp(server, tls=MailTls.STARTTLS))
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(OrchestratorError, match="certificate"):
            deliver(MAIL, smtp(server, tls=MailTls.STARTTLS))
        assert server.mails.empty()


def test_without_the_encryption_that_is_wanted_no_mail_and_no_password_go(certificate, trusted):
    with MailServer(certificate, "none", auth=True) as server:
        with pytest.raises(OrchestratorError, match="STARTTLS"):
            deliver(MAIL, smtp(server, tls=MailTls.STARTTLS))
        assert server.mails.empty()


def test_one_address_that_is_refused_keeps_no_mail_from_the_others(certificate, caplog):
    mail = Mail(to=("nobody@x.y", "ops@x.y"), subject="s", text="t", key="k", host="h")
    with MailServer(certificate) as server:
        deliver(mail, smtp(server, user=""))
        assert server.mails.get(timeout=WAIT_S)["to"] == ["ops@x.y"]
        with pytest.raises(OrchestratorError, match="no such user"):
            deliver(replace(mail, to=("nobody@x.y",)), smtp(server, user=""))
    assert [each.action for each in caplog.records] == ["mail_refused"]


def test_a_notice_waits_in_the_ledger_until_the_server_is_there(certificate, tmp_path):
    with MailServer(certificate) as server:
        port = server.port
    notify = Notify(to=("ops@x.y",), service_down_after_s=0.0, smtp=Smtp(port=port))
    now = [0.0]
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        means = Means(
            ledger=ledger,
            deliver=Delivery(
                id=ledger.id, host="ctrl", secret=lambda name: "", plugins=Plugins.given()
            ),
            rules=lambda: Rules(notify=notify),
            scene=lambda: Scene(cluster="studio", stands={"a": "ready"}),
            clock=lambda: now[0],
            spawn=lambda travel: travel(),
        )
        outbox = Notices(means)
        for name in ("a", "b", "c"):
            outbox.tell("service-stopped", name, "its agent stopped", ("render",))
        outbox.turn()
        assert "3 notices not sent: mail server localhost" in outbox.alarms()[0]
        assert len(ledger.outbox()) == 3
        outbox = Notices(means)  # the controller was killed, and started again
        with MailServer(certificate, port=port) as server:
            outbox.turn()
            took = server.mails.get(timeout=WAIT_S)
            now[0] += 1000.0
            outbox.turn()
            assert server.mails.empty()
        assert (ledger.outbox(), outbox.alarms()) == ((), ())
    came = email.message_from_string(took["text"], policy=email.policy.default)
    assert came["Subject"] == "[studio] a, b, c: services stopped"
    assert "servicecontroller:com.apple.qmaster.executor (render)" in came.get_content()
    assert "Now: ready." in came.get_content()
