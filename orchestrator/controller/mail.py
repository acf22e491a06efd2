"""Mail over SMTP: the only module that imports aiosmtplib."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate

from aiosmtplib import (
    SMTPConnectError,
    SMTPConnectTimeoutError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    send,
)

from orchestrator.errors import OrchestratorError
from orchestrator.model.cluster import MailTls, Smtp

log = logging.getLogger(__name__)

STEP_LIMIT_S = 20.0
"""So long a mail server has for each answer."""

WHOLE_LIMIT_S = 60.0
SAID_MAX = 500


class NoServer(OrchestratorError):
    """No mail server was named, and there is none on this computer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is sent, and with which password."""

    to: tuple[str, ...]
    subject: str
    text: str
    key: str  #: the same mail sent twice has the same, so that mail programs show one
    host: str  #: of the controller
    password: str = field(default="", repr=False)


def deliver(mail: Mail, server: Smtp) -> None:
    """Hand a mail to the server; OrchestratorError, with why, if it took it for nobody.

    NoServer where there is none to ask.
    """
    try:
        refused = asyncio.run(asyncio.wait_for(_delivered(mail, server), WHOLE_LIMIT_S))
    except TimeoutError as error:
        raise OrchestratorError(f"mail server {_name(server)}: it does not answer") from error
    except (SMTPException, OSError, ValueError) as error:
        if server == Smtp() and _is_nobody_there(error):
            raise NoServer("mail: this computer has no mail server") from error
        raise OrchestratorError(f"mail server {_name(server)}: {_said(error)}") from error
    for address, why in refused.items():
        log.warning(
            "mail to %s: refused by %s: %s",
            address,
            _name(server),
            why,
            extra={"action": "mail_refused"},
        )


async def _delivered(mail: Mail, server: Smtp) -> dict[str, str]:
    """Return who was refused, and why."""
    has_tls = server.tls is not MailTls.NONE
    refused, _ = await send(
        _message(mail, server),
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=mail.password or None,
        use_tls=server.tls is MailTls.TLS,
        start_tls=server.tls is MailTls.STARTTLS,
        tls_context=ssl.create_default_context() if has_tls else None,
        timeout=STEP_LIMIT_S,
    )
    return {address: str(answer) for address, answer in refused.items()}


def _message(mail: Mail, server: Smtp) -> EmailMessage:
    host = mail.host if mail.host.isascii() and mail.host else "localhost"
    made = EmailMessage()
    made["From"] = server.sender or f"orchestrator@{host}"
    made["To"] = ", ".join(mail.to)
    made["Subject"] = mail.subject
    made["Date"] = formatdate()
    made["Message-ID"] = f"<{hashlib.sha256(mail.key.encode()).hexdigest()[:32]}@{host}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.text)
    return made


def _name(server: Smtp) -> str:
    return f"{server.host}:{server.port}"


def _is_nobody_there(error: Exception) -> bool:
    silent = isinstance(error, SMTPConnectTimeoutError)
    return isinstance(error, SMTPConnectError) and not silent


def _said(error: Exception) -> str:
    """Return an error as one line; that of a server has its own words in it."""
    if isinstance(error, SMTPRecipientsRefused):
        return "; ".join(_said(each) for each in error.recipients)
    text = str(error)
    if isinstance(error, SMTPResponseException):
        text = f"{error.code} {error.message}"
    return " ".join(text.split())[:SAID_MAX] or type(error).__name__
