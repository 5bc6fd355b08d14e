"""Which webhook may be attempted now: claims, a few at once for each receiver, and what the sweep enqueues."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from core.clock import now as clock_now
from core.jobs import queues
from core.models import WebhookDelivery, WebhookEndpoint
from core.tenancy.scope import platform_scope

LEASE: Final = timedelta(seconds=60)
GRACE: Final = timedelta(seconds=3)
BATCH: Final = 200
AT_ONCE: Final = 3
"""How many attempts one receiver gets at the same time; one that fails or is new gets one."""
FAILING_AT_ONCE: Final = 8
"""How many attempts a process makes at the same time at receivers that fail: half of a worker's threads."""
State = WebhookDelivery.State
EndpointState = WebhookEndpoint.State
ENDED: Final = {
    EndpointState.GONE.value: "gone",
    EndpointState.OFF.value: "switched_off",
    EndpointState.REMOVED.value: "removed",
}
"""States of endpoints that end what still waits, with the error that it then has."""
_failing = threading.BoundedSemaphore(FAILING_AT_ONCE)


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, delivery) of what is due, a few of each endpoint, as each that ends enqueues the next."""
    moment = (now or clock_now()) - GRACE
    with platform_scope():
        own = WebhookDelivery.objects.filter(endpoint_id=OuterRef("pk"), state=State.WAITING, due_at__lte=moment)
        first = own.filter(~Exists(_earlier())).order_by("due_at").values("pk")[:AT_ONCE]
        rows = WebhookEndpoint.objects.filter(_may_go(moment)).annotate(due=ArraySubquery(first)).exclude(due=[])
        found = list(rows.values_list("tenant_id", "due").order_by("pk"))
    return [(tenant_id, delivery_id) for tenant_id, due in found for delivery_id in due][:BATCH]


def failures_of_due(delivery_id: UUID, moment: datetime) -> int | None:
    """Return how often the receiver of a delivery failed in a row; None if the delivery has to wait."""
    rows = due(moment).filter(~Exists(_earlier()), pk=delivery_id)
    found: int | None = rows.values_list("endpoint__failures", flat=True).first()
    return found


def due(moment: datetime) -> QuerySet[WebhookDelivery]:
    """Return what may be attempted now: not paused, and not while a failing receiver is left alone."""
    return WebhookDelivery.objects.filter(_may_go(moment, "endpoint__"), state=State.WAITING, due_at__lte=moment)


def _may_go(moment: datetime, prefix: str = "") -> Q:
    rested = Q((f"{prefix}rest_until", None)) | Q((f"{prefix}rest_until__lte", moment))
    return Q((f"{prefix}state__in", list(ENDED))) | (Q((f"{prefix}state", EndpointState.ACTIVE)) & rested)


def _earlier() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(
        endpoint_id=OuterRef("endpoint_id"), line=OuterRef("line"), state=State.WAITING, pk__lt=OuterRef("pk")
    ).exclude(line="")


@contextmanager
def lane(*, is_failing: bool) -> Iterator[bool]:
    """Yield whether an attempt may begin: receivers that fail never take all threads of a process."""
    if not is_failing:
        yield True
        return
    is_free = _failing.acquire(blocking=False)
    try:
        yield is_free
    finally:
        if is_free:
            _failing.release()


@transaction.atomic
def claim(delivery_id: UUID, moment: datetime) -> WebhookDelivery | None:
    """Claim a delivery for one attempt and return it; None if another has it, or its receiver is busy."""
    mine = WebhookDelivery.objects.filter(pk=delivery_id).values("endpoint_id")
    endpoint: WebhookEndpoint | None = WebhookEndpoint.objects.select_for_update().filter(pk__in=mine).first()
    if endpoint is None or not _has_room(endpoint, moment):
        return None
    own = WebhookDelivery.objects.filter(pk=delivery_id, state=State.WAITING, due_at__lte=moment)
    until = moment + LEASE
    if not own.update(due_at=until, claimed_until=until, attempts=F("attempts") + 1):
        return None
    delivery: WebhookDelivery = WebhookDelivery.objects.get(pk=delivery_id)
    delivery.endpoint = endpoint
    return delivery


def _has_room(endpoint: WebhookEndpoint, moment: datetime) -> bool:
    """Return whether an endpoint, whose row is locked, takes another attempt."""
    if endpoint.state in ENDED:
        return True
    if endpoint.state != EndpointState.ACTIVE or (endpoint.rest_until or moment) > moment:
        return False
    is_proven = endpoint.failures == 0 and endpoint.last_success_at is not None
    under_way = WebhookDelivery.objects.filter(endpoint=endpoint, claimed_until__gt=moment)
    return bool(under_way.count() < (AT_ONCE if is_proven else 1))


def claim_next(endpoint: WebhookEndpoint, moment: datetime) -> WebhookDelivery | None:
    """Claim what is due next at a receiver whose row is locked and that just got one; None if it has to wait."""
    if endpoint.state != EndpointState.ACTIVE:
        return None
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=State.WAITING, due_at__lte=moment)
    delivery: WebhookDelivery | None = waiting.filter(~Exists(_earlier())).order_by("due_at", "id").first()
    if delivery is None:
        return None
    until, number = moment + LEASE, delivery.attempts + 1
    if not waiting.filter(pk=delivery.pk).update(due_at=until, claimed_until=until, attempts=number):
        return None
    delivery.due_at = delivery.claimed_until = until
    delivery.attempts, delivery.endpoint = number, endpoint
    return delivery


def claimed(delivery: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    """Return the row while this attempt still has it."""
    return WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING, attempts=delivery.attempts)


def wake_next(delivery: WebhookDelivery, moment: datetime) -> None:
    """Attempt the next delivery of the line, or else of the endpoint, after the commit; the sweep finds it anyway."""
    if delivery.line:
        of_line = WebhookDelivery.objects.filter(
            endpoint_id=delivery.endpoint_id, line=delivery.line, state=State.WAITING
        )
        following = of_line.exclude(pk=delivery.pk).order_by("id").values_list("id", flat=True).first()
        if following is not None:
            queues.enqueue_after_commit("deliver_webhook", following)
            return
    waiting = due(moment).filter(~Exists(_earlier()), endpoint_id=delivery.endpoint_id).exclude(pk=delivery.pk)
    # Several attempts that end together would all choose the first, and only one of them would get it.
    if first := list(waiting.order_by("due_at").values_list("id", flat=True)[: 2 * AT_ONCE]):
        queues.enqueue_after_commit("deliver_webhook", random.choice(first))  # noqa: S311  (not a secret)
