"""Receivers of events from lower apps: they put an id into the queue and do nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents import tasks
from core.events import signals
from core.jobs.decorators import hand_over


def on_message_received(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Hand over the message of a customer."""
    hand_over(tasks.take_message, tenant_id, ref)


def on_outcome(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Queue the outcome of an approval or an execution."""
    tasks.take_outcome.delay(str(tenant_id), str(ref))


def on_asking(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Queue an approver's question to the requester."""
    tasks.relay_question.delay(str(tenant_id), str(ref))


def on_drift(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Queue the news that a request is decided again because conditions changed."""
    tasks.relay_drift.delay(str(tenant_id), str(ref))


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    signals.message_received.connect(on_message_received, dispatch_uid="agents.message_received")
    signals.approval_asks.connect(on_asking, dispatch_uid="agents.approval_asks")
    signals.approval_drifted.connect(on_drift, dispatch_uid="agents.approval_drifted")
    signals.approval_closed.connect(on_outcome, dispatch_uid="agents.approval_closed")
    signals.action_finished.connect(on_outcome, dispatch_uid="agents.action_finished")
