"""What is kept of free nodes where they were made, and what they are started with."""

from orchestrator.cli import freenodes
from orchestrator.cli.freenodes import Maker, settings_of
from orchestrator.cli.guests import House, key_of
from orchestrator.discovery.claim import Lock
from orchestrator.discovery.protocol import Notice
from orchestrator.model.cluster import Access, Network, Node
from orchestrator.model.talk import ChangeKind
from orchestrator.model.work import Service
from orchestrator.remote.machine import free_digest

NODE = Node(
    name="mac-07",
    instances={Service.RENDER: None},
    network=Network(port_from=50000, port_count=10, discovery=False),
    managed_only=True,
)


class NoPasswords:
    def service_key(self, node=""):
        return b"of the cluster" if not node else None


def house(state):
    parts = dict.fromkeys(("ledger", "engine", "fleet", "ground", "signer"))
    return House(**parts, access=NoPasswords(), state=state)


def test_id_and_keys_are_made_once_and_for_the_owner_alone(tmp_path):
    maker = Maker(tmp_path)
    assert maker.id() == Maker(tmp_path).id()
    assert maker.key("a") == Maker(tmp_path).key("a") != maker.key("b")
    modes = {file.stat().st_mode & 0o777 for file in (tmp_path / "free").iterdir()}
    assert modes == {0o600}


def test_key_is_found_by_clusters_of_the_same_state_alone(tmp_path):  # F-ACC-8
    key = Maker(tmp_path).key("mac-07")
    seen = Notice(name="mac-07", id="n", port=1)
    assert key_of(house(tmp_path), seen, Lock.MAKER) == key
    assert key_of(house(tmp_path / "other"), seen, Lock.MAKER) is None
    assert key_of(house(tmp_path), seen, Lock.SERVICE) == b"of the cluster"
    strange = Notice(name="../free/mac-07", id="n", port=1)
    assert key_of(house(tmp_path), strange, Lock.MAKER) is None


def test_settings_say_what_the_document_says(tmp_path):
    told = settings_of(NODE, Maker(tmp_path))
    assert (told.ports, told.discovery, told.managed_only) == ("50000:50009", False, True)
    assert told.instances == {"render": None}
    assert not told.is_open


def test_another_key_is_another_digest(tmp_path):
    told = settings_of(NODE, Maker(tmp_path))
    assert free_digest(told, {"maker": b"1"}) == free_digest(told, {"maker": b"1"})
    assert free_digest(told, {"maker": b"1"}) != free_digest(told, {"maker": b"2"})


def test_plan_compares_with_what_was_made(tmp_path):
    def kinds():
        changes = freenodes.preview([NODE], tmp_path).changes
        return [each.kind for each in changes if each.kind is not ChangeKind.NOTE]

    assert kinds() == [ChangeKind.CREATE]
    Maker(tmp_path).keep(NODE)
    assert kinds() == [ChangeKind.UNCHANGED]
    assert Maker(tmp_path).known() == {"mac-07": NODE}
    Maker(tmp_path).keep(Node(name="mac-07", access=Access(open=True)))
    assert kinds() == [ChangeKind.CHANGE]
    Maker(tmp_path).forget("mac-07")
    assert Maker(tmp_path).known() == {}
