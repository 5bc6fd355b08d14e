"""Send webhooks: one attempt at a time, signed, guarded against private addresses, with back-off and an end."""

import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from core import notices
from core.actors import system
from core.audit import chain
from core.clock import now as clock_now
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.observability.logging import get_logger
from core.privacy.pii import mask_text
from core.text.clean import clean_text
from core.webhooks import claims, endpoints, signing
from core.webhooks.claims import ENDED, GRACE, LEASE, list_due
from core.webhooks.purposes import NOTICE, PAUSES, purpose_of
from core.webhooks.words import REDIRECT, SUCCESS, describe

__all__ = ["GRACE", "LEASE", "LONGEST_REST", "PAUSES", "REST", "deliver", "list_due"]

log = get_logger(__name__)

PATIENCE: Final = Patience(connect=3.0, read=10.0, total=12.0, max_bytes=64_000)
LONGEST_WAIT: Final = timedelta(hours=12)
"""How long a receiver may ask to wait (`Retry-After`)."""
REST: Final = timedelta(seconds=5)
LONGEST_REST: Final = timedelta(minutes=5)
TURN: Final = 0.5
"""Seconds for which a task goes on with what else its receiver is to get, so that no other's waits long."""
NOTED_FOR: Final = timedelta(seconds=10)
"""For how long a success is not noted again at its endpoint."""
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
ANSWER_BYTES, ANSWER_LIMIT = 2000, 500
"""How much of an answer is looked at, and how much of it is kept."""
ACTOR: Final = system("webhooks")
NOT_DELIVERED: Final = "A webhook was not delivered"
SWITCHED_OFF: Final = "Your server was switched off for webhooks"
State = WebhookDelivery.State
EndpointState = WebhookEndpoint.State


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt; `error` is "" when the receiver has it."""

    error: str
    status: int | None = None
    is_final: bool = False
    wait: timedelta | None = None
    answer: bytes = b""


Settled = tuple[str, WebhookDelivery | None]
"""The state of a delivery after an attempt, and what was claimed to follow it."""


def deliver(delivery_id: UUID, *, now: datetime | None = None, seconds: float = 0.0) -> str:
    """Attempt once to deliver a webhook, in its tenant's scope; return its state, "" if it has to wait.

    One claim at a time wins. An attempt that was cut off is repeated after `LEASE`: delivery is at least once, and
    receivers recognise a repeat by its `webhook-id`. For some `seconds` after a success, what else is due at the
    receiver follows here, one after the other; then, or without, it gets a task of its own.
    """
    moment = now or clock_now()
    failures = claims.failures_of_due(delivery_id, moment)
    if failures is None:
        return ""
    # One that fails has its lane for a single attempt.
    ends = time.monotonic() + (0.0 if failures else seconds)
    with claims.lane(is_failing=failures > 0) as is_free:
        delivery = claims.claim(delivery_id, moment) if is_free else None
        if delivery is None:
            return ""
        state, following = _attempt(delivery, moment, now, ends)
    while following is not None:
        _, following = _attempt(following, clock_now(), None, ends)
    return state


def _attempt(delivery: WebhookDelivery, moment: datetime, now: datetime | None, ends: float) -> Settled:
    if error := ENDED.get(delivery.endpoint.state):
        return _settle(delivery, Outcome(error, is_final=True), moment, ends)
    purpose = purpose_of(delivery.endpoint)
    verdict = purpose.verdict(delivery, now=moment)
    if verdict.reason:
        return _settle(delivery, Outcome(verdict.reason[:60], is_final=True), moment, ends)
    if verdict.until is not None:
        claims.claimed(delivery).update(due_at=verdict.until, claimed_until=None, attempts=F("attempts") - 1)
        return str(State.WAITING), None
    if delivery.attempts > 1:
        cut_off = WebhookAttempt.objects.filter(delivery=delivery, milliseconds=None)
        cut_off.update(error="cut_off", milliseconds=0)
    attempt = WebhookAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=moment)
    started = time.monotonic()
    outcome = _post(delivery, moment, purpose.patience or PATIENCE)
    attempt.milliseconds = round((time.monotonic() - started) * 1000)
    attempt.status, attempt.error = outcome.status, outcome.error
    if purpose.keeps_content:  # the beginning of the answer, for the log: printable, masked, cut after masking
        text = outcome.answer[:ANSWER_BYTES].decode("utf-8", "replace")
        plain = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
        attempt.answer = clean_text(mask_text(plain), ANSWER_LIMIT) or None
    return _settle(delivery, outcome, now or clock_now(), ends, attempt)


def _post(delivery: WebhookDelivery, moment: datetime, patience: Patience) -> Outcome:
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
    client = OutgoingHttp(origin, patience=patience, private_hosts=settings.WEBHOOK_HOSTS, provider="webhook")
    try:
        answer = client.request("POST", url.removeprefix(origin) or "/", content=body, headers=headers)
    finally:
        client.close()
    if isinstance(answer, NotSent):
        return Outcome(answer.code, is_final=not answer.retry)
    if isinstance(answer, NoAnswer):
        return Outcome(answer.code)
    if answer.status in SUCCESS:
        return Outcome("", answer.status, answer=answer.body)
    if answer.status == GONE:
        return Outcome("gone", answer.status, is_final=True, answer=answer.body)
    if answer.status in REDIRECT:
        return Outcome("redirected", answer.status, answer=answer.body)
    wait = _wanted_wait(answer.headers.get("retry-after", ""), moment)
    return Outcome(f"http_{answer.status}", answer.status, wait=wait, answer=answer.body)


def _wanted_wait(wanted: str, moment: datetime) -> timedelta | None:
    """Return how long a receiver asks to wait, in seconds or until a date; None if it says nothing of use."""
    if wanted.isascii() and wanted.isdecimal():
        return timedelta(seconds=int(wanted)) if len(wanted) < 7 else None
    with suppress(ValueError, TypeError, OverflowError):
        until = parsedate_to_datetime(wanted[:40])
        return max((until if until.tzinfo else until.replace(tzinfo=UTC)) - moment, timedelta())
    return None


@transaction.atomic
def _settle(
    delivery: WebhookDelivery, outcome: Outcome, moment: datetime, ends: float, attempt: WebhookAttempt | None = None
) -> Settled:
    """Record the result of an attempt, tell the purpose, and claim or wake the next."""
    # The endpoint first, as a claim does: an attempt that outlived its lease meets the one that took over.
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=delivery.endpoint_id)
    if attempt:
        attempt.save(update_fields=["milliseconds", "status", "error", "answer"])
    if not outcome.error:
        return _delivered(delivery, endpoint, moment, ends)
    is_off = False
    if outcome.status is not None or not outcome.is_final or outcome.error in ("egress_refused", "bad_url"):
        is_off = _note_failure(delivery, outcome, moment)
    state = _failed(delivery, outcome, moment)
    if is_off:
        _tell_switched_off(delivery.endpoint, outcome, moment)
    return state, None


def _delivered(delivery: WebhookDelivery, endpoint: WebhookEndpoint, moment: datetime, ends: float) -> Settled:
    purpose = purpose_of(delivery.endpoint)
    changes = {} if purpose.keeps_content else {"body": None}
    # It counts even if the lease ended and another attempt has begun.
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING)
    if not rows.update(state=State.DELIVERED, done_at=moment, claimed_until=None, error="", **changes):
        return "", None
    purpose.delivered(delivery)
    is_new = endpoint.last_success_at is None or moment - endpoint.last_success_at >= NOTED_FOR
    if is_new or endpoint.failures or endpoint.last_error:
        endpoint.failures, endpoint.failing_since, endpoint.rest_until = 0, None, None
        endpoint.last_error, endpoint.last_error_at, endpoint.last_success_at = "", None, moment
        endpoint.save(
            update_fields=["failures", "failing_since", "rest_until", "last_error", "last_error_at", "last_success_at"]
        )
    if time.monotonic() < ends:
        return str(State.DELIVERED), claims.claim_next(endpoint, moment)
    claims.wake_next(delivery, moment)
    return str(State.DELIVERED), None


def _failed(delivery: WebhookDelivery, outcome: Outcome, moment: datetime) -> str:
    """Let the delivery wait for its next attempt, or give it up."""
    purpose = purpose_of(delivery.endpoint)
    rows = claims.claimed(delivery)
    number = delivery.attempts - delivery.first_attempt
    if outcome.is_final or number > len(purpose.pauses):
        if not rows.update(state=State.FAILED, done_at=moment, claimed_until=None, error=outcome.error):
            return ""
        purpose.failed(delivery, outcome.error)
        log.warning("webhook_given_up", delivery=str(delivery.pk), error=outcome.error, attempts=delivery.attempts)
        if outcome.error not in ENDED.values():
            day = moment.date().isoformat()
            _leave_notice(delivery.endpoint, NOT_DELIVERED, outcome.error, day, moment)
        claims.wake_next(delivery, moment)
        return str(State.FAILED)
    pause = purpose.pauses[number - 1] * random.uniform(1 - purpose.jitter, 1 + purpose.jitter)  # noqa: S311
    pause = max(pause, min(outcome.wait or timedelta(), LONGEST_WAIT))
    rows.update(due_at=moment + pause, claimed_until=None, error=outcome.error)
    return str(State.WAITING)


def _note_failure(delivery: WebhookDelivery, outcome: Outcome, moment: datetime) -> bool:
    """Note the error and leave the receiver alone for a while; True if it is gone or only failed, and now off."""
    endpoint = delivery.endpoint
    rest = min(REST * 2 ** min(endpoint.failures, 10), LONGEST_REST)
    if outcome.status in (TOO_MANY, UNAVAILABLE):
        rest = max(rest, min(outcome.wait or timedelta(), LONGEST_WAIT))
    rows = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id)
    rows.update(
        failures=F("failures") + 1,
        failing_since=Coalesce(F("failing_since"), Value(moment)),
        rest_until=moment + rest,
        last_error=outcome.error[:60],
        last_error_at=moment,
    )
    if outcome.status == GONE:
        return bool(rows.filter(state=EndpointState.ACTIVE).update(state=EndpointState.GONE))
    limit = purpose_of(endpoint).switched_off_after
    if limit is None:
        return False
    only_failed = rows.filter(state=EndpointState.ACTIVE, failing_since__lte=moment - limit)
    return bool(only_failed.update(state=EndpointState.OFF))


def _leave_notice(endpoint: WebhookEndpoint, title: str, error: str, key: str, moment: datetime) -> None:
    """Leave those who may repair it a notice, an alert where it was switched off; once for each error and key."""
    purpose = purpose_of(endpoint)
    notices.leave_for_permission(
        purpose.permission,
        kind=NOTICE,
        title=title,
        body=describe(error),
        link=purpose.link(endpoint),
        level="alert" if title == SWITCHED_OFF else "warning",
        dedupe_key=f"{NOTICE}:{endpoint.pk}:{error}:{key}",
        now=moment,
    )


def _tell_switched_off(endpoint: WebhookEndpoint, outcome: Outcome, moment: datetime) -> None:
    """Tell those who may turn it on again, also by mail, and write it to the audit log."""
    reason = "gone" if outcome.status == GONE else "switched_off"
    _leave_notice(endpoint, SWITCHED_OFF, reason, moment.isoformat(), moment)
    old, new = EndpointState.ACTIVE, EndpointState.GONE if reason == "gone" else EndpointState.OFF
    about = {"purpose": endpoint.purpose, "ref": str(endpoint.ref), "error": outcome.error}
    chain.note(ACTOR, "WEBHOOKS_SWITCHED_OFF", endpoint, old_state=old, new_state=new, **about)
