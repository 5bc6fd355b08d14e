"""Snooze conversations and wake them, set their priority, and notice what is late."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, Value
from django.urls import reverse

from conversations.events import stream_events
from conversations.inbox import assignment, changes, clocks, states
from conversations.inbox.changes import Change
from conversations.inbox.teams.seen import showing
from conversations.models import Conversation, Priority
from conversations.transitions import PERSON
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from core.tenancy.scope import platform_scope

LONGEST: Final = timedelta(days=366)
BATCH: Final = 200
SOON, LATE = "A conversation has to be {} soon", "A conversation should have been {} by now"


class DueNotice(notices.NoticeKind):
    """Notices of conversations whose answer is due soon, or late."""

    label, icon = "Answer due", "clock"


notices.kinds.register("answer_due", DueNotice)


def snooze(*, actor: Actor, conversation_id: UUID, until: datetime, now: datetime | None = None) -> Conversation:
    """Let a conversation rest until a moment, or until its customer writes.

    Meanwhile nobody is given it and its clock stands still. Needs `conversations.reply_conversation`, for another
    person's also `conversations.assign_conversation` or to lead its team. Raises `Refused`, `NotFound`, `Invalid` for a
    moment that is past or more than a year away, and `Conflict` ("closed", "agent_has_it"). Writes
    `CONVERSATION_SNOOZED`.
    """
    actor.require(assignment.REPLY)
    moment = now or clock_now()
    if not moment < until <= moment + LONGEST:
        problem = "Choose a moment in the future, at most a year away."
        raise Invalid(problem, fields={"until": [problem]})
    with transaction.atomic():
        conversation = _locked(actor, conversation_id)
        if conversation.state != PERSON:
            raise Conflict("The agent answers this conversation. Take it over first.", code="agent_has_it")
        clocks.stop(conversation, moment)
        conversation.snoozed_at, conversation.snoozed_until, conversation.next_due_at = moment, until, None
        conversation.save(update_fields=["snoozed_at", "snoozed_until", "snoozed_due_seconds", "next_due_at"])
        facts: dict[str, Any] = {"until": until.isoformat()}
        stream_events.append_state(conversation, inbox_type="conversation_snoozed", **facts)
        stream_events.record(actor, "CONVERSATION_SNOOZED", conversation, old_state=PERSON, **facts)
        if conversation.assigned_to_id and conversation.team_id:
            # Its person has room for another meanwhile.
            changes.wake_after_commit(conversation.team_id)
    return conversation


def wake(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> Conversation:
    """End a conversation's rest. Safe to repeat.

    Its clock goes on with what it had left, or starts again with the message that came meanwhile. A person needs what
    `snooze` needs; the system may when its time has come, and does nothing before. Raises `Refused`, `NotFound`,
    `Conflict` ("closed"). Writes `CONVERSATION_WOKEN`.
    """
    moment = now or clock_now()
    with transaction.atomic():
        conversation = _locked(actor, conversation_id)
        is_early = actor.kind == "system" and conversation.snoozed_until and conversation.snoozed_until > moment
        if conversation.snoozed_until is None or is_early:
            return conversation
        clocks.go_on(conversation, moment)
        conversation.save(update_fields=["next_due_at", *clocks.unsnoozed(conversation, moment)])
        if conversation.assigned_to_id:
            notices.leave(
                people={conversation.assigned_to_id} - {actor.user_id},
                kind="answer_due",
                title="A snoozed conversation is back",
                link=_page(conversation),
                dedupe_key=f"woken:{conversation.pk}:{moment.isoformat()}",
            )
        elif conversation.team_id:
            changes.wake_after_commit(conversation.team_id)
        stream_events.append_state(conversation, inbox_type="conversation_woken")
        stream_events.record(actor, "CONVERSATION_WOKEN", conversation, old_state=conversation.state)
    return conversation


def list_rested(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of conversations whose rest is over."""
    with platform_scope():
        rows = Conversation.objects.filter(snoozed_until__lte=now or clock_now())
        return list(rows.order_by("snoozed_until").values_list("tenant_id", "pk")[:BATCH])


def set_priority(*, actor: Actor, conversation_id: UUID, priority: int, now: datetime | None = None) -> Conversation:
    """Set how much sooner than others a conversation is due. Safe to repeat.

    Its due time is counted again. Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound`, `Invalid`,
    `Conflict` ("closed"). Writes `CONVERSATION_PRIORITISED`.
    """
    actor.require(assignment.REPLY)
    require_priority(priority)
    with transaction.atomic():
        conversation = states.locked(conversation_id, actor=actor)
        changes.keep([prioritise_locked(actor, conversation, priority=priority, moment=now or clock_now())])
    return conversation


def require_priority(priority: int) -> None:
    """Raise `Invalid` for what is no priority."""
    if priority not in Priority.values:
        raise Invalid("There is no such priority.", fields={"priority": ["Choose a priority."]})


