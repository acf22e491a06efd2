"""Being found on the subnet: zero-configuration announcements (F-NET-1)."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress

import psutil
import zeroconf

from orchestrator.discovery.protocol import Notice
from orchestrator.errors import OrchestratorError

log = logging.getLogger(__name__)

NAME_BYTES_MAX = 63
VALUE_BYTES_MAX = 200
SERVICES_MAX = 8


class Announcer:
    """Implements `Announcing`; a name that somebody else has gets a number, as ``mac-07-2``."""

    def __init__(self, kind: str, interface: str = "") -> None:
        """`kind`: NODE_TYPE or CLUSTER_TYPE; `interface`: as ``en0`` or an address, empty: all.

        Raises OrchestratorError where the network cannot be used so.
        """
        self._kind = kind
        self._addresses = addresses_of(interface)
        self._zeroconf = opened(self._addresses)
        self._info: zeroconf.ServiceInfo | None = None

    def say(self, notice: Notice) -> None:
        """Announce, or announce what has changed; OrchestratorError where it cannot be."""
        try:
            if self._info is not None and self._info.port == notice.port:
                self._info = self._described(notice, self._info.name)
                self._zeroconf.update_service(self._info)
                return
            self.hush()
            self._info = self._described(notice, f"{_label(notice.name)}.{self._kind}")
            self._zeroconf.register_service(self._info, allow_name_change=True)
        except (zeroconf.Error, OSError) as error:
            self._info = None
            raise OrchestratorError(f"discovery: {notice.name}: not announced: {error}") from error

    @property
    def name(self) -> str:
        """The name it is announced by; empty: it is not."""
        return self._info.name.removesuffix(f".{self._kind}") if self._info else ""

    def close(self) -> None:
        """Say goodbye."""
        self.hush()
        self._zeroconf.close()

    def hush(self) -> None:
        """Say goodbye for now."""
        if self._info is not None:
            with suppress(zeroconf.Error, OSError):
                self._zeroconf.unregister_service(self._info)
            self._info = None

    def _described(self, notice: Notice, name: str) -> zeroconf.ServiceInfo:
        return zeroconf.ServiceInfo(
            self._kind,
            name,
            port=notice.port,
            properties=properties(notice),
            parsed_addresses=self._addresses or _own_addresses(),
            server=f"{_label(socket.gethostname())}.local.",
        )


def properties(notice: Notice) -> dict[str, str]:
    """Return a notice as a TXT record."""
    services = sorted(notice.services.items())[:SERVICES_MAX]
    words = {
        "name": notice.name,
        "id": notice.id,
        "services": " ".join(f"{name}:{count}" for name, count in services),
        "version": notice.version,
        "held": notice.held_by,
    }
    return {key: _cut(value, VALUE_BYTES_MAX) for key, value in words.items()}


def opened(addresses: list[str]) -> zeroconf.Zeroconf:
    """Return zeroconf on these addresses, on all where there are none; OrchestratorError."""
    try:
        if addresses:
            return zeroconf.Zeroconf(interfaces=list(addresses))
        return zeroconf.Zeroconf(ip_version=zeroconf.IPVersion.V4Only)
    except (zeroconf.Error, OSError) as error:
        raise OrchestratorError(
            f"discovery: {error}; say `network: {{discovery: false}}` or choose an interface"
        ) from error


def addresses_of(interface: str) -> list[str]:
    """Return the IPv4 addresses of an interface, the address itself if it is one; empty: all.

    Raises OrchestratorError if there is no such interface.
    """
    if not interface:
        return []
    known = psutil.net_if_addrs()
    if interface not in known:
        if interface in _own_addresses(loopback=True):
            return [interface]
        raise OrchestratorError(
            f"network.interface {interface!r}: there is none here; there are {', '.join(known)}"
        )
    return [each.address for each in known[interface] if each.family == socket.AF_INET]


def _own_addresses(*, loopback: bool = False) -> list[str]:
    return [
        each.address
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family == socket.AF_INET and (loopback or not each.address.startswith("127."))
    ] or ["127.0.0.1"]


def _label(name: str) -> str:
    """Return a name as one label of a domain name."""
    return _cut(name.partition(".")[0].replace(" ", "-") or "node", NAME_BYTES_MAX - 4)


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")
