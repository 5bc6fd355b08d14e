"""Reading tools about requests: what waits for the member, and what happened to one."""

from typing import Any, Final
from uuid import UUID

from agents.answering.tools.registry import Arguments, Caller, OneRequest, Tool, register
from core.actors import Actor
from core.errors import NotFound
from core.privacy.pii import mask_text
from hitl import selectors
from hitl.domain.state_machine import OPEN
from hitl.models import Approval
from hitl.selectors.timeline import history

VIEW: Final = "hitl.view_approval"
DECIDE: Final = "hitl.decide_approval"
MOST: Final = 10
WORDS: Final = {
    "propose": "requested",
    "approve": "approved",
    "reject": "rejected",
    "edit": "edited",
    "ask": "a question was asked",
    "answer": "the question was answered",
    "send_back": "sent back for changes",
    "resubmit": "resubmitted",
    "claim": "execution started",
    "succeed": "executed",
    "fail_clean": "could not be executed",
    "lose": "outcome unknown",
    "expire": "expired",
    "cancel": "cancelled",
    "supersede": "replaced by a newer request",
    "drift": "conditions changed",
}
"""What happened, by the event of the audit log; another event stands for itself."""


@register
class WaitingForMe(Tool):
    """What the member has to decide, and what they wait for."""

    key = "what_is_waiting"
    title = "Show what is waiting"
    ability = "tell you what is waiting for you"
    description = "Requests that wait for this person's approval, and the person's own requests that are still open."
    audience = "member"
    per_hour = 0

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        to_decide = []
        if VIEW in caller.permissions:
            may = caller.permissions & {VIEW, DECIDE}
            viewer = Actor(kind="user", id=caller.user_id, user_id=caller.user_id, permissions=may)
            to_decide = selectors.list_approvals(viewer=viewer, mine=True, limit=MOST)
        states = [state.value for state in OPEN]
        own = Approval.objects.filter(requester_id=caller.user_id, state__in=states).order_by("-id")[:MOST]
        return {"to_decide": [_line(row) for row in to_decide], "own": [_line(row) for row in own]}


@register
class WhatHappened(Tool):
    """The history of one request."""

    key = "what_happened"
    title = "Show what happened to a request"
    ability = "tell you what happened to a request"
    description = (
        "State and history of one request by its reference; of the person's own, or of all if they may see them."
    )
    audience = "member"
    per_hour = 0
    arguments = OneRequest

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reference = arguments.model_dump()["reference"]
        approval = Approval.objects.filter(reference=reference).first()
        is_own = approval is not None and approval.requester_id == caller.user_id
        if approval is None or not (is_own or VIEW in caller.permissions):
            raise NotFound("There's no request with this reference that you may see.")
        viewer = Actor(kind="user", id=caller.user_id, user_id=caller.user_id, permissions=frozenset({VIEW}))
        entries = history(viewer=viewer, approval_id=approval.pk)
        # What happened and when; who did it stays in the console.
        told = []
        for entry in entries:
            why = f" ({mask_text(entry.reason)[:160]})" if entry.reason else ""
            told.append(f"{entry.at:%-d %b, %H:%M}: {WORDS.get(entry.action, entry.action.replace('_', ' '))}{why}")
        return {**_line(approval), "history": told[-MOST:]}


def _line(approval: Approval) -> dict[str, str]:
    return {
        "request": approval.reference,
        "what": mask_text(str(approval.preview.get("headline") or approval.summary))[:200],
        "is": approval.state.replace("_", " "),
        "since": f"{approval.created_at:%-d %b, %H:%M} UTC",
    }