def prioritise_locked(actor: Actor, conversation: Conversation, *, priority: int, moment: datetime) -> Change | None:
    """Do what `set_priority` does with a locked conversation; None if it has that priority."""
    states.open_state(actor, conversation)
    before = conversation.priority
    if before == priority:
        return None
    conversation.priority = priority
    if conversation.snoozed_until is None:
        conversation.next_due_at = clocks.next_due(conversation, moment)
    elif conversation.snoozed_at is not None:
        # It rests: what it has left counts from when it was snoozed.
        conversation.snoozed_due_seconds = None
        conversation.next_due_at = clocks.next_due(conversation, conversation.snoozed_at)
        clocks.stop(conversation, conversation.snoozed_at)
        conversation.next_due_at = None
    conversation.save(update_fields=["priority", "next_due_at", "snoozed_due_seconds"])
    state = conversation.state
    facts: dict[str, Any] = {"old": Priority(before).name.lower(), "new": Priority(priority).name.lower()}
    return Change(
        stream_events.state_events(conversation, inbox_type="conversation_prioritised", **facts),
        stream_events.fact_of(actor, "CONVERSATION_PRIORITISED", conversation, old_state=state, **facts),
        wakes=(conversation.team_id if conversation.needs_person else None,),
    )


def list_nearly_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of conversations of whose due time somebody has to hear."""
    moment = now or clock_now()
    with platform_scope():
        rows = Conversation.objects.filter(_to_tell(moment), state=PERSON, next_due_at__isnull=False)
        return list(rows.order_by("next_due_at").values_list("tenant_id", "pk")[:BATCH])


def note_due(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> str:
    """Tell people, once for each due time, of an answer that is due soon or late.

    Its person is warned, or its team's people while it has none; a missed one also goes to the team's leads. Returns
    what was done: "warned", "missed", or "" for nothing. Safe to repeat. For the system. Raises `Refused`. Writes
    `CONVERSATION_DUE_SOON` and `CONVERSATION_LATE`.
    """
    if actor.kind != "system":
        raise Refused
    moment = now or clock_now()
    with transaction.atomic():
        rows = Conversation.objects.select_for_update(of=("self",)).filter(_to_tell(moment), state=PERSON)
        conversation: Conversation | None = rows.filter(pk=conversation_id, next_due_at__isnull=False).first()
        if conversation is None or conversation.next_due_at is None:
            return ""
        due = conversation.next_due_at
        is_late = due <= moment
        conversation.warned_due_at = due
        conversation.missed_due_at = due if is_late else conversation.missed_due_at
        conversation.save(update_fields=["warned_due_at", "missed_due_at"])
        what = "answered" if clocks.waits_for_person(conversation) else "resolved"
        action = "CONVERSATION_LATE" if is_late else "CONVERSATION_DUE_SOON"
        notices.leave(
            people=_who_hears(conversation, is_late=is_late),
            kind="answer_due",
            title=(LATE if is_late else SOON).format(what),
            level="warning",
            link=_page(conversation),
            dedupe_key=f"{action}:{conversation.pk}:{due.isoformat()}",
        )
        stream_events.append_inbox(conversation, "conversation_late" if is_late else "conversation_due_soon")
        stream_events.record(actor, action, conversation, old_state=PERSON, what=what, due=due.isoformat())
    return "missed" if is_late else "warned"


def _who_hears(conversation: Conversation, *, is_late: bool) -> set[UUID]:
    rows = showing().filter(Q(team_id=conversation.team_id))
    if conversation.assigned_to_id is None:
        return set(rows.values_list("user_id", flat=True))
    leads = set(rows.filter(is_lead=True).values_list("user_id", flat=True)) if is_late else set()
    return {conversation.assigned_to_id, *leads}


def _to_tell(moment: datetime) -> Q:
    """Find what is late and nobody was told, and what is due within its team's warning and nobody was warned of."""
    minutes = ExpressionWrapper(F("team__warning_minutes") * Value(timedelta(minutes=1)), output_field=DurationField())
    soon = Q(next_due_at__lte=Value(moment) + minutes) & ~Q(warned_due_at=F("next_due_at"), warned_due_at__isnull=False)
    late = Q(next_due_at__lte=moment) & ~Q(missed_due_at=F("next_due_at"), missed_due_at__isnull=False)
    return soon | late


def _locked(actor: Actor, conversation_id: UUID) -> Conversation:
    """Return the open conversation with its row locked, for somebody who may change its rest."""
    conversation = states.locked(conversation_id, actor=actor)
    states.open_state(actor, conversation)
    if actor.kind == "system":
        return conversation
    actor.require(assignment.REPLY)
    is_others = conversation.assigned_to_id not in (None, actor.user_id)
    if is_others and not assignment.may_move(actor=actor, conversation=conversation):
        raise Refused("A colleague has this conversation.")
    return conversation


def _page(conversation: Conversation) -> str:
    return reverse("admin:conversations_conversation_change", args=[conversation.pk])
