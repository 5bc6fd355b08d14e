"""Queue webhooks, list them with their attempts, send failed ones again, and forget old ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Invalid
from core.ids import uuid7
from core.jobs import queues
from core.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.claims import AT_ONCE, ENDED
from core.webhooks.purposes import PURPOSES

KEPT_FOR: Final = timedelta(days=30)
TEST: Final = "test"
FOR_ONE_TASK: Final = 20
"""For how many new deliveries of an endpoint one task is enough to begin with; the sweep adds others."""
MOST_AGAIN: Final = 10_000
"""How many deliveries of a span are sent again at once."""
State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One event for one endpoint, with the body as it is signed; `key` is the `webhook-id`."""

    endpoint: WebhookEndpoint
    event_type: str
    key: str
    ref: UUID | None
    body: str


def queue_delivery(
    *,
    endpoint: WebhookEndpoint,
    event_type: str,
    event: Mapping[str, Any],
    key: str = "",
    ref: UUID | None = None,
    line: str = "",
    now: datetime | None = None,
) -> WebhookDelivery:
    """Store an event for an endpoint and return its delivery; for the system, in any transaction.

    The body is `{"type", "timestamp", "data"}`. `key` is the `webhook-id`: the same key again returns the first
    delivery. Deliveries of one `line` are sent in order. Not audited: the log of attempts tells what happened.
    """
    moment = now or clock_now()
    made_id = uuid7()
    content = body_of({"type": event_type, "timestamp": moment.isoformat(), "data": event})
    delivery: WebhookDelivery
    delivery, is_new = WebhookDelivery.objects.get_or_create(
        endpoint=endpoint,
        key=key or f"msg_{made_id.hex}",
        defaults={
            "id": made_id,
            "event_type": event_type,
            "ref": ref,
            "line": line,
            "body": content,
            "due_at": moment,
            "created_at": moment,
        },
    )
    if is_new:
        queues.enqueue_after_commit("deliver_webhook", delivery.pk)
    return delivery


def body_of(event: Mapping[str, Any]) -> str:
    """Return an event as the JSON that is signed and sent, the same at each attempt."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def queue_many(*, wanted: Sequence[NewDelivery], now: datetime | None = None) -> None:
    """Store many events at once; those of known keys are ignored. For the system, in the caller's transaction.

    Those of an endpoint that was switched off are stored as failed, so that they can be sent once it is on again.
    """
    moment = now or clock_now()
    rows = [
        WebhookDelivery(
            endpoint=each.endpoint,
            event_type=each.event_type,
            key=each.key,
            ref=each.ref,
            body=each.body,
            due_at=moment,
            created_at=moment,
        )
        for each in wanted
    ]
    for row in rows:
        if error := ENDED.get(row.endpoint.state):
            row.state, row.error, row.done_at = State.FAILED, error, moment
    WebhookDelivery.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    _enqueue_first([row for row in rows if row.state == State.WAITING])


def _enqueue_first(rows: Sequence[WebhookDelivery]) -> None:
    """Enqueue a few deliveries of each endpoint: each task goes on with the next."""
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row.endpoint_id, []).append(row.pk)
    for keys in found.values():
        for key in keys[::FOR_ONE_TASK][:AT_ONCE]:
            queues.enqueue_after_commit("deliver_webhook", key)


def queue_test(*, actor: Actor, endpoint: WebhookEndpoint, event_type: str = TEST) -> WebhookDelivery:
    """Queue a test delivery and return it. Needs the purpose's permission."""
    actor.require(PURPOSES.get(endpoint.purpose).permission)
    with transaction.atomic():
        words = {"text": "This is a test from Walker. Your webhook works."}
        delivery = queue_delivery(endpoint=endpoint, event_type=event_type, event=words)
        _record(actor, "WEBHOOK_TESTED", delivery)
    return delivery


def replay(*, actor: Actor, delivery_id: UUID, now: datetime | None = None) -> WebhookDelivery:
    """Queue a failed delivery again with all its attempts, under the same `webhook-id`.

    Needs the purpose's permission; raises `NotFound`, and `Conflict` ("not_failed", "content_gone").
    """
    with transaction.atomic():
        delivery = _locked(actor, delivery_id)
        if delivery.state != State.FAILED:
            raise Conflict("Only a failed delivery can be sent again.", code="not_failed", state=delivery.state)
        return _again(actor, "WEBHOOK_REPLAYED", delivery, now)


def queue_again(delivery: WebhookDelivery, *, now: datetime | None = None) -> None:
    """Queue a failed delivery again under the same id; for the system, which records why elsewhere."""
    delivery.state, delivery.done_at, delivery.error = State.WAITING, None, ""
    delivery.due_at = now or clock_now()
    # Numbers of attempts go on; the schedule starts again.
    delivery.first_attempt = delivery.attempts
    delivery.save(update_fields=["state", "done_at", "error", "due_at", "first_attempt"])
    queues.enqueue_after_commit("deliver_webhook", delivery.pk)


