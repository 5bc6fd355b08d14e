"""Telling the requester what became of his request, where no agent tells him in a chat."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from core.clock import now as clock_now
from hitl.domain.state_machine import ASKS_BACK, State
from hitl.models import Approval, Notification
from hitl.notifications import create

TOLD: Final = (*ASKS_BACK, State.UNKNOWN, State.EXECUTED, State.FAILED, State.REJECTED, State.EXPIRED, State.CANCELLED)
"""What he is told; that a newer request of his own took its place is no news to him."""


def template_of(state: str) -> str:
    """Return the name of the notice about a state."""
    return f"request_{state}"


@transaction.atomic
def tell_requester(approval_id: UUID, *, now: datetime | None = None) -> bool:
    """Write to the requester in the app and over the workflow's channels where his request stands; tells
    whether it did.

    For the system only, after the move. Once for each move, however often this is called; not about what
    he did himself, and not where the request came through an agent, which answers in his chat.
    """
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None or approval.state not in TOLD or approval.tool_call_id is not None:
        return False
    person = approval.requester_id
    if person is None or (approval.state == State.CANCELLED and approval.decided_by_id == person):
        return False
    about = {"state": approval.state, "version": str(approval.version)}
    known = Notification.objects.filter(approval=approval, recipient_id=person, variables__contains=about)
    if known.exists():
        return False
    create.notify(approval, {person}, template_of(approval.state), now or clock_now(), **about)
    return True
