"""The routes of the cluster itself: what it is, what is wanted of it, who may come in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse

from orchestrator.controller.front import Front
from orchestrator.errors import Forbidden
from orchestrator.model.talk import Applied, ClusterInfo, Leaving, Preview, Role, Wanted
from orchestrator.model.wire import Login, Named, Token, Trouble
from orchestrator.web.answers import Turned, answer, empty
from orchestrator.web.body import body
from orchestrator.web.who import NAME_MAX, Admin, Anybody, Door, is_local, token_of, told

LOGINS_MAX = 20
"""At once, on threads of their own; more are told to come again.  The door compares few at a time."""


def routes(front: Front, authority: Callable[[], str]) -> APIRouter:
    """Return the routes of the cluster."""
    router = APIRouter(prefix="/v1", tags=["cluster"])

    @router.get("/authority", **told(Role.NOBODY, gives="application/x-pem-file"))
    def the_authority(who: Anybody) -> Response:
        """Return the certificate of the cluster's authority; compare its fingerprint."""
        return PlainTextResponse(authority(), media_type="application/x-pem-file")

    @router.get("/info", **told(Role.NOBODY, gives=ClusterInfo))
    def info(who: Anybody) -> Response:
        """Return what the cluster is; without a token only its name, id and version."""
        return answer(front.info(who))

    @router.post("/preview", **told(Role.ADMIN, takes=Wanted, gives=Preview, refuses=(409,)))
    def preview(who: Admin, wanted: Annotated[Wanted, Depends(body(Wanted))]) -> Response:
        """Return what applying these manifests would do."""
        return answer(front.preview(who, wanted))

    @router.put("/manifest", **told(Role.ADMIN, takes=Wanted, gives=Applied, refuses=(409,)))
    def apply(who: Admin, wanted: Annotated[Wanted, Depends(body(Wanted))]) -> Response:
        """Make the cluster as these manifests say; the same again changes nothing."""
        return answer(front.apply(who, wanted))

    @router.delete("/cluster", **told(Role.ADMIN, refuses=(409,)))
    def leave(
        who: Admin, now: bool = False, deadline_s: Annotated[float | None, Query(ge=0)] = None
    ) -> Response:
        """End the cluster: drain its nodes, remove what was put on them, stop the controller."""
        front.leave(who, Leaving(deadline_s=deadline_s, now=now))
        return empty()

    @router.post("/stop", **told(Role.ADMIN))
    def stop(who: Admin) -> Response:
        """Stop the controller; what runs on the nodes goes on."""
        front.stop(who)
        return empty()

    return router


def access_routes(door: Door) -> APIRouter:
    """Return the routes by which a client gets its token, and gives it back."""
    router = APIRouter(prefix="/v1", tags=["access"])
    logins = _Logins()

    @router.post("/login", **told(Role.NOBODY, takes=Login, gives=Token, refuses=(429,)))
    async def login(request: Request, asked: Annotated[Login, Depends(body(Login))]) -> Response:
        """Exchange a password for a token, which is shown this once."""
        address = request.client.host if request.client else ""
        token = await logins.run(lambda: _login(door, asked, address))
        return answer(Token(token=token))

    @router.post("/token", **told(Role.ADMIN, takes=Named, gives=Token, refuses=(429,)))
    def token(
        request: Request, who: Admin, asked: Annotated[Named, Depends(body(Named))]
    ) -> Response:
        """Return an administrator's token: over the local socket alone, for use from elsewhere."""
        if not is_local(request):
            why = "token: given over the controller's local socket alone; log in with a password"
            raise Turned(403, why, Trouble.FORBIDDEN)
        return answer(Token(token=door.issue(Role.ADMIN, asked.name[:NAME_MAX])))

    @router.post("/logout", **told(Role.USER))
    def logout(request: Request) -> Response:
        """Forget the token that this request carries."""
        if token := token_of(request):
            door.logout(token)
        return empty()

    return router


def _login(door: Door, asked: Login, address: str) -> str:
    try:
        return door.login(asked.role, asked.password, asked.name[:NAME_MAX], address)
    except Forbidden as error:
        raise Turned(401, str(error), Trouble.WHO) from error


class _Logins:
    """Checks passwords on threads of their own: who has a token does not wait for them (T10)."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(LOGINS_MAX, thread_name_prefix="login")
        self._lock = threading.Lock()
        self._asked = 0

    async def run(self, check: Callable[[], str]) -> str:
        with self._lock:
            if self._asked >= LOGINS_MAX:
                raise Turned(429, "login: too many at once; try again in a minute", Trouble.BUSY)
            self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, check)
        finally:
            with self._lock:
                self._asked -= 1
