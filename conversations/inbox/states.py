"""Who answers a conversation: take over, give back, assign, hand off, escalate, close."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.last_change import last_change
from accounts.selectors import list_members
from conversations import registry
from conversations.contacts import contacts
from conversations.custom_fields.selectors import missing_on_close
from conversations.events import stream_events
from conversations.inbox import assignment, changes, clocks
from conversations.inbox.changes import Change
from conversations.inbox.teams.seen import (
    answered_by,
    get_seen,
    held_by,
    held_conversations,
    is_held,
    refuse_shared,
    require_view,
    seen_conversations,
)
from conversations.models import Contact, Conversation, SuggestedReply
from conversations.transitions import AGENT, CLOSED, PERSON, may_move
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, NotFound, Refused

REPLY: Final = "conversations.reply_conversation"
KIND: Final = "conversations.conversation"
CLOSES: Final = ("CONVERSATION_CLOSED",)
TAKES: Final = ("CONVERSATION_TAKEN_OVER", "CONVERSATION_ASSIGNED")
MOVES: Final = ("CONVERSATION_GIVEN_BACK", *CLOSES)
REOPENED_WITHIN: Final = timedelta(minutes=2)
MACHINES: Final = ("agent", "system", "rule")
_REASON = re.compile(r"[a-z][a-z0-9_]{1,39}")


def lock_conversation(conversation_id: UUID, *, actor: Actor | None, may_be_shared: bool = False) -> Conversation:
    """Return the conversation as `locked` does, with its account."""
    return locked(conversation_id, actor=actor, with_account=True, may_be_shared=may_be_shared)


def locked(
    conversation_id: UUID, *, actor: Actor | None, with_account: bool = False, may_be_shared: bool = False
) -> Conversation:
    """Return the conversation with its row locked.

    Absent, another tenant's and those that aren't the actor's by their role are `NotFound`; None is the system.
    `may_be_shared` is for what people may do where a conversation is shared with them to act. With its account, its
    `has_merged` says whether another contact was merged into its own.
    """
    rows = Conversation.objects.select_for_update(of=("self",))
    if actor is not None:
        rows = rows.filter(answered_by(actor) if may_be_shared else held_by(actor))
    if with_account:
        rows = rows.select_related("channel_account", "contact", "origin").defer("channel_account__credentials")
        rows = rows.annotate(has_merged=Exists(Contact.objects.filter(merged_into=OuterRef("contact"))))
    try:
        found: Conversation = rows.get(pk=conversation_id)
    except Conversation.DoesNotExist:
        if actor is not None:
            refuse_shared(actor, conversation_id)
        raise NotFound("There is no such conversation.") from None
    return found


def lock_all(conversation_ids: Collection[UUID], *, actor: Actor) -> dict[UUID, Conversation]:
    """Return those of the conversations that the actor sees, locked.

    In one order for all callers.
    """
    rows = Conversation.objects.select_for_update(of=("self",)).filter(held_by(actor), pk__in=conversation_ids)
    return {row.pk: row for row in rows.order_by("pk")}


def let_empty_again(conversation: Conversation) -> None:
    """Let a locked conversation be emptied by its age once more: something was written in it since."""
    if conversation.emptied_at is not None:
        conversation.emptied_at = None
        conversation.save(update_fields=["emptied_at"])


def take_over(*, actor: Actor, conversation_id: UUID) -> Conversation:
    """Assign the conversation to the actor; the agent stays silent. Safe to repeat.

    Needs `conversations.reply_conversation`. Raises `NotFound`, and `Conflict` when it is closed
    ("closed") or with a colleague ("taken", with `assigned_to`).
    """
    user_id = _person(actor)
    with transaction.atomic():
        conversation = locked(conversation_id, actor=actor)
        old_state = open_state(actor, conversation)
        if conversation.assigned_to_id == user_id:
            return conversation
        if conversation.assigned_to_id is not None:
            raise Conflict(
                "A colleague already has this conversation.",
                code="taken",
                assigned_to=str(conversation.assigned_to_id),
                **last_change(actor, KIND, conversation.pk, of=TAKES),
            )
        assignment.lock_rooms(conversation.team_id)
        _give(conversation, user_id)
        stream_events.append_state(conversation, inbox_type="conversation_taken")
        stream_events.record(actor, "CONVERSATION_TAKEN_OVER", conversation, old_state=old_state)
    return conversation


def give_back(*, actor: Actor, conversation_id: UUID) -> Conversation:
    """Let the agent answer again. Needs `conversations.reply_conversation`.

    Raises `NotFound`, and `Conflict` unless a person has it.
    """
    _person(actor)
    with transaction.atomic():
        conversation = locked(conversation_id, actor=actor)
        old_state, team_id = conversation.state, conversation.team_id
        if old_state != PERSON:
            facts = last_change(actor, KIND, conversation.pk, of=MOVES)
            raise Conflict(
                "This conversation isn't assigned to a person.",
                code=("closed" if old_state == CLOSED else "agent_has_it"),
                state=old_state,
                **facts,
            )
        left = conversation.assigned_to_id
        conversation.state, conversation.assigned_to, conversation.next_due_at = AGENT, None, None
        quiet = (*clocks.unsnoozed(conversation, clock_now()), *clocks.ask_nobody(conversation))
        conversation.save(update_fields=["state", "assigned_to", "next_due_at", *quiet])
        set_suggestion_aside(actor, conversation)
        events = stream_events.state_events(conversation, inbox_type="conversation_given_back", left=left)
        fact = stream_events.fact_of(actor, "CONVERSATION_GIVEN_BACK", conversation, old_state=old_state)
        changes.keep([Change(events, fact, wakes=(team_id if left else None,))])
    return conversation


def assign(*, actor: Actor, conversation_id: UUID, user_id: UUID, even_if_full: bool = False) -> Conversation:
    """Assign the conversation to a colleague, even if someone else has it.

    Both need `conversations.reply_conversation`. Raises `NotFound`, `Invalid` for a person who
    may not reply here, `Conflict` when it is closed, or ("full") the colleague has as many conversations of its team
    as they can have: with `even_if_full` a lead of the team gives them one more.
    """
    actor.require(REPLY)
    require_replier(user_id)
    with transaction.atomic():
        conversation = locked(conversation_id, actor=actor)
        changes.keep([assign_locked(actor, conversation, user_id=user_id, even_if_full=even_if_full)])
    return conversation


def require_replier(user_id: UUID) -> None:
    """Raise `Invalid` for a person who may not reply here."""
    if user_id not in {member.user_id for member in list_members(permission=REPLY)}:
        raise Invalid("This person can't reply here.", fields={"user": ["Choose someone whose role allows replying."]})


def assign_locked(
    actor: Actor, conversation: Conversation, *, user_id: UUID, even_if_full: bool = False
) -> Change | None:
    """Do what `assign` does with a locked conversation; None if the person has it already."""
    old_state, left = open_state(actor, conversation), conversation.assigned_to_id
    if left == user_id:
        return None
    assignment.require_room(actor=actor, conversation=conversation, user_id=user_id, even_if_full=even_if_full)
    _give(conversation, user_id)
    return Change(
        stream_events.state_events(conversation, inbox_type="conversation_assigned", left=left),
        stream_events.fact_of(actor, "CONVERSATION_ASSIGNED", conversation, old_state=old_state, user=str(user_id)),
        wakes=(conversation.team_id if left else None,),
    )


def hand_off(*, actor: Actor, conversation_id: UUID, reason: str, now: datetime | None = None) -> Conversation:
    """Hand the conversation to a person because the agent cannot answer.

    `reason` is a short code. For agents and the system. If a person already has it, only a missing escalation is
    recorded. Raises `NotFound`, `Refused`, `Invalid`, and `Conflict` when it is closed.
    """
    if actor.kind not in MACHINES:
        raise Refused("Only an agent can hand off. A person escalates instead.")
    return _to_person(actor, conversation_id, reason, now, keep_person=True)


def escalate(*, actor: Actor, conversation_id: UUID, reason: str, now: datetime | None = None) -> Conversation:
    """Escalate a conversation: it waits for another person.

    Needs `conversations.reply_conversation`. Raises as `hand_off` does.
    """
    _person(actor)
    return _to_person(actor, conversation_id, reason, now, keep_person=False)


def _to_person(
    actor: Actor, conversation_id: UUID, reason: str, now: datetime | None, *, keep_person: bool
) -> Conversation:
    if not _REASON.fullmatch(reason):
        raise Invalid(
            "The reason has to be a short code.",
            fields={"reason": ["Use lower-case letters and _, such as needs_specialist."]},
        )
    with transaction.atomic():
        conversation = locked(conversation_id, actor=actor)
        old_state = open_state(actor, conversation)
        if keep_person and old_state == PERSON and conversation.escalated_at is not None:
            return conversation
        conversation.state, left = PERSON, conversation.assigned_to_id
        if not keep_person:
            conversation.assigned_to = None
        moment = now or clock_now()
        conversation.escalated_at = moment
        conversation.escalated_by = actor.kind
        conversation.escalated_by_id = actor.id
        conversation.escalation_reason = reason
        awake = (*clocks.unsnoozed(conversation, moment), *clocks.ask_person(conversation, moment))
        conversation.save(
            update_fields=[
                "state",
                "assigned_to",
                "escalated_at",
                "escalated_by",
                "escalated_by_id",
                "escalation_reason",
                *awake,
                *assignment.join_queue(conversation, moment),
            ]
        )
        counted = {"from_agent": old_state == AGENT}
        stream_events.append_state(
            conversation, inbox_type="conversation_needs_person", left=left, counted=counted, reason=reason
        )
        stream_events.record(actor, "CONVERSATION_ESCALATED", conversation, old_state=old_state, reason=reason)
    return conversation


def close(*, actor: Actor, conversation_id: UUID, resolved: bool, now: datetime | None = None) -> Conversation:
    """Close the conversation and record whether it is resolved.

    A message within days reopens it. A person needs `conversations.reply_conversation`, and values in the custom fields
    that are needed; agents and the system may. Raises `NotFound`, and `Conflict` when it is already closed ("closed")
    or such a value is missing ("fields_missing", with the keys as `missing`).
    """
    if actor.kind not in MACHINES:
        actor.require(REPLY)
    with transaction.atomic():
        conversation = locked(conversation_id, actor=actor)
        changes.keep([close_locked(actor, conversation, resolved=resolved, moment=now or clock_now())])
    return conversation


def close_locked(actor: Actor, conversation: Conversation, *, resolved: bool, moment: datetime) -> Change:
    """Do what `close` does with a locked conversation. Its person has room for another."""
    old_state = open_state(actor, conversation)
    # Agents can't fill in what only people know.
    if actor.kind not in MACHINES and (missing := missing_on_close(conversation)):
        names = ", ".join(f"“{field.name}”" for field in missing)
        keys = [field.key for field in missing]
        raise Conflict(f"Fill in {names} before you close this conversation.", code="fields_missing", missing=keys)
    conversation.state, conversation.resolved, conversation.closed_at = CLOSED, resolved, moment
    conversation.waiting_since = conversation.next_due_at = None
    awake = clocks.unsnoozed(conversation, moment)
    fields = ["state", "resolved", "closed_at", "waiting_since", "next_due_at", *awake]
    conversation.save(update_fields=fields)
    set_suggestion_aside(actor, conversation)
    registry.note_closed(conversation, moment)
    counted = clocks.resolution_of(conversation)
    return Change(
        stream_events.state_events(conversation, inbox_type="conversation_closed", counted=counted, resolved=resolved),
        stream_events.fact_of(actor, "CONVERSATION_CLOSED", conversation, old_state=old_state, resolved=resolved),
        wakes=(conversation.team_id if conversation.assigned_to_id else None,),
    )


def may_reopen(conversation: Conversation, now: datetime | None = None) -> bool:
    """Return True while a close can be undone."""
    closed_at = conversation.closed_at
    return closed_at is not None and closed_at >= (now or clock_now()) - REOPENED_WITHIN


def reopen(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> Conversation:
    """Undo a close, within `REOPENED_WITHIN`: the conversation is as it was before.

    Needs `conversations.reply_conversation`. Raises `NotFound`, and `Conflict` when it isn't closed ("open"), when the
    time is over ("too_late"), when the customer has another open conversation there ("another_open"), or was erased
    or merged. Writes `CONVERSATION_REOPENED`.
    """
    _person(actor)
    moment = now or clock_now()
    with transaction.atomic():
        # The contact first, as everywhere.
        contacts.lock_contact(get_seen(held_conversations(actor), conversation_id).contact_id)
        conversation = locked(conversation_id, actor=actor)
        if conversation.closed_at is None:
            raise Conflict("This conversation is open again.", code="open")
        if not may_reopen(conversation, moment):
            raise Conflict("It's too late to undo this. A message from the customer reopens it.", code="too_late")
        same = {
            name: getattr(conversation, name) for name in ("channel_account_id", "contact_id", "origin_id", "thread")
        }
        if Conversation.objects.filter(**same).exclude(state=CLOSED).exists():
            raise Conflict("The customer has begun another conversation here.", code="another_open")
        closed = chain.last_of(KIND, conversation.pk, lambda entry: entry.action in CLOSES)
        was = closed.old_state if closed else ""
        is_agents = was == AGENT and conversation.assigned_to_id is None
        conversation.state, conversation.resolved, conversation.closed_at = (AGENT if is_agents else PERSON), None, None
        conversation.waiting_since = clocks.unanswered_since(conversation)
        conversation.next_due_at = clocks.next_due(conversation, moment)
        conversation.save(update_fields=["state", "resolved", "closed_at", "waiting_since", "next_due_at"])
        stream_events.append_reopened(conversation)
        stream_events.record(actor, "CONVERSATION_REOPENED", conversation, old_state=CLOSED)
    return conversation


def set_suggestion_aside(actor: Actor, conversation: Conversation) -> None:
    """Close the open suggestion of a locked conversation: it goes on, or ends, without it."""
    rows = SuggestedReply.objects.filter(conversation_id=conversation.pk, state=SuggestedReply.State.OPEN)
    rows.update(state=SuggestedReply.State.REPLACED, reviewed_by=actor.user_id, reviewed_at=clock_now())


def record_view(
    *, actor: Actor, conversation_id: UUID, read: Conversation | None = None, now: datetime | None = None
) -> None:
    """Record that someone viewed a conversation: every view is an audit entry.

    `read` is the row, where the caller has just read it as one that the actor sees. Needs
    `conversations.view_conversation`; raises `NotFound`. Clears the unread hint.
    """
    require_view(actor)
    with transaction.atomic():
        conversation = read or get_seen(seen_conversations(actor), conversation_id)
        if is_held(actor, conversation) and conversation.is_unread:
            rows = Conversation.objects.filter(pk=conversation_id)
            rows.update(staff_seen_at=now or clock_now())
        stream_events.record(actor, "CONVERSATION_VIEWED", conversation, old_state=conversation.state)


def _give(conversation: Conversation, user_id: UUID) -> None:
    conversation.state, conversation.assigned_to_id, conversation.last_person_id = PERSON, user_id, user_id
    conversation.save(update_fields=["state", "assigned_to", "last_person"])


def _person(actor: Actor) -> UUID:
    actor.require(REPLY)
    return actor.require_person("Only a person can do this.")


def open_state(actor: Actor, conversation: Conversation) -> str:
    """Return the state of a conversation. Raises `Conflict` if it is closed."""
    if not may_move(conversation.state, CLOSED):
        facts = last_change(actor, KIND, conversation.pk, of=CLOSES)
        raise Conflict("This conversation is closed.", code="closed", state=conversation.state, **facts)
    return conversation.state
