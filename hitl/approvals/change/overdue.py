"""Tell people that timers of requests are late."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from core import notices
from core.clock import now as clock_now
from core.reliability import lease
from core.tenancy.scope import platform_scope
from hitl.models import Timer

PATIENCE: Final = timedelta(seconds=60)
"""How long a timer may be due before it counts: sweeps run each second, a claim lasts 20 seconds."""
VIEW: Final = "core.view_deadletter"
_COUNTED: Final = 100


class OverdueNotice(notices.NoticeKind):
    """Notices that timers are late."""

    label, icon = "Late timers", "clock"


notices.kinds.register("overdue_timers", OverdueNotice)


def tenants_overdue(*, now: datetime | None = None) -> list[UUID]:
    """Return the tenants with a timer that is a minute late; for the sweep."""
    with platform_scope():
        late = _late(now or clock_now()).order_by("tenant_id")
        return list(late.values_list("tenant_id", flat=True).distinct())


def notify_overdue_timers(*, now: datetime | None = None) -> int:
    """Notify those who see failed jobs when timers of the tenant in scope are late.

    Returns how many are late, at most 100. At most one notice an hour for as long as it lasts. For the system only.
    """
    moment = now or clock_now()
    count = len(_late(moment).values_list("pk")[:_COUNTED])
    if not count:
        return 0
    said = f"{count} timers are" if count > 1 else "1 timer is"
    with transaction.atomic():
        notices.leave_for_permission(
            VIEW,
            kind="overdue_timers",
            title=f"{said} overdue",
            body="Reminders, escalations, expiries or executions are late. Check that the workers are running.",
            link=reverse("admin:hitl_approval_changelist"),
            level="alert",
            dedupe_key=f"overdue_timers:{moment:%Y-%m-%dT%H}",
            now=moment,
        )
    return count


def _late(moment: datetime) -> Any:
    before = moment - PATIENCE
    return Timer.objects.filter(lease.free(before), done_at=None, due_at__lt=before)
