"""``notify`` of a Cluster to its noun."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.manifest.node import Part, secret
from orchestrator.manifest.notify_rules import LOCAL
from orchestrator.manifest.times import seconds
from orchestrator.model.cluster import MailTls, Notify, Secret, Smtp, Webhook


def notify(spec: Part) -> Notify:
    """Return who hears of what happens."""
    return Notify(
        to=tuple(spec.get("to", ())),
        service_down_after_s=seconds(spec.get("serviceDownAfter", "1m")),
        smtp=_smtp(spec.get("smtp", {})),
        webhooks=tuple(_webhook(each) for each in spec.get("webhooks", ())),
        commands=tuple(tuple(each) for each in spec.get("commands", ())),
    )


def notify_secrets(told: Notify) -> Mapping[str, Secret | None]:
    """Return the secrets that a ``notify`` refers to, by the names they travel under."""
    hooks = {f"notify.webhooks/{each.url}.secret": each.secret for each in told.webhooks}
    return {"notify.smtp.password": told.smtp.password, **hooks}


def _smtp(spec: Part) -> Smtp:
    host = spec.get("host", "localhost")
    usual = "none" if host in LOCAL else "starttls"
    return Smtp(
        host=host,
        port=spec.get("port", 25),
        sender=spec.get("from", ""),
        user=spec.get("user", ""),
        password=secret(spec, "password"),
        tls=MailTls(spec.get("tls", usual)),
    )


def _webhook(spec: Part) -> Webhook:
    return Webhook(
        url=spec["url"], secret=secret(spec, "secret"), allow=tuple(spec.get("allow", ()))
    )
