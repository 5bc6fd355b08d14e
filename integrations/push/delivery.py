"""Sending push messages: one try for each that is due, again with growing pauses, and an end to dead browsers."""

import json
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.urls import reverse

from accounts.models import Notice, PushMessage, PushSubscription
from accounts.push import check_endpoint, decode
from accounts.selectors import is_active_member
from core.clock import now as clock_now
from core.errors import Invalid
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope
from integrations.push.message import authorization, encrypt

log = get_logger(__name__)

PATIENCE: Final = Patience(connect=3.0, read=5.0, total=8.0, max_bytes=64_000)
BATCH: Final = 50
LONGEST: Final = timedelta(seconds=20)
LEASE: Final = timedelta(seconds=60)
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 7200))
KEPT_FOR: Final = timedelta(hours=12)
"""How long a message is worth sending, by us and by the push service."""
GONE: Final = (404, 410)
LATER: Final = (408, 425, 429)


def deliver_due(*, now: datetime | None = None) -> int:
    """Send what is due in all tenants for up to `LONGEST`; return how many messages were tried."""
    started = clock_now()
    total = 0
    with platform_scope():
        due = PushMessage.objects.filter(due_at__lte=now or clock_now()).order_by("due_at")
        found: list[tuple[UUID, UUID]] = list(due.values_list("tenant_id", "pk")[:BATCH])
    for tenant_id, message_id in found:
        if clock_now() - started > LONGEST:
            break
        with tenant_scope(tenant_id):
            total += deliver(message_id, now=now)
    return total


def deliver(message_id: UUID, *, now: datetime | None = None) -> bool:
    """Try once to send a message, in its tenant's scope; return False if another worker has it.

    A lost answer is retried: the browser shows a notice once, by its id. The row goes when the push service has
    the message, or when it is of no use any more.
    """
    moment = now or clock_now()
    claim = {"due_at": moment + LEASE, "attempts": F("attempts") + 1}
    if not PushMessage.objects.filter(pk=message_id, due_at__lte=moment).update(**claim):
        return False
    message: PushMessage | None = PushMessage.objects.select_related("subscription").filter(pk=message_id).first()
    if message is None:
        return False  # its browser was removed meanwhile
    notice = Notice.objects.filter(pk=message.notice_id, seen_at=None).first()
    is_member = is_active_member(message.subscription.person_id)
    if notice is None or moment - message.created_at > KEPT_FOR or not is_member:
        message.delete()
        return True
    _settle(message, _send(message.subscription, notice, moment), moment)
    return True


def _send(subscription: PushSubscription, notice: Notice, moment: datetime) -> Reply | NotSent | NoAnswer:
    """Call the push service outside any transaction."""
    try:
        check_endpoint(subscription.endpoint)
    except Invalid as problem:
        return NotSent(problem.code, problem.detail, retry=False)
    parts = urlsplit(subscription.endpoint)
    origin = f"{parts.scheme}://{parts.netloc}"
    link = notice.link or reverse("admin:accounts_notice_changelist")
    said = {"id": str(notice.pk), "title": notice.title, "link": link}
    keys = subscription.keys
    body = encrypt(json.dumps(said).encode(), p256dh=decode(keys["p256dh"]), auth=decode(keys["auth"]))
    key, subject = settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT
    headers = {
        "TTL": str(int(KEPT_FOR.total_seconds())),
        "Urgency": "normal" if notice.level == Notice.Level.INFO else "high",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": authorization(origin=origin, key=key, subject=subject, now=moment),
    }
    client = OutgoingHttp(origin, patience=PATIENCE, private_hosts=settings.PUSH_HOSTS, provider="push")
    try:
        return client.request("POST", subscription.endpoint.removeprefix(origin) or "/", content=body, headers=headers)
    finally:
        client.close()


def _settle(message: PushMessage, outcome: Reply | NotSent | NoAnswer, moment: datetime) -> None:
    """Record what the push service answered."""
    subscription = message.subscription
    status = outcome.status if isinstance(outcome, Reply) else 0
    if 200 <= status < 300:
        message.delete()
        PushSubscription.objects.filter(pk=subscription.pk).update(sent_at=moment)
        return
    if status in GONE or (isinstance(outcome, NotSent) and not outcome.retry):
        log.info("push_browser_gone", subscription=str(subscription.pk), status=status)
        subscription.delete()
        return
    is_final = 300 <= status < 500 and status not in LATER
    if is_final or message.attempts > len(PAUSES):
        log.warning("push_given_up", subscription=str(subscription.pk), status=status, attempts=message.attempts)
        message.delete()
        return
    wanted = outcome.headers.get("retry-after", "") if isinstance(outcome, Reply) else ""
    is_number = wanted.isascii() and wanted.isdecimal() and len(wanted) < 7
    asked = timedelta(seconds=int(wanted)) if is_number else PAUSES[0]
    pause = min(max(asked, PAUSES[message.attempts - 1]), PAUSES[-1])
    PushMessage.objects.filter(pk=message.pk).update(due_at=moment + pause)
