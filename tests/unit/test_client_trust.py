"""Whom a client trusts (T12): the cluster's own authority, by a fingerprint that a person has."""

import json
import os
import shutil
import stat
from datetime import UTC, datetime, timedelta

import pytest
from fake_front import TOKENS
from served import serving

from orchestrator.client.address import is_address, url_of
from orchestrator.client.client import Client
from orchestrator.client.known import Known, KnownClusters, fingerprint
from orchestrator.client.line import NoAnswer, Untrusted
from orchestrator.client.tokens import SERVICE, Tokens, secret
from orchestrator.client.trust import authority
from orchestrator.controller.authority import Authority
from orchestrator.errors import Conflict, Refusal
from orchestrator.model.talk import Role


@pytest.fixture
def served(tmp_path):
    with serving(tmp_path) as each:
        yield each


def other(tmp_path, clock=None):
    clock = clock or (lambda: datetime.now(UTC))
    return Authority.at(tmp_path / "other", "studio", clock)


def test_authority_is_taken_by_its_fingerprint(served):
    wanted = served.authority.fingerprint
    assert fingerprint(served.pem) == wanted
    assert authority(served.address, wanted) == served.pem
    digits = wanted.removeprefix("SHA256:")
    spaced = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    assert authority(served.address, spaced) == served.pem


def test_authority_of_another_fingerprint_is_refused_and_both_are_shown(served, tmp_path):
    wanted = other(tmp_path).fingerprint
    with pytest.raises(Refusal) as caught:
        authority(served.address, wanted)
    assert wanted in str(caught.value)
    assert served.authority.fingerprint in str(caught.value)


@pytest.mark.parametrize("none", ["", "SHA256:", "SHA256:abc", "x" * 64, "SHA1:" + "a" * 64])
def test_fingerprint_that_is_none_is_refused_before_anybody_is_asked(none):
    with pytest.raises(Refusal, match="64 hexadecimal digits"):
        authority("192.0.2.1:1", none)


def test_answer_that_is_no_certificate_is_refused(served):
    served.pem = "<html>"
    with pytest.raises(Refusal, match="is no certificate"):
        authority(served.address, served.authority.fingerprint)


def test_nobody_there_is_told():
    with pytest.raises(NoAnswer):
        authority("127.0.0.1:1", "a" * 64)


def test_controller_of_another_authority_gets_no_token(served, tmp_path):
    pem = other(tmp_path).pem.decode()
    client = Client.remote(served.address, pem, TOKENS[Role.ADMIN])
    with client, pytest.raises(Untrusted, match="not trusted: "):
        client.stop()
    assert not served.front.calls


def test_forged_authority_of_the_same_name_is_not_the_authority(served, tmp_path):
    """It shows the true certificate of the authority, whose fingerprint fits, and has not its key."""
    with serving(tmp_path / "forged") as forged:
        forged.pem = served.pem
        pem = authority(forged.address, served.authority.fingerprint)
        client = Client.remote(forged.address, pem, TOKENS[Role.ADMIN])
        with client, pytest.raises(Untrusted):
            client.stop()
    assert not forged.front.calls


def test_node_of_the_cluster_cannot_answer_as_its_controller(tmp_path):
    with serving(tmp_path, name="n1.node") as served:
        client = Client.remote(served.address, served.pem)
        with client, pytest.raises(Untrusted):
            client.info()


def test_expired_certificate_is_refused(tmp_path):
    past = datetime.now(UTC) - timedelta(days=40)
    early = Authority.at(tmp_path / "ca", "studio", lambda: past)
    files = early.issue(tmp_path / "early", "controller", ["controller"])
    with serving(tmp_path) as served:
        shutil.copy(files.certificate, served.files.certificate)
        shutil.copy(files.key, served.files.key)
        served.server.renew()
        client = Client.remote(served.address, served.pem)
        with client, pytest.raises(Untrusted, match="expired"):
            client.info()


def test_authority_that_is_no_certificate_is_refused():
    with pytest.raises(Refusal, match="no certificate"):
        Client.remote("ctrl.lan:50001", "nothing")


