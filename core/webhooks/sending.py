"""Send webhooks: one attempt at a time, signed, guarded against private addresses, with back-off and an end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from core import notices
from core.clock import now as clock_now
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply
from core.jobs import queueing
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope
from core.webhooks import endpoints, signing
from core.webhooks.purposes import NOTICE, purpose_of
from core.webhooks.words import REDIRECT, SUCCESS, describe

log = get_logger(__name__)

PATIENCE: Final = Patience(connect=3.0, read=10.0, total=12.0, max_bytes=64_000)
LEASE: Final = timedelta(seconds=60)
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000))
"""How long it waits after each failed attempt; after the last one it is given up."""
LONGEST_PAUSE: Final = timedelta(hours=12)
REST: Final = timedelta(seconds=5)
LONGEST_REST: Final = timedelta(minutes=5)
BATCH: Final = 200
GRACE: Final = timedelta(seconds=3)
GONE: Final = 410
State = WebhookDelivery.State
EndpointState = WebhookEndpoint.State


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt; `error` is "" when the receiver has it."""

    error: str
    status: int | None = None
    is_final: bool = False
    wait: timedelta | None = None


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, delivery) of what is due in all tenants, the first of each line; for the sweep."""
    moment = (now or clock_now()) - GRACE
    with platform_scope():
        found = _due(moment).filter(~Exists(_earlier())).order_by("due_at")
        return list(found.values_list("tenant_id", "id")[:BATCH])


def _due(moment: datetime) -> QuerySet[WebhookDelivery]:
    """Return what may be attempted now: not paused, and not while a failing receiver is left alone."""
    rested = Q(endpoint__rest_until=None) | Q(endpoint__rest_until__lte=moment)
    may_go = Q(endpoint__state=EndpointState.GONE) | (Q(endpoint__state=EndpointState.ACTIVE) & rested)
    rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(may_go, state=State.WAITING, due_at__lte=moment)
    return rows


def _earlier() -> QuerySet[WebhookDelivery]:
    rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(
        endpoint_id=OuterRef("endpoint_id"), line=OuterRef("line"), state=State.WAITING, pk__lt=OuterRef("pk")
    )
    return rows.exclude(line="")


def deliver(delivery_id: UUID, *, now: datetime | None = None) -> str:
    """Attempt once to deliver a webhook, in its tenant's scope; return its state, "" if it has to wait.

    One claim at a time wins. An attempt that was cut off is repeated after `LEASE`: delivery is at least once, and
    receivers recognise a repeat by its `webhook-id`.
    """
    moment = now or clock_now()
    if not _claim(delivery_id, moment):
        return ""
    delivery: WebhookDelivery = WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)
    if delivery.endpoint.state == EndpointState.GONE:
        return _settle(delivery, Outcome("gone", is_final=True), moment)
    verdict = purpose_of(delivery.endpoint).verdict(delivery, now=moment)
    if verdict.reason:
        return _settle(delivery, Outcome(verdict.reason[:60], is_final=True), moment)
    if verdict.until is not None:
        _claimed(delivery).update(due_at=verdict.until, attempts=F("attempts") - 1)
        return str(State.WAITING)
    with transaction.atomic():
        cut_off = WebhookAttempt.objects.filter(delivery=delivery, milliseconds=None)
        cut_off.update(error="cut_off", milliseconds=0)
        attempt = WebhookAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=moment)
    started = time.monotonic()
    outcome = _post(delivery, moment)
    attempt.milliseconds = round((time.monotonic() - started) * 1000)
    attempt.status, attempt.error = outcome.status, outcome.error
    attempt.save(update_fields=["milliseconds", "status", "error"])
    return _settle(delivery, outcome, now or clock_now())


def _claim(delivery_id: UUID, moment: datetime) -> bool:
    if not _due(moment).filter(~Exists(_earlier()), pk=delivery_id).exists():
        return False
    # By its own columns only: PostgreSQL checks these again once it has the row's lock, a join it does not.
    own = WebhookDelivery.objects.filter(pk=delivery_id, state=State.WAITING, due_at__lte=moment)
    return bool(own.update(due_at=moment + LEASE, attempts=F("attempts") + 1) == 1)


def _claimed(delivery: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    """Return the row while this attempt still has it."""
    rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.WAITING, attempts=delivery.attempts
    )
    return rows


def _post(delivery: WebhookDelivery, moment: datetime) -> Outcome:
    """Call the receiver outside any transaction."""
    if delivery.body is None:
        return Outcome("erased", is_final=True)
    url = delivery.endpoint.url
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    is_own = (parts.hostname or "") in settings.WEBHOOK_HOSTS
    if parts.scheme != "https" and not is_own:
        return Outcome("bad_url", is_final=True)
    body = delivery.body.encode()
    # Signed with the time of the attempt, and in real time: receivers compare it with their own clock.
    signed = signing.headers_for(
        secrets=endpoints.secrets_of(delivery.endpoint, moment),
        key=delivery.key,
        timestamp=int(moment.timestamp()),
        body=body,
    )
    headers = {"Content-Type": "application/json", "User-Agent": "Walker-Webhooks/1", **signed}
    client = OutgoingHttp(origin, patience=PATIENCE, private_hosts=settings.WEBHOOK_HOSTS)
    try:
        return _outcome_of(client.request("POST", url.removeprefix(origin) or "/", content=body, headers=headers))
    finally:
        client.close()


def _outcome_of(answer: Reply | NotSent | NoAnswer) -> Outcome:
    if isinstance(answer, NotSent):
        return Outcome(answer.code, is_final=not answer.retry)
    if isinstance(answer, NoAnswer):
        return Outcome(answer.code)
    if answer.status in SUCCESS:
        return Outcome("", answer.status)
    if answer.status == GONE:
        return Outcome("gone", answer.status, is_final=True)
    if answer.status in REDIRECT:
        return Outcome("redirected", answer.status)
    wanted = answer.headers.get("retry-after", "")
    is_number = wanted.isascii() and wanted.isdecimal() and len(wanted) < 7
    return Outcome(f"http_{answer.status}", answer.status, wait=timedelta(seconds=int(wanted)) if is_number else None)


@transaction.atomic
def _settle(delivery: WebhookDelivery, outcome: Outcome, moment: datetime) -> str:
    """Record the result of an attempt, tell the purpose, and wake the next of the line."""
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING)
    purpose = purpose_of(delivery.endpoint)
    if not outcome.error:
        # It counts even if the lease ended and another attempt has begun.
        if not rows.update(state=State.DELIVERED, done_at=moment, error="", body=None):
            return ""
        purpose.delivered(delivery)
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(
            failures=0, rest_until=None, last_error="", last_error_at=None, last_success_at=moment
        )
        _wake_next(delivery)
        return str(State.DELIVERED)
    if outcome.status is not None or not outcome.is_final or outcome.error in ("egress_refused", "bad_url"):
        _note_failure(delivery, outcome, moment)
    rows = _claimed(delivery)
    number = delivery.attempts - delivery.first_attempt
    if outcome.is_final or number > len(PAUSES):
        if not rows.update(state=State.FAILED, done_at=moment, error=outcome.error):
            return ""
        purpose.failed(delivery, outcome.error)
        _leave_notice(delivery, outcome.error, moment)
        _wake_next(delivery)
        return str(State.FAILED)
    pause = max(PAUSES[number - 1], outcome.wait or timedelta())
    rows.update(due_at=moment + min(pause, LONGEST_PAUSE), error=outcome.error)
    return str(State.WAITING)


def _note_failure(delivery: WebhookDelivery, outcome: Outcome, moment: datetime) -> None:
    """Record the endpoint's last error; leave a failing receiver alone for a while, switch off one that is gone."""
    rest = min(REST * 2 ** min(delivery.endpoint.failures, 10), LONGEST_REST)
    changes = {
        "failures": F("failures") + 1,
        "rest_until": moment + rest,
        "last_error": outcome.error[:60],
        "last_error_at": moment,
    }
    active = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    active.update(**changes)
    if outcome.status == GONE:
        active.filter(state=EndpointState.ACTIVE).update(state=EndpointState.GONE)


def _leave_notice(delivery: WebhookDelivery, error: str, moment: datetime) -> None:
    """Leave those who may repair it a notice, once a day for each endpoint and error."""
    purpose = purpose_of(delivery.endpoint)
    log.warning("webhook_given_up", delivery=str(delivery.pk), error=error, attempts=delivery.attempts)
    notices.leave_for_permission(
        purpose.permission,
        kind=NOTICE,
        title="Your server was switched off for webhooks" if error == "gone" else "A webhook was not delivered",
        body=describe(error),
        link=purpose.link(delivery.endpoint),
        level="warning",
        dedupe_key=f"{NOTICE}:{delivery.endpoint_id}:{error}:{moment:%Y-%m-%d}",
        now=moment,
    )


def _wake_next(delivery: WebhookDelivery) -> None:
    """Attempt the next delivery of the line after the commit; the sweep finds it anyway."""
    if not delivery.line:
        return
    waiting = WebhookDelivery.objects.filter(endpoint_id=delivery.endpoint_id, line=delivery.line, state=State.WAITING)
    following = waiting.exclude(pk=delivery.pk).order_by("id").values_list("id", flat=True).first()
    if following is not None:
        queueing.enqueue_after_commit("deliver_webhook", following)
