"""Several hosts on one machine: network namespaces, each with an address, an sshd and its own mounts.

Needs root, iproute2, nftables and openssh-server.  Everything is ended by pid and by name; what is
left over at the end is an error.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sshd import Sshd

NEEDS = ("ip", "tc", "nft", "sshd", "unshare", "nsenter", "mount")
SUBNET = "10.77"
CUT = {"in": 'iifname != "lo" drop', "out": 'oifname != "lo" drop'}
"""By direction: what lets no packet through."""

HOOKS = {"in": "filter hook input priority 0", "out": "filter hook output priority 0"}
HOOKS["nat"] = "nat hook output priority -100"
VIEW = 'mount --bind "$1" "$2"; shift 2; exec "$@"'
"""A mount namespace in which the shared folder stands where this host has it."""


def missing():
    """Return why no farm can be made here, or ''."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    lacks = [name for name in NEEDS if shutil.which(name) is None]
    if lacks:
        return f"needs {', '.join(lacks)}: apt install iproute2 nftables openssh-server"
    tried = subprocess.run(["unshare", "-n", "-m", "true"], check=False, capture_output=True)
    return "" if tried.returncode == 0 else "namespaces cannot be made here"


def needed():
    """Skip the test where no farm can be made; in CI that is an error."""
    if why := missing():
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(why)
        pytest.skip(why)


