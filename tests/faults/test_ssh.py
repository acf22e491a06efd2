"""What can be wrong with a machine that SSH leads to: each its own sentence, none a command."""

import getpass
import json
import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sample
import sshd
import stub_runtime
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import free_port

from orchestrator.errors import NodeError, Rejected, Unreachable
from orchestrator.remote import boot, exchange
from orchestrator.remote.connect import trust
from orchestrator.remote.known import WrongKey
from orchestrator.remote.protocol import Host
from orchestrator.remote.ssh import SshRemote
from orchestrator.remote.watchdog import Guarded

pytestmark = pytest.mark.fault("F24")

SECRET = "hush-hush-4711"
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(autouse=True)
def _needs_sshd():
    sshd.needed()


@pytest.fixture(autouse=True)
def users(tmp_path, monkeypatch):
    """Return the user's own known_hosts, which is empty."""
    file = tmp_path / "users_known_hosts"
    monkeypatch.setattr("orchestrator.remote.known.USERS", str(file))
    return file


@pytest.fixture
def server(tmp_path):
    """A machine that writes down when a session began on it."""
    with sshd.Sshd(tmp_path / "watched", more=f"ForceCommand touch {tmp_path}/entered") as made:
        made.entered = tmp_path / "entered"
        yield made


@pytest.fixture
def machine(tmp_path):
    """A machine that works."""
    with sshd.Sshd(tmp_path / "sshd") as made:
        stub_runtime.place(made.node)
        yield made


def refused(host, kind, known=None):
    """Return the sentence that a connection to `host` ends with."""
    remote = SshRemote(host, known)
    try:
        with pytest.raises(kind) as told:
            remote.ask()
    finally:
        remote.close()
    return str(told.value)


# -- T01: who it is


def test_unknown_key_is_shown_and_nothing_is_said(server, tmp_path):
    why = refused(server.host(host_key=""), WrongKey, tmp_path / "known")
    assert f"orchestrator nodes trust n1 --fingerprint {server.fingerprint}" in why
    assert "not known" in why
    assert not server.entered.exists()
    assert not (tmp_path / "known").exists()


@pytest.mark.parametrize("whose", ["users", "clusters"])
def test_changed_key_names_the_line_of_the_old_one(server, tmp_path, users, whose):
    known = {"users": users, "clusters": tmp_path / "known"}[whose]
    known.write_text(f"# a comment\n\nother.lan {server.public}\n{server.line}")
    old = server.fingerprint
    server.new_host_key()
    why = refused(server.host(host_key=""), WrongKey, tmp_path / "known")
    assert "ITS HOST KEY HAS CHANGED" in why
    assert f"{known}:4" in why
    assert server.fingerprint in why
    assert old not in why
    assert not server.entered.exists()


def test_fingerprint_of_the_manifest_decides_alone(server, users):
    users.write_text(server.line)
    why = refused(server.host(host_key=f"SHA256:{'A' * 43}"), WrongKey)
    assert "hostKey SHA256:AAAA" in why
    assert server.fingerprint in why
    assert not server.entered.exists()


def test_revoked_key_is_refused(server, users):
    users.write_text(f"{server.line}@revoked {server.line}")
    why = refused(server.host(host_key=""), WrongKey)
    assert f"revoked in {users}:2" in why
    assert not server.entered.exists()


def test_known_key_opens(machine, tmp_path, users):
    users.write_text(machine.line)
    remote = SshRemote(machine.host(host_key=""))
    assert remote.ask().cores
    remote.close()


def test_key_of_another_kind_is_asked_for(tmp_path):
    """The server would show its first key; only the second is known."""
    folder = tmp_path / "sshd"
    more = f"HostKey {folder}/rsa_key"
    made = sshd.Sshd(folder, more=more)
    public = sshd.make_key(folder / "rsa_key", "rsa").split()
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{made.port} {public[0]} {public[1]}\n")
    words = ["ssh-keygen", "-l", "-f", str(folder / "rsa_key.pub")]
    print_of_rsa = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[
        1
    ]
    with made:
        for host in (made.host(host_key=""), made.host(host_key=print_of_rsa)):
            remote = SshRemote(host, known)
            assert remote.ask().cores
            remote.close()


