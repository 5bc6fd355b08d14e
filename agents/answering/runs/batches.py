"""Assign a message to a run: it starts one, joins one, or is left to the person who answers."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from agents.models import AgentRun, AgentRunMessage
from conversations.models import Conversation, Message
from conversations.registry import is_followed
from core.clock import now as clock_now
from core.models import Outbox

QUIET = timedelta(seconds=1.5)
BURST = timedelta(seconds=8)
State = AgentRun.State
_ANSWERED = (State.FINISHED, State.WAITING)


def take_message(
    *,
    message_id: UUID,
    delivery_id: UUID | None = None,
    arrived_at: datetime | None = None,
    now: datetime | None = None,
) -> AgentRun | None:
    """Assign an inbound message to a run and return it; None where no agent answers.

    For the system only. A lone message starts a run at once. A message joins the previous run if that
    run has not started, or if it arrived within 8 s of the run's first message and the run is not
    finished or its last message arrived at most 1.5 s before. What counts is when messages arrived, by
    default when they were stored, as a busy machine takes them later. A run that has answered goes back
    to `queued` and is due once the sender pauses, so that the follow-ups get one answer. `delivery_id`
    names what the channel stored before it. Safe to repeat.
    """
    try:
        with transaction.atomic():
            return _take(message_id, delivery_id, arrived_at, now or clock_now())
    except IntegrityError:
        if (taken := _run_of(message_id)) is None:
            raise
        return taken


def _take(message_id: UUID, delivery_id: UUID | None, arrived_at: datetime | None, moment: datetime) -> AgentRun | None:
    """Take a message, or find who answers it. Raises `IntegrityError` if a run has it: all of this is undone then."""
    rows = Conversation.objects.select_for_update(of=("self",))
    of_message = rows.filter(messages__id=message_id, messages__direction=Message.Direction.IN)
    try:
        conversation_id, state, stored_at = of_message.values_list("id", "state", "messages__created_at").get()
    except Conversation.DoesNotExist:
        return None
    if state != Conversation.State.AGENT:
        return _run_of(message_id)
    arrival = min(arrived_at or stored_at, moment)
    runs = AgentRun.objects.select_for_update().filter(
        conversation_id=conversation_id, trigger=AgentRun.Trigger.MESSAGE
    )
    newest: AgentRun | None = runs.order_by("-created_at").first()
    run = newest if newest is not None and _is_open(newest, arrival) else None
    if run is None:
        run = AgentRun.objects.create(
            conversation_id=conversation_id,
            trigger=AgentRun.Trigger.MESSAGE,
            trigger_ref=message_id,
            first_message_at=arrival,
            joinable_until=arrival + QUIET,
            lease_until=moment,
            delivery_id=delivery_id,
            created_at=moment,
        )
    else:
        _join(run, arrival, delivery_id, moment)
    AgentRunMessage.objects.create(run=run, message_id=message_id, number=run.generation)
    return run


def _run_of(message_id: UUID) -> AgentRun | None:
    """Return the run that has taken a message."""
    run: AgentRun | None = AgentRun.objects.filter(inputs__message_id=message_id).first()
    return run


def _is_open(run: AgentRun, arrival: datetime) -> bool:
    if run.state in _ANSWERED:
        # Also to one that arrived before the run's first message and was taken after it.
        is_expected = run.joinable_until is not None and run.joinable_until > arrival
        return is_expected and run.first_message_at < arrival + BURST
    return run.state == State.QUEUED or (run.state == State.RUNNING and run.first_message_at > arrival - BURST)


def _join(run: AgentRun, arrival: datetime, delivery_id: UUID | None, moment: datetime) -> None:
    run.generation += 1
    until = min(arrival + QUIET, run.first_message_at + BURST)
    run.joinable_until = max(run.joinable_until or until, until)
    run.delivery_id = max(filter(None, (run.delivery_id, delivery_id)), default=None)
    if run.state in _ANSWERED:
        run.state = State.QUEUED
    if run.state == State.QUEUED:
        run.lease_until = max(run.joinable_until, moment) if run.finished_at else moment
    run.save(update_fields=["generation", "joinable_until", "state", "lease_until", "delivery_id"])


def is_burst_under_way(run: AgentRun, *, now: datetime | None = None) -> bool:
    """Return True while a further message of a run's burst has arrived and was not taken yet.

    At most 8 s after the last one was taken, since one that fails again and again must not keep the
    sender waiting. A lone message waits for nothing.
    """
    until = run.joinable_until
    if until is None:
        return False
    is_waiting = run.delivery_id is not None and is_followed(run.delivery_id, until)
    if not is_waiting and (run.delivery_id or run.generation > 1):
        mine = {"event": "message_received", "payload__conversation": str(run.conversation_id)}
        untaken = Outbox.objects.filter(done_at=None, **mine).exclude(ref__in=run.inputs.values("message_id"))
        is_waiting = untaken.exists()
    if not is_waiting:
        return False
    last_taken = run.inputs.aggregate(at=Max("created_at"))["at"]
    return last_taken is not None and last_taken > (now or clock_now()) - BURST


def seconds_until_due(run: AgentRun, *, now: datetime | None = None) -> float:
    """Return the seconds that a queued run waits for its sender to pause, or 0."""
    if run.state != State.QUEUED or run.lease_until is None:
        return 0.0
    left: timedelta = run.lease_until - (now or clock_now())
    return max(0.0, left.total_seconds())
