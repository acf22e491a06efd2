"""Addresses given by hand, singly or as ranges, for what is beyond the subnet (F-NET-6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network

from orchestrator.discovery.protocol import CLAIM_PORT, Seen
from orchestrator.errors import Refusal

PLACES_MAX = 4096
"""A wider range is a mistake: a search over it would not end."""

PROBES_AT_ONCE = 16


def places(addresses: Iterable[str], port: int = CLAIM_PORT) -> tuple[tuple[str, int], ...]:
    """Return host and port of each place that ``10.0.4.7``, ``10.0.4.0/28``, ``mac-07.lan:50004`` …
    mean, each once; `port` where none is said.

    Raises Refusal for what is none, and for more places than are ever asked.
    """
    found: dict[tuple[str, int], None] = {}
    for text in addresses:
        for host in _hosts(text):
            found[_parted(host, port)] = None
            if len(found) > PLACES_MAX:
                raise Refusal(
                    f"network.addresses: more than {PLACES_MAX} with {text}; give smaller ranges"
                )
    return tuple(found)


def probed(
    places: Iterable[tuple[str, int]], ask: Callable[[tuple[str, int]], Seen | None]
) -> tuple[Seen, ...]:
    """Return who answered, a few asked at a time; `ask` returns None where nobody does."""
    with ThreadPoolExecutor(PROBES_AT_ONCE, thread_name_prefix="probe") as pool:
        return tuple(seen for seen in pool.map(ask, places) if seen is not None)


def _hosts(text: str) -> Iterator[str]:
    if "/" not in text:
        yield text
        return
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise Refusal(
            f"network.addresses: {text!r}: {error}; wanted: an address, or a range as 10.0.4.0/28"
        ) from error
    for address in network.hosts():
        yield str(address)


def _parted(text: str, port: int) -> tuple[str, int]:
    try:
        return str(ip_address(text)), port
    except ValueError:
        host, colon, digits = text.rpartition(":")
    if not colon:
        return text, port
    if not digits.isdigit() or not 0 < int(digits) < 65536 or not host:
        raise Refusal(f"network.addresses: {text!r}: wanted: HOST or HOST:PORT, or a range")
    return host.strip("[]"), int(digits)
