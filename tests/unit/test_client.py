"""The client and the server over real sockets: what is asked arrives, what is said comes back."""

import httpx
import pytest
from fake_front import ATTEMPT, BATCH, LOG, STANDING, TASKS, TOKENS, VIEW
from served import serving

from orchestrator.client.client import Client
from orchestrator.client.line import Line, NoAnswer
from orchestrator.client.records import RemoteRecords
from orchestrator.errors import Busy, Conflict, Forbidden, ManifestError, NotThere, Refusal
from orchestrator.model.talk import Leaving, NodePhase, Role, Sheet, Verb, Wanted
from orchestrator.model.wire import KEY as KEY_HEADER
from orchestrator.model.work import Priority, State

KEY = "a-key-of-its-own"
SHEET = Sheet(name="a.yaml", text="1")


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path) as each:
        yield each


@pytest.fixture(params=["local", "tls"])
def client(served, request):
    """Return an administrator's client, by either way."""
    if request.param == "local":
        made = Client.local(served.socket, "me")
    else:
        made = Client.remote(served.address, served.pem, TOKENS[Role.ADMIN])
    with made:
        yield made


@pytest.fixture
def user(served):
    with Client.remote(served.address, served.pem, TOKENS[Role.USER]) as made:
        yield made


def test_every_noun_comes_back_as_it_was_sent(client):
    assert client.batch(BATCH.id) == VIEW
    assert client.batches() == (STANDING,)
    assert client.batches(mine=True) == ()
    assert client.nodes()[0].services["render"].busy == 1
    assert client.info().storage == "/s"
    assert client.node_log("n1") == "zeile ä\n"


def test_what_is_asked_arrives_with_who_asks(served, client):
    sheet = Sheet(name="a.yaml", text="ä: 1")
    wanted = Wanted(sheets=(sheet,), cluster="studio", secrets={"a": "b"}, commit="abc")
    assert client.preview(wanted).changes[0].subject == "node n1"
    assert client.apply(wanted).commit == "abc"
    assert client.submit([sheet], KEY).batch == "b-0000"
    assert client.submit([sheet], KEY).batch == "b-0000"
    client.act(Verb.PAUSE, TASKS[0].id, now=True)
    client.prioritize(BATCH.id, Priority.LOW)
    assert client.node_act(Verb.PAUSE, "n1", Leaving(deadline_s=3)).phase is NodePhase.READY
    client.node_act(Verb.RESUME, "n1", Leaving())
    client.node_trust("n1", "SHA256:abc")
    client.node_lost("n1")
    client.leave(Leaving(deadline_s=1.5, now=True))
    client.stop()
    said = [(name, rest) for name, who, *rest in served.front.calls if who.role is Role.ADMIN]
    assert said == [
        ("preview", [wanted]),
        ("apply", [wanted]),
        ("submit", [(sheet,), KEY]),
        ("submit", [(sheet,), KEY]),
        ("act", [Verb.PAUSE, TASKS[0].id, True]),
        ("prioritize", [BATCH.id, Priority.LOW]),
        ("node_act", ["n1", Verb.PAUSE, Leaving(deadline_s=3.0)]),
        ("node_act", ["n1", Verb.RESUME, Leaving()]),
        ("node_trust", ["n1", "SHA256:abc"]),
        ("node_lost", ["n1"]),
        ("leave", [Leaving(deadline_s=1.5, now=True)]),
        ("stop", []),
    ]
    assert {who.name for _, who, *_ in served.front.calls} == {"me"}


def test_log_is_read_piece_by_piece_as_it_is(client):
    whole, offset = b"", 0
    while (part := client.log(ATTEMPT.id, offset)).data:
        whole, offset = whole + part.data, part.next
    assert whole == LOG
    assert offset == len(LOG)