class Host:
    """One namespace: a name, an address, a folder of its own, the shared folder where it has it."""

    def __init__(self, farm, name, number, view):
        self.farm, self.name = farm, name
        self.space = f"{farm.tag}{name}"[:15]
        self.address = f"{SUBNET}.{farm.number}.{number}"
        self.folder = farm.folder / name
        self.view = view
        self.sshd = None
        self.folder.mkdir()
        self.view.mkdir(exist_ok=True)
        link, peer = f"{farm.tag}{number}a", f"{farm.tag}{number}b"
        self.device = peer
        _ip("netns", "add", self.space)
        _ip(
            "link",
            "add",
            link,
            "netns",
            farm.hub,
            "type",
            "veth",
            "peer",
            peer,
            "netns",
            self.space,
        )
        _ip("-n", farm.hub, "link", "set", link, "master", "hub", "up")
        _ip("-n", self.space, "addr", "add", f"{self.address}/24", "dev", peer)
        _ip("-n", self.space, "link", "set", peer, "up")
        _ip("-n", self.space, "link", "set", "lo", "up")

    @property
    def prefix(self):
        """The words that run a command on this host."""
        inside = ["unshare", "-m", "sh", "-ec", VIEW, "sh", str(self.farm.shared), str(self.view)]
        return ["ip", "netns", "exec", self.space, *inside]

    def listen(self):
        """Start its sshd."""
        self.sshd = Sshd(self.folder / "sshd", 22, address=self.address, prefix=self.prefix)
        self.sshd.start()
        return self

    @property
    def manifest(self):
        """Return how a manifest says that it is reached."""
        pinned = {"user": "root", "identityFile": str(self.sshd.key)}
        paths = {str(self.farm.mount): str(self.view)} if self.view != self.farm.mount else {}
        return {
            "name": self.name,
            "host": self.address,
            "ssh": {**pinned, "hostKey": self.sshd.fingerprint},
            "services": {"compressor": {"instances": 1}, "render": {"instances": 1}},
            **({"paths": paths} if paths else {}),
        }

    def run(self, *words, env=None, ends=0, limit_s=120):
        """Run a command on this host to its end."""
        done = subprocess.run(
            [*self.prefix, *map(str, words)],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=limit_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if ends is not None:
            assert done.returncode == ends, (
                f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def pids(self):
        """Return the processes on this host."""
        told = subprocess.run(
            ["ip", "netns", "pids", self.space], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in told.stdout.split()]

    def processes(self, *words):
        """Return the pids of processes whose command line holds all of the words."""
        found = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
                if all(word in line for word in words):
                    found.append(pid)
        return found

    def kill(self, *words):
        """Kill -9 the processes whose command line holds all of the words; at least one."""
        found = self.processes(*words)
        assert found, f"no process of {words} on {self.name}"
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found

    def cut(self, *ways):
        """Let no packet in or out, or only not in one of the `ways`."""
        self.filter(**{way: CUT[way] for way in ways or CUT})

    def filter(self, **rules):
        """Let packets pass by these rules of nftables, by their way: in, out, nat."""
        chains = [
            f"chain {way} {{\ntype {HOOKS[way]};\n{rule}\n}}\n" for way, rule in rules.items()
        ]
        self._nft(f"table inet cut {{\n{''.join(chains)}}}\n")

    def heal(self):
        """Undo `cut` and `filter`."""
        self._nft("delete table inet cut\n")

    def slow(self, rate):
        """Let what this host sends pass at so many bits a second; "": as fast as it may."""
        verb = ["add", "dev", self.device, "root", "tbf", "rate", rate]
        verb += ["burst", "4kb", "latency", "400ms"]
        verb = verb if rate else ["del", "dev", self.device, "root"]
        subprocess.run(
            ["ip", "netns", "exec", self.space, "tc", "qdisc", *verb],
            check=True,
            capture_output=True,
        )

    def unmount(self):
        """Take the shared folder from what runs here."""
        self._mounts("umount", "-l", str(self.view))

    def mount(self):
        """Undo `unmount`."""
        self._mounts("mount", "--bind", str(self.farm.shared), str(self.view))

    def _mounts(self, *words):
        (agent,) = self.processes("-m", "orchestrator.agent")
        subprocess.run(["nsenter", "-m", "-t", str(agent), *words], check=True, capture_output=True)

    def _nft(self, text):
        words = ["ip", "netns", "exec", self.space, "nft", "-f", "-"]
        subprocess.run(words, input=text, text=True, check=True, capture_output=True)

    def die(self):
        """End every process on this host at once, as a power cut does."""
        until(lambda: not self._ended(), 20)
        if self.sshd is not None and self.sshd.process is not None:
            self.sshd.process.wait(10)

    def end(self):
        """End everything on this host, and the host."""
        self.die()
        _ip("netns", "del", self.space)

    def _ended(self):
        """Kill what runs; return what still did."""
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids


class NetFarm:
    """A controller host ``ctl``, nodes, and a folder that all of them share."""

    def __init__(self, folder, nodes=("n1", "n2", "n3", "n4"), elsewhere=("n2",), more=()):
        """`elsewhere`: nodes that have the shared folder under another name."""
        self.folder = folder
        self.number = os.getpid() % 250 + 1
        self.tag = f"o{os.getpid() % 100000}"
        self.hub = f"{self.tag}hub"
        self.shared = folder / "shared"
        self.mount = folder / "studio"
        self.elsewhere = folder / "volumes"
        self.shared.mkdir(parents=True)
        _ip("netns", "add", self.hub)
        _ip("-n", self.hub, "link", "add", "hub", "type", "bridge")
        _ip("-n", self.hub, "link", "set", "hub", "up")
        names = ("ctl", *nodes, *more)
        self.hosts = {
            name: Host(self, name, number, self.elsewhere if name in elsewhere else self.mount)
            for number, name in enumerate(names, 1)
        }
        self.nodes = [self.hosts[name] for name in nodes]
        self.ctl = self.hosts["ctl"]

    def __getitem__(self, name):
        return self.hosts[name]

    def close(self):
        """End all hosts; what is left of them is an error."""
        for host in self.hosts.values():
            host.end()
        _ip("netns", "del", self.hub)
        left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
        assert self.tag not in left.stdout


def until(true, limit_s=30, step_s=0.05):
    """Wait until `true()`; what it answers."""
    end = time.monotonic() + limit_s
    while not (answer := true()):
        assert time.monotonic() < end, f"not within {limit_s} s"
        time.sleep(step_s)
    return answer


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def as_json(done):
    """Return what a command printed as data."""
    return json.loads(done.stdout)
