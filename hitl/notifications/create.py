"""Create notifications: a row for each person and channel.

They are written with the transition that causes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from accounts.selectors import list_members
from hitl import tasks_dispatch
from hitl.models import Approval, Notification
from hitl.notification_channels import IN_APP


def notify(
    approval: Approval, people: Iterable[UUID], template: str, moment: datetime, *, reminder: int = 0, **more: str
) -> None:
    """Write one notification for each person and channel of the workflow.

    Those in the app are there at once; a worker sends the others after the commit.
    """
    channels = [IN_APP, *(name for name in approval.snapshot.get("notify_by") or [] if name != IN_APP)]
    ordered = sorted(people)
    variables = {"reference": approval.reference, "risk_level": approval.risk_level, **more}
    rows = [
        Notification(
            approval=approval,
            revision=approval.revision,
            level=approval.level,
            channel=channel,
            recipient_id=person,
            template=template,
            variables=variables,
            status="sent" if channel == IN_APP else "queued",
            provider=IN_APP if channel == IN_APP else "",
            created_at=moment,
            sent_at=moment if channel == IN_APP else None,
            is_reminder=reminder > 0,
            reminder_number=reminder,
        )
        for channel in channels
        for person in ordered
    ]
    Notification.objects.bulk_create(rows)
    for row in rows:
        if row.status == "queued":
            tasks_dispatch.notify_soon(row.pk)


def alert_admins(approval: Approval, problem: str, moment: datetime) -> None:
    """Notify those who may hold approvals that one of them can't continue by itself."""
    people = {member.user_id for member in list_members(permission="hitl.hold_approval")}
    notify(approval, people, "approval_stuck", moment, problem=problem)
