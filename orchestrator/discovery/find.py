"""Finding who is announced on the subnet.  What is read here is anybody's word: bounded, checked."""

from __future__ import annotations

import threading

import zeroconf

from orchestrator.discovery.announce import addresses_of, opened
from orchestrator.discovery.protocol import Notice, Seen

SEEN_MAX = 1000
RESOLVE_MS = 3000
TEXT_MAX = 100
INSTANCES_MAX = 4096


class Finder:
    """Implements `Finding`."""

    def __init__(self, kind: str, interface: str = "") -> None:
        """`kind`: NODE_TYPE or CLUSTER_TYPE; raises OrchestratorError as `Announcer` does."""
        self._kind = kind
        self._lock = threading.Lock()
        self._seen: dict[str, Seen] = {}
        self._zeroconf = opened(addresses_of(interface))
        self._browser = zeroconf.ServiceBrowser(self._zeroconf, kind, handlers=[self._heard])

    def seen(self) -> tuple[Seen, ...]:
        with self._lock:
            return tuple(seen for _, seen in sorted(self._seen.items()))

    def close(self) -> None:
        self._browser.cancel()
        self._zeroconf.close()

    def _heard(
        self,
        zeroconf: zeroconf.Zeroconf,
        service_type: str,
        name: str,
        state_change: zeroconf.ServiceStateChange,
    ) -> None:
        """Called by the browser, in its thread; the records that it has are in its memory."""
        info = None
        if state_change.name != "Removed":
            info = zeroconf.get_service_info(service_type, name, RESOLVE_MS)
        seen = _seen(info) if info is not None else None
        with self._lock:
            if seen is None:
                self._seen.pop(name, None)
            elif name in self._seen or len(self._seen) < SEEN_MAX:
                self._seen[name] = seen


def _seen(info: zeroconf.ServiceInfo) -> Seen | None:
    addresses = info.parsed_addresses(zeroconf.IPVersion.V4Only) or info.parsed_addresses()
    words = {_text(key): _text(value or b"") for key, value in info.properties.items()}
    if not addresses or not info.port or not words.get("name") or not words.get("id"):
        return None
    notice = Notice(
        name=words["name"],
        id=words["id"],
        port=info.port,
        services=services_of(words.get("services", "")),
        version=words.get("version", ""),
        held_by=words.get("held", ""),
    )
    return Seen(notice=notice, host=(info.server or "").rstrip("."), address=addresses[0])


def services_of(text: str) -> dict[str, int]:
    """Return what ``compressor:4 render:8`` says; what is not understood is left out."""
    found = {}
    for word in text.split():
        name, _, count = word.partition(":")
        if name.isidentifier() and count.isascii() and count.isdigit() and len(count) <= 4:
            found[name] = min(int(count), INSTANCES_MAX)
    return found


def _text(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(each for each in text if each.isprintable())[:TEXT_MAX]
