"""The webhook of Zendesk: signed hints that tickets have changed, after which nothing old of them is shown."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, Field, StringConstraints

from core.clock import now
from integrations.calls import last_values
from integrations.calls.operations import Line
from integrations.connections import hints
from integrations.connections.hints import Refusal
from integrations.models import ProviderAccount
from integrations.ticketing import kept
from integrations.zendesk.client import READ, ticket_of
from integrations.zendesk.platform import Zendesk

BODY_LIMIT: Final = 256 * 1024
SIGNATURE: Final = "X-Zendesk-Webhook-Signature"
MOMENT: Final = "X-Zendesk-Webhook-Signature-Timestamp"
WINDOW: Final = 300
"""Seconds; Zendesk names none."""
OF_TICKETS: Final = "zen:event-type:ticket."
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")


class Detail(BaseModel):
    """Which ticket an event is about; all else that Zendesk says of it stays unread."""

    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")] = Field(
        "0", alias="id", coerce_numbers_to_str=True
    )


class Event(BaseModel):
    """What Zendesk says of a change."""

    kind: str = Field(alias="type", max_length=200)
    detail: Detail = Detail.model_validate({})


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
def take_hint(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """Drop what is kept of a ticket, and have the tickets beside conversations read again."""
    return hints.receive(request, tenant_id, connection_id, take, body_limit=BODY_LIMIT)


def take(request: HttpRequest, body: bytes, account: ProviderAccount) -> None:
    """Take a signed event; one about anything else, and a post that came before, do nothing.

    Raises `Refusal`, ValidationError and RedisError.
    """
    if code := refusal_of(account, body, request.headers):
        raise Refusal(code)
    event = Event.model_validate_json(body)
    proof = hashlib.sha256(request.headers[SIGNATURE].encode()).hexdigest()
    seen = f"{account.tenant_id.hex}:zendesk-hint:{account.pk.hex}:{proof}"
    if not event.kind.startswith(OF_TICKETS) or cache.get(seen):
        return
    last_values.forget(Line(account), READ, ticket_of(event.detail.number))
    kept.note_change(Zendesk.key)
    cache.set(seen, 1, timeout=2 * WINDOW)  # at the end: one that was answered 503 is taken when it comes again


def refusal_of(account: ProviderAccount, body: bytes, headers: Mapping[str, str]) -> str:
    """Return why a post isn't signed by the connection's webhook, now; "" if it is."""
    secret = str(account.credentials.get("signing_secret", "")) if account.provider == Zendesk.key else ""
    moment, given = headers.get(MOMENT, ""), headers.get(SIGNATURE, "")
    if not secret or not _MOMENT.fullmatch(moment):
        return "bad_signature"
    wanted = base64.b64encode(hmac.digest(secret.encode(), moment.encode() + body, "sha256"))
    if not hmac.compare_digest(wanted, given.encode()):
        return "bad_signature"
    try:
        age = now() - datetime.fromisoformat(moment)
    except ValueError:
        return "bad_signature"
    return "" if abs(age.total_seconds()) <= WINDOW else "stale"
