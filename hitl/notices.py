"""Messages to approvers: a row each, written with the move that causes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.selectors import list_members
from core import prepared, writes
from hitl import hints
from hitl.models import Approval, Notification

IN_APP: Final = "in_app"


def notify(
    approval: Approval, people: Iterable[UUID], template: str, moment: datetime, *, reminder: int = 0, **more: str
) -> None:
    """Write one notification for each person and channel of the workflow.

    What is shown in the app is there at once; a worker sends the others after the commit.
    """
    variables = {"reference": approval.reference, "risk_level": approval.risk_level, **more}
    common = {
        "approval": approval,
        "revision": approval.revision,
        "level": approval.level,
        "template": template,
        "variables": variables,
        "created_at": moment,
        "is_reminder": reminder > 0,
        "reminder_number": reminder,
    }
    channels = [name for name in approval.snapshot.get("notify_by") or [] if name != IN_APP]
    ordered = sorted(people)
    shown = [_shown(person, common, moment) for person in ordered]
    queued = [_queued(person, channel, common) for person in ordered for channel in channels]
    for row in shown + queued:
        prepared.later(writes.inserting(row))
    for row in queued:
        hints.notify_soon(row.pk)


def _shown(person: UUID, common: dict[str, Any], moment: datetime) -> Notification:
    return Notification(recipient_id=person, channel=IN_APP, status="sent", provider=IN_APP, sent_at=moment, **common)


def _queued(person: UUID, channel: str, common: dict[str, Any]) -> Notification:
    return Notification(recipient_id=person, channel=channel, status="queued", **common)


def alert_admins(approval: Approval, problem: str, moment: datetime) -> None:
    """Tell those who may hold approvals that one of them cannot go on by itself."""
    people = {member.user_id for member in list_members(permission="hitl.hold_approval")}
    notify(approval, people, "approval_stuck", moment, problem=problem)
