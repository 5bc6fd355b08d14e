"""Receivers of the engine's own announcements."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from core.events import signals
from hitl import tasks
from hitl.notifications.create import settle_notices


def on_news(*, tenant_id: UUID, ref: UUID, payload: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Enqueue the notification of a requester who asked without an agent."""
    if "tool_call_id" not in (payload or {}):
        tasks.tell_requester.delay(str(tenant_id), str(ref))


def on_drift(*, tenant_id: UUID, ref: UUID, payload: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Enqueue the notification that the request of somebody without an agent is decided again."""
    if "tool_call_id" not in (payload or {}):
        tasks.tell_of_drift.delay(str(tenant_id), str(ref))


def on_rights_changed(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Enqueue the alignment of the assignments that rest on a person's rights."""
    tasks.align_rights.delay(str(tenant_id), str(ref))


def on_closed(*, ref: UUID, **_: Any) -> None:
    """Settle the notices that asked for a decision."""
    with transaction.atomic():
        settle_notices(ref)


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    for signal, name in (
        (signals.approval_asks, "asks"),
        (signals.approval_closed, "closed"),
        (signals.action_finished, "finished"),
    ):
        signal.connect(on_news, dispatch_uid=f"hitl.requester.{name}")
    signals.approval_drifted.connect(on_drift, dispatch_uid="hitl.requester.drifted")
    signals.rights_changed.connect(on_rights_changed, dispatch_uid="hitl.rights.changed")
    signals.approval_closed.connect(on_closed, dispatch_uid="hitl.notices.closed")