def test_trust_takes_the_key_with_that_fingerprint_only(machine, tmp_path):
    known, host = tmp_path / "deep" / "known", machine.host(host_key="")
    with pytest.raises(Rejected, match="nothing was trusted"):
        trust(host, known, f"SHA256:{'A' * 43}")
    with pytest.raises(Rejected, match="is no fingerprint"):
        trust(host, known, "MD5:aa")
    assert not known.exists()
    trust(host, known, machine.fingerprint)
    remote = SshRemote(host, known)
    assert remote.ask().cores
    remote.close()
    machine.new_host_key()
    trust(host, known, machine.fingerprint)
    assert len(known.read_text().splitlines()) == 1


def test_trust_does_not_overrule_the_users_own_file(machine, tmp_path, users):
    users.write_text(machine.line)
    machine.new_host_key()
    with pytest.raises(Rejected, match=f"another host key stands in {users}:1"):
        trust(machine.host(), tmp_path / "known", machine.fingerprint)


def test_key_that_is_not_ours_to_judge_by_name_is_hashed(machine, users):
    users.write_text(machine.line)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(users)], check=True, capture_output=True)
    assert users.read_text().startswith("|1|")
    remote = SshRemote(machine.host(host_key=""))
    assert remote.ask().cores
    remote.close()


# -- F24: each its own sentence


def test_user_who_is_not_let_in(server, tmp_path):
    sshd.make_key(tmp_path / "other")
    why = refused(server.host(keys=(str(tmp_path / "other"),)), Rejected)
    assert f"does not let {getpass.getuser()} in" in why
    assert not server.entered.exists()


def test_key_that_is_missing(server):
    assert "no private key is there (/no/such)" in refused(
        server.host(keys=("/no/such",)), Rejected
    )
    assert "there is no private key" in refused(server.host(keys=()), Rejected)


def test_key_with_a_passphrase(server, tmp_path):
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", str(tmp_path / "k")]
    subprocess.run(words, check=True)
    why = refused(server.host(keys=(str(tmp_path / "k"),)), Rejected)
    assert "has a passphrase" in why


def test_port_that_nobody_listens_on():
    host = Host(name="n1", address="127.0.0.1", user="me", port=free_port(), agent=True)
    assert "refuses connections; start sshd there" in refused(host, Unreachable)


def test_name_that_has_no_address():
    host = Host(name="n1", address="no-such-host.invalid", user="me", agent=True)
    assert "no address is found for 'no-such-host.invalid'" in refused(host, Unreachable)


