"""What an approval's page says of clocks and messages: what is due next, who was told and what became of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from console.names import name_in, names_of
from core.actors import Actor
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.admin.approval.facts import plain, words_of
from hitl.models import Approval, Notification, Timer
from hitl.selectors.related import list_notifications, list_timers

SHOWN: Final = 40
DUE: Final = {
    Timer.Kind.EXPIRE: "Expires unless it is decided",
    Timer.Kind.SLA: "Answer due",
    Timer.Kind.ESCALATE: "Next step of the ladder",
    Timer.Kind.REMIND: "Reminder to those who have not voted",
    Timer.Kind.EXECUTE: "Carried out",
    Timer.Kind.LAPSE: "Not carried out any more after",
    Timer.Kind.LEASE: "Taken for lost unless the executor reports",
    Timer.Kind.UNKNOWN: "Its outcome is looked up again",
}
TOLD: Final = {
    "approval_opened": "asked to sign",
    "approval_escalated": "told that nobody answered in time",
    "approval_delegated": "told that a seat is his now",
    "approval_answered": "told that the requester has answered",
    "approval_reminder": "reminded",
    "approval_overridden": "told that a review is owed",
    "approval_stuck": "told that it cannot go on by itself",
}
STATUSES: Final[dict[str, tuple[str, str]]] = {
    "queued": ("On its way", "info"),
    "sending": ("On its way", "info"),
    "sent": ("Sent", "good"),
    "delivered": ("Delivered", "good"),
    "read": ("Read", "good"),
    "skipped": ("Not needed any more", "neutral"),
    "failed": ("Failed", "danger"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One message to one person."""

    who: str
    what: str
    channel: str
    at: datetime
    status: str
    tone: str
    problem: str = ""


def clocks_and_messages(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return what the page shows of both. Three queries at most."""
    return {
        "due": due(approval, viewer) if approval.is_open else [],
        "told": told(list_notifications(viewer=viewer, approval_id=approval.pk, limit=SHOWN)),
        "custom": own_fields(approval.custom),
        "origin": origin(approval) if viewer.may("core.view_auditentry") else "",
    }


def origin(approval: Approval) -> str:
    """Return from which address and by which program it was asked, for those who may see the audit log."""
    return ", ".join(visible(text) for text in (approval.address, approval.user_agent[:80]) if text)


def due(approval: Approval, viewer: Actor) -> list[tuple[str, datetime]]:
    """Return what is due about an open approval, soonest first."""
    rows = list_timers(viewer=viewer, approval_id=approval.pk, open_only=True)
    return [(DUE[Timer.Kind(row.kind)], row.due_at) for row in rows]


def told(rows: Sequence[Notification]) -> list[Told]:
    """Return messages as the page words them, newest first. At most one query."""
    names = names_of(row.recipient_id for row in rows) if rows else {}
    return [_told(row, name_in(names, row.recipient_id)) for row in reversed(rows)]


def _told(row: Notification, who: str) -> Told:
    what = TOLD.get(row.template, f"told: {row.template.removeprefix('request_').replace('_', ' ')}")
    if row.is_reminder:
        what = f"reminded ({row.reminder_number})"
    status, tone = STATUSES.get(row.status, (row.status.capitalize(), "neutral"))
    channel = "in the app" if row.channel == "in_app" else f"by {row.channel.replace('_', ' ')}"
    return Told(who, what, channel, row.created_at, status, tone, visible(mask_text(row.failure_reason)))


def own_fields(custom: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the asker's own fields, masked."""
    return [(words_of(visible(mask_text(key)))[:60], mask_text(plain(value))) for key, value in sorted(custom.items())]