def test_refusal_comes_back_as_the_exception_it_was(client):
    sheet = Sheet(name="a.yaml", text="1")
    client.submit([sheet], KEY)
    with pytest.raises(Conflict, match="was another batch's"):
        client.submit([Sheet(name="a.yaml", text="2")], KEY)
    with pytest.raises(NotThere, match="there are dailies-0001"):
        client.batch("../x y")
    with pytest.raises(ManifestError) as caught:
        client.submit([Sheet(name="a.yaml", text="bad")], "another-key")
    assert caught.value.faults == ("a.yaml:1:1: it is bad", "a.yaml:2:1: this, too")
    with pytest.raises(Refusal, match="Idempotency-Key"):
        client.submit([sheet], "short")


def test_user_may_not_what_takes_an_administrator(user):
    user.nodes()
    with pytest.raises(Forbidden, match="role user: this takes admin"):
        user.stop()


def test_nobody_sees_that_there_is_a_cluster_and_no_more(served):
    with Client.remote(served.address, served.pem) as nobody:
        assert nobody.info().storage == ""
        with pytest.raises(Forbidden, match="log in"):
            nobody.batches()


def test_password_becomes_a_token_until_it_is_given_back(served):
    with Client.remote(served.address, served.pem) as nobody:
        token = nobody.login(Role.USER, "horse", "me")
        for _ in range(5):
            with pytest.raises(Forbidden, match="another one"):
                nobody.login(Role.ADMIN, "horse")
        with pytest.raises(Busy, match="60 s"):
            nobody.login(Role.ADMIN, "battery")
    with Client.remote(served.address, served.pem, token) as user:
        assert user.info().role is Role.USER
        user.logout()
        with pytest.raises(Forbidden, match="not known"):
            user.info()


def test_follower_is_told_of_each_change(served, client):
    ticks = client.ticks(seconds=20)
    first = next(ticks)
    served.front.node = served.front.node.__class__(name="n1", phase=NodePhase.LOST)
    second = next(ticks)
    assert second.batches == first.batches
    assert second.nodes != first.nodes


def scripted(*answers):
    """Return a client whose network does this, one after the other, and what it waited and sent."""
    waits, sent, left = [], [], list(answers)

    def handle(request):
        sent.append((request.headers[KEY_HEADER], request.content))
        if isinstance(answer := left.pop(0), Exception):
            raise answer
        return httpx.Response(200, json=answer)

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://controller/v1")
    return Client(Line(http, "here"), waits.append), waits, sent


def test_submission_whose_answer_was_lost_is_sent_again_with_its_key():
    """F-SUB-13; once it may have arrived, a controller that is starting anew is waited for."""
    lost, gone = httpx.ReadError("reset"), httpx.ConnectError("refused")
    client, waits, sent = scripted(lost, gone, {"batch": "b-0001", "arrival": "new"})
    with client:
        assert client.submit([SHEET], KEY).batch == "b-0001"
    assert waits == [0.5, 1.0]
    assert len(sent) == 3
    assert len(set(sent)) == 1


def test_submission_that_never_left_is_told_at_once():
    client, waits, _ = scripted(httpx.ConnectError("refused"))
    with client, pytest.raises(NoAnswer):
        client.submit([SHEET], KEY)
    assert waits == []


def test_submission_is_given_up_in_the_end():
    client, waits, _ = scripted(*[httpx.ReadTimeout("late")] * 5)
    with client, pytest.raises(NoAnswer, match="no answer in time"):
        client.submit([SHEET], KEY)
    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_controller_that_is_not_there_is_told_with_what_to_do(tmp_path):
    with pytest.raises(NoAnswer, match="orchestrator controller status"):
        Client.local(tmp_path / "none.sock").info()


def test_records_of_a_cluster_read_as_those_of_a_ledger(served, client):
    records = RemoteRecords(client, clock=lambda: 0.0)
    assert records.state(BATCH.id) is State.PROCESSING
    assert records.state("none-0001") is None
    assert records.batch(BATCH.id) == BATCH
    assert records.standings() == records.standings(BATCH.id)
    assert records.tasks("dailies-0001/shot") == TASKS[:3]
    assert records.task(TASKS[4].id) == TASKS[4]
    assert records.task("dailies-0001/shot") is None
    assert records.attempts("dailies-0001/other") == ()
    assert records.attempts(TASKS[0].id) == (ATTEMPT,)
    assert list(records.results([TASKS[0].id, TASKS[1].id])) == [TASKS[0].id]
