"""Messages to approvers: a row each, written with the move that causes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Final, TypedDict
from uuid import UUID

from pydantic_core import to_json

from accounts.selectors import list_members
from core import prepared, rows
from core.ids import uuid7
from core.prepared import Call, Prepared
from hitl import tasks_dispatch
from hitl.approvals.context import of_level
from hitl.models import Approval, Notification

IN_APP: Final = "in_app"
_TYPES: Final = {
    "tenant": "uuid",
    "approval": "uuid",
    "revision": "integer",
    "level": "integer",
    "template": "text",
    "variables": "jsonb",
    "moment": "timestamptz",
    "reminder": "integer",
    "notices": "jsonb",
}


class _Notice(TypedDict):
    """What is a notification's own; all else they have in common."""

    id: UUID
    person: UUID
    channel: str


def notify(
    approval: Approval, people: Iterable[UUID], template: str, moment: datetime, *, reminder: int = 0, **more: str
) -> None:
    """Write one notification for each person and channel of the workflow.

    What is shown in the app is there at once; a worker sends the others after the commit.
    """
    channels = [name for name in approval.snapshot.get("notify_by") or [] if name != IN_APP]
    ordered = sorted(people)
    if not ordered:
        return
    shown = [_Notice(id=uuid7(), person=person, channel=IN_APP) for person in ordered]
    queued = [_Notice(id=uuid7(), person=person, channel=channel) for person in ordered for channel in channels]
    values = {
        **of_level(approval, approval.level),
        "template": template,
        "variables": to_json({"reference": approval.reference, "risk_level": approval.risk_level, **more}).decode(),
        "moment": moment,
        "reminder": reminder,
        "notices": to_json(shown + queued).decode(),
    }
    prepared.later(Call(_statement(), values))
    for notice in queued:
        tasks_dispatch.notify_soon(notice["id"])


@cache
def _statement() -> Prepared:
    mark = prepared.marks(_TYPES)
    in_app = f"notice.channel = '{IN_APP}'"
    columns = {
        "id": "notice.id",
        "tenant_id": mark["tenant"],
        "approval_id": mark["approval"],
        "revision": mark["revision"],
        "level": mark["level"],
        "channel": "notice.channel",
        "recipient_id": "notice.person",
        "template": mark["template"],
        "variables": mark["variables"],
        "status": f"case when {in_app} then 'sent' else 'queued' end",
        "provider": f"case when {in_app} then '{IN_APP}' else '' end",
        "created_at": mark["moment"],
        "sent_at": f"case when {in_app} then {mark['moment']} end",
        "is_reminder": f"{mark['reminder']} > 0",
        "reminder_number": mark["reminder"],
    }
    source = f"jsonb_to_recordset({mark['notices']}) as notice(id uuid, person uuid, channel text)"
    return prepared.prepared(rows.insertion_from(Notification, source, columns), _TYPES)


def alert_admins(approval: Approval, problem: str, moment: datetime) -> None:
    """Tell those who may hold approvals that one of them cannot go on by itself."""
    people = {member.user_id for member in list_members(permission="hitl.hold_approval")}
    notify(approval, people, "approval_stuck", moment, problem=problem)
