"""Retention of old mail: content goes first, rows much later; counts stay."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from core.clock import now as clock_now
from core.privacy.retention.holds import Held, lock_holds, not_on_hold
from core.privacy.retention.registry import RULES, RetentionRule
from core.retention import BATCH, made_before
from core.tenancy.scope import platform_scope, tenant_scope
from integrations.models import MailCount, MailDelivery

CONTENT: Final = ("address", "subject", "text", "html", "reply_to", "headers")


class Mails(RetentionRule):
    """Empties mails; rows stay, so that no mail is sent twice.

    Queued mail keeps its text; failed mail loses it and is not sent again.
    """

    order: ClassVar[int] = 60
    title: ClassVar[str] = "Emails"
    what: ClassVar[str] = (
        "Addresses and texts of emails go, counted from the day they were written. That they were sent stays."
    )
    tables: ClassVar[str] = "integrations.MailDelivery"
    batch: ClassVar[int] = BATCH

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long the installation keeps them."""
        return int(settings.MAIL_DAYS)

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[MailDelivery]:  # noqa: ARG003
        """Return mails with their text that don't wait."""
        return MailDelivery.objects.filter(made_before(before), queued_at__lt=before, due_at=None, text__isnull=False)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Empty locked mails."""
        return int(MailDelivery.objects.filter(pk__in=keys).update(**dict.fromkeys(CONTENT)))


def forget_rows(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Delete and count a batch of mails older than `MAIL_ROWS_DAYS`; queued mail stays, and what is on legal hold.

    For the sweep.
    """
    moment = (now or clock_now()) - timedelta(days=max(settings.MAIL_ROWS_DAYS, settings.MAIL_DAYS))
    with platform_scope():
        old = MailDelivery.objects.filter(made_before(moment), not_on_hold(), queued_at__lt=moment, due_at=None)
        batch = sorted(old.order_by("pk").values_list("tenant_id", "pk")[:limit])
    removed = 0
    for tenant_id, rows in groupby(batch, key=itemgetter(0)):
        with tenant_scope(tenant_id):
            removed += _count_and_remove([row_id for _, row_id in rows])
    return removed


@transaction.atomic
def _count_and_remove(ids: Sequence[UUID]) -> int:
    if lock_holds().everything:
        return 0
    rows = MailDelivery.objects.select_for_update(skip_locked=True).filter(pk__in=ids, due_at=None)
    locked = list(rows.values_list("pk", "queued_at", "type", "status"))
    counts = Counter((queued_at.astimezone(UTC).date(), type_, status) for _, queued_at, type_, status in locked)
    empty = [MailCount(day=day, type=type_, status=status) for day, type_, status in counts]
    MailCount.objects.bulk_create(empty, ignore_conflicts=True)
    for (day, type_, status), count in counts.items():
        MailCount.objects.filter(day=day, type=type_, status=status).update(count=F("count") + count)
    MailDelivery.objects.filter(pk__in=[pk for pk, *_ in locked]).delete()
    return len(locked)


RULES.register("mails", Mails)
