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
    try:
        with open("input.json", "rb") as file:
            asked: Mapping[str, Any] = json.load(file)
        copying.leave(DEEDS[asked["do"]](asked))
    except Trouble as trouble:
        return copying.fail(str(trouble), trouble.cause)
    except OSError as error:
        if why := unready(os.getcwd(), error):
            return copying.fail(why, "unready")
        return copying.fail(f"{error.filename or os.getcwd()}: {error.strerror or error}", "failed")
    return 0


def copy(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Copy the source into a folder, whole and read back; what stands there stays."""
    source, there = asked["source"], _place(asked)
    part, status = _part(there, asked), os.stat(source)
    made = copying.copy_file(source, part, Teller())
    os.chmod(part, stat.S_IMODE(status.st_mode))
    os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
    _settle(part, there, str(made["sha256"]))
    return {"file": there, "size": made["size"], "sha256": made["sha256"]}


def move(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Move the source into a folder: by its name where that can be, else copied, then removed."""
    source, there = asked["source"], _place(asked)
    if not os.path.lexists(source) and os.path.lexists(there):
        return {"file": there}  # an attempt before us came so far
    before = os.stat(source)
    try:
        os.link(source, there, follow_symlinks=False)
    except FileExistsError:
        if not os.path.samefile(source, there):
            raise Trouble(_taken(there)) from None
    except OSError as error:
        if error.errno not in APART:
            raise
        copy(asked)
        now = os.stat(source)
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise Trouble(f"{source}: has changed while it was moved; it stays", "source") from None
    sync_folder(os.path.dirname(there))
    os.unlink(source)
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
    """Return where the source goes, in a folder that is made if it is missing."""
    folder, source = str(asked["folder"]), str(asked["source"])
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, os.path.basename(source))


def _part(there: str, asked: Mapping[str, Any]) -> str:
    folder, name = os.path.split(there)
    return os.path.join(folder, f".{name}.{asked['attempt']}.part")


def _settle(part: str, there: str, sha256: str) -> None:
    """Give a copy its name, unless another file has it; one that is the same counts as ours."""
    try:
        _name(part, there)
        sync_folder(os.path.dirname(there))
    except FileExistsError:
        if copying.read_back(there, Teller())[0] != sha256:
            raise Trouble(_taken(there)) from None
    finally:
        if os.path.lexists(part):
            os.unlink(part)


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
    sys.exit(main())
