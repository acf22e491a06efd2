"""What ~/.ssh/config adds to a manifest, and what of it is never done."""

import getpass

import pytest

from orchestrator.errors import Rejected
from orchestrator.model.cluster import Ssh
from orchestrator.remote.hosts import JUMPS_MAX, host_of

CONFIG = """\
Host mac-01
    HostName 10.0.0.7
    User render
    Port 2222
    IdentityFile {folder}/studio
    ForwardAgent yes
    ProxyJump gate

Host gate
    HostName gate.lan
    User guard

Host inner
    ProxyJump me@first:2201,[::1]:2202

Host first
    ProxyJump gate

Host loop
    ProxyJump loop

Host none
    ProxyJump none
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "config"
    file.write_text(CONFIG.format(folder=tmp_path))
    return file


def test_manifest_is_completed(config, tmp_path):
    host = host_of("n1", "mac-01", Ssh(), config)
    assert (host.name, host.address, host.user, host.port) == ("n1", "10.0.0.7", "render", 2222)
    assert host.keys == (str(tmp_path / "studio"),)
    assert [(jump.address, jump.user, jump.port) for jump in host.jumps] == [
        ("gate.lan", "guard", 22)
    ]


def test_manifest_wins(config):
    said = Ssh(user="me", port=23, identity_file="~/k", proxy_jump="none", host_key="SHA256:x")
    host = host_of("n1", "mac-01", said, config)
    assert (host.user, host.port, host.jumps, host.host_key) == ("me", 23, (), "SHA256:x")
    assert host.keys[0].endswith("/k")
    assert "~" not in host.keys[0]


def test_without_a_configuration_it_is_as_ssh_does_it(tmp_path):
    (tmp_path / "id_ed25519").touch()
    host = host_of("n1", "mac-01", Ssh(), tmp_path / "config")
    assert (host.address, host.user, host.port) == ("mac-01", getpass.getuser(), 22)
    assert host.keys == (str(tmp_path / "id_ed25519"),)
    assert not host.agent


def test_jump_hosts_come_in_order(config):
    jumps = host_of("n1", "inner", Ssh(), config).jumps
    assert [(jump.address, jump.port) for jump in jumps] == [
        ("gate.lan", 22),
        ("first", 2201),
        ("::1", 2202),
    ]
    assert jumps[1].user == "me"
    assert all(jump.jumps == () for jump in jumps)


def test_key_of_the_node_may_open_its_jump_host(config):
    host = host_of("n1", "mac-01", Ssh(identity_file="/keys/studio", agent=True), config)
    assert host.jumps[0].keys[-1] == "/keys/studio"
    assert host.jumps[0].agent


def test_no_jump_where_none_is_said(config):
    assert host_of("n1", "none", Ssh(), config).jumps == ()


@pytest.mark.parametrize("address", ["loop", "many"])
def test_jumps_have_an_end(config, address):
    many = ",".join(f"h{number}" for number in range(JUMPS_MAX + 1))
    with config.open("a") as file:
        file.write(f"\nHost many\n ProxyJump {many}\n")
    with pytest.raises(Rejected, match=r"circle|more than"):
        host_of("n1", address, Ssh(), config)


def test_nothing_in_it_is_executed(tmp_path):
    canary, config = tmp_path / "canary", tmp_path / "config"
    config.write_text(
        f'Match exec "touch {canary}"\n  User wrong\n  HostName wrong\n'
        f'match  !exec="touch {canary}"\n  User wrong\n'
        f'Match host mac-01 exec "touch {canary}"\n  User wrong\n'
        f"Host *\n  ProxyCommand touch {canary}\n  LocalCommand touch {canary}\n"
        f"  PermitLocalCommand yes\n  KnownHostsCommand touch {canary}\n  CanonicalizeHostname yes\n"
        "  User right\n"
    )
    host = host_of("n1", "mac-01", Ssh(), config)
    assert (host.user, host.address) == ("right", "mac-01")
    assert not canary.exists()


@pytest.mark.parametrize("line", ["Host 'x", "Match host", "Match host 'x", "Host *\n Port many"])
def test_what_cannot_be_read_is_named(tmp_path, line):
    config = tmp_path / "config"
    config.write_text(f"{line}\n")
    with pytest.raises(Rejected, match="config"):
        host_of("n1", "mac-01", Ssh(), config)


@pytest.mark.parametrize("words", [b"\xff\xfe\x00", b"Host *\r\n  User me\r\n", b"\n" * 10_000])
def test_odd_files_do_no_harm(tmp_path, words):
    config = tmp_path / "config"
    config.write_bytes(words)
    assert host_of("n1", "mac-01", Ssh(), config).address == "mac-01"
