"""The body of a request: JSON text to a noun, within its limits (T17)."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar

from fastapi import Request

from orchestrator.model.codec import load
from orchestrator.web.answers import Turned

T = TypeVar("T")

DEPTH_MAX = 32
"""How deep the lists and objects of a body may lie in each other."""


@cache
def body(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """Return what reads a noun of this kind from a request."""

    async def read(request: Request) -> T:
        sort = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sort != "application/json":
            raise Turned(415, f"content type {sort or 'none'}: not read; send application/json")
        return parse(kind, await request.body())

    return read


def parse(kind: type[T], data: bytes) -> T:
    """Return the noun that a body describes; Turned (400) for anything else, with what is wrong."""
    try:
        tree = json.loads(data.decode("utf-8"), parse_constant=_no_number)
        _check(tree)
        return load(kind, tree)
    except RecursionError:
        raise _bad(kind, f"deeper than {DEPTH_MAX} levels") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise _bad(kind, str(error)) from error


def _bad(kind: type, why: str) -> Turned:
    fault = f"body: {why}; wanted: {kind.__name__} as in /v1/openapi.json"
    return Turned(400, fault, faults=(fault,))


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _check(tree: object) -> None:
    """Raise ValueError for what is too deep, half a character or no finite number."""
    level: list[object] = [tree]
    for _ in range(DEPTH_MAX + 1):
        if not level:
            return
        level = [part for each in level for part in _parts(each)]
    raise ValueError(f"deeper than {DEPTH_MAX} levels")


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large")
    return []