def send_again(*, actor: Actor, delivery_id: UUID, now: datetime | None = None) -> WebhookDelivery:
    """Send a delivery that ended again, also one that was delivered, under the same `webhook-id`.

    Needs the purpose's permission; raises `NotFound`, and `Conflict` ("still_waiting", "content_gone", "not_on").
    """
    with transaction.atomic():
        delivery = _locked(actor, delivery_id)
        refuse_unless_on(delivery.endpoint)
        if delivery.state == State.WAITING:
            raise Conflict("It is still waiting to be sent.", code="still_waiting")
        return _again(actor, "WEBHOOK_SENT_AGAIN", delivery, now)


def _locked(actor: Actor, delivery_id: UUID) -> WebhookDelivery:
    delivery = locked(WebhookDelivery, delivery_id, "There is no such delivery.")
    actor.require(PURPOSES.get(delivery.endpoint.purpose).permission)
    return delivery


def _again(actor: Actor, action: str, delivery: WebhookDelivery, now: datetime | None) -> WebhookDelivery:
    if delivery.body is None:
        raise Conflict("Its content was erased and can't be sent again.", code="content_gone")
    queue_again(delivery, now=now)
    _record(actor, action, delivery)
    return delivery


def send_span_again(
    *,
    actor: Actor,
    endpoint: WebhookEndpoint,
    since: datetime,
    until: datetime,
    only_failed: bool = True,
    now: datetime | None = None,
) -> int:
    """Send the deliveries of a span of time again and return how many; by default those that failed.

    Needs the purpose's permission. Raises `Invalid` for a span that is turned round, begins before what is kept, or
    holds more than `MOST_AGAIN`; `Conflict` ("not_on").
    """
    actor.require(PURPOSES.get(endpoint.purpose).permission)
    moment = now or clock_now()
    if until <= since:
        raise Invalid("The span ends before it begins.", fields={"until": ["Choose a time after the beginning."]})
    if since < moment - KEPT_FOR - timedelta(days=1):
        raise Invalid(
            "The span begins too early.", fields={"since": [f"Deliveries are kept for {KEPT_FOR.days} days."]}
        )
    with transaction.atomic():
        endpoint = locked(WebhookEndpoint, endpoint.pk, "There is no such webhook address.")
        refuse_unless_on(endpoint)
        states = [State.FAILED] if only_failed else [State.FAILED, State.DELIVERED]
        rows = WebhookDelivery.objects.filter(
            endpoint=endpoint, state__in=states, created_at__gte=since, created_at__lt=until, body__isnull=False
        )
        keys = list(rows.order_by("-id").values_list("pk", flat=True)[: MOST_AGAIN + 1])
        if len(keys) > MOST_AGAIN:
            raise Invalid(
                "The span holds too many deliveries.",
                fields={"until": [f"At most {MOST_AGAIN:,} at once. Shorten it."]},
            )
        chosen = WebhookDelivery.objects.filter(pk__in=keys).exclude(state=State.WAITING)
        changes: dict[str, Any] = {"state": State.WAITING, "done_at": None, "error": "", "due_at": moment}
        count = chosen.update(**changes, first_attempt=F("attempts"))
        _enqueue_first([WebhookDelivery(pk=key, endpoint=endpoint) for key in keys[: AT_ONCE * FOR_ONE_TASK]])
        span = {"since": since.isoformat(), "until": until.isoformat()}
        chain.note(actor, "WEBHOOKS_SENT_AGAIN", endpoint, **span, only_failed=only_failed, count=count)
    return count


def refuse_unless_on(endpoint: WebhookEndpoint) -> None:
    """Raise `Conflict` ("not_on") for an endpoint that is paused or switched off."""
    if endpoint.state != WebhookEndpoint.State.ACTIVE:
        raise Conflict("This endpoint is off. Turn it on first.", code="not_on", state=endpoint.state)


def query_deliveries(*, endpoint: WebhookEndpoint | None) -> QuerySet[WebhookDelivery]:
    """Return an endpoint's deliveries without bodies, newest first, for callers that have checked who looks."""
    return WebhookDelivery.objects.filter(endpoint=endpoint).defer("body").prefetch_related("tries").order_by("-id")


def forget_old(*, now: datetime | None = None) -> int:
    """Delete deliveries that ended, and their attempts, after `KEPT_FOR`; return how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    old = retention.made_before(before) & ~Q(state=State.WAITING) & Q(done_at__lt=before)
    # Events that name nobody do not wait for ever for an endpoint that stays paused.
    plain = [name for name, purpose in PURPOSES.items() if purpose.keeps_content]
    old |= retention.made_before(before) & Q(state=State.WAITING, endpoint__purpose__in=plain)
    removed = retention.remove(WebhookDelivery, old | Q(endpoint__state=WebhookEndpoint.State.REMOVED))
    retention.remove(WebhookEndpoint, Q(state=WebhookEndpoint.State.REMOVED, deliveries=None))
    return removed


def _record(actor: Actor, action: str, delivery: WebhookDelivery) -> None:
    about = {"endpoint": str(delivery.endpoint_id), "type": delivery.event_type}
    chain.note(actor, action, delivery, new_state=delivery.state, **about)
