"""Receivers of events from lower apps: they write down which run there is, and put ids into the queue."""

from datetime import datetime
from typing import Any
from uuid import UUID

from agents import services, tasks
from core.events import signals
from core.jobs.decorators import hand_over


def on_message_received(*, tenant_id: UUID, ref: UUID, payload: dict[str, str], **_: Any) -> None:
    """Assign the message of a customer to a run, and hand that over.

    Here and not in a task: a task may be lost with its worker, and nothing else would find the message.
    """
    delivery, arrived_at = payload.get("delivery"), payload.get("arrived_at")
    run = services.take_message(
        message_id=ref,
        delivery_id=UUID(delivery) if delivery else None,
        arrived_at=datetime.fromisoformat(arrived_at) if arrived_at else None,
    )
    if run is None:
        tasks.take_message.delay(str(tenant_id), str(ref))
    elif wait := services.seconds_until_due(run):
        tasks.queue_run(run.pk, wait=wait)
    else:
        hand_over(tasks.work_run, tenant_id, run.pk)


def on_outcome(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Open the run that reports the outcome of an approval or an execution, and queue it, for the same reason."""
    run = services.take_outcome(approval_id=ref)
    if run:
        tasks.queue_run(run.pk)


def on_asking(*, ref: UUID, **_: Any) -> None:
    """Pass an approver's question on to the requester, for the same reason here."""
    services.relay_question(approval_id=ref)


def on_drift(*, ref: UUID, **_: Any) -> None:
    """Tell the requester that their request is decided again because conditions changed, for the same reason here."""
    services.relay_drift(approval_id=ref)


def connect() -> None:
    """Connect the receivers; safe to repeat."""
    signals.message_received.connect(on_message_received, dispatch_uid="agents.message_received")
    signals.approval_asks.connect(on_asking, dispatch_uid="agents.approval_asks")
    signals.approval_drifted.connect(on_drift, dispatch_uid="agents.approval_drifted")
    signals.approval_closed.connect(on_outcome, dispatch_uid="agents.approval_closed")
    signals.action_finished.connect(on_outcome, dispatch_uid="agents.action_finished")
