"""Enqueue tasks for approvals and notifications; a lost task is picked up by a sweep."""

from functools import partial
from uuid import UUID

from django.db import transaction

from core.events import live
from core.jobs import queues
from core.tenancy.scope import current_tenant_id
from hitl.models import Approval


def execute_soon(approval: Approval) -> None:
    """Enqueue the execution of an approved request after the commit."""
    _enqueue("execute_approval", approval.pk)


def notify_soon(notification_id: UUID) -> None:
    """Enqueue the sending of a notification after the commit."""
    _enqueue("send_notification", notification_id)


def _enqueue(task: str, row_id: UUID) -> None:
    hint = partial(queues.enqueue, task, current_tenant_id(), row_id)
    # By the hint thread, so that nobody who decides waits for the broker.
    transaction.on_commit(lambda: live.run_soon(hint), robust=True)
