"""Notify requesters of the outcome, unless an agent answers them in a chat."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from core.clock import now as clock_now
from hitl.domain.state_machine import ASKS_BACK, State
from hitl.models import Approval, Notification
from hitl.notifications import create

TOLD: Final = (*ASKS_BACK, State.UNKNOWN, State.EXECUTED, State.FAILED, State.REJECTED, State.EXPIRED, State.CANCELLED)
"""The states to notify of; requesters know when their own newer request replaced one."""


@transaction.atomic
def tell_requester(approval_id: UUID, *, now: datetime | None = None) -> bool:
    """Notify the requester of the state of their request; return True if it did.

    In the app and over the workflow's channels, once for each transition however often this is called. Not of
    what they did themselves, and not if the request came through an agent, which answers in the chat. For the
    system only, after the transition.
    """
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None or approval.state not in TOLD:
        return False
    if approval.state == State.CANCELLED and approval.decided_by_id == approval.requester_id:
        return False
    return _tell(approval, approval.state, now, version=str(approval.version))


@transaction.atomic
def tell_of_drift(approval_id: UUID, *, now: datetime | None = None) -> bool:
    """Notify the requester that conditions changed; return True if queued.

    Once for each such revision, however often this is called, and not if the request came through an agent. For
    the system only, after the transition.
    """
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None or not approval.drift:
        return False  # changed again since: that revision has a message of its own
    return _tell(approval, "drifted", now, revision=str(approval.revision))


def _tell(approval: Approval, state: str, now: datetime | None, **number: str) -> bool:
    if approval.tool_call_id is not None or approval.requester_id is None:
        return False
    about: dict[str, Any] = {"state": state, **number}
    person = approval.requester_id
    if Notification.objects.filter(approval=approval, recipient_id=person, variables__contains=about).exists():
        return False
    create.notify(approval, {person}, f"request_{state}", now or clock_now(), **about)
    return True
