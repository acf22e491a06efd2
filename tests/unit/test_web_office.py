"""A real counter and a real door behind the API: own and other people's batches (T18)."""

import pytest
from offices import bureau, sheets, wanted
from served import LOOPBACK

from orchestrator.client.client import Client
from orchestrator.controller.authority import Authority
from orchestrator.errors import Conflict, Forbidden, ManifestError, NotThere, Refusal
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.talk import Leaving, Role, Sheet, Verb
from orchestrator.web.app import application
from orchestrator.web.listen import Address, Certificate
from orchestrator.web.serve import Listening, Server

ACCESS = "  access: {adminPassword: {env: A}, userPassword: {env: U}}\n  limits"
SECRETS = {"access.userPassword": "horse", "access.adminPassword": "battery"}


@pytest.fixture
def controller(tmp_path):
    """Return a client over the local socket, and what gives clients over TLS."""
    authority = Authority.at(tmp_path / "ca", "studio")
    files = authority.issue(tmp_path / "tls", "controller", ["controller"])
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        desk = bureau(ledger, tmp_path)
        server = Server(
            application(desk.office, desk.access, authority.pem.decode),
            Listening(
                local=tmp_path / "api.sock",
                address=Address(host=LOOPBACK, ports=range(1)),
                certificate=Certificate(cert=files.certificate, key=files.key),
            ),
        )
        server.start()
        made = []

        def client(role=None, password=""):
            address, pem = f"{LOOPBACK}:{server.port}", authority.pem.decode()
            made.append(Client.remote(address, pem))
            if role is not None:
                made.append(Client.remote(address, pem, made[-1].login(role, password, "ann")))
            return made[-1]

        with Client.local(tmp_path / "api.sock", "root") as local:
            yield local, client
        for each in made:
            each.close()
        server.stop()


def protected():
    sheet = wanted(secrets=SECRETS).sheets[0]
    text = sheet.text.replace("  limits", ACCESS)
    return wanted(text, secrets=SECRETS)


@pytest.fixture
def people(controller):
    """Return the clients of an administrator and of two users; the first user has a batch."""
    local, client = controller
    local.apply(protected())
    ann, ben = client(Role.USER, "horse"), client(Role.USER, "horse")
    assert ann.submit(sheets(), "the-key-1").batch == "b-0001"
    return local, client(Role.ADMIN, "battery"), ann, ben


def test_who_opens_the_socket_may_all_and_over_the_net_it_takes_a_password(controller):
    local, client = controller
    with pytest.raises(Forbidden):
        client().nodes()
    with pytest.raises(Forbidden, match="no password for it"):
        client(Role.ADMIN, "battery")
    local.apply(protected())
    with pytest.raises(Forbidden, match="wrong"):
        client(Role.ADMIN, "horse")
    assert client(Role.ADMIN, "battery").info().role is Role.ADMIN


def test_batch_of_another_user_is_neither_seen_nor_changed(people):
    local, admin, ann, ben = people
    assert ben.batches() == ()
    for ask in (
        lambda: ben.batch("b-0001"),
        lambda: ben.act(Verb.CANCEL, "b-0001"),
        lambda: ben.act(Verb.PAUSE, "b-0001/j", now=True),
        lambda: ben.log("aaaaaa-000001", 0),
    ):
        with pytest.raises((NotThere, Forbidden)):
            ask()
    for who in (local, admin, ann):
        assert [each.id for each in who.batches()] == ["b-0001"]
        assert who.batch("b-0001").batch.id == "b-0001"
        who.act(Verb.PAUSE, "b-0001")
        who.act(Verb.RESUME, "b-0001")
    assert [each.id for each in ann.batches(mine=True)] == ["b-0001"]
    assert admin.batches(mine=True) == ()


def test_user_changes_neither_cluster_nor_nodes(people):
    _, admin, ann, _ = people
    for ask in (
        lambda: ann.apply(protected()),
        lambda: ann.preview(protected()),
        lambda: ann.leave(Leaving(now=True)),
        lambda: ann.stop(),
        lambda: ann.node_act(Verb.PAUSE, "mac-01", Leaving()),
        lambda: ann.node_lost("mac-01"),
        lambda: ann.node_log("controller"),
    ):
        with pytest.raises(Forbidden):
            ask()
    assert admin.node_act(Verb.PAUSE, "mac-01", Leaving()).name == "mac-01"


def test_same_key_is_the_same_batch_and_another_text_a_conflict(people):
    _, _, ann, ben = people
    assert ann.submit(sheets(), "the-key-1").batch == "b-0001"
    with pytest.raises(Conflict):
        ann.submit(sheets("c"), "the-key-1")
    assert ben.submit(sheets("c"), "the-key-1").batch == "c-0001"


def test_token_ends_with_its_password(people):
    local, _, ann, _ = people
    more = protected()
    local.apply(wanted(more.sheets[0].text, secrets=SECRETS | {"access.userPassword": "new"}))
    with pytest.raises(Forbidden, match="log in again"):
        ann.batches()


def test_fault_comes_back_with_its_place(people):
    _, _, ann, _ = people
    with pytest.raises(ManifestError, match=r"a\.yaml:1"):
        ann.submit([Sheet(name="a.yaml", text="kind: Nothing\n")], "another-key")
    with pytest.raises(Refusal):
        ann.submit([], "another-key")


def test_password_is_in_no_sentence_and_no_log(controller, caplog):
    caplog.set_level(0)
    local, client = controller
    local.apply(protected())
    with pytest.raises(Forbidden) as caught:
        client(Role.USER, "canary-password")
    token = client(Role.ADMIN, "battery")._line._http.headers["authorization"]
    ours = [record for record in caplog.records if record.name.split(".")[0] in OURS]
    told = str(caught.value) + "".join(record.getMessage() for record in ours)
    for secret in ("canary-password", "battery", "horse", token.split()[1]):
        assert secret not in told


OURS = {"orchestrator", "uvicorn", "asyncio", "fastapi"}
