"""What people are told though they did not ask: the nouns of notices and of the ways they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit


class NoticeKind(Enum):
    """What a notice is about."""

    SERVICE_STOPPED = "service-stopped"  #: of a node, or of the controller (F-NOTE-1)
    SERVICE_DOWN = "service-down"  #: … and it is not started again by itself (F-REC-2)
    QUARANTINED = "quarantined"  #: a node that fails what it is given, set aside
    ALARM = "alarm"  #: what somebody must look at, as many nodes lost at once
    STORAGE_LOW = "storage-low"
    BATCH_DONE = "batch-done"
    BATCH_FAILED = "batch-failed"
    BATCH_CANCELLED = "batch-cancelled"
    BATCH_HELD = "batch-held"  #: something of it waits for a person

    @property
    def is_of_batch(self) -> bool:
        """Whether it is told to who submitted the batch, not to who looks after the cluster."""
        return self in _OF_BATCH


_OF_BATCH = frozenset(
    {
        NoticeKind.BATCH_DONE,
        NoticeKind.BATCH_FAILED,
        NoticeKind.BATCH_CANCELLED,
        NoticeKind.BATCH_HELD,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that happened, as one sentence."""

    kind: NoticeKind
    subject: str  #: a node, a batch, or a part of the controller
    text: str  #: without its subject: "its agent stopped; it is started again (1 of 4)"
    at: float  #: Unix seconds
    services: tuple[str, ...] = ()  #: of a node: those that stopped
    to: tuple[str, ...] = ()  #: of a batch: who asked to hear of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice in the outbox, until it went every way that it should."""

    number: int  #: of the event that it comes from: never used again
    notice: Notice
    told: frozenset[str] = frozenset()  #: the ways that it went already


class Carrier(Enum):
    """How a parcel travels."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    COMMAND = "command"
    PLUGINS = "plugins"


def shown_url(url: str) -> str:
    """Return a URL without its path, which often is all that a receiver asks for as a password."""
    parts = urlsplit(url)
    rest = "/…" if parts.path.strip("/") or parts.query else parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to somebody; its name is what the outbox remembers."""

    carrier: Carrier
    to: tuple[str, ...] = ()  #: mail addresses, the URL, or the words of the command

    @property
    def name(self) -> str:
        """As ``mail ops@studio.example``."""
        return " ".join((self.carrier.value, *self.to))

    @property
    def shown(self) -> str:
        """For logs and people: of a URL the host, of a command its program; the rest may be secret."""
        if self.carrier is Carrier.WEBHOOK:
            return f"{self.carrier.value} {shown_url(self.to[0])}"
        return (
            f"{self.carrier.value} {self.to[0]}" if self.carrier is Carrier.COMMAND else self.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Letters that go one way together: a storm is one mail (F-NOTE-6)."""

    way: Way
    letters: tuple[Letter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where notices come from, and how things stand when they are sent."""

    cluster: str
    host: str = ""  #: of the controller, as others call it
    stands: Mapping[str, str] | None = None  #: node -> "ready", or how else it stands now
    is_alone: bool = False  #: This Computer: the original had another label for its service
