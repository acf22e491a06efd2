"""The routes of the work: submit a batch, see it, act on it, read its logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from orchestrator.controller.front import Front
from orchestrator.errors import NotThere
from orchestrator.model.record import Happening, Standing
from orchestrator.model.talk import BatchView, Role, Submitted
from orchestrator.model.wire import KEY, NEXT, Act, Ranked, Sheets, is_attempt, pack
from orchestrator.web.answers import answer, empty, text_answer
from orchestrator.web.body import body
from orchestrator.web.who import User, told

OFFSET_MAX = 1 << 40

_LOG = told(Role.USER, gives="application/octet-stream", refuses=(404,))
_LOG["responses"][200]["headers"] = {
    NEXT: {"description": "Where the next piece begins.", "schema": {"type": "integer"}}
}


def routes(front: Front) -> APIRouter:
    """Return the routes of the work."""
    router = APIRouter(prefix="/v1", tags=["work"])

    @router.post(
        "/batches", **told(Role.USER, takes=Sheets, gives=Submitted, refuses=(404, 409, 429))
    )
    def submit(
        who: User,
        asked: Annotated[Sheets, Depends(body(Sheets))],
        key: Annotated[str, Header(alias=KEY, pattern=r"^[\x21-\x7e]{8,200}$")],
    ) -> Response:
        """Submit a batch; it is durable when this answers, and the same key is the same batch."""
        return answer(front.submit(who, asked.sheets, key))

    @router.get("/batches", **told(Role.USER, gives=(Standing,)))
    def batches(who: User, mine: bool = False) -> Response:
        """Return the batches that this client may see, oldest first."""
        return answer(front.batches(who, mine))

    @router.get("/batches/{id:path}", **told(Role.USER, gives=BatchView, refuses=(404,)))
    def batch(who: User, id: str) -> Response:
        """Return one batch with all its parts; a task names its job by id."""
        return text_answer(pack(front.batch(who, id)))

    @router.get("/timeline/{id:path}", **told(Role.USER, gives=(Happening,), refuses=(404,)))
    def timeline(who: User, id: str) -> Response:
        """Return what happened to a batch, job, target, segment or task, oldest first."""
        return answer(front.timeline(who, id))

    @router.post("/act", **told(Role.USER, takes=Act, refuses=(404, 409)))
    def act(who: User, asked: Annotated[Act, Depends(body(Act))]) -> Response:
        """Pause, resume, cancel or retry a batch, job, target, segment or task."""
        front.act(who, asked.verb, asked.id, asked.now)
        return empty()

    @router.post("/priority", **told(Role.USER, takes=Ranked, refuses=(404, 409)))
    def priority(who: User, asked: Annotated[Ranked, Depends(body(Ranked))]) -> Response:
        """Let a batch go before or behind others from now on; what runs goes on."""
        front.prioritize(who, asked.id, asked.priority)
        return empty()

    @router.get("/attempts/{id}/log", **_LOG)
    def log(
        who: User,
        id: Annotated[str, Path()],
        offset: Annotated[int, Query(ge=0, le=OFFSET_MAX)] = 0,
    ) -> Response:
        """Return the next piece of an attempt's log, as bytes; empty: nothing new."""
        if not is_attempt(id):
            raise NotThere(f"attempt {id!r}: there is none; see `status ID`")
        part = front.log(who, id, offset)
        return Response(
            part.data, media_type="application/octet-stream", headers={NEXT: str(part.next)}
        )

    return router
