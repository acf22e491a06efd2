"""The routes of cluster storage."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from orchestrator.controller.front import Front
from orchestrator.model.talk import Cleaned, Role, StorageView
from orchestrator.model.wire import Clean
from orchestrator.web.answers import answer
from orchestrator.web.body import body
from orchestrator.web.who import User, told


def routes(front: Front) -> APIRouter:
    """Return the routes of cluster storage."""
    router = APIRouter(prefix="/v1/storage", tags=["storage"])

    @router.get("", **told(Role.USER, gives=StorageView, refuses=(429,)))
    def stored(who: User) -> Response:
        """Return what cluster storage holds, batch by batch."""
        return answer(front.stored(who))

    @router.post("/clean", **told(Role.USER, takes=Clean, gives=Cleaned, refuses=(404, 429)))
    def clean(who: User, asked: Annotated[Clean, Depends(body(Clean))]) -> Response:
        """Delete all that one batch left, which must be over; an administrator: what is due of all."""
        return answer(front.clean(who, asked.batch))

    return router
