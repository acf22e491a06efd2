"""What is wrong with one machine though each key is right by itself: paths, addresses, users."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from ipaddress import ip_network

from orchestrator.manifest import advice
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.hours import schedule_faults

PORT_MAX = 65535
ADDRESSES_MAX = 1024  # of one range: asking more takes minutes, and is a slip of the pen
PORTS_CLUSTER = 3  # the API, the scheduler, and an agent where the controller is a node too
PORTS_NODE = 1  # its agent
PORTS_FREE = 2  # its agent, and where it is asked whether it is free

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[/\\]")
_HOME = "~/"
_PASSWORDS = ("userPassword", "adminPassword", "servicePassword")


def machine_faults(document: Document, root: Path, ports: int) -> Iterator[Finding]:
    """Yield the faults of the machine whose keys stand below `root`.

    :param ports: how many it listens on
    """
    yield from network_faults(document, (*root, "network"), ports)
    yield from schedule_faults(document, root)
    yield from paths_faults(document, (*root, "paths"))
    yield from programs_faults(document, (*root, "programs"))
    yield from ssh_faults(document, (*root, "ssh"))
    yield from secret_faults(document, (*root, "servicePassword"))
    yield from access_faults(document, (*root, "access"))
    for where in extended_places(document, root):
        yield from ssh_faults(document, (*where, "ssh"))
        yield from programs_faults(document, (*where, "programs"))
        yield from user_faults(document, (*where, "user"), (*where, "ssh", "user"))


def extended_places(document: Document, root: Path) -> list[Path]:
    """Return where the extended nodes of the machine below `root` stand."""
    where = (*root, "services", "render", "extended")
    listed = document.get(*where)
    return [(*where, index) for index in range(len(listed) if isinstance(listed, list) else 0)]


def network_faults(document: Document, where: Path, ports: int) -> Iterator[Finding]:
    """Yield the faults of a ``network``: its ports (F-NET-3, F-NET-4) and addresses (F-NET-6)."""
    yield from _ports(document, (*where, "ports"), ports)
    listed = document.get(*where, "addresses")
    for index, text in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(text, str) and (says := _address(text)):
            yield document.fault((*where, "addresses", index), says)


def access_faults(document: Document, where: Path) -> Iterator[Finding]:
    """Yield the faults of the secrets in an ``access``."""
    for key in _PASSWORDS:
        yield from secret_faults(document, (*where, key))


def secret_faults(document: Document, where: Path) -> Iterator[Finding]:
    """Yield a fault for a secret's file that another folder would find elsewhere."""
    yield from _rooted(document, (*where, "file"), "this path")


def ssh_faults(document: Document, where: Path) -> Iterator[Finding]:
    """Yield a fault for a key file that another folder would find elsewhere."""
    yield from _rooted(document, (*where, "identityFile"))


def user_faults(document: Document, where: Path, login: Path) -> Iterator[Finding]:
    """Yield a fault if the user at `where` is not the one at `login`, who logs in (F-KNOWN-11)."""
    user, other = document.get(*where), document.get(*login)
    if isinstance(user, str) and isinstance(other, str) and user != other:
        what = f"SSH logs in as {advice.shown(other)}, and work runs as who logs in"
        yield document.fault(where, f"{what}; write the same user, or one of the two only")


def paths_faults(document: Document, where: Path) -> Iterator[Finding]:
    """Yield the faults of ``paths``, which must lead back as they lead there (F-STOR-14)."""
    said = document.get(*where)
    first: dict[str, str] = {}
    for folder, other in (said if isinstance(said, dict) else {}).items():
        if posixpath.normpath(folder) != (folder.rstrip("/") or "/"):
            what = f"{advice.shown(folder)} has . or .. or // in it; write it without"
            yield document.fault((*where, folder), what, at_key=True)
        if not isinstance(other, str):
            continue
        known = first.setdefault(_plain(other), folder)
        if known != folder:
            what = f"{advice.shown(known)} is {advice.shown(other)} already, and the way back"
            yield document.fault((*where, folder), f"{what} would not be clear; name another")


def programs_faults(document: Document, where: Path) -> Iterator[Finding]:
    """Yield a fault for each program whose path depends on a folder."""
    said = document.get(*where)
    for name, path in (said if isinstance(said, dict) else {}).items():
        if isinstance(path, str) and not _ABSOLUTE.match(path):
            what = f"{advice.shown(path)} is not absolute; write the whole path on the node"
            yield document.fault((*where, name), what)


def _rooted(document: Document, where: Path, shown: str = "") -> Iterator[Finding]:
    """Yield a fault for a path that is not whole; `shown` stands for what may be a secret."""
    path = document.get(*where)
    if isinstance(path, str) and not _ABSOLUTE.match(path) and not path.startswith(_HOME):
        what = f"{shown or advice.shown(path)} depends on a folder"
        yield document.fault(where, f"{what}; write an absolute path, or one from ~/ on")


def _ports(document: Document, where: Path, least: int) -> Iterator[Finding]:
    start, count = document.get(*where, "from"), document.get(*where, "count")
    if not isinstance(count, int) or isinstance(count, bool):
        return
    if 0 < count < least:
        what = f"{count} is too small a range; at least {least} ports are listened on"
        yield document.fault((*where, "count"), what)
    elif isinstance(start, int) and start <= PORT_MAX < (last := start + count - 1):
        what = f"the last port would be {last}; at most {PORT_MAX - start + 1} from {start} on"
        yield document.fault((*where, "count"), what)


def _address(text: str) -> str:
    """Say what is wrong with an address, one with a port, or a range; empty: nothing."""
    host, _, port = text.rpartition(":")
    if "." in host and port.isdigit() and 0 < int(port) <= PORT_MAX:
        text = host  # IPv4 and a port
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return f"{advice.shown(text)} is no address or range there is; write it as 10.0.4.0/28"
    if network.num_addresses > ADDRESSES_MAX:
        what = f"{advice.shown(text)} has {network.num_addresses} addresses"
        return f"{what}, at most {ADDRESSES_MAX}; write smaller ranges"
    if "/" in text and network.network_address != ip_network(text.partition("/")[0])[0]:
        return f"{advice.shown(text)} begins within its range; write {network}"
    return ""


def _plain(path: str) -> str:
    """Return a folder as it is, however it is written."""
    return posixpath.normpath(path.replace("\\", "/"))
