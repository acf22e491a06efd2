"""``HOST:PORT`` of a controller, as it is written and as a URL."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from orchestrator.errors import Refusal

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")


def is_address(text: str) -> bool:
    """Whether this is an address and no name of a cluster: a name has no colon."""
    return ":" in text


def url_of(address: str) -> str:
    """Return ``https://host:port``; Refusal for anything but a host, or an address, and a port."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not port or not _is_host(host) or parts.netloc != address or "@" in address:
        raise Refusal(
            f"address {address!r}: not HOST:PORT; write ctrl.lan:50001 or [fe80::1]:50001"
        )
    return f"https://{address}"


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST.fullmatch(host))
    return True
