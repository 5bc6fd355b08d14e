"""Assign a message to a run: it starts one, joins one, or is left to the person who answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.models import AgentRun, AgentRunMessage
from conversations.models import Conversation, Message
from core.clock import now as clock_now

QUIET = timedelta(seconds=1.5)
BURST = timedelta(seconds=8)


@transaction.atomic
def take_message(*, message_id: UUID, now: datetime | None = None) -> AgentRun | None:
    """Assign an inbound message to a run and return it; None where no agent answers.

    For the system only. A lone message starts a run at once. A message joins the previous run if that
    run is not finished or its last message is at most 1.5 s old, up to 8 s after the first message.
    A run that has answered goes back to `queued` and is due once the sender pauses, so that the
    follow-ups get one answer. Safe to repeat.
    """
    moment = now or clock_now()
    rows = Conversation.objects.select_for_update(of=("self",))
    conversation = rows.filter(messages__id=message_id, messages__direction=Message.Direction.IN).first()
    if conversation is None:
        return None
    earlier: AgentRun | None = AgentRun.objects.filter(inputs__message_id=message_id).first()
    if earlier:
        return earlier
    if conversation.state != Conversation.State.AGENT:
        return None
    run = _find_joinable(conversation.id, moment)
    if run is None:
        run = AgentRun.objects.create(
            conversation_id=conversation.id,
            trigger=AgentRun.Trigger.MESSAGE,
            trigger_ref=message_id,
            first_message_at=moment,
            joinable_until=moment + QUIET,
            lease_until=moment,
            created_at=moment,
        )
    else:
        run.generation += 1
        run.joinable_until = min(moment + QUIET, run.first_message_at + BURST)
        if run.state in {AgentRun.State.FINISHED, AgentRun.State.WAITING}:
            run.state = AgentRun.State.QUEUED
        if run.state == AgentRun.State.QUEUED and run.finished_at:
            run.lease_until = run.joinable_until
        run.save(update_fields=["generation", "joinable_until", "state", "lease_until"])
    AgentRunMessage.objects.create(run=run, message_id=message_id)
    return run


def _find_joinable(conversation_id: UUID, moment: datetime) -> AgentRun | None:
    """Return the run that a message may join.

    The caller holds the lock on the conversation.
    """
    runs = AgentRun.objects.select_for_update().filter(
        conversation_id=conversation_id, trigger=AgentRun.Trigger.MESSAGE
    )
    answered = [AgentRun.State.FINISHED, AgentRun.State.WAITING]
    still_open = (
        Q(state=AgentRun.State.QUEUED)
        | Q(state=AgentRun.State.RUNNING, first_message_at__gt=moment - BURST)
        | Q(state__in=answered, joinable_until__gt=moment)
    )
    newest: AgentRun | None = runs.filter(still_open).order_by("-created_at").first()
    return newest


def seconds_until_due(run: AgentRun, *, now: datetime | None = None) -> float:
    """Return how many seconds a queued run waits for its sender to pause.

    Returns 0 if it is due or not queued.
    """
    if run.state != AgentRun.State.QUEUED or run.lease_until is None:
        return 0.0
    left: timedelta = run.lease_until - (now or clock_now())
    return max(0.0, left.total_seconds())
