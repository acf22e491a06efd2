"""What is wrong between the keys of a ``notify`` though each is right by itself."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from orchestrator.manifest import advice
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.machines import secret_faults

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""Mail servers to which nothing leaves the controller's computer."""


def notify_faults(document: Document, root: Path) -> Iterator[Finding]:
    """Yield the faults of a ``notify``: what would be found elsewhere, sent openly, or nowhere."""
    smtp = (*root, "smtp")
    yield from secret_faults(document, (*smtp, "password"))
    if _is_open(document.get(*smtp)):
        what = "the password would go over the network unencrypted; write starttls, or tls"
        yield document.fault((*smtp, "tls"), what)
    yield from _hooks(document, (*root, "webhooks"))


def _is_open(smtp: object) -> bool:
    if not isinstance(smtp, dict) or "password" not in smtp:
        return False
    return smtp.get("tls") == "none" and smtp.get("host", "localhost") not in LOCAL


def _hooks(document: Document, where: Path) -> Iterator[Finding]:
    listed = document.get(*where)
    first: dict[str, int] = {}
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        yield from secret_faults(document, (*where, index, "secret"))
        url = each.get("url") if isinstance(each, dict) else None
        if isinstance(url, str):
            if says := _url(url):
                yield document.fault((*where, index, "url"), says)
            if first.setdefault(url, index) != index:
                what = "this address stands twice; remove one"
                yield document.fault((*where, index, "url"), what)
        yield from range_faults(document, (*where, index, "allow"))


def range_faults(document: Document, where: Path) -> Iterator[Finding]:
    """Yield what is listed there and is no address or range."""
    listed = document.get(*where)
    for number, text in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(text, str) and (says := _range(text)):
            yield document.fault((*where, number), says)


def _url(url: str) -> str:
    """Say what is wrong with a URL; empty: nothing."""
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        return "this is no URL there is; write it as https://hooks.studio.example/farm"
    if parts.username or parts.password:
        return "a URL is shown to people, and this one has a password in it; write secret instead"
    return ""


def _range(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        return f"{advice.shown(text)} is no address or range there is; write it as 10.0.4.0/28"
    return ""
