"""Who asks, and whether that is enough: every route says which role it takes (T18)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from orchestrator.model.talk import Client, Role
from orchestrator.model.wire import NAME, Failure, Trouble
from orchestrator.web.answers import Turned
from orchestrator.web.schemas import reference

LOCAL = "orchestrator.local"
"""The key of an ASGI scope that the server sets on what came over its unix socket."""

NAME_MAX = 100

_ORDER = tuple(Role)


class Door(Protocol):
    """Passwords and tokens.  Every method may be called from any thread."""

    def login(self, role: Role, password: str, name: str, address: str) -> str:
        """Return a new token; Forbidden for a wrong password, Busy after too many from `address`."""

    def issue(self, role: Role, name: str) -> str:
        """Return a new token for who has proved otherwise what he may do; Busy: too many there are."""

    def who(self, token: str) -> Client | None:
        """Return whose token it is; None: nobody's, or no more."""

    def logout(self, token: str) -> None:
        """Forget a token."""


def client_of(request: Request) -> Client:
    """Return who asks; Turned (401) for a token that is nobody's.

    Over the local socket that is the administrator: only its owner can open it.
    """
    if is_local(request):
        name = "".join(each for each in request.headers.get(NAME, "") if each.isprintable())
        return Client(role=Role.ADMIN, name=name[:NAME_MAX])
    if (token := token_of(request)) is None:
        return Client(role=Role.NOBODY)
    door: Door = request.app.state.door
    if (client := door.who(token)) is None:
        raise Turned(401, "token: not known, or no more; log in again", Trouble.WHO)
    return client


def is_local(request: Request) -> bool:
    """Whether a request came over the local socket, which only its owner can open."""
    return request.scope.get(LOCAL) is True


def token_of(request: Request) -> str | None:
    """Return the token that a request carries; an empty one is nobody's."""
    value = request.headers.get("authorization")
    if value is None:
        return None
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def only_known(request: Request) -> None:
    """Refuse a parameter that a route does not know: a misspelt one would do something else."""
    route: APIRoute = request.scope["route"]
    known = {each.alias for each in route.dependant.query_params}
    asked = [key for key, _ in request.query_params.multi_items()]
    faults = tuple(
        f"query {key}: {'given twice' if key in known else 'unknown'}; "
        f"known are: {', '.join(sorted(known)) or 'none'}"
        for key in dict.fromkeys(asked)
        if key not in known or asked.count(key) > 1
    )
    if faults:
        raise Turned(400, "; ".join(faults), faults=faults)


@cache
def need(role: Role) -> Callable[[Request], Client]:
    """Return what lets a client of this role or above pass."""

    def check(request: Request) -> Client:
        client = client_of(request)
        if _ORDER.index(client.role) >= _ORDER.index(role):
            return client
        if client.role is Role.NOBODY:
            raise Turned(401, f"no token: this takes the role {role.value}; log in", Trouble.WHO)
        raise Turned(
            403,
            f"role {client.role.value}: this takes {role.value}; log in as that",
            Trouble.FORBIDDEN,
        )

    return check


Anybody = Annotated[Client, Depends(need(Role.NOBODY))]
User = Annotated[Client, Depends(need(Role.USER))]
Admin = Annotated[Client, Depends(need(Role.ADMIN))]

_FAILURES = {
    400: "The request was refused; nothing was changed.",
    401: "There is no token, or it is nobody's; a wrong password.",
    403: "The client may not do this.",
    404: "Nothing has this id or name.",
    408: "The body did not come in time.",
    409: "Something else stands there: another revision, body or owner.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    429: "Too much at once; the same will do later.",
    500: "A fault of the controller's own.",
    502: "A node did not do what it was told.",
    503: "The controller cannot do it now; the same will do later.",
    507: "The disk of the ledger is full.",
}


def told(
    role: Role,
    *,
    takes: type | None = None,
    gives: object = None,
    refuses: Sequence[int] = (),
) -> dict[str, Any]:
    """Return what a route is declared with: the role it takes, its body and its answers.

    :param gives: a noun; ``(noun,)`` for a list of them; text: a media type; None: no content
    """
    statuses = [400, 401, 500, 503, 507, *refuses]
    statuses += [] if role is Role.NOBODY else [403]
    statuses += [] if takes is None else [408, 413, 415]
    extra: dict[str, Any] = {"x-role": role.value}
    extra["security"] = [{}] if role is Role.NOBODY else [{"token": []}]
    if takes:
        extra["requestBody"] = {"required": True, "content": _json(reference(takes))}
    failures = {each: _FAILURES[each] for each in sorted(statuses)}
    return {
        "dependencies": [Depends(need(role)), Depends(only_known)],
        "openapi_extra": extra,
        "status_code": 200 if gives else 204,
        "responses": _success(gives)
        | {
            status: {"description": about, "content": _json(reference(Failure))}
            for status, about in failures.items()
        },
    }


def _success(gives: object) -> dict[int | str, dict[str, Any]]:
    if gives is None:
        return {204: {"description": "Done."}}
    if isinstance(gives, str):
        return {
            200: {"description": "As asked.", "content": {gives: {"schema": {"type": "string"}}}}
        }
    if isinstance(gives, tuple):
        schema: dict[str, Any] = {"type": "array", "items": reference(gives[0])}
    else:
        assert isinstance(gives, type)
        schema = reference(gives)
    return {200: {"description": "As asked.", "content": _json(schema)}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
