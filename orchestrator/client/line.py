"""The line to one controller: requests out, JSON or an exception back."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from orchestrator.client.address import url_of
from orchestrator.errors import (
    Busy,
    Conflict,
    Forbidden,
    ManifestError,
    NotThere,
    OrchestratorError,
    Refusal,
    Rejected,
    Unreachable,
)
from orchestrator.model.codec import dump, load
from orchestrator.model.wire import BODY_BYTES_MAX, NAME, SERVER_NAME, Failure, Trouble

TIMEOUT = httpx.Timeout(30.0, connect=5.0)

_EXCEPTIONS: Mapping[Trouble, type[OrchestratorError]] = {
    Trouble.REFUSED: Refusal,
    Trouble.WHO: Forbidden,
    Trouble.FORBIDDEN: Forbidden,
    Trouble.NOT_THERE: NotThere,
    Trouble.CONFLICT: Conflict,
    Trouble.BUSY: Busy,
}


class NoAnswer(Unreachable):
    """The controller did not answer; whether it did what was asked is not known."""

    def __init__(self, whom: str, why: str) -> None:
        sentence = f"controller {whom}: cannot be reached: {why}; see there: {_STATUS}"
        OrchestratorError.__init__(self, sentence)
        self.node = whom


class Untrusted(Rejected):
    """Who answers cannot prove that it is this cluster's controller."""

    def __init__(self, whom: str, why: str) -> None:
        sentence = (
            f"controller {whom}: not trusted: {why}; if it was set up anew, compare the "
            f"fingerprint that `{_STATUS}` shows there, and give it with --fingerprint"
        )
        OrchestratorError.__init__(self, sentence)
        self.node = whom


_STATUS = "orchestrator controller status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str  #: below ``/v1``
    noun: object = None  #: of its body; None: it has none
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None


class Line:
    """One controller.  May be used from several threads."""

    def __init__(self, http: httpx.Client, whom: str) -> None:
        self._http = http
        self.whom = whom  #: for sentences: ``host:port``, or the path of the local socket

    @classmethod
    def local(cls, path: Path, name: str, whom: str = "") -> Line:
        """Return the line to the controller at a unix socket."""
        shown = name.encode("ascii", "replace").decode()
        http = httpx.Client(
            base_url="http://controller/v1",
            headers={NAME: shown} if shown else {},
            transport=_Local(path),
            timeout=TIMEOUT,
            trust_env=False,
        )
        return cls(http, whom or str(path))

    @classmethod
    def remote(cls, address: str, authority: str, token: str | None) -> Line:
        """Return the line to the controller at ``host:port`` that this authority vouches for."""
        http = httpx.Client(
            base_url=f"{url_of(address)}/v1",
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            verify=_trusting(authority),
            timeout=TIMEOUT,
            trust_env=False,
        )
        return cls(http, address)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def ask(self, call: Call) -> Any:
        """Return the answer as JSON data; None where it has no content."""
        response = self.whole(call)
        if response.status_code == 204:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise self.strange(f"{response.status_code} without JSON") from error

    def whole(self, call: Call) -> httpx.Response:
        """Return the answer to a request that was not refused."""
        with self.request(call) as response, self._reached():
            response.read()
        return response

    @contextmanager
    def request(self, call: Call) -> Iterator[httpx.Response]:
        """Open the answer to a request that was not refused; its body is still to be read."""
        with self._reached():
            response = self._http.send(self._built(call), stream=True)
        try:
            if not response.is_success:
                with self._reached():
                    response.read()
                raise self._refused(response)
            yield response
        finally:
            response.close()

    def strange(self, what: str) -> OrchestratorError:
        """Return what to raise for an answer that is none of a controller's."""
        return OrchestratorError(
            f"controller {self.whom}: answered {what}; is that a controller of this version?"
        )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make exceptions of the network ours while a body is read."""
        with self._reached():
            yield

    def _built(self, call: Call) -> httpx.Request:
        headers = dict(call.headers or {})
        content = b""
        if call.noun is not None:
            content = json.dumps(dump(call.noun), allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        if len(content) > BODY_BYTES_MAX:
            raise Refusal(
                f"{call.path}: {len(content)} bytes, and a controller takes {BODY_BYTES_MAX}; "
                "send less at a time"
            )
        return self._http.build_request(
            call.method,
            call.path,
            content=content or None,
            params=call.query or None,
            headers=headers,
            extensions={"sni_hostname": SERVER_NAME, "timeout": TIMEOUT.as_dict()},
        )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            if (doubt := _doubt(error)) is not None:
                raise Untrusted(self.whom, doubt) from error
            raise NoAnswer(self.whom, _said(error)) from error

    def _refused(self, response: httpx.Response) -> OrchestratorError:
        try:
            failure = load(Failure, response.json())
        except (ValueError, TypeError):
            return self.strange(f"{response.status_code} {response.reason_phrase}".strip())
        if failure.kind is Trouble.REFUSED and failure.faults:
            return ManifestError(failure.faults)
        return _EXCEPTIONS.get(failure.kind, OrchestratorError)(failure.error)


class _Local(httpx.HTTPTransport):
    """Knocks before each request: a connection that fails inside would leave a socket open."""

    def __init__(self, path: Path) -> None:
        super().__init__(uds=str(path))
        self._path = str(path)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; ConnectError if nobody listens."""
        if sys.platform != "win32":
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
                try:
                    knock.connect(self._path)
                except OSError as error:
                    raise httpx.ConnectError(str(error), request=request) from error
        return super().handle_request(request)


def _trusting(authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks name and chain
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise Refusal(f"authority of the cluster: no certificate: {error}; apply again") from error
    return context


def _doubt(error: BaseException | None) -> str | None:
    """Return why a certificate was not taken; None if that is not what went wrong."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None


def _said(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
