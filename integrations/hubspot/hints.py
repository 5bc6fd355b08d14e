"""The webhook of HubSpot: signed hints of changes, after which nothing old is shown and contacts are read soon."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, Field, TypeAdapter

from core.clock import now
from integrations.calls import last_values
from integrations.calls.operations import Line
from integrations.connections import hints
from integrations.connections.hints import Refusal
from integrations.connections.selectors import webhook_of
from integrations.crm.types import CONTACTS
from integrations.hubspot.client import READ, READ_CONTACT, contact_of, ticket_of
from integrations.hubspot.platform import Hubspot
from integrations.models import ProviderAccount
from integrations.sync import services as sync
from integrations.ticketing import kept

BODY_LIMIT: Final = 256 * 1024
"""A post holds up to a hundred events."""
SIGNATURE: Final = "X-HubSpot-Signature-v3"
MOMENT: Final = "X-HubSpot-Request-Timestamp"
WINDOW: Final = 300
"""Seconds, as HubSpot says."""
OF_CONTACTS, OF_TICKETS = "0-1", "0-5"
_MILLISECONDS: Final = re.compile(r"[0-9]{10,16}")


class Event(BaseModel):
    """What HubSpot says of a change; its value and whose it is stay unread."""

    kind: str = Field(alias="subscriptionType", max_length=100)
    object_type: str = Field("", alias="objectTypeId", max_length=40)
    number: int | None = Field(None, alias="objectId")

    def is_about(self, name: str, object_type: str) -> bool:
        """Return True for an event of these objects, old or new in form."""
        return self.kind.startswith(f"{name}.") or self.object_type == object_type


EVENTS: Final = TypeAdapter(list[Event])


@csrf_exempt  # carries no cookie and trusts none: the signature is the proof
def take_hint(request: HttpRequest, tenant_id: UUID, connection_id: UUID) -> HttpResponse:
    """Have contacts read soon, where they are read, and drop what is kept of a contact or ticket."""
    return hints.receive(request, tenant_id, connection_id, take, body_limit=BODY_LIMIT)


def take(request: HttpRequest, body: bytes, account: ProviderAccount) -> None:
    """Take signed events; those about anything else, and a post that came before, do nothing.

    Raises `Refusal`, ValidationError and RedisError.
    """
    if code := refusal_of(account, body, request.headers):
        raise Refusal(code)
    events, line = EVENTS.validate_json(body), Line(account)
    contacts = {event.number for event in events if event.is_about("contact", OF_CONTACTS)}
    tickets = {event.number for event in events if event.is_about("ticket", OF_TICKETS)}
    proof = hashlib.sha256(request.headers[SIGNATURE].encode()).hexdigest()
    seen = f"{account.tenant_id.hex}:hubspot-hint:{account.pk.hex}:{proof}"
    if cache.get(seen):
        return
    for number in contacts:
        last_values.forget(line, READ_CONTACT, contact_of(str(number)))
    for number in tickets:
        last_values.forget(line, READ, ticket_of(str(number)))
    if tickets:
        kept.note_change(Hubspot.key)
    if contacts:
        sync.hurry(account, CONTACTS)
    cache.set(seen, 1, timeout=2 * WINDOW)  # at the end: one that was answered 503 is taken when it comes again


def refusal_of(account: ProviderAccount, body: bytes, headers: Mapping[str, str]) -> str:
    """Return why a post isn't signed by the connection's app, now; "" if it is.

    The signature is over the address as the app has it, which is the one that the connection's page shows.
    """
    secret = str(account.credentials.get("client_secret", "")) if account.provider == Hubspot.key else ""
    moment, given = headers.get(MOMENT, ""), headers.get(SIGNATURE, "")
    if not secret or not _MILLISECONDS.fullmatch(moment):
        return "bad_signature"
    text = b"".join((b"POST", webhook_of(account).encode(), body, moment.encode()))
    wanted = base64.b64encode(hmac.digest(secret.encode(), text, "sha256"))
    if not hmac.compare_digest(wanted, given.encode()):
        return "bad_signature"
    return "" if abs(now().timestamp() - int(moment) / 1000) <= WINDOW else "stale"
