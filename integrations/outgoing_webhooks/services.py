"""Set up endpoints of events: add, change, turn off and on, remove; secrets, tests, and sending again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.versioning import check_version, conflict_with
from core import catalogue
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound
from core.ids import uuid7
from core.models import WebhookDelivery
from core.reliability.rate_limit import limit_per_hour
from core.text.clean import clean_text
from core.webhooks import deliveries, endpoints
from integrations.outgoing_webhooks import events
from integrations.outgoing_webhooks.models import NAME_LIMIT, WebhookSubscription
from integrations.outgoing_webhooks.purpose import MANAGE, PURPOSE

OBJECT: Final = "integrations.webhooksubscription"
MISSING: Final = "This webhook endpoint doesn't exist."
CANT: Final = "This webhook endpoint can't be saved."
PAYLOAD_VERSIONS: Final = (1, events.PUBLIC_NAMES)
TESTS_PER_HOUR: Final = 60
SPANS_PER_HOUR: Final = 30


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where webhooks go and what they tell of; without event types of everything. Either name of a type counts."""

    name: str
    url: str
    event_types: Sequence[str] = ()
    payload_version: int = 1


@dataclass(frozen=True, slots=True)
class WithSecret:
    """A saved endpoint, with its secret, which is shown once."""

    subscription: WebhookSubscription
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentAgain:
    """How many deliveries are sent again."""

    count: int


def create_endpoint(*, actor: Actor, wanted: EndpointSettings) -> WithSecret:
    """Add an endpoint, with its secret. Needs `MANAGE`.

    Raises `Invalid` with the fields, `Conflict` ("exists", "too_many"). Writes `WEBHOOK_SUBSCRIBED`.
    """
    values = _checked(actor, wanted)
    endpoints.refuse_private(wanted.url.strip())
    try:
        with transaction.atomic():
            advisory_lock("webhook-endpoints")
            if WebhookSubscription.objects.count() >= settings.WEBHOOK_ENDPOINTS:
                most = settings.WEBHOOK_ENDPOINTS
                raise Conflict(f"Your organisation has {most} webhook endpoints already.", code="too_many", limit=most)
            key = uuid7()
            endpoint, secret = endpoints.save_endpoint(actor=actor, purpose=PURPOSE, ref=key, url=wanted.url)
            row: WebhookSubscription = WebhookSubscription.objects.create(pk=key, endpoint=endpoint, **values)
            _record(actor, "WEBHOOK_SUBSCRIBED", row)
    except IntegrityError:
        raise _in_use(actor, values) from None
    return WithSecret(row, secret)


def revise_endpoint(
    *, actor: Actor, endpoint_id: UUID, wanted: EndpointSettings, seen_version: int | None = None
) -> WebhookSubscription:
    """Change an endpoint; one that is off stays off.

    Needs `integrations.manage_webhooks`. Raises `NotFound`, `Invalid` with the fields, and `Conflict` ("exists",
    "stale_version"). Writes `WEBHOOK_SUBSCRIPTION_REVISED`, and `WEBHOOK_ENDPOINT_SAVED` for another address.
    """
    values = _checked(actor, wanted)
    url = wanted.url.strip()
    if _find(endpoint_id).endpoint.url != url:
        endpoints.refuse_private(url)
    try:
        with transaction.atomic():
            row = locked(WebhookSubscription, endpoint_id, MISSING)
            check_version(actor, OBJECT, row, seen_version)
            WebhookSubscription.objects.filter(pk=row.pk).update(**values, version=row.version + 1)
            if row.endpoint.url != url:
                endpoints.save_endpoint(actor=actor, purpose=PURPOSE, ref=row.pk, url=url, wakes=False)
            row.refresh_from_db()
            _record(actor, "WEBHOOK_SUBSCRIPTION_REVISED", row)
    except IntegrityError:
        raise _in_use(actor, values) from None
    return row


