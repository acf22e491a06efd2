"""Which cluster is meant, and where secrets come from; nobody is connected."""

import io

import pytest

from orchestrator.cli import connect, secrets
from orchestrator.cli.connect import Dial, again, connected, from_file
from orchestrator.cli.options import CLUSTER, layout
from orchestrator.cli.reaching import is_here
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.cluster import Access, Cluster, ClusterKind, Secret


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ORCHESTRATOR_PASSWORD", raising=False)


def known(name):
    """Make a state folder, as a controller that has stopped leaves it."""
    where = layout(None, name)
    where.root.mkdir(parents=True)
    where.ledger.touch()


def refused(**said):
    with pytest.raises(OrchestratorError) as error, connected(Dial(**said)):
        pass
    return error.value


def test_unknown_cluster_is_answered_with_what_is_near():
    known("studio")
    error = refused(cluster="studoi")
    assert error.exit_code == 2
    assert str(error).startswith('Could not find cluster "studoi"; did you mean studio?')


def test_controller_that_does_not_run_is_unreachable():
    known("studio")
    error = refused(cluster="studio")
    assert error.exit_code == 1
    assert "orchestrator controller start studio" in str(error)


def test_the_only_cluster_need_not_be_named():
    known("studio")
    assert "controller start studio" in str(refused())


def test_one_of_several_clusters_must_be_named():
    known("studio")
    known("annex")
    assert str(refused()) == "which cluster? add --cluster with one of: annex, studio"


def test_this_computer_is_no_cluster_to_choose():
    known(CLUSTER)
    assert "no cluster is known here" in str(refused())


def test_address_is_never_trusted_at_first_sight():
    error = refused(cluster="10.0.0.1:50001")
    assert (error.exit_code, "--fingerprint" in str(error)) == (2, True)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", "a" * 64, "-x", "a\n"])
def test_name_that_no_cluster_can_have_is_no_folder(name):
    with pytest.raises(Refusal):
        layout(None, name)


def test_command_to_type_is_for_the_same_cluster(tmp_path):
    dial = Dial(cluster="studio", state=tmp_path / "a b")
    assert again("status", "x-0001", dial) == (
        f"orchestrator status x-0001 --cluster studio --state '{tmp_path}/a b'"
    )


def secret_file(tmp_path, content=b"canary\n", mode=0o600):
    file = tmp_path / "password"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_secret_in_a_file_ends_with_its_line(tmp_path):
    assert from_file(secret_file(tmp_path, b"can ary \r\n")) == "can ary "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_secret_that_others_can_read_is_refused(tmp_path, mode):
    with pytest.raises(Refusal, match="chmod 600"):
        from_file(secret_file(tmp_path, mode=mode))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 5000])
def test_file_that_holds_no_password_is_refused(tmp_path, content):
    with pytest.raises(Refusal):
        from_file(secret_file(tmp_path, content))


def cluster(**access):
    return Cluster(name="studio", kind=ClusterKind.MANAGED, access=Access(**access))


def test_secrets_are_found_where_they_are_referred_to(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_USER", "one")
    monkeypatch.setattr(secrets, "secret", lambda name: f"kept {name}")
    found = secrets.resolved(
        cluster(
            user_password=Secret(env="STUDIO_USER"),
            admin_password=Secret(file=str(secret_file(tmp_path))),
            service_password=Secret(keyring="studio"),
        )
    )
    assert found == {
        "access.userPassword": "one",
        "access.adminPassword": "canary",
        "access.servicePassword": "kept studio",
    }


def test_every_secret_that_is_missing_is_told_at_once_and_none_is_shown(tmp_path, monkeypatch):
    monkeypatch.delenv("STUDIO_USER", raising=False)
    file = secret_file(tmp_path, mode=0o644)
    with pytest.raises(Refusal) as refusal:
        secrets.resolved(
            cluster(user_password=Secret(env="STUDIO_USER"), admin_password=Secret(file=str(file)))
        )
    told = str(refusal.value)
    assert "access.userPassword: environment STUDIO_USER" in told
    assert "access.adminPassword" in told
    assert "canary" not in told


def test_without_a_terminal_a_password_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(connect, "secret", lambda name: (_ for _ in ()).throw(Refusal("none")))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    dial = Dial(cluster="studio")
    known_cluster = connect.Known(name="studio", address="h:1", authority="")
    assert connect._kept(known_cluster, dial, connect.Role.USER) is None
    with pytest.raises(Refusal, match="set ORCHESTRATOR_PASSWORD"):
        connect._asked(known_cluster, connect.Role.USER)


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "LOCALHOST", "127.0.0.2"])
def test_this_computer_is_known_by_its_names_and_addresses(host):
    assert is_here(host)


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-host.invalid"])
def test_another_computer_is_another(host):
    assert not is_here(host)
