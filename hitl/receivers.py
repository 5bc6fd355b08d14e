"""What the engine does on its own announcements: put an id into the queue, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.events import signals
from hitl import tasks


def on_news(*, tenant_id: UUID, ref: UUID, payload: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Signers want something, or it is over: who asked without an agent is told by us."""
    if "tool_call_id" not in (payload or {}):
        tasks.tell_requester.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect to the announcements; safe to repeat."""
    for signal, name in (
        (signals.approval_asks, "asks"),
        (signals.approval_closed, "closed"),
        (signals.action_finished, "finished"),
    ):
        signal.connect(on_news, dispatch_uid=f"hitl.requester.{name}")
