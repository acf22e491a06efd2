"""The nouns of a cluster as its manifest wants it: Cluster, Node, and what both are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.model.schedule import ALWAYS, WorkSchedule
from orchestrator.model.work import Service


class ClusterKind(Enum):
    """How a cluster gets its nodes (F-KIND-1)."""

    THIS_COMPUTER = "this-computer"
    QUICK = "quick"  #: its controller's computer, and free nodes
    MANAGED = "managed"  #: the nodes that its manifest names


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is, never what it is: exactly one of the three is set (F-ACC-10)."""

    env: str = ""
    file: str = ""
    keyring: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    """How SSH reaches a machine; what is empty is completed from ``~/.ssh/config``."""

    user: str = ""
    port: int = 0  #: 0: not said
    identity_file: str = ""
    proxy_jump: str = ""
    agent: bool = False  #: keys of the SSH agent are tried
    host_key: str = ""  #: ``SHA256:…``; empty: the one in known_hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """A machine with nothing but sshd and a POSIX shell (F-EXT-1)."""

    host: str
    user: str = ""
    instances: int = 1
    ssh: Ssh = field(default_factory=Ssh)
    programs: Mapping[str, str] = field(default_factory=dict)  #: name -> path there


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where we listen, and who may find us (F-NET)."""

    discovery: bool = True
    port_from: int = 0  #: 0: the system picks
    port_count: int = 0
    addresses: tuple[str, ...] = ()  #: ``10.0.4.7`` or ``10.0.4.0/28``, beyond the subnet
    interface: str = ""  #: empty: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may submit to a cluster and administer it, or take a node (F-ACC)."""

    user_password: Secret | None = None
    admin_password: Secret | None = None
    service_password: Secret | None = None
    open: bool = False
    executables: tuple[str, ...] = ()  #: empty: any
    webhooks: tuple[str, ...] = ()  #: addresses and ranges that are ours, and that jobs may call


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRules:
    """Which plugins are imported, each by its own name or by that of its distribution (T22)."""

    allow: tuple[str, ...] | None = None  #: the only ones of those that are not ours; None: all
    deny: tuple[str, ...] = ()  #: never, ours too


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine that processes: of a managed cluster, or free."""

    name: str
    display_name: str = ""  #: empty: the name
    host: str = ""  #: empty: the name
    ssh: Ssh = field(default_factory=Ssh)
    instances: Mapping[Service, int | None] = field(default_factory=dict)
    #: service -> how many at once; None: auto; a service that is not in it is off
    extended: tuple[Extended, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)  #: name -> path on the node
    paths: Mapping[str, str] = field(default_factory=dict)  #: path in manifests -> path on the node
    active: bool = True
    managed_only: bool = False
    network: Network = field(default_factory=Network)
    access: Access = field(default_factory=Access)  #: of its service password and `open` alone
    schedule: WorkSchedule = ALWAYS
    plugins: PluginRules = field(default_factory=PluginRules)  #: of the computer that reads it
    log_level: str = "info"
    log_bytes_max: int = 64 << 20
    more: Mapping[str, object] = field(default_factory=dict)
    #: what only people read, as the manifest has it: description, annotations

    @property
    def address(self) -> str:
        """Where SSH looks for it."""
        return self.host or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """How many renders may hold a licence at once; None: any number."""

    cluster: int | None = None
    host: int | None = None  #: on each machine; an extended node is one of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once (F-SEG-10, F-ADM-5)."""

    queued_batches: int = 100
    active_targets: int = 40
    active_segments: int = 400
    licences: Mapping[str, Licence] = field(default_factory=dict)  #: by name, as jobs name them


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """When something counts as lost, and how often it is tried."""

    lost_after_s: float = 60.0
    orphan_stop_after_s: float = 3600.0
    mass_loss_hold_s: float = 600.0
    tries: int = 3
    losses: int = 10
    restarts: int = 4


class MailTls(Enum):
    """How the connection to a mail server is encrypted; what is wanted and not had is no mail."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"  #: from the first byte on


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """The mail server (F-NOTE-5)."""

    host: str = "localhost"
    port: int = 25
    sender: str = ""  #: empty: orchestrator at the controller's host
    user: str = ""
    password: Secret | None = None
    tls: MailTls = MailTls.NONE  #: what leaves the computer is encrypted unless it is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that notices are posted to."""

    url: str
    secret: Secret | None = None  #: the body is signed with it; None: it is not
    allow: tuple[str, ...] = ()  #: addresses and ranges that are ours, and meant (T16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Who hears of what happens, and how (F-NOTE)."""

    to: tuple[str, ...] = ()  #: empty: EMAIL of the controller's environment
    service_down_after_s: float = 60.0  #: so long at most notices are gathered for one mail
    smtp: Smtp = field(default_factory=Smtp)
    webhooks: tuple[Webhook, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()  #: run where the controller runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One controller and its service nodes, as a manifest wants them."""

    name: str
    kind: ClusterKind
    display_name: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    controller_host: str = ""  #: empty: the computer that `apply` is typed on
    controller_ssh: Ssh = field(default_factory=Ssh)
    accept_unmanaged: bool = False
    storage: str = ""  #: empty: below the state folder
    delete_after_days: int = 7
    copy: str = "as-needed"
    network: Network = field(default_factory=Network)
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    recovery: Recovery = field(default_factory=Recovery)
    notify: Notify = field(default_factory=Notify)
    plugins: PluginRules = field(default_factory=PluginRules)
    nodes: tuple[Node, ...] = ()  #: of a quick cluster: the one that its computer is
    keep_days: int = 30
    log_level: str = "info"
    log_bytes_max: int = 64 << 20
    status_interval_s: float = 5.0  #: how often progress is told (F-ADM-7)
    more: Mapping[str, object] = field(default_factory=dict)  #: what is only shown: description

    def node(self, name: str) -> Node | None:
        """Return the node of that name, or None."""
        return next((node for node in self.nodes if node.name == name), None)
