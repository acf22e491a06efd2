"""Which addresses may be called: a URL that somebody wrote must not open what is only ours (T16)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network

NAT64 = ip_network("64:ff9b::/96")
EVERYWHERE = ("0.0.0.0/0", "::/0")
"""What is allowed where nobody is kept from anything: on a person's own computer."""

Address = IPv4Address | IPv6Address


def is_allowed(address: Address, allow: Sequence[str]) -> bool:
    """Whether a webhook may go there: the address is public, or somebody has listed it."""
    inner = _embedded(address)
    if any(each in ip_network(listed) for each in {address, inner} for listed in allow):
        return True
    return all(each.is_global and not each.is_multicast for each in (address, inner))


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that one of IPv6 leads to; itself: it leads to none."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
