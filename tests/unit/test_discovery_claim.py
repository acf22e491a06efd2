"""Claims over real TLS: who gets a free node, who does not, and what a stranger can do."""

import json
import random
import socket
import ssl
import threading
from contextlib import closing

import pytest
from free_nodes import KEY, OTHER, Clock, claimant, free_node, joining, signer

from orchestrator.agent.keys import own_certificate
from orchestrator.discovery import wire
from orchestrator.discovery.claim import Lock, claim, hello, seen
from orchestrator.discovery.counter import Keys, Patience
from orchestrator.errors import Conflict, NodeError, Rejected, Unreachable

pytestmark = pytest.mark.slow


@pytest.fixture
def free(tmp_path):
    with free_node(tmp_path / "node") as free:
        yield free


def taken(free, name="studio", key=KEY):
    who = claimant(name)
    return claim(free.place, lambda notice, lock: key, who, signer(who))


def tls(place):
    return wire.client_context().wrap_socket(socket.create_connection(place, 5))


def test_hello_says_who_it_is_and_what_it_wants(free):
    notice, lock = hello(free.place)
    assert (notice.name, notice.id, notice.held_by) == ("mac-07", "n-7", "")
    assert notice.services == {"render": 2}
    assert lock is Lock.SERVICE


def test_nobody_there_is_nobody_seen():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        place = server.getsockname()
    assert seen(place) is None


