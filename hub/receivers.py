"""Receivers of the hub: approvals that book what customers confirmed have ended."""

from typing import Any
from uuid import UUID

from core.events import signals
from core.jobs import queues
from hitl.models import Approval
from hub.actions import KEY


def on_outcome(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Enqueue that the customer is told."""
    if Approval.objects.filter(pk=ref, kind=KEY).exists():
        queues.enqueue("tell_outcome", tenant_id, ref)


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    signals.approval_closed.connect(on_outcome, dispatch_uid="hub.approval_closed")
    signals.action_finished.connect(on_outcome, dispatch_uid="hub.action_finished")
