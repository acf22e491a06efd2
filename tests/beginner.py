"""A person who follows a page word by word: a home, keys, some machines behind loopback sshds."""

import os
import random
import re
import socket
import subprocess
import sys
from contextlib import suppress

from local_cluster import stop
from media import wheelhouse
from sshd import Sshd

CALL_MAX_S = 280
SHARED = "/mnt/studio"
"""Where the pages have the folder that all machines see."""

CONTROLLER = "ctrl.lan"
"""What the pages call the controller's computer."""

FINGERPRINT = r"SHA256:[0-9a-f]{64}"

COPY_ID = """\
#!/bin/sh
# lets the key in that ssh-keygen has made: these servers take no password, as the real one would
for folder in {folders}; do cat {home}/.ssh/id_ed25519.pub >> "$folder/authorized_keys"; done
"""


class Beginner:
    """Types the lines of a page into a shell, and keeps what each has printed."""

    def __init__(self, folder, names=("node-1", "node-2")):
        self.folder, self.home = folder, folder / "home"
        self.work, self.shared = folder / "work", folder / "shared"
        self.laptop_home = folder / "laptop"
        for made in (self.home, self.work, self.shared / "in", self.laptop_home):
            made.mkdir(parents=True)
        self.servers = {name: Sshd(folder / name).start() for name in names}
        self.env = self._person(self.home)
        self.laptop = self._person(self.laptop_home)
        self._ssh()
        self.root = self.home / ".local" / "state" / "orchestrator" / "studio"
        self.root.mkdir(parents=True, mode=0o700)
        wheels = wheelhouse()  # once for all tests
        wheels.mkdir(parents=True, exist_ok=True)
        (self.root / "wheels").symlink_to(wheels)
        self.first_port = two_ports()
        self.said = {}

    def _person(self, home):
        """Return the environment of somebody with this home."""
        ours = {
            "HOME": str(home),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        theirs = ("XDG_", "ORCHESTRATOR_", "SSH_", "STUDIO_")
        return {k: v for k, v in os.environ.items() if not k.startswith(theirs)} | ours

    def _ssh(self):
        """Give the machines their names, by ~/.ssh/config, and the person the programs."""
        ssh, bin = self.home / ".ssh", self.folder / "bin"
        ssh.mkdir(mode=0o700)
        bin.mkdir()
        common = f"IdentityFile {ssh}/id_ed25519\nUserKnownHostsFile {ssh}/known_hosts\n"
        lines = [
            f"Host {name}\nHostName {each.address}\nPort {each.port}\n{common}"
            for name, each in self.servers.items()
        ]
        # as if every question were answered with yes
        (ssh / "config").write_text("".join([*lines, "Host *\nStrictHostKeyChecking accept-new\n"]))
        folders = " ".join(f"'{each.folder}'" for each in self.servers.values())
        programs = {
            "orchestrator": f'#!/bin/sh\nexec "{sys.executable}" -m orchestrator "$@"\n',
            "ssh": f'#!/bin/sh\nexec /usr/bin/ssh -F "{ssh}/config" "$@"\n',  # it reads no HOME
            "ssh-copy-id": COPY_ID.format(home=self.home, folders=folders),
        }
        for name, text in programs.items():
            (bin / name).write_text(text)
            (bin / name).chmod(0o755)

    def here(self, text):
        """Return a text with this computer's folder, address and fingerprint for the page's."""
        text = text.replace(SHARED, str(self.shared)).replace(CONTROLLER, "127.0.0.1")
        text = text.replace("50000", str(self.first_port)).replace(
            "50001", str(self.first_port + 1)
        )
        if not re.search(FINGERPRINT, text):
            return text
        return re.sub(FINGERPRINT, self.fingerprint, text)

    @property
    def fingerprint(self):
        """Of the cluster's authority, once it has one."""
        status = [sys.executable, "-m", "orchestrator", "controller", "status", "studio"]
        done = subprocess.run(status, env=self.env, capture_output=True, text=True, check=False)
        found = re.search(FINGERPRINT, done.stdout)
        return found[0] if found else "SHA256:unknown"

    def write(self, files):
        """Write the files of a page."""
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.here(text))

    def type(self, line, on="", by=("sh", "-c")):
        """Type one line; return its exit code.  `on`: at which computer; empty: at the first."""
        env = self.laptop if on else self.env
        if on and (password := self.home / "secrets" / "studio-user").exists():
            env = {**env, "ORCHESTRATOR_PASSWORD": password.read_text().strip()}  # asked for it
        if named := re.fullmatch(r"export (\w+)=(\S+)", line):
            env[named[1]] = self.here(named[2])
            return 0
        done = subprocess.run(
            [*by, self.here(line)],
            cwd=self.work,
            env=env,
            capture_output=True,
            text=True,
            timeout=CALL_MAX_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        self.said[line] = done.stdout + done.stderr
        print(f"{on}$ {line}\n{self.said[line]}[{done.returncode}]")
        return done.returncode

    def close(self):
        """Leave nothing that runs."""
        stop(self.root / "controller.json", self.servers.values())


def two_ports():
    """Return the first of two ports that nobody listens on, where manifests may begin."""
    for port in random.sample(range(50000, 60000), 100):
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind(("", port))
            second.bind(("", port + 1))
            return port
    raise AssertionError("no two ports are free")
