"""Webhooks: signed, sent to whom was meant and to nobody else, and waited for no longer than that."""

import hmac
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from mailserver import Certificate

from orchestrator.controller import hook
from orchestrator.controller.hook import DELIVERY, SIGNATURE, Call, post
from orchestrator.errors import OrchestratorError
from orchestrator.model.addresses import is_allowed
from orchestrator.model.notice import Carrier, Way

SECRET = "between us"


class Receiver:
    """A real HTTP server on loopback that writes down who came, and answers as it is told to."""

    def __init__(self):
        self.connections, self.came, self.answer = [], [], (204, {}, b"")
        receiver, self.released = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def setup(self):
                receiver.connections.append(self.client_address)
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.came.append((self.path, dict(self.headers), body))
                code, headers, data = receiver.answer
                if code == 0:
                    receiver.released.wait(20.0)
                    return
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *who: None
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def secure(self, certificate):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.file, certificate.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def call(port, host="127.0.0.1", **keys):
    url = f"{keys.pop('scheme', 'http')}://{host}:{port}/farm?x=1"
    return Call(**{"url": url, "body": '{"a": "é"}', "key": "k1", "allow": ("127.0.0.1",), **keys})


def resolving(monkeypatch, *answers):
    """Let names lead where `answers` say, one answer a question; return the questions."""
    asked, left = [], list(answers)

    def answer(host, port, *words, **keys):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.slow
def test_a_body_is_signed_and_names_its_delivery(receiver):
    post(call(receiver.port, secret=SECRET))
    ((path, headers, body),) = receiver.came
    assert (path, json.loads(body)) == ("/farm?x=1", {"a": "é"})
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert headers[DELIVERY] == "k1"
    at, mac = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    assert mac == hmac.new(SECRET.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    post(call(receiver.port))
    assert SIGNATURE not in receiver.came[1][1]


def test_path_of_a_url_is_told_nobody():  # many receivers ask for nothing else
    said = call(1, allow=(), url="https://127.0.0.1:1/services/x9secret?token=abc")
    with pytest.raises(OrchestratorError, match=r"^webhook https://127\.0\.0\.1:1/…: ") as error:
        post(said)
    assert "x9secret" not in str(error.value)
    way = Way(carrier=Carrier.WEBHOOK, to=(said.url,))
    assert way.shown == "webhook https://127.0.0.1:1/…"
    assert (
        Way(carrier=Carrier.COMMAND, to=("/bin/page", "--key", "abc")).shown == "command /bin/page"
    )


@pytest.mark.slow
def test_redirects_are_not_followed_and_only_a_good_answer_is_one(receiver):
    there = f"http://127.0.0.1:{receiver.port}/elsewhere"
    for code, headers in ((302, {"Location": there}), (307, {"Location": there}), (500, {})):
        receiver.answer = (code, headers, b"secret of the inside")
        with pytest.raises(OrchestratorError, match=f"it answers {code}; wanted") as raised:
            post(call(receiver.port))
        assert "secret" not in str(raised.value)
    assert [path for path, *_ in receiver.came] == ["/farm?x=1"] * 3


@pytest.mark.slow
def test_an_answer_is_waited_for_and_read_only_so_far(receiver, monkeypatch):
    receiver.answer = (200, {}, b"x" * (8 << 20))
    post(call(receiver.port))
    monkeypatch.setattr(hook, "LIMIT_S", 0.3)
    receiver.answer = (0, {}, b"")
    with pytest.raises(OrchestratorError, match="it does not answer within"):
        post(call(receiver.port))


@pytest.mark.slow
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "localhost",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_private_and_local_addresses_are_refused_however_they_are_written(receiver, host):
    with pytest.raises(OrchestratorError, match="is not public; if it is meant, list"):
        post(call(receiver.port, host, allow=()))
    assert receiver.connections == []


@pytest.mark.slow
def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to(receiver, monkeypatch):
    asked = resolving(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    with pytest.raises(OrchestratorError, match="webhook"):
        post(call(receiver.port, "rebind.test", allow=("127.0.0.2",)))
    assert (asked, receiver.connections) == (["rebind.test"], [])
    resolving(monkeypatch, ["1.1.1.1", "127.0.0.1"])
    with pytest.raises(OrchestratorError, match=r"leads to 127\.0\.0\.1, which is not public"):
        post(call(receiver.port, "both.test", allow=()))
    assert receiver.connections == []


@pytest.mark.slow
def test_a_certificate_must_be_that_of_the_name(receiver, monkeypatch, tmp_path):
    certificate = Certificate(tmp_path).make("hooks.test")
    receiver.secure(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    resolving(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])
    post(call(receiver.port, "hooks.test", scheme="https"))
    assert receiver.came[0][1]["Host"] == f"hooks.test:{receiver.port}"
    with pytest.raises(OrchestratorError, match="certificate"):
        post(call(receiver.port, "other.test", scheme="https"))
    assert len(receiver.came) == 1


@pytest.mark.parametrize(
    ("address", "allow", "may"),
    [
        ("93.184.216.34", (), True),
        ("2606:4700::1111", (), True),
        ("192.168.1.1", (), False),
        ("192.168.1.1", ("192.168.1.0/28",), True),
        ("192.168.1.77", ("192.168.1.0/28",), False),
        ("::ffff:192.168.1.1", ("192.168.1.1",), True),
        ("100.64.0.1", (), False),
        ("224.0.0.1", (), False),
        ("255.255.255.255", (), False),
        ("::", (), False),
        ("fd00::1", (), False),
        ("fd00::1", ("fd00::/8", "10.0.0.0/8"), True),
        ("64:ff9b::a00:1", (), False),
        ("2001:0:7f00:1::80ff:fffe", (), False),
    ],
)
def test_what_is_allowed(address, allow, may):
    assert is_allowed(ip_address(address), allow) is may


def test_a_secret_is_not_shown():
    assert SECRET not in repr(call(1, secret=SECRET))
