"""What a request may cost (T17): sizes, times, depths and connections, on real sockets."""

import socket
import ssl

import pytest
from fake_front import TOKENS, FakeDoor, FakeFront
from inprocess import InProcess
from served import LOOPBACK, serving

from orchestrator.errors import (
    Busy,
    Conflict,
    Forbidden,
    LedgerError,
    ManifestError,
    NotThere,
    PluginError,
    Unreachable,
)
from orchestrator.model.talk import Role
from orchestrator.model.wire import BODY_BYTES_MAX, Act
from orchestrator.web.answers import Turned
from orchestrator.web.app import application
from orchestrator.web.body import DEPTH_MAX, parse
from orchestrator.web.guard import Bounds

ADMIN = f"Authorization: Bearer {TOKENS[Role.ADMIN]}\r\n"
SHORT = Bounds(header_s=0.2, body_s=0.2, connections_max=3, connections_each_max=2)


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path, SHORT) as each:
        yield each


def plain(served):
    sock = socket.create_connection((LOOPBACK, served.server.port))
    sock.settimeout(20)
    return sock


def tls(served):
    context = ssl.create_default_context(cadata=served.pem)
    return context.wrap_socket(plain(served), server_hostname="controller")


def local(served):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(str(served.socket))
    return sock


def said(sock):
    """Return all that comes until the other side closes."""
    data = b""
    try:
        while piece := sock.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        pass
    return data