def test_machine_that_is_a_black_hole():
    """A listener whose queue is full drops what comes, as a firewall does."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as hole:
        hole.settimeout(0)
        port, queue = hole.getsockname()[1], [socket.socket() for _ in range(4)]
        for sock in queue:
            sock.settimeout(0)
            sock.connect_ex(("127.0.0.1", port))
        host = Host(name="n1", address="127.0.0.1", user="me", port=port, agent=True)
        assert "does not answer within 5 s" in refused(host, Unreachable)
        for sock in queue:
            sock.close()


def test_server_that_says_nothing():
    with sshd.Mute() as mute:
        host = Host(name="n1", address="127.0.0.1", user="me", port=mute.port, agent=True)
        assert "does not speak SSH" in refused(host, Unreachable)


@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-mute\r\n", b"\0" * 99]
)
def test_server_that_speaks_otherwise(words):
    with sshd.Mute(words) as mute:
        host = Host(name="n1", address="127.0.0.1", user="me", port=mute.port, agent=True)
        assert "does not speak SSH" in refused(host, Unreachable)


def test_server_that_hangs_up():
    with sshd.Mute(hangs_up=True) as mute:
        host = Host(name="n1", address="127.0.0.1", user="me", port=mute.port, agent=True)
        assert "does not speak SSH" in refused(host, Unreachable)


def test_machine_without_python(tmp_path):
    with sshd.Sshd(tmp_path / "sshd", env={"PATH": "/no/such/folder"}) as bare:
        why = refused(bare.host(), Rejected)
    assert f"has no python3; install Python {exchange.MINOR}" in why


def test_python_that_is_too_old(tmp_path, monkeypatch):
    text = exchange._text
    nowhere = "PLACES = () and ("
    monkeypatch.setattr(exchange, "_text", lambda name: text(name).replace("PLACES = (", nowhere))
    folder = tmp_path / "bin"
    folder.mkdir()
    _fake_python(folder / "python3", (3, 9))
    with sshd.Sshd(tmp_path / "sshd", env={"PATH": str(folder)}) as old:
        why = refused(old.host(), Rejected)
    assert "has Python 3.9 (" in why
    assert f"the controller has {exchange.MINOR}; install Python {exchange.MINOR} there" in why


def test_python_of_another_version_is_passed_over(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    _fake_python(folder / "python3", (3, 9))
    (folder / f"python{exchange.MINOR}").symlink_to(Path(sys.executable).resolve())
    with sshd.Sshd(tmp_path / "sshd", env={"PATH": str(folder)}) as both:
        remote = SshRemote(both.host())
        assert remote.ask().python == exchange.MINOR
        remote.close()


def _fake_python(file, version):
    """Write an interpreter that says it is of another version: ours, with another number."""
    lie = f"import sys; sys.version_info = {(*version, 0)}; sys.argv.remove('-I')"
    file.write_text(
        f'#!/bin/sh\nexec {Path(sys.executable).resolve()} -I -c "{lie}; exec(sys.argv[2])" "$@"\n'
    )
    file.chmod(0o755)


def test_other_python_is_seen_and_not_installed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "MINOR", "3.99")
    monkeypatch.setattr("orchestrator.remote.machine.MINOR", "3.99")
    with sshd.Sshd(tmp_path / "sshd") as other:
        remote = SshRemote(other.host())
        found = remote.ask().python
        runtime = stub_runtime.wheels(tmp_path / "wheels")
        with pytest.raises(Rejected, match=rf"has Python {found} .*the controller has 3\.99"):
            remote.install(runtime, lambda _: None)
        remote.close()


def test_noise_at_login_is_not_an_answer(tmp_path):
    with sshd.Sshd(tmp_path / "sshd", env={"BASH_ENV": str(tmp_path / "noise")}) as noisy:
        (tmp_path / "noise").write_text("echo orchestrator; echo '{}'; echo oops >&2\n")
        (noisy.home / ".bashrc").write_text((tmp_path / "noise").read_text())
        remote = SshRemote(noisy.host())
        assert remote.ask().cores
        remote.close()


def test_endless_noise_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.remote.ssh.ANSWER_BYTES_MAX", 1 << 20)
    with sshd.Sshd(tmp_path / "sshd", more="ForceCommand yes") as noisy:
        assert "prints more than 1 MiB" in refused(noisy.host(), Rejected)


def test_command_that_gives_no_answer(tmp_path):
    with sshd.Sshd(tmp_path / "sshd", more="ForceCommand echo this account is closed") as closed:
        assert "no answer (code 0): this account is closed" in refused(closed.host(), Rejected)


def test_silence_ends_with_the_limit(tmp_path):
    """Nothing below has a limit of its own here: the watchdog closes the socket."""
    with sshd.Sshd(tmp_path / "sshd", more="ForceCommand sleep 1000") as silent:
        remote = SshRemote(silent.host())
        shell = remote._talk._shell
        with pytest.raises(Unreachable, match="no answer within 1 s"):
            shell.run(("true",), (), 1)
        assert shell._sockets == []
        remote.close()


def test_watchdog_hands_on_what_is_raised():
    guarded = Guarded("n1", lambda: None)
    assert guarded.run(lambda: 7, 5) == 7
    with pytest.raises(KeyError):
        guarded.run(lambda: {}["x"], 5)
    with pytest.raises(Unreachable, match="no answer within"):
        guarded.run(threading.Event().wait, 0.05)


def test_connection_that_broke_is_made_anew(machine):
    remote = SshRemote(machine.host())
    assert remote.ask().cores
    machine.stop()
    machine.start()
    assert remote.ask().cores
    remote.close()


def test_full_disk_says_so(tmp_path, machine):
    if sshd.os.geteuid() != 0:
        pytest.skip("needs root, for a file system that fills up")
    state = machine.state / "orchestrator"
    words = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(state)]
    subprocess.run(words, check=True)
    try:
        remote = SshRemote(machine.host())
        runtime = stub_runtime.wheels(tmp_path / "wheels")
        with pytest.raises(Unreachable, match="no space is left in"):
            remote.install(runtime, lambda _: None)
        remote.close()
    finally:
        subprocess.run(["umount", str(state)], check=True)


def test_dead_host_does_not_delay_others(tmp_path, machine):
    """One says nothing for 5 s; ten of the others are done before it is given up."""
    done, order = threading.Event(), []

    def ask(host):
        remote = SshRemote(host)
        try:
            remote.ask()
        except NodeError:
            pass
        finally:
            order.append(host.name)
            remote.close()

    with sshd.Mute() as mute:
        dead = Host(name="dead", address="127.0.0.1", user="me", port=mute.port, agent=True)
        hosts = [dead, *(machine.host(f"n{number}") for number in range(10))]
        threads = [threading.Thread(target=ask, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    done.set()
    assert len(order) == 11
    assert order[-1] == "dead"


# -- the way there


def test_way_leads_through_jump_hosts(tmp_path, machine):
    with sshd.Sshd(tmp_path / "jump") as jump, sshd.Sshd(tmp_path / "second") as second:
        hops = (jump.host("first"), second.host("second"))
        remote = SshRemote(machine.host(jumps=hops))
        assert remote.ask().runtime == "stub"
        remote.close()


def test_jump_host_must_prove_itself_too(tmp_path, machine, server):
    hop = server.host("gate", host_key="")
    why = refused(machine.host(jumps=(hop,)), WrongKey)
    assert "jump host 'gate': its host key is not known" in why
    assert not server.entered.exists()


def test_host_behind_a_jump_must_prove_itself(tmp_path, server):
    with sshd.Sshd(tmp_path / "jump") as jump:
        why = refused(server.host(host_key="", jumps=(jump.host("gate"),)), WrongKey)
        assert "its host key is not known" in why
        assert "jump host" not in why
    assert not server.entered.exists()


def test_jump_host_that_leads_nowhere(tmp_path, machine):
    with sshd.Sshd(tmp_path / "jump", more="AllowTcpForwarding no") as jump:
        why = refused(machine.host(jumps=(jump.host("gate"),)), Rejected)
        assert "allow it there with AllowTcpForwarding" in why
    with sshd.Sshd(tmp_path / "jump2") as jump:
        host = machine.host(port=free_port(), jumps=(jump.host("gate"),))
        assert "its jump host does not reach" in refused(host, Unreachable)


def test_trust_goes_through_jump_hosts(tmp_path, machine):
    with sshd.Sshd(tmp_path / "jump") as jump:
        host = machine.host(host_key="", jumps=(jump.host("gate"),))
        trust(host, tmp_path / "known", machine.fingerprint)
        remote = SshRemote(host, tmp_path / "known")
        assert remote.ask().cores
        remote.close()


# -- T02: what is said


@pytest.mark.timeout(120)
def test_every_text_arrives_as_it_is(tmp_path, machine):
    remote, canary = SshRemote(machine.host()), tmp_path / "canary"
    nasty = [
        f"'; touch {canary}; '",
        f"$(touch {canary})",
        f"`touch {canary}`",
        f'"; touch {canary} #',
    ]

    @settings(max_examples=sample.times(20))
    @given(name=st.one_of(TEXT, st.sampled_from(nasty)))
    def arrives(name):
        pem = remote.request(name).decode()
        assert json.loads(pem.partition("\n")[2]) == [str(machine.node), name]

    arrives()
    for name in nasty:
        arrives.hypothesis.inner_test(name)
    assert not canary.exists()
    remote.close()


def test_nothing_that_is_secret_stands_in_a_command_line(tmp_path, machine):
    """A shell in place of Python writes down what it was started with."""
    folder = tmp_path / "bin"
    folder.mkdir()
    python = folder / "python3"
    python.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" >> "$XDG_STATE_HOME/argv"; env >> "$XDG_STATE_HOME/argv"\n'
        f'exec {Path(sys.executable).resolve()} "$@"\n'
    )
    python.chmod(0o755)
    with sshd.Sshd(tmp_path / "spied", env={"PATH": f"{folder}:/usr/bin:/bin"}) as spied:
        stub_runtime.place(spied.node)
        remote = SshRemote(spied.host())
        told = stub_runtime.settings(token=SECRET)
        remote.start(told, "stub", b"certificate " + SECRET.encode(), b"authority")
        remote.stop(5)
        remote.close()
        said = (spied.state / "argv").read_text()
        assert (spied.node / "settings.json").read_text().count(SECRET) == 1
    assert boot.CONSTANT in said
    assert SECRET not in said
