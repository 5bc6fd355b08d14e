"""Asking a worker to go on with an approval soon; only a hint, the timers are the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from core.scope import current_tenant_id
from hitl.models import Approval

_senders: list[Callable[[str, str], Any]] = []


def send_with(sender: Callable[[str, str], Any]) -> None:
    """Name what sends the hint, called with tenant id and approval id; set when the app is ready."""
    _senders[:] = [sender]


def execute_soon(approval: Approval) -> None:
    """Send the hint after the commit."""
    ids = str(current_tenant_id()), str(approval.pk)
    for sender in _senders:
        transaction.on_commit(lambda send=sender: send(*ids), robust=True)  # type: ignore[misc]
