"""Set up where webhooks go: address, secrets with an overlap, pause and resume."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from django.conf import settings
from django.db import transaction

from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Invalid, NotFound
from core.http import checked_addresses, url_problem
from core.models import WebhookEndpoint
from core.webhooks import signing
from core.webhooks.purposes import PURPOSES

URL_LIMIT: Final = 500
OVERLAP: Final = timedelta(hours=24)
"""For how long an older secret still signs beside the new one."""
State = WebhookEndpoint.State


def save_endpoint(
    *, actor: Actor, purpose: str, ref: UUID, url: str, wakes: bool = True
) -> tuple[WebhookEndpoint, str]:
    """Set the address of an object's webhooks; return the endpoint, and its secret when it is new.

    A saved address is active again if it `wakes`. Needs the purpose's permission; raises `Invalid` (`url`).
    """
    actor.require(PURPOSES.get(purpose).permission)
    address = checked_url(url)
    with transaction.atomic():
        rows = WebhookEndpoint.objects.select_for_update().filter(purpose=purpose, ref=ref)
        endpoint: WebhookEndpoint | None = rows.first()
        secret, old_state = "", endpoint.state if endpoint else ""
        if endpoint is None:
            secret = signing.new_secret()
            endpoint = WebhookEndpoint.objects.create(
                purpose=purpose, ref=ref, url=address, secrets={"current": secret}
            )
        else:
            if wakes:
                _wake(endpoint)
            endpoint.url = address
            endpoint.save()
        _record(actor, "WEBHOOK_ENDPOINT_SAVED", endpoint, old_state)
    return endpoint, secret


def rotate_secret(*, actor: Actor, endpoint_id: UUID, now: datetime | None = None) -> str:
    """Replace the secret; the old one signs too for `OVERLAP`. Needs the purpose's permission; raises `NotFound`."""
    moment = now or clock_now()
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        secret = signing.new_secret()
        endpoint.secrets = {
            "current": secret,
            "older": endpoint.secrets.get("current", ""),
            "older_until": (moment + OVERLAP).isoformat(),
        }
        endpoint.save(update_fields=["secrets"])
        _record(actor, "WEBHOOK_SECRET_REPLACED", endpoint, endpoint.state)
    return secret


def set_paused(*, actor: Actor, endpoint_id: UUID, is_paused: bool) -> WebhookEndpoint:
    """Pause deliveries or resume them; safe to repeat. Needs the purpose's permission; raises `NotFound`."""
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        old_state = endpoint.state
        if is_paused:
            endpoint.state = State.PAUSED
        else:
            _wake(endpoint)
        endpoint.save(update_fields=["state", "failures", "failing_since", "rest_until"])
        _record(actor, "WEBHOOKS_PAUSED" if is_paused else "WEBHOOKS_RESUMED", endpoint, old_state)
    return endpoint


def remove_endpoint(*, actor: Actor, endpoint_id: UUID) -> None:
    """Remove an endpoint; what waits isn't sent. Needs the purpose's permission; raises `NotFound`."""
    with transaction.atomic():
        endpoint = _locked(actor, endpoint_id)
        old_state = endpoint.state
        endpoint.state, endpoint.url, endpoint.secrets = State.REMOVED, "", {}
        endpoint.save(update_fields=["state", "url", "secrets"])
        _record(actor, "WEBHOOK_ENDPOINT_REMOVED", endpoint, old_state)


def find_endpoint(*, purpose: str, ref: UUID) -> WebhookEndpoint | None:
    """Return the endpoint of an object, or None."""
    return WebhookEndpoint.objects.filter(purpose=purpose, ref=ref).first()


def secrets_of(endpoint: WebhookEndpoint, moment: datetime) -> list[str]:
    """Return the secrets that sign now: the current one, and the older one during the overlap."""
    kept: dict[str, str] = endpoint.secrets
    found = [kept["current"]]
    if kept.get("older") and datetime.fromisoformat(kept["older_until"]) > moment:
        found.append(kept["older"])
    return found


def checked_url(url: str) -> str:
    """Return an address for webhooks, or raise `Invalid` (`url`); each attempt checks that its host is public."""
    address = url.strip()
    if reason := url_problem(address, "https://host/path", limit=URL_LIMIT, own_hosts=settings.WEBHOOK_HOSTS):
        raise Invalid("This isn't an address for webhooks.", fields={"url": [reason]})
    return address


def refuse_private(url: str) -> None:
    """Raise `Invalid` with the field `url` unless all addresses of the host are public now.

    It asks the system's resolver: call it outside of transactions. A name that does not resolve gets the same words,
    so that nobody learns which names exist inside a network.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        checked_addresses(host, parts.port or 443, frozenset(settings.WEBHOOK_HOSTS))
    except httpx2.ConnectError:
        reason = "This host has no public address. Enter one that can be reached from the internet."
        raise Invalid("This isn't an address for webhooks.", fields={"url": [reason]}) from None


def _wake(endpoint: WebhookEndpoint) -> None:
    endpoint.state, endpoint.failures, endpoint.failing_since, endpoint.rest_until = State.ACTIVE, 0, None, None


def _locked(actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = locked(WebhookEndpoint, endpoint_id, "There is no such webhook address.")
    actor.require(PURPOSES.get(endpoint.purpose).permission)
    return endpoint


def endpoint_for(*, actor: Actor, purpose: str, ref: UUID) -> WebhookEndpoint:
    """Return the endpoint of an object. Needs the purpose's permission; raises `NotFound`."""
    actor.require(PURPOSES.get(purpose).permission)
    endpoint = find_endpoint(purpose=purpose, ref=ref)
    if endpoint is None:
        raise NotFound("No webhook address is set.")
    return endpoint


def _record(actor: Actor, action: str, endpoint: WebhookEndpoint, old_state: str) -> None:
    about = {"purpose": endpoint.purpose, "ref": str(endpoint.ref)}
    chain.note(actor, action, endpoint, old_state=old_state, new_state=endpoint.state, **about)
