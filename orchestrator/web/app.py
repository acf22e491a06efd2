"""The HTTP API: routes over the `Front`, each with its role, and a document that says it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from orchestrator import __version__
from orchestrator.controller.front import Front
from orchestrator.model.record import Standing
from orchestrator.model.talk import (
    Applied,
    BatchView,
    Cleaned,
    ClusterInfo,
    Leaving,
    NodeView,
    Preview,
    Role,
    StorageView,
    Submitted,
    Wanted,
)
from orchestrator.model.wire import Act, Clean, Failure, Login, Named, Sheets, Tick, Token, Trust
from orchestrator.web import cluster, follow, nodes, storage, work
from orchestrator.web.answers import answer_failures, text_answer
from orchestrator.web.guard import Bounds, Guard
from orchestrator.web.schemas import components
from orchestrator.web.who import Anybody, Door, told

_NOUNS = (
    *(Act, Applied, BatchView, ClusterInfo, Failure, Leaving, Login, Named, NodeView, Preview),
    *(Clean, Cleaned, StorageView),
    *(Sheets, Standing, Submitted, Tick, Token, Trust, Wanted),
)


def application(
    front: Front, door: Door, authority: Callable[[], str], bounds: Bounds | None = None
) -> ASGIApp:
    """Return the API of a controller.

    :param authority: returns the certificate of the cluster's authority as PEM
    """
    return Guard(api(front, door, authority), bounds or Bounds())


def api(front: Front, door: Door, authority: Callable[[], str]) -> FastAPI:
    """Return the routes and their document, without the bounds of a request."""
    app = FastAPI(
        title="orchestrator",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.door = door
    answer_failures(app)
    for router in (
        cluster.routes(front, authority),
        cluster.access_routes(door),
        work.routes(front),
        nodes.routes(front),
        storage.routes(front),
        follow.routes(follow.Ticks(front)),
        _about(app),
    ):
        app.router.routes.extend(router.routes)
    if open_to_all := [str(route) for route in app.routes if role_of(route) is None]:
        raise ValueError(f"routes without a role: {', '.join(open_to_all)}")
    return app


def role_of(route: BaseRoute) -> Role | None:
    """Return the role that a route was declared with; None: none."""
    extra = route.openapi_extra if isinstance(route, APIRoute) else None
    declared = (extra or {}).get("x-role")
    return None if declared is None else Role(declared)


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: our schemas and our failures instead of FastAPI's guesses."""
    made = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for path in made["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    made["components"] = {
        "schemas": components(_NOUNS),
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    return made


def _about(app: FastAPI) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["about"])
    made: list[dict[str, Any]] = []

    @router.get("/openapi.json", **told(Role.NOBODY, gives="application/json"))
    def openapi(who: Anybody) -> Response:
        """Return this document."""
        if not made:
            made.append(document(app))
        return text_answer(made[0])

    return router
