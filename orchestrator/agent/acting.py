"""`python -m orchestrator.agent.acting`: what a job wants done once its files are published.

Reads ``input.json`` of the current folder, which is the attempt's: ``do`` is ``webhook``, ``copy``,
``move`` or ``submit``.  Leaves ``result.json``, or ``error`` in one sentence with its ``cause``.  Done
twice is done once, because an attempt may be lost after its work.  Standard library only.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import signal
import socket
import ssl
import stat
import sys
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from orchestrator.agent import copying
from orchestrator.agent.copying import Teller, Trouble
from orchestrator.agent.exits import unready
from orchestrator.model.addresses import is_allowed
from orchestrator.model.notice import shown_url
from orchestrator.system import sync_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

WEBHOOK_LIMIT_S = 20.0
PORTS = {"http": 80, "https": 443}
APART = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK})
"""What a link is refused with where source and folder are not on one file system that has links."""


def main() -> int:
    """Do what is asked, and return the exit code."""
    where = own = os.getcwd()
    try:
        with open("input.json", "rb") as file:
            asked: Mapping[str, Any] = json.load(file)
        where = str(asked.get("folder", own))
        done = DEEDS[asked["do"]](asked)
        where = own
        copying.leave(done)
    except Trouble as trouble:
        return copying.fail(str(trouble), trouble.cause)
    except OSError as error:
        if why := unready(where, error):
            return copying.fail(why, "unready")
        return copying.fail(f"{error.filename or where}: {error.strerror or error}", "failed")
    return 0


def copy(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Copy the source into a folder, whole and read back; what stands there stays."""
    source, there = asked["source"], _place(asked)
    if _is_same(os.path.dirname(source), os.path.dirname(there)):
        return {"file": there}
    return _copied(source, there, str(asked["attempt"]))


