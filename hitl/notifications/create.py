"""Create notifications: a row for each person and channel. They are written with the transition that causes them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from accounts.selectors import list_members
from core import notices
from hitl import tasks_dispatch
from hitl.models import Approval, Notification
from hitl.notification_channels import ASKS, IN_APP, TITLES


class ApprovalNotice(notices.NoticeKind):
    """Notices that ask for a decision."""

    label, icon = "Approval", "inbox"


class RequestNotice(notices.NoticeKind):
    """Notices about what became of a request."""

    label, icon = "Request", "info"


notices.kinds.register("approval", ApprovalNotice)
notices.kinds.register("request", RequestNotice)


def notify(
    approval: Approval, people: Iterable[UUID], template: str, moment: datetime, *, reminder: int = 0, **more: str
) -> None:
    """Write notifications for each person and channel of the workflow, and a notice.

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
    said = "approval_reminder" if reminder else template
    change = (approval.pk, approval.revision, approval.level, approval.version, template, reminder)
    notices.leave(
        people=ordered,
        kind="approval" if template in ASKS else "request",
        title=f"{approval.reference} {TITLES.get(said, 'needs you')}",
        link=_link_to(approval.pk),
        # An alert is mailed: not beside the email of the notification itself.
        level="alert" if template == "approval_stuck" and channels == [IN_APP] else "info",
        dedupe_key=":".join(["approval", *map(str, change)]),
        now=moment,
    )
    for row in rows:
        if row.status == "queued":
            tasks_dispatch.notify_soon(row.pk)


def settle_notices(approval_id: UUID) -> None:
    """Mark notices that asked for a decision on a closed request as seen.

    For the system; repeatable.
    """
    asked = Notification.objects.filter(approval_id=approval_id, template__in=ASKS)
    people = asked.values_list("recipient_id", flat=True).distinct()
    notices.settle(people=people, kind="approval", link=_link_to(approval_id))


def _link_to(approval_id: UUID) -> str:
    return reverse("admin:hitl_approval_change", args=[approval_id])


def warn_approvers(approval: Approval, people: Collection[UUID], moment: datetime) -> None:
    """Leave a notice about something to look at in an executed request; with no approvers, for administrators."""
    holders = {member.user_id for member in list_members(permission="hitl.hold_approval")}
    notices.leave(
        people=people or holders,
        kind="request",
        title=f"{approval.reference} was executed, but there is something to check",
        link=_link_to(approval.pk),
        level="alert",
        dedupe_key=f"approval:{approval.pk}:{approval.revision}:warning",
        now=moment,
    )


def alert_admins(approval: Approval, problem: str, moment: datetime) -> None:
    """Notify those who may hold approvals that one of them can't continue by itself."""
    people = {member.user_id for member in list_members(permission="hitl.hold_approval")}
    notify(approval, people, "approval_stuck", moment, problem=problem)
