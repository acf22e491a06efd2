"""A parcel to its receiver: mail, webhook, command, plugins."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.controller.hook import Call, post
from orchestrator.controller.mail import Mail, deliver
from orchestrator.decide.notices import Message
from orchestrator.errors import OrchestratorError
from orchestrator.model.cluster import Notify
from orchestrator.model.notice import Carrier, Parcel
from orchestrator.plugin.manager import Plugins

COMMAND_LIMIT_S = 60.0
ENV_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "USER")
"""What a command sees of our environment; no secret of the controller's is among it (T11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Brings parcels to whom they are for.  May be used from several threads."""

    id: str  #: of the ledger: numbers of letters are its own
    host: str  #: of the controller
    secret: Callable[[str], str]  #: by name, as `manifest.cluster.secrets` has it; empty: none
    plugins: Plugins

    def __call__(self, notify: Notify, parcel: Parcel, message: Message) -> None:
        """Bring it; OrchestratorError, with why, if it did not arrive."""
        match parcel.way.carrier:
            case Carrier.MAIL:
                mail = Mail(
                    to=parcel.way.to,
                    subject=message.subject,
                    text=message.text,
                    key=self._key(parcel),
                    host=self.host,
                    password=self.secret("notify.smtp.password"),
                )
                deliver(mail, notify.smtp)
            case Carrier.WEBHOOK:
                self._post(notify, parcel, message)
            case Carrier.COMMAND:
                run(parcel.way.to, message.body)
            case Carrier.PLUGINS:
                for told in (each.notice for each in parcel.letters):
                    self.plugins.notice(told.kind.value, told.subject, told.text)

    def _post(self, notify: Notify, parcel: Parcel, message: Message) -> None:
        (url,) = parcel.way.to
        hook = next(each for each in notify.webhooks if each.url == url)
        post(
            Call(
                url=url,
                body=message.body,
                key=self._key(parcel),
                secret=self.secret(f"notify.webhooks/{url}.secret"),
                allow=hook.allow,
            )
        )

    def _key(self, parcel: Parcel) -> str:
        """Return what is the same when the same parcel is sent once more."""
        numbers = ",".join(str(each.number) for each in parcel.letters)
        whole = f"{self.id} {parcel.way.name} {numbers}"
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


def run(words: Sequence[str], body: str) -> None:
    """Run a command with `body` as its input; OrchestratorError unless it ends well in time."""
    env = {key: value for key, value in os.environ.items() if key in ENV_KEPT}
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise OrchestratorError(f"command {words[0]}: {error.strerror}") from error
    try:
        process.communicate(body.encode(), COMMAND_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise OrchestratorError(
            f"command {words[0]}: it did not end within {COMMAND_LIMIT_S:g} s"
        ) from error
    if process.returncode:
        raise OrchestratorError(f"command {words[0]}: it ended with {process.returncode}")