def move(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Move the source into a folder: by its name where that can be, else copied, then removed."""
    source, there = asked["source"], _place(asked)
    if not os.path.lexists(source):
        return {"file": there}  # an attempt before us came so far
    if os.path.islink(source):
        raise Trouble(f"{source}: is a symlink; name the file that it leads to, or copy it")
    if _is_same(os.path.dirname(source), os.path.dirname(there)):
        return {"file": there}
    before = os.stat(source)
    try:
        os.link(source, there, follow_symlinks=False)
    except FileExistsError:
        entry = os.lstat(there)  # a symlink to the source is another file
        if (entry.st_dev, entry.st_ino) != (before.st_dev, before.st_ino):
            raise Trouble(_taken(there)) from None
    except OSError as error:
        if error.errno not in APART:
            raise
        if _is_same(source, there):
            raise Trouble(f"{there}: is the source itself by another name; it stays") from None
        _copied(source, there, str(asked["attempt"]))
        now = os.stat(source)
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise Trouble(f"{source}: has changed while it was moved; it stays", "source") from None
    sync_folder(os.path.dirname(there))
    try:
        os.unlink(source)
    except OSError as error:
        raise Trouble(f"{source}: cannot be removed: {error.strerror}") from error
    return {"file": there}


def webhook(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Post what was published; any answer but 200 to 299 is none."""
    url = urlsplit(asked["url"])
    body = json.dumps(asked["body"], ensure_ascii=False).encode()
    headers = {
        "Host": url.netloc.rpartition("@")[2],
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "orchestrator",
        "X-Orchestrator-Delivery": asked["key"],
    }
    try:
        status = _posted(url, asked["allow"], body, headers)
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise Trouble(f"webhook {shown_url(asked['url'])}: {why}") from error
    if not 200 <= status < 300:
        raise Trouble(f"webhook {shown_url(asked['url'])}: it answers {status}; wanted: 200 to 299")
    return {"status": status}


def submit(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Leave it to the controller, which does it when it hears of our end."""
    return {"submit": asked["name"]}


DEEDS: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, object]]] = {
    "copy": copy,
    "move": move,
    "webhook": webhook,
    "submit": submit,
}


def _place(asked: Mapping[str, Any]) -> str:
    """Return where the source goes, in a folder that is made if it is missing, but not its parent.

    A mount that is not there must not become a folder of this node.
    """
    folder, source = os.path.normpath(str(asked["folder"])), str(asked["source"])
    there = os.path.join(folder, os.path.basename(source))
    if not os.path.isabs(folder):
        raise Trouble(f"{folder}: is relative; write it from / on")
    if not os.path.isdir(os.path.dirname(folder)):
        raise Trouble(f"{folder}: its parent folder is not there on this node; mount it")
    if not os.path.lexists(source) and not os.path.lexists(there):
        raise Trouble(f"{source}: is not there on this node; mount its folder")
    os.makedirs(folder, exist_ok=True)
    _sweep(there, str(asked["attempt"]))
    return there


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:
        return False


def _part(there: str, attempt: str) -> str:
    folder, name = os.path.split(there)
    return os.path.join(folder, f".{name}.{attempt}.part")


def _sweep(there: str, attempt: str) -> None:
    """Remove what earlier attempts of the same ledger left when they were killed."""
    ledger, _, mine = attempt.rpartition("-")
    folder, name = os.path.split(there)
    left = re.compile(rf"{re.escape(f'.{name}.{ledger}-')}(\d+)\.part", re.ASCII)
    for each in os.listdir(folder):
        if (found := left.fullmatch(each)) and int(found[1]) < int(mine):
            _remove(os.path.join(folder, each))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # it is gone, or the next attempt sweeps it
        return


def _copied(source: str, there: str, attempt: str) -> Mapping[str, object]:
    """Copy by way of a part, which is gone in any case afterwards."""
    folder, part = os.path.dirname(there), _part(there, attempt)
    copying.check_room([source], folder)
    status = os.stat(source)
    try:
        made = copying.copy_file(source, part, Teller())
        if os.path.lexists(os.path.join(os.path.dirname(source), os.path.basename(part))):
            raise Trouble(f"{folder}: is the source's own folder by another name; name another")
        os.chmod(part, stat.S_IMODE(status.st_mode))
        os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
        _settle(part, there, str(made["sha256"]))
    finally:
        _remove(part)
    return {"file": there, "size": made["size"], "sha256": made["sha256"]}


def _settle(part: str, there: str, sha256: str) -> None:
    """Give a copy its name, unless another file has it; one that is the same counts as ours."""
    try:
        _name(part, there)
        sync_folder(os.path.dirname(there))
    except FileExistsError:
        if os.path.islink(there) or copying.read_back(there, Teller())[0] != sha256:
            raise Trouble(_taken(there)) from None


def _name(part: str, there: str) -> None:
    """Give a file its name; FileExistsError if another has it."""
    try:
        os.link(part, there)
    except OSError as error:
        if error.errno not in APART:
            raise
        if os.path.lexists(there):  # no links here: two at once could still meet
            raise FileExistsError(there) from None
        os.rename(part, there)


def _taken(there: str) -> str:
    return f"{there}: exists, and is another file; name another folder, or remove it"


def _posted(url: SplitResult, allow: list[str], body: bytes, headers: Mapping[str, str]) -> int:
    """Post to the address that was checked, and to no other; return the status."""
    host, port = url.hostname or "", url.port or PORTS[url.scheme]
    address = _resolved(host, port, allow)
    plain = socket.create_connection((address, port), timeout=WEBHOOK_LIMIT_S)
    connection = http.client.HTTPConnection(host, port, timeout=WEBHOOK_LIMIT_S)
    try:
        if url.scheme == "https":
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        connection.sock = plain
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, body, dict(headers))
        status: int = connection.getresponse().status
        return status
    finally:
        connection.close()
        plain.close()


def _resolved(host: str, port: int, allow: list[str]) -> str:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, where in found:
        address = str(where[0]).partition("%")[0]
        if not is_allowed(ip_address(address), allow):
            raise Trouble(
                f"webhook {host}: it leads to {address}, which is not public; if it is meant, list "
                "it under access.webhooks of the cluster, and apply"
            )
    return str(found[0][-1][0])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no part stays
    sys.exit(main())
