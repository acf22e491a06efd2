"""A cluster in memory, asked as the command line asks a controller."""

from contextlib import contextmanager
from dataclasses import replace

from orchestrator.controller.front import LogPart
from orchestrator.errors import NotThere
from orchestrator.model.talk import (
    Applied,
    BatchView,
    ClusterInfo,
    NodePhase,
    NodeView,
    Preview,
    Role,
    Submitted,
)
from orchestrator.model.wire import Tick


class FakeClient:
    """Answers from what a test has put there; remembers what it was asked to do."""

    def __init__(self, name="studio"):
        self.cluster = ClusterInfo(
            name=name, kind="managed", id="c1", version="1", role=Role.ADMIN, storage="/storage"
        )
        self.views = {}  # batch -> BatchView, or a list of them: one a look
        self.node_views = {}  # node -> phases to come, the last stays
        self.done = []
        self.wanted = []
        self.submitted = []
        self.logs = {}
        self.followed = []

    @contextmanager
    def connected(self, dial, role=Role.USER):
        self.dial = dial
        yield self

    def info(self):
        return self.cluster

    def preview(self, wanted):
        return Preview(changes=(), revision="r1", next_revision="r1")

    def apply(self, wanted):
        self.wanted.append(wanted)
        return Applied(revision="r1", commit=wanted.commit)

    def leave(self, leaving):
        self.done.append(("leave", leaving))

    def submit(self, sheets, key):
        self.submitted.append((tuple(sheets), key))
        return Submitted(batch="dailies-0001", arrival="new")

    def ticks(self, seconds=60):
        self.followed.append(seconds)
        yield Tick(nodes="1", batches="1")
        yield Tick(nodes="1", batches="2")

    def batches(self, mine=False):
        return tuple(self._view(id).standings[0] for id in self.views)

    def batch(self, id):
        if id not in self.views:
            raise NotThere(f"{id!r}: no such batch")
        return self._view(id)

    def _view(self, id) -> BatchView:
        views = self.views[id]
        if isinstance(views, list):
            return views.pop(0) if len(views) > 1 else views[0]
        return views

    def act(self, verb, id, now=False):
        if id.partition("/")[0] not in self.views:
            raise NotThere(f"{id!r}: no such batch")
        self.done.append((verb, id, now))

    def prioritize(self, id, priority):
        if id not in self.views:
            raise NotThere(f"{id!r}: no such batch")
        self.done.append((priority, id))

    def log(self, attempt, offset):
        data = self.logs.get(attempt, b"")[offset:]
        return LogPart(data, offset + len(data))

    def nodes(self):
        return tuple(self._node(name) for name in self.node_views)

    def _node(self, name):
        coming = self.node_views[name]
        now = coming.pop(0) if len(coming) > 1 else coming[0]
        return now if isinstance(now, NodeView) else NodeView(name=name, phase=now)

    def node_act(self, verb, name, leaving):
        self.done.append((verb, name, leaving))
        return replace(self._node(name), phase=NodePhase.PAUSED)

    def close(self):
        pass
