"""Commands and plugins that hear notices; secrets that are kept for mail and webhooks."""

import json
import sys
from pathlib import Path

import pytest
from aiosmtplib import SMTPConnectError, SMTPConnectTimeoutError, SMTPResponseException

from orchestrator.controller import delivery, mail
from orchestrator.controller.delivery import Delivery, run
from orchestrator.controller.vault import Vault
from orchestrator.decide.notices import message, notice
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.cluster import Notify, Smtp
from orchestrator.model.notice import Carrier, Letter, Parcel, Scene, Way
from orchestrator.plugin.hooks import hookimpl
from orchestrator.plugin.manager import Plugins


class Listener:
    def __init__(self):
        self.heard = []

    @hookimpl
    def orchestrator_notice(self, kind, subject, text):
        self.heard.append((kind, subject, text))


class Faulty:
    @hookimpl
    def orchestrator_notice(self, kind):
        raise RuntimeError(kind)


def parcel(carrier, *to):
    told = notice("alarm", "nodes", {"why": "10 of 12 are lost"}, 0.0)
    way = Way(carrier=carrier, to=to)
    return Parcel(way=way, letters=(Letter(number=1, notice=told),))


def deliver(plugins, carrier, *to):
    told = parcel(carrier, *to)
    brings = Delivery(id="l1", host="h", secret=lambda name: "", plugins=plugins)
    brings(Notify(), told, message(told, Scene(cluster="studio")))


def test_every_plugin_hears_a_notice_whatever_another_does(caplog):
    listener = Listener()
    plugins = Plugins.given(faulty=Faulty(), listener=listener)
    assert plugins.has_listeners
    assert not Plugins.given().has_listeners
    deliver(plugins, Carrier.PLUGINS)
    assert listener.heard == [("alarm", "nodes", "10 of 12 are lost")]
    assert "plugin faulty: orchestrator_notice raised" in caplog.text


@pytest.mark.slow
def test_a_command_reads_the_notice_and_sees_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_ADMIN", "word")
    code = (
        "import json, os, sys; "
        "json.dump([json.load(sys.stdin), dict(os.environ)], open(sys.argv[1], 'w'))"
    )
    deliver(Plugins.given(), Carrier.COMMAND, sys.executable, "-c", code, str(tmp_path / "came"))
    body, environment = json.loads((tmp_path / "came").read_text())
    assert body["cluster"] == "studio"
    assert body["notices"][0]["text"] == "10 of 12 are lost"
    assert "STUDIO_ADMIN" not in environment


@pytest.mark.slow
def test_a_command_that_fails_or_hangs_is_said_and_ended(monkeypatch):
    with pytest.raises(OrchestratorError, match="command /no/such: No such file"):
        run(["/no/such"], "")
    with pytest.raises(OrchestratorError, match="it ended with 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], "x" * (1 << 20))
    monkeypatch.setattr(delivery, "COMMAND_LIMIT_S", 0.3)
    with pytest.raises(OrchestratorError, match="it did not end within"):
        run(["/bin/sh", "-c", "sleep 60 & sleep 60"], "")


@pytest.mark.parametrize(
    ("server", "error", "is_vain"),
    [
        (Smtp(), SMTPConnectError("nobody listens"), True),
        (Smtp(), SMTPConnectTimeoutError("it hangs"), False),
        (Smtp(), SMTPResponseException(451, "later"), False),
        (Smtp(host="mail.lan"), SMTPConnectError("nobody listens"), False),
    ],
    ids=["none", "hangs", "says no", "named"],
)
def test_mail_server_that_is_down_is_not_one_that_is_missing(monkeypatch, server, error, is_vain):
    async def send(*_, **__):
        raise error

    monkeypatch.setattr(mail, "send", send)
    with pytest.raises(OrchestratorError) as caught:
        mail.deliver(mail.Mail(to=("a@x.y",), subject="s", text="t", key="k", host="h"), server)
    assert isinstance(caught.value, mail.NoServer) is is_vain


def test_a_vault_keeps_secrets_for_its_owner_alone(tmp_path):
    file = tmp_path / "state" / "notify.json"
    vault = Vault(file)
    assert vault.set({"notify.smtp.password": "word", "empty": ""}) == ("notify.smtp.password",)
    assert vault.set({"notify.smtp.password": "word"}) == ()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (Vault(file).get("notify.smtp.password"), Vault(file).get("x")) == ("word", "")
    assert vault.set({}) == ("notify.smtp.password",)
    assert vault.get("notify.smtp.password") == ""
    file.chmod(0o644)
    with pytest.raises(Refusal, match="chmod 600"):
        Vault(file)
    file.write_text("[")
    with pytest.raises(OrchestratorError, match="apply again"):
        Vault(file)
    assert Vault(Path(tmp_path / "other")).get("x") == ""
