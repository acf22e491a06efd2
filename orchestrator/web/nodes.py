"""The routes of the nodes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse

from orchestrator.controller.front import Front
from orchestrator.model.talk import Leaving, NodeView, Role, Verb
from orchestrator.model.wire import Trust
from orchestrator.web.answers import answer
from orchestrator.web.body import body
from orchestrator.web.who import Admin, User, told


def routes(front: Front) -> APIRouter:
    """Return the routes of the nodes."""
    router = APIRouter(prefix="/v1/nodes", tags=["nodes"])

    @router.get("", **told(Role.USER, gives=(NodeView,)))
    def nodes(who: User) -> Response:
        """Return the nodes by name, free ones that were seen included."""
        return answer(front.nodes(who))

    @router.post("/{name}/pause", **_changes(Leaving))
    def pause(who: Admin, name: str, how: Annotated[Leaving, Depends(body(Leaving))]) -> Response:
        """Give a node no new work; what runs is finished, or stopped at the deadline."""
        return answer(front.node_act(who, Verb.PAUSE, name, how))

    @router.post("/{name}/resume", **_changes())
    def resume(who: Admin, name: str) -> Response:
        """Give a node work again."""
        return answer(front.node_act(who, Verb.RESUME, name, Leaving()))

    @router.post("/{name}/trust", **_changes(Trust))
    def trust(who: Admin, name: str, key: Annotated[Trust, Depends(body(Trust))]) -> Response:
        """Take a host key, which a person has compared, for the node's, and try again."""
        return answer(front.node_trust(who, name, key.fingerprint))

    @router.post("/{name}/lost", **_changes())
    def lost(who: Admin, name: str) -> Response:
        """Say that a silent node will not come back: its work is given out again at once."""
        return answer(front.node_lost(who, name))

    @router.get("/{name}/log", **told(Role.ADMIN, gives="text/plain", refuses=(404, 502)))
    def node_log(who: Admin, name: str) -> Response:
        """Return the end of the log of a node's agent; of the controller's for `controller`."""
        return PlainTextResponse(front.node_log(who, name).encode("utf-8", "replace"))

    return router


def _changes(takes: type | None = None) -> dict[str, Any]:
    return told(Role.ADMIN, takes=takes, gives=NodeView, refuses=(404, 409, 502))
