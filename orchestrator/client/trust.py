"""How a client comes to trust a controller: by a fingerprint that a person has, never at first sight."""

from __future__ import annotations

import hmac
import ssl

import httpx

from orchestrator.client.address import url_of
from orchestrator.client.known import fingerprint
from orchestrator.client.line import NoAnswer
from orchestrator.errors import Refusal

PEM_BYTES_MAX = 16 << 10

TIMEOUT_S = 10.0


def authority(address: str, expected: str) -> str:
    """Return the certificate (PEM) of the authority at ``host:port`` whose fingerprint this is.

    Fetched without trust, and nothing is sent: what comes is taken only if its fingerprint is the
    expected one, and whoever has another's certificate cannot answer with its key later.  Refusal,
    with both fingerprints, for any other; NoAnswer if nobody is there.
    """
    wanted = _plain(expected)
    pem = _fetched(address)
    try:
        found = fingerprint(pem)
    except ValueError as error:
        raise Refusal(f"{address}: what it shows is no certificate; is it a controller?") from error
    if not hmac.compare_digest(_plain(found), wanted):
        raise Refusal(
            f"{address}: its authority is {found}, not {expected}; compare it with what "
            "`orchestrator controller status` shows on its computer"
        )
    return pem


def _plain(text: str) -> str:
    """Return the digits of a fingerprint; Refusal for what is none."""
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "")
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise Refusal(f"fingerprint {text!r}: none; it is SHA256: and 64 hexadecimal digits")
    return digits


def _fetched(address: str) -> str:
    url = f"{url_of(address)}/v1/authority"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # compared below
    taken = b""
    try:
        with (
            httpx.Client(verify=context, trust_env=False, timeout=TIMEOUT_S) as http,
            http.stream("GET", url) as response,
        ):
            for piece in response.iter_bytes(PEM_BYTES_MAX):
                taken += piece
                if response.status_code != 200 or len(taken) > PEM_BYTES_MAX:
                    break
    except httpx.HTTPError as error:
        raise NoAnswer(address, str(error)) from error
    return taken.decode("utf-8", "replace")
