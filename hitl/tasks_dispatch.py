"""Enqueue tasks for approvals and notifications; a lost task is picked up by a sweep."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from core.events import live
from core.tenancy.scope import current_tenant_id
from hitl.models import Approval

Sender = Callable[[str, str], Any]
_senders: dict[str, Sender] = {}


def send_with(sender: Sender, *, notify: Sender) -> None:
    """Set the functions that enqueue tasks, called with tenant id and row id, when the app is ready."""
    _senders.update(execute=sender, notify=notify)


def execute_soon(approval: Approval) -> None:
    """Enqueue the execution of an approved request after the commit."""
    _send("execute", approval.pk)


def notify_soon(notification_id: UUID) -> None:
    """Enqueue the sending of a notification after the commit."""
    _send("notify", notification_id)


def _send(what: str, row_id: UUID) -> None:
    send = _senders.get(what)
    if send is not None:
        hint = partial(send, str(current_tenant_id()), str(row_id))
        # By the hint thread, so that nobody who decides waits for the broker.
        transaction.on_commit(lambda: live.run_soon(hint), robust=True)
