"""Where a machine is and how one gets in: what the manifest says, completed from ``~/.ssh/config``.

Five keywords are taken from there and nothing else: HostName, User, Port, IdentityFile and
ProxyJump.  Nothing in it is ever executed: a block under ``Match exec`` counts as one that does
not match, and there is no ProxyCommand.
"""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass, replace
from pathlib import Path

import paramiko

from orchestrator.errors import Rejected
from orchestrator.model.cluster import Ssh
from orchestrator.remote.protocol import Host

SSH_PORT = 22
JUMPS_MAX = 8
"""Hosts on the way to one machine; more is a circle."""

CONFIG_BYTES_MAX = 1 << 20

_KEYWORDS = frozenset({"host", "match", "hostname", "user", "port", "identityfile", "proxyjump"})
_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*)")
_EXEC = re.compile(r"(?i)!?\bexec\b")
_NEVER = "Host !*"
_HOP = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<host>\[[^]]+\]|[^:]+|.*:.*:.*?)(?::(?P<port>\d+))?")
_KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")


def host_of(name: str, address: str, ssh: Ssh, config_file: Path | None = None) -> Host:
    """Return the Host called `name` at `address`; `config_file`: default ``~/.ssh/config``.

    Raises Rejected where that file cannot be understood, or jump hosts lead in a circle.
    """
    file = Path("~/.ssh/config").expanduser() if config_file is None else config_file
    return _Resolver(name, file, _config(name, file)).host(name, address, ssh)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Completes one node's hosts from one configuration."""

    node: str
    file: Path
    config: paramiko.SSHConfig

    def host(self, name: str, address: str, ssh: Ssh, depth: int = 0) -> Host:
        said = self._said(address)
        jumps = self._jumps(ssh.proxy_jump or str(said.get("proxyjump", "")), ssh, depth)
        keys = (ssh.identity_file,) if ssh.identity_file else tuple(said.get("identityfile", ()))
        return Host(
            name=name,
            address=str(said.get("hostname", address)),
            user=ssh.user or str(said.get("user", "")) or getpass.getuser(),
            port=ssh.port or self._port(said.get("port", SSH_PORT)),
            keys=tuple(str(Path(key).expanduser()) for key in keys) or self._own_keys(),
            agent=ssh.agent,
            host_key=ssh.host_key,
            jumps=jumps,
        )

    def _jumps(self, words: str, ssh: Ssh, depth: int) -> tuple[Host, ...]:
        """Return the hosts of a ProxyJump, the first one's own jumps before it."""
        if not words or words.lower() == "none":
            return ()
        hops = [self._hop(word.strip(), ssh, depth) for word in words.split(",")]
        hosts = (*hops[0].jumps, *(replace(hop, jumps=()) for hop in hops))
        if len(hosts) > JUMPS_MAX:
            raise Rejected(
                self.node, f"more than {JUMPS_MAX} jump hosts lead to it; see {self.file}"
            )
        return hosts

    def _hop(self, word: str, ssh: Ssh, depth: int) -> Host:
        found = _HOP.fullmatch(word)
        if depth >= JUMPS_MAX:
            raise Rejected(self.node, f"its jump hosts lead in a circle at {word}; see {self.file}")
        if found is None:
            raise Rejected(self.node, f"jump host {word!r} is no [USER@]HOST[:PORT]")
        address = found["host"].strip("[]")
        hop = Ssh(user=found["user"] or "", port=int(found["port"] or 0), agent=ssh.agent)
        host = self.host(address, address, hop, depth + 1)
        return replace(host, keys=_with(host.keys, ssh.identity_file))

    def _said(self, address: str) -> paramiko.SSHConfigDict:
        try:
            return self.config.lookup(address)
        except (paramiko.SSHException, ValueError, KeyError) as error:
            raise Rejected(self.node, f"{self.file}: {error}; correct it") from error

    def _port(self, text: object) -> int:
        try:
            return int(str(text))
        except ValueError:
            raise Rejected(self.node, f"{self.file}: port {text!r} is no number") from None

    def _own_keys(self) -> tuple[str, ...]:
        """Return the keys that ssh itself would try where none is named."""
        keys = (self.file.parent / name for name in _KEY_NAMES)
        return tuple(str(key) for key in keys if key.is_file())


def _config(node: str, file: Path) -> paramiko.SSHConfig:
    try:
        with file.open(encoding="utf-8", errors="replace") as text:
            lines = text.read(CONFIG_BYTES_MAX).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        lines = []
    except OSError as error:
        raise Rejected(node, f"{file}: {error.strerror}") from error
    try:
        return paramiko.SSHConfig.from_text("\n".join(filter(None, map(_kept, lines))))
    except (paramiko.SSHException, ValueError, KeyError) as error:
        raise Rejected(node, f"{file}: {error}; correct it") from error


def _kept(line: str) -> str:
    """Return what is read of a line of the configuration: the rest is never even parsed."""
    found = _LINE.fullmatch(line)
    if found is None or found[1].lower() not in _KEYWORDS:
        return ""
    if found[1].lower() == "match" and _EXEC.search(found[2]):
        return _NEVER
    return line


def _with(keys: tuple[str, ...], more: str) -> tuple[str, ...]:
    """Return the keys with the node's own after them: it may open the jump host, too."""
    path = str(Path(more).expanduser()) if more else ""
    return keys if not path or path in keys else (*keys, path)