def remove_endpoint(*, actor: Actor, endpoint_id: UUID, seen_version: int | None = None) -> None:
    """Remove an endpoint, its secrets and log; what waits isn't sent. Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("stale_version"). Writes `WEBHOOK_ENDPOINT_REMOVED` and `WEBHOOK_UNSUBSCRIBED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = locked(WebhookSubscription, endpoint_id, MISSING)
        check_version(actor, OBJECT, row, seen_version)
        row.delete()
        endpoints.remove_endpoint(actor=actor, endpoint_id=row.endpoint_id)
        _record(actor, "WEBHOOK_UNSUBSCRIBED", row, key=endpoint_id)


def rotate_secret(*, actor: Actor, endpoint_id: UUID, now: datetime | None = None) -> WithSecret:
    """Replace the secret and return the new one; for 24 hours the old one signs too.

    Needs `MANAGE`; raises `NotFound`. Writes `WEBHOOK_SECRET_REPLACED`.
    """
    row = _managed(actor, endpoint_id)
    secret = endpoints.rotate_secret(actor=actor, endpoint_id=row.endpoint_id, now=now)
    return WithSecret(row, secret)


def pause_endpoint(*, actor: Actor, endpoint_id: UUID) -> WebhookSubscription:
    """Let events wait, up to 30 days; safe to repeat. Needs `MANAGE`; raises `NotFound`. Writes `WEBHOOKS_PAUSED`."""
    row = _managed(actor, endpoint_id)
    endpoints.set_paused(actor=actor, endpoint_id=row.endpoint_id, is_paused=True)
    return _find(endpoint_id)


def turn_on_endpoint(*, actor: Actor, endpoint_id: UUID) -> WebhookSubscription:
    """Turn an endpoint on; what has waited is sent. Needs `MANAGE`; raises `NotFound`. Writes `WEBHOOKS_RESUMED`."""
    row = _managed(actor, endpoint_id)
    endpoints.set_paused(actor=actor, endpoint_id=row.endpoint_id, is_paused=False)
    return _find(endpoint_id)


def send_test(*, actor: Actor, endpoint_id: UUID) -> WebhookDelivery:
    """Queue a test event and return its delivery. Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("not_on"), `TooMany`. Writes `WEBHOOK_TESTED`.
    """
    row = _managed(actor, endpoint_id)
    deliveries.refuse_unless_on(row.endpoint)
    limit_per_hour(
        f"webhook-test:{row.pk}", limit=TESTS_PER_HOUR, sentence="That was tested often. Wait an hour, then try again."
    )
    name = deliveries.TEST if row.payload_version < events.PUBLIC_NAMES else events.TESTED
    return deliveries.queue_test(actor=actor, endpoint=row.endpoint, event_type=name)


def resend_delivery(*, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Send a delivery that ended again, under its `webhook-id`. Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("still_waiting", "content_gone", "not_on"). Writes `WEBHOOK_SENT_AGAIN`.
    """
    row = _managed(actor, endpoint_id)
    if not WebhookDelivery.objects.filter(pk=delivery_id, endpoint=row.endpoint_id).exists():
        raise NotFound("This delivery doesn't exist.")
    return deliveries.send_again(actor=actor, delivery_id=delivery_id)


def resend_span(
    *, actor: Actor, endpoint_id: UUID, since: datetime, until: datetime | None = None, only_failed: bool = True
) -> SentAgain:
    """Send deliveries of a span of time again, and count them. Needs `MANAGE`.

    Raises `NotFound`, `Invalid` with the fields, `Conflict` ("not_on"), `TooMany`. Writes `WEBHOOKS_SENT_AGAIN`.
    """
    row = _managed(actor, endpoint_id)
    limit_per_hour(
        f"webhook-span:{row.pk}", limit=SPANS_PER_HOUR, sentence="Much was sent again. Wait an hour, then try again."
    )
    ends = until or clock_now()
    count = deliveries.send_span_again(
        actor=actor, endpoint=row.endpoint, since=since, until=ends, only_failed=only_failed
    )
    return SentAgain(count)


def _checked(actor: Actor, wanted: EndpointSettings) -> dict[str, Any]:
    """Return the columns of checked settings; raises `Refused`, and `Invalid` with all wrong fields."""
    actor.require(MANAGE)
    wrong: dict[str, list[str]] = {}
    name = clean_text(wanted.name, NAME_LIMIT + 1)
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        wrong["name"] = [f"Use 1 to {NAME_LIMIT} characters in one line."]
    known = {each: catalogue.find_public(each) for each in wanted.event_types}
    types = sorted({each.name for each in known.values() if each})
    if unknown := sorted(each for each, found in known.items() if found is None):
        wrong["event_types"] = [f"There is no event type “{unknown[0][:60]}”."]
    if wanted.payload_version not in PAYLOAD_VERSIONS:
        wrong["payload_version"] = ["Choose 1 or 2."]
    try:
        endpoints.checked_url(wanted.url)
    except Invalid as problem:
        wrong |= problem.facts["fields"]
    if wrong:
        raise Invalid(CANT, fields=wrong)
    return {"name": name, "event_types": types, "payload_version": wanted.payload_version}


def _find(endpoint_id: UUID) -> WebhookSubscription:
    rows: QuerySet[WebhookSubscription] = WebhookSubscription.objects.select_related("endpoint")
    return get_or_missing(rows.filter(pk=endpoint_id), MISSING)


def _managed(actor: Actor, endpoint_id: UUID) -> WebhookSubscription:
    actor.require(MANAGE)
    return _find(endpoint_id)


def _in_use(actor: Actor, values: Mapping[str, Any]) -> Conflict:
    other = WebhookSubscription.objects.filter(name=values["name"]).first()
    say = "There is a webhook endpoint of this name."
    return conflict_with(say, code="exists", actor=actor, object_type=OBJECT, row=other)


def _record(actor: Actor, action: str, row: WebhookSubscription, *, key: UUID | None = None) -> None:
    facts = {"endpoint": str(row.endpoint_id), "event_types": row.event_types, "version": row.version}
    facts["payload_version"] = row.payload_version
    chain.record(actor, action, OBJECT, key or row.pk, facts=facts)
