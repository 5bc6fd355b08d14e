"""Hold notifications back for quiet hours, digests and the limit per hour, and release them when it is time."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from accounts.selectors import wants_mail
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.ids import uuid7
from core.tenancy.scope import platform_scope
from hitl import tasks_dispatch
from hitl.domain.delivery_times import Hold, Message, after_quiet_hours, hold
from hitl.models import Notification
from hitl.notification_channels import ASKS, EMAIL, notifiers
from hitl.notifications.preferences import wish_of

URGENT: Final = frozenset({"approval_stuck", "approval_overridden"})
"""The notifications that are alerts."""
GATHERED_MAX: Final = 50
"""How many notifications one digest holds; the rest follows in another."""
HOUR: Final = timedelta(hours=1)
TURNED_OFF: Final = "This person turned this channel off."


def why_not_now(row: Notification, moment: datetime) -> Hold | str | None:
    """Return until when a notification waits, a sentence if it is not wanted at all, or None to send it.

    In the transaction that claims it: nobody else counts for the same person until the commit. What waited once is not
    held again here.
    """
    wish, off = wish_of(row.recipient_id)
    if row.channel in off or (row.channel == EMAIL and not wants_mail(row.recipient_id)):
        return TURNED_OFF
    if row.held_for:
        return None
    advisory_lock(f"notify {row.recipient_id} {row.channel}")
    message = message_of(row, moment)
    # Only counted where it matters.
    sent = 0 if message.is_urgent or message.is_critical else _count_sent(row, moment)
    return hold(wish, message, sent_lately=sent, now=moment)


def message_of(row: Notification, moment: datetime) -> Message:
    """Return what decides about a notification, as its approval is now."""
    due = row.approval.sla_due_at
    is_late = row.is_reminder and due is not None and due <= moment
    deadline = None
    if row.template in ASKS and row.approval.is_undecided:
        deadline = due if due is not None and due > moment else row.approval.expires_at
    return Message(row.approval.risk_level, is_urgent=is_late or row.template in URGENT, deadline=deadline)


def _count_sent(row: Notification, moment: datetime) -> int:
    """Count the messages of the last hour, those that are being sent included; a digest is one."""
    mine = Notification.objects.filter(recipient_id=row.recipient_id, channel=row.channel)
    as_message = Coalesce(F("digest_id"), F("id"))
    sent = mine.filter(sent_at__gt=moment - HOUR).values_list(as_message)
    leaving = mine.filter(status="sending", lease_until__gt=moment).exclude(pk=row.pk).values_list(as_message)
    return sent.union(leaving).count()


def list_waiting(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, notification) of one due for each person and channel.

    For the sweep. One query.
    """
    with platform_scope():
        due = Notification.objects.filter(status="held", hold_until__lte=now or clock_now())
        rows = due.order_by("tenant_id", "recipient_id", "channel").distinct("tenant_id", "recipient_id", "channel")
        return list(rows.values_list("tenant_id", "id")[:200])


@transaction.atomic
def release(*, notification_id: UUID, now: datetime | None = None) -> int:
    """Queue what is due for a notification's person, as one message where possible.

    Returns how many. For the system only, in the tenant's scope; safe to repeat, and in parallel. If quiet
    hours began meanwhile, it waits for their end.
    """
    moment = now or clock_now()
    found = Notification.objects.filter(pk=notification_id).values("recipient_id", "channel").first()
    if found is None:
        return 0
    rows = Notification.objects.filter(**found, status="held", hold_until__lte=moment)
    rows = rows.select_for_update(of=("self",), skip_locked=True)
    due = list(rows.select_related("approval").order_by("id")[:GATHERED_MAX])
    if not due:
        return 0
    end = after_quiet_hours(wish_of(found["recipient_id"])[0], moment)
    if end != moment:
        # Hold back again what came into quiet hours, as after an outage.
        asleep = [row for row in due if not message_of(row, moment).is_critical]
        keys = [row.pk for row in asleep]
        Notification.objects.filter(pk__in=keys, status="held").update(hold_until=end, held_for="quiet")
        due = [row for row in due if row not in asleep]
    gathers = {name for name, notifier in notifiers.items() if notifier.gathers}
    together = len(due) > 1 and found["channel"] in gathers
    digest_id = uuid7() if together else None
    keys = [row.pk for row in due]
    Notification.objects.filter(pk__in=keys, status="held").update(status="queued", digest_id=digest_id)
    for key in keys[:1] if together else keys:
        tasks_dispatch.notify_soon(key)
    return len(keys)