def head(path="/v1/info", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: evil.example\r\n{more}".encode()


@pytest.mark.parametrize("way", [tls, local], ids=["tls", "local"])
@pytest.mark.parametrize("sent", [b"", b"GET /v1/in", head()], ids=["nothing", "word", "half"])
def test_header_that_does_not_end_is_not_waited_for(served, way, sent):
    with way(served) as sock:
        sock.sendall(sent)
        assert said(sock) == b""


@pytest.mark.parametrize("way", [tls, local], ids=["tls", "local"])
def test_second_header_that_does_not_end_is_not_waited_for_either(served, way):
    with way(served) as sock:
        sock.sendall(head() + b"\r\n")
        assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200")
        sock.sendall(head())
        assert b"HTTP" not in said(sock)


def test_body_that_does_not_come_is_not_waited_for(served):
    with local(served) as sock:
        length = "Content-Type: application/json\r\nContent-Length: 9\r\n"
        sock.sendall(head("/v1/act", length).replace(b"GET", b"POST") + b"\r\n{")
        answer = said(sock)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"send it at once" in answer


@pytest.mark.parametrize("announced", [True, False])
def test_body_of_100_mb_is_refused_and_not_read(served, announced):
    size = 100 << 20
    how = f"Content-Length: {size}" if announced else "Transfer-Encoding: chunked"
    more = f"Content-Type: application/json\r\n{how}\r\n"
    sent = 0
    with local(served) as sock:
        sock.sendall(head("/v1/act", more).replace(b"GET", b"POST") + b"\r\n")
        piece = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        try:
            while sent < size:
                sock.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = said(sock)
    assert sent < 4 * BODY_BYTES_MAX
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413")
    assert not served.front.calls


def test_headers_of_a_size_without_end_are_refused(served):
    with local(served) as sock:
        sock.sendall(head(more="X: " + "x" * (64 << 10)))
        answer = said(sock)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_one_connection_too_many_is_closed_and_the_others_are_served(served):
    held = [local(served) for _ in range(SHORT.connections_max)]
    held[0].sendall(head() + b"\r\n")
    assert held[0].recv(12) == b"HTTP/1.1 200"
    with local(served) as late:
        assert said(late) == b""
    for sock in held:
        sock.close()


def test_one_address_cannot_take_all_connections(served):
    held = [tls(served) for _ in range(SHORT.connections_each_max)]
    held[0].sendall(head() + b"\r\n")
    assert held[0].recv(12) == b"HTTP/1.1 200"
    with tls(served) as late:
        assert said(late) == b""
    for sock in held:
        sock.close()


def test_stranger_who_talks_plain_text_to_tls_gets_nothing(served):
    with plain(served) as sock:
        sock.sendall(head() + b"\r\n")
        answer = said(sock)
    assert b"HTTP" not in answer
    assert len(answer) < 10  # an alert of TLS at most


def test_old_tls_is_refused(served):
    context = ssl.create_default_context(cadata=served.pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with context.wrap_socket(plain(served), server_hostname="controller") as sock:
        assert sock.version() == "TLSv1.2"
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with plain(served) as sock, pytest.raises((ssl.SSLError, ConnectionResetError)):
        context.wrap_socket(sock, server_hostname="controller")


@pytest.fixture
def http():
    return InProcess(application(FakeFront(), FakeDoor(), lambda: "PEM"))


def posted(http, content, sort="application/json"):
    headers = {"Authorization": f"Bearer {TOKENS[Role.ADMIN]}", "Content-Type": sort}
    return http.post("/v1/act", content=content, headers=headers)


GOOD = '{"verb": "pause", "id": "dailies-0001"%s}'
BAD = {
    "nothing": b"",
    "half": b'{"verb": "pa',
    "no UTF-8": b'{"verb": "\xff"}',
    "half a character": GOOD % r', "x": "\ud800"',
    "another key": GOOD % ', "x": 1',
    "no key": b"{}",
    "another verb": b'{"verb": "x", "id": "a"}',
    "list for an object": b"[]",
    "object for text": b'{"verb": "pause", "id": {}}',
    "number for text": b'{"verb": "pause", "id": 1}',
    "text for a word": GOOD % ', "now": "true"',
    "deep": GOOD % f', "now": {"[" * 33}{"]" * 33}',
    "endless": "[" * 500_000,
    "no number": GOOD % ', "now": NaN',
    "too large a number": GOOD % ', "now": 1e999',
    "many digits": GOOD % f', "now": {"9" * 5000}',
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_body_that_is_none_is_refused_with_what_is_wrong(http, content):
    answer = posted(http, content)
    assert answer.status_code == 400, answer.text
    assert answer.json()["kind"] == "refused"
    assert answer.json()["faults"] == [answer.json()["error"]]


def test_body_is_as_deep_as_it_may_be():
    deep = "[" * DEPTH_MAX + "]" * DEPTH_MAX
    with pytest.raises(Turned, match="list where str"):
        parse(Act, (GOOD.replace('"dailies-0001"', deep[2:-2]) % "").encode())
    with pytest.raises(Turned, match="deeper than 32 levels"):
        parse(Act, f"[{deep}]".encode())


def test_body_must_say_that_it_is_json(http):
    assert posted(http, GOOD % "", "text/plain").status_code == 415
    assert posted(http, GOOD % "", "application/json; charset=utf-8").status_code == 204


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ManifestError(("a:1:1: one", "a:2:1: two")), 400, "refused"),
        (Forbidden("no"), 403, "forbidden"),
        (NotThere("no"), 404, "not-there"),
        (Conflict("no"), 409, "conflict"),
        (Busy("later"), 429, "busy"),
        (Unreachable("n1", "silent"), 502, "node"),
        (LedgerError("ledger: disk I/O error; free it"), 503, "not-stored"),
        (LedgerError("ledger: database or disk is full; free some"), 507, "not-stored"),
        (PluginError("plugin 'x': planned nothing"), 500, "ours"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_each_kind_of_error_has_its_status(http, monkeypatch, error, status, kind):
    monkeypatch.setattr(FakeFront, "act", scripted(error))
    answer = posted(http, GOOD % "")
    assert answer.status_code == status
    told = answer.json()
    assert told["error"] == str(error)
    assert told["kind"] == kind
    assert told.get("faults", []) == list(getattr(error, "faults", ()))


def scripted(error):
    def act(*_):
        raise error

    return act


def test_unforeseen_fault_is_told_without_a_traceback(http, monkeypatch, caplog):
    monkeypatch.setattr(FakeFront, "act", lambda *_: 1 / 0)
    answer = posted(http, GOOD % "")
    assert answer.status_code == 500
    assert answer.json()["kind"] == "ours"
    assert "division" not in answer.text
    assert "ZeroDivisionError" in caplog.text
