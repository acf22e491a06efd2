"""Where the API listens, and that it does not listen in the open (T12)."""

import os
import socket
import stat

import pytest
from fake_front import FakeDoor, FakeFront
from ports import free_ports
from served import LOOPBACK, serving

from orchestrator.client.client import Client
from orchestrator.client.line import Untrusted
from orchestrator.errors import Refusal
from orchestrator.model.talk import Role
from orchestrator.web.app import application
from orchestrator.web.listen import Address, Certificate, bind, bind_local, is_loopback
from orchestrator.web.serve import Listening, Server

APP = application(FakeFront(), FakeDoor(), lambda: "PEM")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost", "10.0.0.1", "ctrl.lan", "", "0"])
def test_without_tls_it_does_not_listen_where_others_can_come(host):
    address = Address(host=host, ports=range(1))
    with pytest.raises(Refusal, match="does not listen there without TLS") as caught:
        Server(APP, Listening(local=None, address=address))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1"])
def test_loopback_is_an_address_that_only_this_computer_has(host):
    assert is_loopback(host)


def test_loopback_needs_no_tls_and_its_clients_are_nobody(tmp_path):
    server = Server(APP, Listening(local=None, address=Address(host=LOOPBACK, ports=range(1))))
    server.start()
    try:
        with socket.create_connection((LOOPBACK, server.port)) as sock:
            sock.sendall(b"GET /v1/nodes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert sock.makefile("rb").readline() == b"HTTP/1.1 401 Unauthorized\r\n"
    finally:
        server.stop()


def test_first_free_port_of_the_range_is_taken_and_none_is_told():
    first = free_ports(2)
    ports, taken = range(first, first + 2), socket.create_server((LOOPBACK, first))
    with taken, bind(Address(host=LOOPBACK, ports=ports)) as second:
        assert second.getsockname()[1] == ports[1]
        with pytest.raises(Refusal, match=f"ports {ports[0]} to {ports[1]} of 127.0.0.1: none"):
            bind(Address(host=LOOPBACK, ports=ports))


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_address_of_another_computer_is_refused(host):
    with pytest.raises(Refusal, match="name one of this computer's"):
        bind(Address(host=host, ports=range(1)))


def test_local_socket_is_its_owners_alone(tmp_path):
    path = tmp_path / "api.sock"
    with bind_local(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(Refusal, match="another controller answers there"):
            bind_local(path)


def test_socket_that_a_killed_controller_left_is_taken_over(tmp_path):
    path = tmp_path / "api.sock"
    bind_local(path).close()
    assert path.is_socket()
    bind_local(path).close()


def test_path_that_is_too_long_for_a_socket_is_told(tmp_path):
    with pytest.raises(Refusal, match="too long"):
        bind_local(tmp_path / ("x" * 100))


def test_certificate_that_is_not_there_is_told(tmp_path):
    none = Certificate(cert=tmp_path / "a.pem", key=tmp_path / "a.key")
    with pytest.raises(Refusal, match="orchestrator apply"):
        Server(
            APP,
            Listening(local=None, address=Address(host=LOOPBACK, ports=range(1)), certificate=none),
        )


def test_stopped_server_leaves_neither_socket_nor_port(tmp_path):
    with serving(tmp_path) as served:
        port = served.server.port
        assert os.path.exists(served.socket)
    assert not os.path.exists(served.socket)
    socket.create_server((LOOPBACK, port)).close()


def test_server_that_never_started_can_be_stopped(tmp_path):
    server = Server(APP, Listening(local=tmp_path / "api.sock"))
    server.stop()
    assert not (tmp_path / "api.sock").exists()


def test_follower_does_not_hold_up_the_stop(tmp_path):
    with serving(tmp_path) as served, Client.local(served.socket) as client:
        ticks = client.ticks(seconds=600)
        next(ticks)
        served.server.stop()
        assert list(ticks) == []


def test_renewed_certificate_is_shown_to_whoever_comes_next(tmp_path):
    with serving(tmp_path, name="another.name") as served:
        client = Client.remote(served.address, served.pem)
        with pytest.raises(Untrusted, match="mismatch"):
            client.info()
        served.authority.issue(served.files.key.parent, "controller", ["controller"])
        served.server.renew()
        assert client.info().role is Role.NOBODY
        client.close()