def test_who_knows_the_key_gets_the_node(free):
    assert taken(free).name == "mac-07"
    assert free.agent.starts == 1
    folder = free.folder / "clusters" / "id-studio"
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["instances"] == {"render": 2}, "it is the node that knows its instances"
    assert (folder / "tls" / "ca.pem").read_text() == "authority"
    assert (folder / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600
    assert hello(free.place)[0].held_by == "studio"


def test_another_cluster_is_told_who_has_it(free):
    taken(free)
    with pytest.raises(Conflict, match="taken by studio until its job ends"):
        taken(free, "other")
    assert len(free.agents) == 1


def test_a_wrong_password_is_refused_and_nothing_is_started(free):
    with pytest.raises(Rejected, match="does not take our service password"):
        taken(free, key=OTHER)
    assert not free.agents
    assert hello_is_late(free)


def hello_is_late(free):
    with pytest.raises(Unreachable, match="asked too often"):
        hello(free.place)
    free.patience_clock.now += 1.0
    return hello(free.place)


def test_guessing_takes_longer_and_longer():
    clock = Clock(0.0)
    patience = Patience(clock)
    for wait_s in (1, 2, 4, 8, 16, 32, 60, 60):
        patience.fault("10.0.0.9")
        clock.now += wait_s - 0.5
        assert not patience.admits("10.0.0.9")
        assert patience.admits("10.0.0.8")
        clock.now += 0.5
        assert patience.admits("10.0.0.9")
    patience.forgive("10.0.0.9")
    patience.fault("10.0.0.9")
    clock.now += 1.0
    assert patience.admits("10.0.0.9")


def test_what_is_remembered_of_addresses_is_bounded():
    patience = Patience(Clock())
    for number in range(3000):
        patience.fault(str(number))
    assert len(patience._faults) == 1000


def test_without_a_password_only_the_maker_gets_it(tmp_path):
    with free_node(tmp_path / "node", Keys(maker=KEY)) as free:
        assert hello(free.place)[1] is Lock.MAKER
        with pytest.raises(Rejected, match="only the administrator who made it"):
            taken(free, key=None)
        with pytest.raises(Rejected, match="does not take"):
            taken(free, key=wire.OPEN_KEY)
        free.patience_clock.now += 60
        assert taken(free).name == "mac-07"


def test_without_any_key_nobody_gets_it(tmp_path):
    with free_node(tmp_path / "node", Keys()) as free, pytest.raises(Rejected):
        taken(free, key=wire.OPEN_KEY)


def test_open_must_be_written_out_and_lets_anybody_in(tmp_path):
    with free_node(tmp_path / "node", Keys(is_open=True)) as free:
        assert taken(free, key=None).name == "mac-07"


def test_managed_only_grants_nothing(tmp_path):
    with free_node(tmp_path / "node", managed_only=True) as free:
        with pytest.raises(Conflict, match="managed clusters only"):
            taken(free)
        assert not free.agents


def test_services_that_are_not_offered_are_not_had(tmp_path):
    with free_node(tmp_path / "node", instances={"compressor": 1}) as free:
        with pytest.raises(Rejected, match="not offered here"):
            taken(free)
        assert hello(free.place)[0].held_by == ""


def test_a_claim_that_comes_to_nothing_frees_the_node(free):
    def breaks(notice, request):
        raise Rejected("mac-07", "no certificate")

    with pytest.raises(Rejected, match="no certificate"):
        claim(free.place, lambda *_: KEY, claimant("other"), breaks)
    for _ in range(100):
        if not hello(free.place)[0].held_by:
            break
    assert taken(free).name == "mac-07"


@pytest.mark.timeout(90)
def test_of_two_clusters_exactly_one_wins(free):
    for round_ in range(16):
        outcomes = compete(free, ("studio", "other"), round_)
        assert sorted(outcomes.values()) == ["lost", "won"], outcomes
        assert free.agent.folder.name == f"id-{winner(outcomes)}"
        free.agent.done = True
        free.node.look()
        assert hello(free.place)[0].held_by == ""


def compete(free, names, round_):
    outcomes, start = {}, threading.Barrier(len(names))

    def compete_one(name):
        start.wait()
        try:
            taken(free, name)
            outcomes[name] = "won"
        except Conflict:
            outcomes[name] = "lost"

    threads = [threading.Thread(target=compete_one, args=(name,)) for name in names]
    for thread in threads if round_ % 2 else threads[::-1]:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def winner(outcomes):
    return next(name for name, outcome in outcomes.items() if outcome == "won")


class Between:
    """A man in the middle: TLS with a certificate of his own to the cluster, and on to the node."""

    def __init__(self, folder, place):
        own_certificate(folder, "mac-07")
        context = wire.server_context(folder / "tls" / "own.pem", folder / "tls" / "key.pem")
        self._context, self._place = context, place
        self._server = socket.create_server(("127.0.0.1", 0))
        self.place = self._server.getsockname()
        self.passed = []
        self._thread = threading.Thread(target=self._relay)
        self._thread.start()

    def _relay(self):
        plain, _ = self._server.accept()
        with self._context.wrap_socket(plain, server_side=True) as ours, tls(self._place) as node:
            for source, target in ((node, ours), (ours, node), (node, ours)):
                try:
                    self.passed.append(source.recv(65536))
                    target.sendall(self.passed[-1])
                except OSError:
                    return

    def close(self):
        self._thread.join()
        self._server.close()


def test_a_man_in_the_middle_gets_no_proof_that_the_other_end_takes(free, tmp_path):
    between = Between(tmp_path / "between", free.place)
    who = claimant()
    try:
        with pytest.raises(NodeError):
            claim(between.place, lambda *_: KEY, who, signer(who))
    finally:
        between.close()
    assert b"proof" in between.passed[1]
    assert not free.agents


def test_a_false_node_that_does_not_know_the_key_is_not_used(tmp_path):
    with free_node(tmp_path / "node", Keys(service=OTHER)) as false:
        false.counter._is_proven = lambda line: reflect(false, line)
        with pytest.raises(Rejected, match="somebody stands between"):
            taken(false)


def reflect(false, line):
    """Send the cluster's own proof back to it."""
    line.send({"notice": {"name": "mac-07", "id": "n", "port": 1}, "lock": "service", "nonce": "0"})
    line.send({"proof": line.receive()["proof"]})
    return True


def test_what_was_heard_cannot_be_said_again(free):
    with tls(free.place) as sock:
        line = wire.Wire(sock)
        said = line.receive()
        nonces = (said["nonce"], "1" * 64)
        proof = {"nonce": nonces[1]}
        proof["proof"] = wire.proof(KEY, "cluster", nonces, wire.seen_by_client(sock))
        line.send(proof)
        assert "proof" in line.receive()
    with tls(free.place) as sock:
        line = wire.Wire(sock)
        line.receive()
        line.send(proof)
        assert line.receive() == {"refused": "proof"}


def test_a_refusal_is_the_same_whatever_was_wrong(free, tmp_path):
    answers = []
    with free_node(tmp_path / "keyless", Keys()) as keyless:
        for place in (free.place, keyless.place):
            with tls(place) as sock:
                line = wire.Wire(sock)
                line.receive()
                line.send({"nonce": "0", "proof": "f" * 64})
                answers.append(line.receive())
    assert answers == [{"refused": "proof"}] * 2


GARBAGE = [
    b"",
    b"\n",
    b"null\n",
    b"[]\n",
    b'{"nonce": 1}\n',
    b'{"nonce": "1", "proof": "\\u00e9"}\n',
    b"[" * 60000 + b"\n",
    b"x" * 200000,
    b'{"nonce": "1", "proof": {}}\n',
    bytes(range(256)),
]


def test_garbage_harms_nobody(free):
    rounds = random.Random(7)
    texts = GARBAGE + [rounds.randbytes(rounds.randrange(1, 3000)) for _ in range(40)]
    for text in texts:
        free.patience_clock.now += 100
        with tls(free.place) as sock:
            send(sock, text)
    for text in texts[:20]:
        with socket.create_connection(free.place, 5) as sock:
            send(sock, text)
    free.patience_clock.now += 100
    assert eventually_taken(free)


def eventually_taken(free):
    """Take the node; those before may still be hanging up."""
    while True:
        try:
            return taken(free)
        except Unreachable:
            free.patience_clock.now += 100


def send(sock, text):
    try:
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
    except (OSError, ssl.SSLError):
        return


def test_garbage_after_the_proof_frees_the_node(free):
    for text in (
        b"{}\n",
        b'{"cluster": "x", "id": "../../etc"}\n',
        b'{"cluster": "x", "id": "y"}\n{}\n',
    ):
        with tls(free.place) as sock:
            line = wire.Wire(sock)
            nonces = (line.receive()["nonce"], "1")
            seen_ = wire.seen_by_client(sock)
            line.send({"nonce": "1", "proof": wire.proof(KEY, "cluster", nonces, seen_)})
            line.receive()
            send(sock, text)
            while sock.recv(1000):
                pass
    assert not free.agents
    assert eventually_taken(free)


def test_slow_strangers_are_hung_up_on_and_do_not_keep_others_out(free, monkeypatch):
    monkeypatch.setattr("orchestrator.discovery.counter.PROOF_LIMIT_S", 0.3)
    monkeypatch.setattr("orchestrator.discovery.counter.SWEEP_S", 0.1)
    socks = [socket.create_connection(free.place, 5) for _ in range(30)]
    try:
        for sock in socks:
            try:
                while sock.recv(1):
                    pass
            except OSError:
                continue
        assert eventually_taken(free)
    finally:
        for sock in socks:
            sock.close()


def test_settings_of_another_cluster_are_refused(free):
    who = claimant()
    with pytest.raises(Rejected, match="another cluster's"):
        claim(free.place, lambda *_: KEY, who, lambda *_: joining(claimant("other")))
    assert not free.agents
