"""A controller's counter that keeps what it is told, and a door that knows two tokens."""

import threading
from dataclasses import dataclass, field, replace

from orchestrator.controller.front import LogPart
from orchestrator.errors import Busy, Conflict, Forbidden, ManifestError, NotThere
from orchestrator.model.record import AttemptRecord, Happening, Standing
from orchestrator.model.talk import (
    Applied,
    BatchView,
    Change,
    ChangeKind,
    Cleaned,
    Client,
    ClusterInfo,
    NodePhase,
    NodeView,
    Preview,
    Role,
    Seats,
    Share,
    StorageView,
    Submitted,
)
from orchestrator.model.work import (
    Batch,
    Ending,
    Job,
    Kind,
    Outcome,
    Result,
    Segment,
    Service,
    Split,
    State,
    Task,
)

TOKENS = {Role.USER: "token-of-a-user", Role.ADMIN: "token-of-an-administrator"}
PASSWORDS = {Role.USER: "horse", Role.ADMIN: "battery"}

JOB = Job(
    id="dailies-0001/shot",
    name="shot",
    processor="shell",
    asks={"argv": ["true", "ä"], "deep": {"list": [1, 2.5, None, True]}},
    service=Service.RENDER,
    split=Split(seconds=2.5),
)
OTHER = replace(JOB, id="dailies-0001/other", name="other", after=("shot",))
TASKS = tuple(
    Task(
        id=f"dailies-0001/{job.name}/out/{number:06d}/render",
        job=job,
        kind=Kind.RENDER,
        target="out",
        segment=Segment(number, number * 10, number * 10 + 10),
        state=State.PROCESSING,
        weight=0.5,
    )
    for job in (JOB, OTHER)
    for number in range(3)
)
BATCH = Batch(id="dailies-0001", name="dailies", jobs=(JOB, OTHER), annotations={"show": "x"})
STANDING = Standing(
    id="dailies-0001",
    level="batch",
    name="dailies",
    state=State.PROCESSING,
    tasks={(Kind.RENDER, State.PROCESSING): 6},
)
TARGET = Standing(id="dailies-0001/shot/out", level="target", name="out", state=State.WAITING)
ATTEMPT = AttemptRecord(
    id="3f9c21-000017",
    task=TASKS[0].id,
    node="n1",
    opened="2026-01-01T00:00:00+00:00",
    outcome=Outcome(attempt="3f9c21-000017", ending=Ending.EXITED, exit_code=0),
)
VIEW = BatchView(
    batch=BATCH,
    standings=(STANDING,),
    tasks=TASKS,
    attempts=(ATTEMPT,),
    results={TASKS[0].id: Result(attempt=ATTEMPT.id, values={"frames": 10})},
)
HAPPENING = Happening(
    at="2026-01-01T00:00:00+00:00",
    kind="leased",
    subject=TASKS[0].id,
    says="attempt 3f9c21-000017 given to n1",
)
LOG = b"one\nt\xc3\xa4o\n\xff\x1b[2J\nthree\n"


@dataclass
class FakeFront:
    """What was asked stands in `calls`; what is there is one batch and one node."""

    calls: list = field(default_factory=list)
    keys: dict = field(default_factory=dict)
    node: NodeView = field(
        default_factory=lambda: NodeView(
            name="n1", phase=NodePhase.READY, services={"render": Seats(instances=2, busy=1)}
        )
    )
    standing: Standing = STANDING
    target: Standing = TARGET
    lock: threading.Lock = field(default_factory=threading.Lock)

    def info(self, who):
        whole = ClusterInfo(name="studio", kind="managed", id="1", version="0", role=who.role)
        return whole if who.role is Role.NOBODY else replace(whole, storage="/s", nodes=1)

    def preview(self, who, wanted):
        self._told("preview", who, wanted)
        change = Change(kind=ChangeKind.CREATE, subject="node n1", details=("host: n1.lan",))
        return Preview(changes=(change,), revision="", next_revision="0123456789ab")

    def apply(self, who, wanted):
        self._told("apply", who, wanted)
        if wanted.expect not in ("", "0123456789ab"):
            raise Conflict("revision: 0123456789ab stands, not what you expect; plan again")
        return Applied(revision="0123456789ab", commit=wanted.commit)

    def leave(self, who, leaving):
        self._told("leave", who, leaving)

    def stop(self, who):
        self._told("stop", who)

    def submit(self, who, sheets, key):
        self._told("submit", who, tuple(sheets), key)
        if any(sheet.text == "bad" for sheet in sheets):
            raise ManifestError(("a.yaml:1:1: it is bad", "a.yaml:2:1: this, too"))
        with self.lock:
            stored = self.keys.setdefault(key, (tuple(sheets), f"b-{len(self.keys):04d}"))
        if stored[0] != tuple(sheets):
            raise Conflict(f"key {key!r}: was another batch's; take a new one")
        return Submitted(batch=stored[1], arrival="new")

    def batches(self, who, mine=False):
        return () if mine else (self.standing,)

    def batch(self, who, id):
        if id != BATCH.id:
            raise NotThere(f"batch {id!r}: there is none; there are {BATCH.id}")
        return VIEW

    def parts(self, who, id):
        self.batch(who, id)
        return (self.standing, self.target)

    def timeline(self, who, id):
        self.batch(who, id.partition("/")[0])
        return (HAPPENING,)

    def stored(self, who):
        return StorageView(
            path="/s", free_bytes=1, batches=(Share(batch=BATCH.id, state="Failed"),)
        )

    def clean(self, who, batch=""):
        self._told("clean", who, batch)
        return Cleaned(batches=(batch,), attempts=2, freed_bytes=3)

    def act(self, who, verb, id, now=False):
        self._told("act", who, verb, id, now)
        if not id.startswith(BATCH.id):
            raise NotThere(f"{id!r}: there is none")

    def prioritize(self, who, id, priority):
        self._told("prioritize", who, id, priority)
        if id != BATCH.id:
            raise NotThere(f"{id!r}: there is none")

    def log(self, who, attempt, offset):
        if attempt != ATTEMPT.id:
            raise NotThere(f"attempt {attempt!r}: there is none")
        part = LOG[offset : offset + 10]
        return LogPart(part, offset + len(part))

    def nodes(self, who):
        return (self.node,)

    def node_act(self, who, verb, name, leaving):
        return self._on("node_act", who, name, verb, leaving)

    def node_trust(self, who, name, fingerprint):
        return self._on("node_trust", who, name, fingerprint)

    def node_lost(self, who, name):
        return self._on("node_lost", who, name)

    def node_log(self, who, name):
        self._on("node_log", who, name)
        return "zeile ä\n"

    def _on(self, what, who, name, *rest):
        self._told(what, who, name, *rest)
        if name != self.node.name:
            raise NotThere(f"node {name!r}: there is none; there are {self.node.name}")
        return self.node

    def _told(self, *call):
        with self.lock:
            self.calls.append(call)


@dataclass
class FakeDoor:
    """Two passwords, two tokens; logging out ends a token for good."""

    gone: set = field(default_factory=set)
    refused: int = 0

    def login(self, role, password, name, address):
        if self.refused >= 5:
            raise Busy("password: too many wrong ones from here; try again in 60 s")
        if PASSWORDS.get(role) != password:
            self.refused += 1
            raise Forbidden("password: it is another one")
        return TOKENS[role]

    def issue(self, role, name):
        return TOKENS[role]

    def who(self, token):
        for role, known in TOKENS.items():
            if token == known and token not in self.gone:
                return Client(role=role, owner=role.value, name="me")
        return None

    def logout(self, token):
        self.gone.add(token)