@pytest.mark.parametrize("good", ["ctrl.lan:50001", "10.0.0.1:1", "[fe80::1]:50001", "a_b:65535"])
def test_address_is_host_and_port(good):
    assert is_address(good)
    assert url_of(good) == f"https://{good}"


@pytest.mark.parametrize(
    "bad",
    [
        *("studio", "a:", ":1", "a:0", "a:65536", "a:x", "a:1/x", "u:p@a:1", "a b:1", "fe80::1"),
        *("a:1?x", "a:1#x", "http://a:1", "-a:1", "a\n:1", "", "[x]:1", "[::1:1"),
    ],
)
def test_address_that_is_none_is_refused(bad):
    with pytest.raises(Refusal, match="not HOST:PORT"):
        url_of(bad)


@pytest.fixture
def clusters(tmp_path):
    return KnownClusters(tmp_path / "known")


def known(tmp_path, name="studio", folder="one"):
    pem = Authority.at(tmp_path / folder, "studio").pem.decode()
    return Known(name=name, address="ctrl.lan:50001", authority=pem)


def test_cluster_that_was_kept_is_known(clusters, tmp_path):
    one = known(tmp_path)
    assert clusters.get("studio") is None
    clusters.keep(one)
    clusters.keep(one)
    assert clusters.get("studio") == one
    assert clusters.at("ctrl.lan:50001") == one
    assert clusters.at("ctrl.lan:50002") is None
    assert clusters.names() == ("studio",)
    (file,) = clusters.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["fingerprint"] == one.fingerprint
    clusters.forget("studio")
    clusters.forget("studio")
    assert clusters.names() == ()


def test_name_of_another_authority_is_not_taken_in_silence(clusters, tmp_path):
    clusters.keep(known(tmp_path))
    anew = known(tmp_path, folder="two")
    with pytest.raises(Conflict, match=r"its authority was SHA256:.* and is now SHA256:"):
        clusters.keep(anew)
    clusters.keep(anew, replace=True)
    assert clusters.get("studio") == anew


@pytest.mark.parametrize("name", ["../x", "", ".", "a/b", "a\0", "x" * 101, "é"])
def test_name_that_leads_elsewhere_is_refused(clusters, name):
    with pytest.raises(Refusal, match="no name"):
        clusters.get(name)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"name": 1}', "null"])
def test_file_that_is_damaged_is_told(clusters, tmp_path, text):
    clusters.keep(known(tmp_path))
    (clusters.folder / "studio.json").write_text(text)
    with pytest.raises(Refusal, match=r"studio\.json: .*remove it"):
        clusters.get("studio")


def test_file_that_others_can_read_is_not_believed(clusters, tmp_path):
    clusters.keep(known(tmp_path))
    os.chmod(clusters.folder / "studio.json", 0o644)
    with pytest.raises(Refusal, match="chmod 600"):
        clusters.get("studio")


class Store:
    """A key store in memory."""

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Broken(Store):
    """What a computer without a session has."""

    def get_password(self, service, username):
        raise RuntimeError("no bus")

    set_password = delete_password = get_password


class Forgetful(Store):
    """It takes everything and gives nothing back."""

    def set_password(self, service, username, password):
        pass


@pytest.mark.parametrize(("store", "files"), [(Store, 0), (Broken, 1), (Forgetful, 1)])
def test_token_is_kept_in_the_key_store_or_in_a_file_of_its_owner(tmp_path, store, files):
    tokens = Tokens(tmp_path, store())
    assert tokens.get("studio") is None
    tokens.keep("studio", "secret-one")
    tokens.keep("studio", "secret-two")
    assert tokens.get("studio") == "secret-two"
    found = list(tmp_path.iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in found] == [0o600] * files
    tokens.forget("studio")
    tokens.forget("studio")
    assert tokens.get("studio") is None
    assert not list(tmp_path.iterdir())


def test_secret_of_the_key_store_is_found_by_its_name_or_refused():
    store = Store()
    store.set_password(SERVICE, "studio-admin", "battery")
    assert secret("studio-admin", store) == "battery"
    with pytest.raises(Refusal, match="keyring set orchestrator other"):
        secret("other", store)
    with pytest.raises(Refusal, match="no key store here"):
        secret("studio-admin", Broken())
