"""Deadlines and notifications on an approval's page, and what came with the request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from console.names import name_in
from core.actors import Actor
from core.privacy.visible_text import visible
from hitl.approvals.admin.page.facts import plain, words_of
from hitl.models import Approval, Notification, Timer
from hitl.notifications.delivery_words import delivery_state
from hitl.selectors.related import list_timers

DEADLINES: Final = {
    Timer.Kind.EXPIRE: "Expires",
    Timer.Kind.SLA: "Decision due",
    Timer.Kind.ESCALATE: "Next escalation",
    Timer.Kind.REMIND: "Next reminder to approvers",
    Timer.Kind.EXECUTE: "Executes",
    Timer.Kind.LAPSE: "Must be executed by",
    Timer.Kind.LEASE: "Execution must report back by",
    Timer.Kind.UNKNOWN: "Next check of the outcome",
}
MESSAGES: Final = {
    "approval_opened": "asked to approve",
    "approval_escalated": "asked to approve after an escalation",
    "approval_delegated": "asked to approve for a colleague",
    "approval_answered": "informed that the requester answered",
    "approval_reminder": "reminded",
    "approval_overridden": "informed that a review is due",
    "request_drifted": "informed that conditions changed and it is decided again",
    "approval_stuck": "informed that the request needs help",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One notification of one person."""

    who: str
    what: str
    channel: str
    at: datetime
    status: str
    tone: str
    problem: str = ""


def deadlines(approval: Approval, viewer: Actor) -> list[tuple[str, datetime]]:
    """Return what is due about an open approval, soonest first."""
    rows = list_timers(viewer=viewer, approval_id=approval.pk, open_only=True)
    return [(DEADLINES[Timer.Kind(row.kind)], row.due_at) for row in rows]


def notifications(rows: Sequence[Notification], names: Mapping[UUID, str]) -> list[Message]:
    """Return notifications in words, newest first."""
    return [_message(row, name_in(dict(names), row.recipient_id)) for row in reversed(rows)]


def _message(row: Notification, who: str) -> Message:
    what = MESSAGES.get(row.template, f"informed: {row.template.removeprefix('request_').replace('_', ' ')}")
    if row.is_reminder:
        what = f"reminded ({row.reminder_number})"
    state = delivery_state(row)
    channel = "in the app" if row.channel == "in_app" else f"by {row.channel.replace('_', ' ')}"
    return Message(who, what, channel, row.created_at, state.word, state.tone, state.detail)


def origin(approval: Approval) -> str:
    """Return the address and the program that the request came from."""
    return ", ".join(visible(text) for text in (approval.address, approval.user_agent[:80]) if text)


def own_fields(approval: Approval) -> list[tuple[str, str]]:
    """Return the requester's own fields, masked."""
    rows, hide = sorted(approval.custom.items()), approval.masked
    return [(words_of(visible(hide(key)))[:60], str(hide(plain(value)))) for key, value in rows]
