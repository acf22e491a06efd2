"""What goes back: nouns as JSON, and each failure as one noun with its status."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from orchestrator.errors import (
    Busy,
    Conflict,
    Forbidden,
    LedgerError,
    ManifestError,
    NodeError,
    NotThere,
    OrchestratorError,
    Refusal,
)
from orchestrator.model.codec import dump
from orchestrator.model.wire import Failure, Trouble

log = logging.getLogger(__name__)

_KINDS: tuple[tuple[type[OrchestratorError], int, Trouble], ...] = (
    (NotThere, 404, Trouble.NOT_THERE),
    (Forbidden, 403, Trouble.FORBIDDEN),
    (Conflict, 409, Trouble.CONFLICT),
    (Busy, 429, Trouble.BUSY),
    (Refusal, 400, Trouble.REFUSED),
    (NodeError, 502, Trouble.NODE),
    (OrchestratorError, 500, Trouble.OURS),
)
"""The first that fits."""

_STATUSES = {401: Trouble.WHO, 403: Trouble.FORBIDDEN, 404: Trouble.NOT_THERE}


class Turned(Exception):
    """A request that is answered with a failure before anybody is asked."""

    def __init__(
        self, status: int, error: str, kind: Trouble = Trouble.REFUSED, faults: tuple[str, ...] = ()
    ) -> None:
        super().__init__(error)
        self.status = status
        self.failure = Failure(error=error, kind=kind, faults=faults)


def answer(noun: object, status: int = 200) -> Response:
    """Return a noun, or a tuple of nouns, as JSON."""
    return text_answer(dump(noun), status)


def text_answer(
    data: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON data; every character above 127 is escaped, so no half of a pair breaks it."""
    body = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Response(body, status, dict(headers or {}), media_type="application/json")


def empty() -> Response:
    """Return the answer of what was done and has nothing to tell."""
    return Response(status_code=204)


def answer_failures(app: FastAPI) -> None:
    """Make every exception an answer: one noun, one sentence, never a traceback."""
    app.add_exception_handler(OrchestratorError, _said)
    app.add_exception_handler(Turned, _turned)
    app.add_exception_handler(HTTPException, _by_status)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)


def _said(request: Request, error: Exception) -> Response:
    if isinstance(error, LedgerError):
        full = "full" in f"{error} {error.__cause__}"
        return _failure(507 if full else 503, str(error), Trouble.STORED_NOT)
    _, status, kind = next(row for row in _KINDS if isinstance(error, row[0]))
    faults = error.faults if isinstance(error, ManifestError) else ()
    return _failure(status, str(error), kind, faults)


def _turned(request: Request, error: Exception) -> Response:
    assert isinstance(error, Turned)
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (408, 413):
        headers["Connection"] = "close"
    return text_answer(dump(error.failure), error.status, headers)


def _by_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = f"{request.method} {request.url.path}: {error.detail}; /v1/openapi.json says what is"
    failure = Failure(error=sentence, kind=_STATUSES.get(error.status_code, Trouble.REFUSED))
    headers = {"Allow": _methods(request)} if error.status_code == 405 else error.headers
    return text_answer(dump(failure), error.status_code, headers)


def _methods(request: Request) -> str:
    """Return what can be asked of a path: the router names one route's alone."""
    at = (each for each in request.app.routes if each.path_regex.match(request.url.path))
    return ", ".join(sorted({method for route in at for method in route.methods}))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = tuple(_fault(each) for each in error.errors())
    return _failure(400, "; ".join(faults), Trouble.REFUSED, faults)


def _fault(error: Mapping[str, Any]) -> str:
    return f"{' '.join(str(each) for each in error['loc'])}: {error['msg']}"


def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("%s %s: %r", request.method, request.url.path, error, extra={"action": "api_failed"})
    return _failure(500, "the controller met a fault of its own; its log has it", Trouble.OURS)


def _failure(status: int, error: str, kind: Trouble, faults: tuple[str, ...] = ()) -> Response:
    return text_answer(dump(Failure(error=error, kind=kind, faults=faults)), status)
