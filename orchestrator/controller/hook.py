"""Webhooks: notices posted to a URL, signed, and never to an address that was not meant (T16)."""

from __future__ import annotations

import asyncio
import hmac
import socket
import ssl
import time
from dataclasses import dataclass, field
from ipaddress import ip_address

import httpx

from orchestrator.errors import OrchestratorError
from orchestrator.model.addresses import Address, is_allowed
from orchestrator.model.notice import shown_url

LIMIT_S = 5.0
"""So long a webhook has in all: to be found, reached, and to answer."""

ANSWER_MAX_BYTES = 64 << 10
SIGNATURE = "X-Orchestrator-Signature"
DELIVERY = "X-Orchestrator-Delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One post."""

    url: str
    body: str
    key: str  #: the same post sent twice has the same
    secret: str = field(default="", repr=False)  #: empty: it is not signed
    allow: tuple[str, ...] = ()  #: addresses and ranges that are private and meant


def post(call: Call) -> None:
    """Post it; OrchestratorError, with why, unless the answer is 200 to 299."""
    try:
        asyncio.run(asyncio.wait_for(_posted(call), LIMIT_S))
    except TimeoutError as error:
        raise _failed(call, f"it does not answer within {LIMIT_S:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise _failed(call, " ".join(str(error).split()) or type(error).__name__) from error


def signature(secret: str, body: bytes, at: int) -> str:
    """Return ``t=UNIX,v1=HEX``: HMAC-SHA256 over the time, a full stop and the body."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256")
    return f"t={at},v1={mac.hexdigest()}"


async def _posted(call: Call) -> None:
    url = httpx.URL(call.url)
    address = await _resolved(call, url)
    body, at = call.body.encode(), int(time.time())
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "orchestrator",
        DELIVERY: call.key,
    }
    if call.secret:
        headers[SIGNATURE] = signature(call.secret, body, at)
    client = httpx.AsyncClient(
        trust_env=False,  # a proxy would resolve the name once more, and elsewhere
        follow_redirects=False,
        verify=ssl.create_default_context(),
        timeout=LIMIT_S,
    )
    async with client:
        request = client.build_request(
            "POST",
            url.copy_with(host=str(address)),
            content=body,
            headers=headers,
            extensions={"sni_hostname": url.host},
        )
        answer = await client.send(request, stream=True)
        try:
            await _read(answer)
        finally:
            await answer.aclose()
    if not answer.is_success:
        raise _failed(call, f"it answers {answer.status_code}; wanted: 200 to 299")


async def _read(answer: httpx.Response) -> None:
    """Take the answer, so that its end is seen, but not more than anybody needs."""
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > ANSWER_MAX_BYTES:
            return


async def _resolved(call: Call, url: httpx.URL) -> Address:
    """Return the address to connect to: asked once, and connected to as it was checked."""
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]
    for address in addresses:
        if not is_allowed(address, call.allow):
            raise _failed(
                call,
                f"it leads to {address}, which is not public; if it is meant, list the address "
                "under allow, and apply",
            )
    return addresses[0]


def _failed(call: Call, why: str) -> OrchestratorError:
    return OrchestratorError(f"webhook {shown_url(call.url)}: {why}")
