"""Queue webhooks, list them with their attempts, send failed ones again, and forget old ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict
from core.ids import uuid7
from core.jobs import queueing
from core.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.purposes import PURPOSES

KEPT_FOR: Final = timedelta(days=30)
TEST: Final = "test"
State = WebhookDelivery.State


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
    body = {"type": event_type, "timestamp": moment.isoformat(), "data": event}
    delivery: WebhookDelivery
    delivery, is_new = WebhookDelivery.objects.get_or_create(
        endpoint=endpoint,
        key=key or f"msg_{made_id.hex}",
        defaults={
            "id": made_id,
            "event_type": event_type,
            "ref": ref,
            "line": line,
            "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
            "due_at": moment,
            "created_at": moment,
        },
    )
    if is_new:
        queueing.enqueue_after_commit("deliver_webhook", delivery.pk)
    return delivery


def queue_test(*, actor: Actor, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Queue a test delivery and return it. Needs the purpose's permission."""
    actor.require(PURPOSES.get(endpoint.purpose).permission)
    with transaction.atomic():
        words = {"text": "This is a test from Walker. Your webhook works."}
        delivery = queue_delivery(endpoint=endpoint, event_type=TEST, event=words)
        _record(actor, "WEBHOOK_TESTED", delivery)
    return delivery


def replay(*, actor: Actor, delivery_id: UUID, now: datetime | None = None) -> WebhookDelivery:
    """Queue a failed delivery again with all its attempts, under the same `webhook-id`.

    Needs the purpose's permission; raises `NotFound`, and `Conflict` ("not_failed", "content_gone").
    """
    with transaction.atomic():
        delivery = locked(WebhookDelivery, delivery_id, "There is no such delivery.")
        actor.require(PURPOSES.get(delivery.endpoint.purpose).permission)
        if delivery.state != State.FAILED:
            raise Conflict("Only a failed delivery can be sent again.", code="not_failed", state=delivery.state)
        if delivery.body is None:
            raise Conflict("Its content was erased and can't be sent again.", code="content_gone")
        queue_again(delivery, now=now)
        _record(actor, "WEBHOOK_REPLAYED", delivery)
    return delivery


def queue_again(delivery: WebhookDelivery, *, now: datetime | None = None) -> None:
    """Queue a failed delivery again under the same id; for the system, which records why elsewhere."""
    delivery.state, delivery.done_at, delivery.error = State.WAITING, None, ""
    delivery.due_at = now or clock_now()
    # Numbers of attempts go on; the schedule starts again.
    delivery.first_attempt = delivery.attempts
    delivery.save(update_fields=["state", "done_at", "error", "due_at", "first_attempt"])
    queueing.enqueue_after_commit("deliver_webhook", delivery.pk)


def query_deliveries(*, endpoint: WebhookEndpoint | None) -> QuerySet[WebhookDelivery]:
    """Return an endpoint's deliveries with their attempts, the newest first, without their bodies.

    For callers that have checked who looks.
    """
    rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint=endpoint)
    return rows.defer("body").prefetch_related("tries").order_by("-id")


def forget_old(*, now: datetime | None = None) -> int:
    """Delete deliveries that ended, and their attempts, after `KEPT_FOR`; return how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    old = retention.made_before(before) & ~Q(state=State.WAITING) & Q(done_at__lt=before)
    return retention.remove(WebhookDelivery, old)


def _record(actor: Actor, action: str, delivery: WebhookDelivery) -> None:
    chain.record(
        actor=actor,
        action=action,
        object_type="core.webhookdelivery",
        object_id=delivery.pk,
        new_state=delivery.state,
        facts={"endpoint": str(delivery.endpoint_id), "type": delivery.event_type},
    )
