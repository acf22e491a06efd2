"""A controller's host over SSH: what runs there is recorded words, what is reached an echo."""

import json
import socket
import threading

import pytest
import sshd

from orchestrator.errors import Rejected, Unreachable
from orchestrator.remote.hosted import Hosted, Stands

DIGEST, OTHER = "1" * 16, "2" * 16


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    sshd.needed()
    with sshd.Sshd(tmp_path_factory.mktemp("h")) as server:
        yield server


@pytest.fixture
def there(server):
    """The state folder of orchestrator there, with two runtimes that only write their words down."""
    folder = server.state / "orchestrator"
    for digest in (DIGEST, OTHER):
        install(folder, digest)
    yield folder
    for each in sorted(folder.rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()
    (server.home / "words").unlink(missing_ok=True)


def install(there, digest):
    runtime = there / "controller" / "runtime" / digest
    (runtime / "bin").mkdir(parents=True)
    python = runtime / "bin" / "python"
    python.write_text(f'#!/bin/sh\nread line\necho {digest[0]} "$@" "$line" >> "$HOME/words"\n')
    python.chmod(0o755)
    (runtime / "complete").write_text(json.dumps({"python": str(python)}))


@pytest.fixture
def hosted(server):
    host = Hosted("studio", server.host("ctl", is_node=False))
    yield host
    host.close()


def words(server):
    return (server.home / "words").read_text().splitlines()


class Echo:
    """Answers on the socket of a cluster's controller what it is told."""

    def __init__(self, folder):
        folder.mkdir()
        self.path = folder / "api.sock"
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.door.bind(str(self.path))
        self.door.listen()
        self.thread = threading.Thread(target=self._take, daemon=True)

    def _take(self):
        try:
            while True:
                taken, _ = self.door.accept()
                with taken:
                    while piece := taken.recv(65536):
                        taken.sendall(piece)
        except OSError:
            pass

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        self.thread.join(5)
        self.path.unlink()


def near(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(20)
    sock.connect(str(path))
    return sock


def test_nothing_is_there_before_the_first_time(hosted):
    assert hosted.stands() == Stands(runtime="", version="", runs=False, ran=False)
    hosted.retire()


def test_it_is_started_by_fixed_words_with_nothing_on_stdin(server, there, hosted):
    assert hosted.serve(DIGEST, "1.0")
    verbs = ("stop", "start")
    assert words(server) == [f"1 -P -m orchestrator controller {verb} studio " for verb in verbs]
    assert hosted.stands() == Stands(runtime=DIGEST, version="1.0", runs=False, ran=False)


def test_one_that_runs_as_wanted_is_left_alone(server, there, hosted):
    hosted.serve(DIGEST, "1.0")
    before = words(server)
    with Echo(there / "studio"):
        assert hosted.stands().runs
        assert not hosted.serve(DIGEST, "1.0")
    assert words(server) == before


def test_one_of_another_runtime_is_stopped_first(server, there, hosted):
    hosted.serve(DIGEST, "1.0")
    install(there, OTHER)
    with Echo(there / "studio"):
        assert hosted.serve(OTHER, "1.1")
    said = [line.split()[0:1] + line.split()[-2:] for line in words(server)[2:]]
    assert said == [["2", "stop", "studio"], ["2", "start", "studio"]]


def test_other_runtimes_go_unless_somebody_uses_them(server, there, hosted):
    runtimes = there / "controller" / "runtime"
    user = there / "node" / "runtime" / "own-x"
    user.mkdir(parents=True)
    (user / "complete").write_text(json.dumps({"python": str(runtimes / OTHER / "bin/python")}))
    hosted.serve(DIGEST, "1.0")
    assert {each.name for each in runtimes.iterdir()} == {DIGEST, OTHER}
    (user / "complete").unlink()
    hosted.serve(DIGEST, "1.1")
    assert {each.name for each in runtimes.iterdir()} == {DIGEST}


def test_what_another_cluster_runs_with_stays(server, there, hosted):
    annex = Hosted("annex", server.host("ctl"))
    try:
        annex.serve(OTHER, "1.0")
        hosted.retire()
        assert annex.stands().runtime == OTHER
        assert (there / "controller" / "runtime" / OTHER / "complete").exists()
        annex.retire()
        assert not (there / "controller").exists()
    finally:
        annex.close()


@pytest.mark.parametrize("name", ["../x", "", "A", "x" * 64])
def test_name_that_no_cluster_has_is_refused(server, there, name):
    host = Hosted(name, server.host("ctl"))
    try:
        with pytest.raises(Rejected, match="no name of a cluster"):
            host.stands()
        with pytest.raises(Rejected, match="no name of a cluster"):
            host.serve(DIGEST, "1.0")
    finally:
        host.close()


def test_bytes_are_carried_both_ways_whatever_they_are(there, hosted):
    data = bytes(range(256)) * 2048
    hosted.stands()
    with Echo(there / "studio"), hosted.relayed() as path:
        near(path).close()  # a knock
        for _ in range(2):
            with near(path) as sock:
                threading.Thread(target=sock.sendall, args=(data,), daemon=True).start()
                heard = bytearray()
                while len(heard) < len(data):
                    heard += sock.recv(65536)
            assert bytes(heard) == data
    assert not path.exists()


def test_what_leads_nowhere_breaks_off(there, hosted):
    with hosted.relayed() as path, near(path) as sock:
        sock.sendall(b"hello")
        assert sock.recv(1) == b""


def test_host_that_is_gone_is_unreachable(tmp_path):
    with sshd.Sshd(tmp_path / "gone") as server:
        host = Hosted("studio", server.host("ctl"))
    with pytest.raises(Unreachable):
        host.stands()
    host.close()


def test_unknown_host_key_says_what_to_write_into_the_manifest(server):
    host = Hosted("studio", server.host("ctl", host_key="", is_node=False))
    with pytest.raises(Rejected, match=r"controller: \{ssh: \{hostKey: SHA256:"):
        host.stands()
    host.close()
