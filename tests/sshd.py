"""Real OpenSSH servers on loopback ports, without root: each a node of its own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from ports import free_port

from orchestrator.remote.protocol import Host

START_MAX_S = 20
PROGRAM = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

PATH = f"{Path(sys.executable).resolve().parent}:/usr/local/bin:/usr/bin:/bin"
"""Of a session: with a Python of our own version, and no start-up files of this machine's."""

CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
MaxStartups 100
LogLevel ERROR
SetEnv {env}
{more}
"""


def missing():
    """Return why no server can be started here, or ''."""
    if PROGRAM is None:
        return "needs sshd: apt install openssh-server"
    return ""


def needed():
    """Skip the test where no server can be started; in CI that is an error."""
    if why := missing():
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


def make_key(file, kind="ed25519"):
    """Make a pair of keys, and return the public one."""
    words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", str(file)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return Path(f"{file}.pub").read_text()


class Sshd:
    """A server with its own host key, and a client's key that it lets in.

    `prefix`: words that run it elsewhere, as in a network namespace.  Options are `env`, of every
    session, and `more`, lines of its configuration.
    """

    def __init__(self, folder, port=0, address="127.0.0.1", prefix=(), **options):
        self.folder = Path(folder)
        self.address, self.port = address, port or free_port(address)
        self.prefix = list(map(str, prefix))
        self.state = self.folder / "state"
        self.home = self.folder / "home"
        own = {"XDG_STATE_HOME": str(self.state), "HOME": str(self.home), "PATH": PATH}
        self.env = own | options.get("env", {})
        self.more = options.get("more", "")
        self.process = None
        self.home.mkdir(parents=True, exist_ok=True)
        self.key = self.folder / "client_key"
        public = make_key(self.key)
        (self.folder / "authorized_keys").write_text(public)
        make_key(self.folder / "host_key")

    @property
    def node(self):
        """The folder of the node that it leads to."""
        return self.state / "orchestrator" / "node"

    @property
    def public(self):
        """The host key, as a known_hosts line has it: kind and key."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def fingerprint(self):
        """The host key's fingerprint."""
        words = ["ssh-keygen", "-l", "-f", str(self.folder / "host_key.pub")]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]

    @property
    def line(self):
        """The known_hosts line of the server."""
        name = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        return f"{name} {self.public}\n"

    def host(self, name="n1", **changes):
        """Return how it is reached, its host key pinned unless `changes` say otherwise."""
        said = {
            "address": self.address,
            "user": getpass.getuser(),
            "port": self.port,
            "keys": (str(self.key),),
            "host_key": self.fingerprint,
        }
        return Host(name=name, **(said | changes))

    def start(self):
        """Start it, and wait until it answers."""
        words = " ".join(f'"{key}={value}"' for key, value in self.env.items())
        text = CONFIG.format(
            port=self.port, address=self.address, folder=self.folder, env=words, more=self.more
        )
        config = self.folder / "config"
        config.write_text(text)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it refuses to start without
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, PROGRAM, "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._until_it_answers()
        return self

    def new_host_key(self):
        """Give it another host key; returns the server, started anew if it ran."""
        ran = self.process is not None
        self.stop()
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink()
        make_key(self.folder / "host_key")
        return self.start() if ran else self

    def stop(self):
        """End it by its pid, and its sessions; agents that it started go on."""
        if self.process is None:
            return
        for pid in [*_children(self.process.pid), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self.process.wait(10)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _until_it_answers(self):
        """Its pid file comes after it listens."""
        end = time.monotonic() + START_MAX_S
        while not (self.folder / "pid").exists():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, "sshd does not start"
            time.sleep(0.02)


class Mute:
    """Takes connections and says nothing, or only `words`; it may hang up then."""

    def __init__(self, words=b"", hangs_up=False):
        self.words, self.hangs_up = words, hangs_up
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.taken = []
        self.thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self):
        with suppress(OSError):
            while True:
                taken, _ = self.sock.accept()
                self.taken.append(taken)
                if self.words:
                    taken.sendall(self.words)
                if self.hangs_up:
                    taken.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for taken in self.taken:
            taken.close()
        self.thread.join(5)


def _children(pid):
    """Return the processes that a process has started, and theirs that are sshd's."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if b"sshd" in Path(f"/proc/{child}/comm").read_bytes():
                    found += [*_children(int(child)), int(child)]
    return found
