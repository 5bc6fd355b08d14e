"""Retention of old mail: content is deleted first, rows much later; counts stay."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from core.clock import now as clock_now
from core.retention import BATCH, made_before
from core.tenancy.scope import platform_scope, tenant_scope
from integrations.models import MailCount, MailDelivery

CONTENT: Final = ("address", "subject", "text", "html", "reply_to", "headers")


def forget_texts(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Delete and count a batch of mails' addresses and texts older than `MAIL_DAYS`.

    Rows stay, so that no mail is sent twice. Queued mail keeps its text; failed mail loses it and is not sent again.
    """
    moment = (now or clock_now()) - timedelta(days=settings.MAIL_DAYS)
    with platform_scope():
        old = MailDelivery.objects.filter(made_before(moment), queued_at__lt=moment, due_at=None, text__isnull=False)
        batch = list(old.order_by("pk").values_list("pk", flat=True)[:limit])
        settled = MailDelivery.objects.filter(pk__in=batch, due_at=None)
        count: int = settled.update(**dict.fromkeys(CONTENT))
    return count


def forget_rows(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Delete and count a batch of mails older than `MAIL_ROWS_DAYS`; queued mail stays. For the sweep."""
    moment = (now or clock_now()) - timedelta(days=max(settings.MAIL_ROWS_DAYS, settings.MAIL_DAYS))
    with platform_scope():
        old = MailDelivery.objects.filter(made_before(moment), queued_at__lt=moment, due_at=None)
        batch = sorted(old.order_by("pk").values_list("tenant_id", "pk")[:limit])
    removed = 0
    for tenant_id, rows in groupby(batch, key=itemgetter(0)):
        with tenant_scope(tenant_id):
            removed += _count_and_remove([row_id for _, row_id in rows])
    return removed


@transaction.atomic
def _count_and_remove(ids: Sequence[UUID]) -> int:
    rows = MailDelivery.objects.select_for_update(skip_locked=True).filter(pk__in=ids, due_at=None)
    locked = list(rows.values_list("pk", "queued_at", "type", "status"))
    counts = Counter((queued_at.astimezone(UTC).date(), type_, status) for _, queued_at, type_, status in locked)
    empty = [MailCount(day=day, type=type_, status=status) for day, type_, status in counts]
    MailCount.objects.bulk_create(empty, ignore_conflicts=True)
    for (day, type_, status), count in counts.items():
        MailCount.objects.filter(day=day, type=type_, status=status).update(count=F("count") + count)
    MailDelivery.objects.filter(pk__in=[pk for pk, *_ in locked]).delete()
    return len(locked)
