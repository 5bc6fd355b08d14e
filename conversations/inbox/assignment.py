"""Give conversations that wait for a person to somebody who is there and has room."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import DateTimeField, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable

from accounts.models import Membership
from accounts.selectors import roster
from conversations.events import stream_events
from conversations.inbox import changes, clocks
from conversations.inbox.changes import Change, wake_after_commit
from conversations.inbox.teams.seen import get_seen, held_conversations
from conversations.inbox.triage import triage
from conversations.models import WAITS_FOR_PERSON, Availability, Conversation, Team, TeamMember
from conversations.transitions import CLOSED, PERSON
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from core.tenancy.scope import platform_scope

REPLY: Final = "conversations.reply_conversation"
ASSIGN: Final = "conversations.assign_conversation"
MANAGE: Final = "conversations.manage_desk"
BATCH: Final = 20
"""How many conversations one transaction gives away: it holds the lock of the conversation list."""
NEVER: Final = datetime.min.replace(tzinfo=UTC)
LAST_PERSON, IN_TURN, FEWEST = "last_person", "in_turn", "fewest"
"""Why somebody was given a conversation."""


@dataclass(slots=True)
class Person:
    """Somebody of a team who is available, with how many conversations they have and can have."""

    user_id: UUID
    load: int
    capacity: int
    last_given_at: datetime | None

    @property
    def has_room(self) -> bool:
        """Return True if one more conversation fits."""
        return self.load < self.capacity


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation that waits, who had its customer last, and who asked for somebody else."""

    conversation_id: UUID
    last_person: UUID | None = None
    not_for: UUID | None = None


def default_team() -> UUID | None:
    return Team.objects.filter(is_default=True).values_list("pk", flat=True).first()


def join_queue(conversation: Conversation, moment: datetime) -> tuple[str, ...]:
    """Let a locked conversation wait in its team; return the fields to save.

    One without a team goes where the triage rules say, or else to the default team. Without any team it waits as
    before: for the person who takes it.
    """
    fields: tuple[str, ...] = ()
    if conversation.team_id is None:
        decision = triage.decide(conversation, moment)
        triage.note_decision(conversation, decision, moment)
        conversation.team_id = decision.team_id
        if decision.priority is not None:
            conversation.priority, fields = decision.priority, ("priority",)
    team_id = conversation.team_id or default_team()
    if team_id is None:
        return fields
    conversation.team_id, conversation.team_since = team_id, moment
    conversation.next_due_at = clocks.first_answer_due(conversation, moment)
    if conversation.needs_person:
        wake_after_commit(team_id)
    return "team", "team_since", "next_due_at", *fields


def match(waiting: Sequence[Waiting], people: Sequence[Person], policy: str, *, prefers_last: bool) -> list[
    tuple[UUID, Person, str]
]:  # fmt: skip
    """Return who gets which conversation and why; nobody gets more than fits.

    In the order of `waiting`. In turn, the person who was given one the longest ago is next; otherwise the one with the
    fewest. `people` are changed.
    """
    given: list[tuple[UUID, Person, str]] = []
    order = sorted(people, key=lambda one: (one.last_given_at or NEVER, one.user_id))
    for one in waiting:
        able = [person for person in order if person.has_room and person.user_id != one.not_for]
        if not able:
            continue
        last = next((person for person in able if prefers_last and person.user_id == one.last_person), None)
        if last is not None:
            chosen, why = last, LAST_PERSON
        elif policy == Team.Policy.LEAST_LOAD:
            chosen, why = min(able, key=lambda person: person.load), FEWEST
        else:
            chosen, why = able[0], IN_TURN
        chosen.load += 1
        order.remove(chosen)
        order.append(chosen)
        given.append((one.conversation_id, chosen, why))
    return given


def assign_waiting(*, actor: Actor, team_id: UUID, now: datetime | None = None) -> int:
    """Give a team's next waiting conversations to people who have room.

    Returns how many. At most 20 at once, by priority, due time and age; the team's row is locked meanwhile, so two
    at once give nothing twice and nobody more than they can have. Conversations that are locked are left for the
    next time. Safe to repeat. For the system. Raises `Refused`. Writes `CONVERSATION_ASSIGNED` with the reason.
    """
    _require_system(actor)
    moment = now or clock_now()
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).filter(pk=team_id, is_open=True).first()
        people = _available_people(team) if team else []
        if team is None or not any(person.has_room for person in people):
            return 0
        free = waiting_rows().filter(team=team).select_for_update(skip_locked=True, of=("self",))
        order = ("-priority", F("next_due_at").asc(nulls_last=True), "escalated_at", "pk")
        rows = {row.pk: row for row in free.order_by(*order)[:BATCH]}
        waiting = _waiting_of(list(rows.values()))
        given = match(waiting, people, team.policy, prefers_last=team.prefers_last_person)
        made = []
        for conversation_id, person, why in given:
            conversation = rows[conversation_id]
            conversation.assigned_to_id = conversation.last_person_id = person.user_id
            conversation.save(update_fields=["assigned_to", "last_person"])
            facts: dict[str, Any] = {"user": str(person.user_id), "why": why, "team": str(team.pk)}
            events = stream_events.state_events(conversation, inbox_type="conversation_assigned", **facts)
            fact = stream_events.fact_of(actor, "CONVERSATION_ASSIGNED", conversation, old_state=PERSON, **facts)
            made.append(Change(events, fact))
        for number, user_id in enumerate(dict.fromkeys(person.user_id for _, person, _ in reversed(given))):
            # The last who was given one comes last.
            at = moment - timedelta(microseconds=number)
            TeamMember.objects.filter(team=team, user_id=user_id).update(last_given_at=at)
        if len(rows) == BATCH and given:
            wake_after_commit(team.pk)
        changes.keep(made)
    return len(given)


def _available_people(team: Team) -> list[Person]:
    members = list(TeamMember.objects.filter(team=team).order_by("user_id"))
    able = roster().holding(REPLY)
    there = Availability.objects.filter(until=None, state=Availability.State.ONLINE)
    online = set(there.filter(user_id__in=[one.user_id for one in members]).values_list("user_id", flat=True))
    loads = team.open_loads()
    return [
        Person(one.user_id, loads.get(one.user_id, 0), one.capacity, one.last_given_at)
        for one in members
        if one.user_id in able and one.user_id in online
    ]


def waiting_rows() -> QuerySet[Conversation]:
    """Return the conversations that wait for a person and have none."""
    return Conversation.objects.filter(WAITS_FOR_PERSON)


def _waiting_of(rows: Collection[Conversation]) -> list[Waiting]:
    """Return the conversations with who had their customers last. One query."""
    had = Conversation.objects.filter(contact_id__in={row.contact_id for row in rows}, last_person__isnull=False)
    newest = had.order_by("contact_id", "-last_message_at").distinct("contact_id")
    last = dict(newest.values_list("contact_id", "last_person_id"))
    return [
        Waiting(
            row.pk,
            last_person=last.get(row.contact_id),
            not_for=row.escalated_by_id if row.escalated_by == "user" else None,
        )
        for row in rows
    ]


def list_teams_with_work() -> list[tuple[UUID, UUID]]:
    """Return tenant and id of open teams with waiting conversations.

    Only where a member is there to get one.
    """
    with platform_scope():
        there = Availability.objects.filter(until=None, state=Availability.State.ONLINE).values("user_id")
        members = TeamMember.objects.filter(team_id=OuterRef("team_id"), user_id__in=there)
        waiting = waiting_rows().filter(Exists(members), team__is_open=True)
        return list(waiting.order_by().values_list("tenant_id", "team_id").distinct()[:200])


def list_overdue_in_team(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of conversations that a fallback team takes now."""
    with platform_scope():
        rows = waiting_rows().filter(_waited_too_long(now or clock_now()), team__fallback__isnull=False)
        return list(rows.order_by("team_since").values_list("tenant_id", "pk")[:200])


def move_to_fallback(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> bool:
    """Move a conversation that waited too long to its team's fallback team.

    Returns whether it was moved. Safe to repeat. For the system. Raises `Refused`. Writes `CONVERSATION_MOVED`.
    """
    _require_system(actor)
    moment = now or clock_now()
    with transaction.atomic():
        rows = waiting_rows().select_for_update(of=("self",)).select_related("team")
        conversation = rows.filter(_waited_too_long(moment), pk=conversation_id, team__fallback__isnull=False).first()
        if conversation is None or conversation.team is None or conversation.team.fallback_id is None:
            return False
        changes.keep([_placed(actor, conversation, conversation.team.fallback_id, moment, why="fallback")])
    return True


def _placed(
    actor: Actor,
    conversation: Conversation,
    team_id: UUID | None,
    moment: datetime,
    *,
    why: str,
    left: UUID | None = None,
) -> Change:
    """Put a locked conversation into a team. `left` is who had it before, and has room in the former team."""
    left_team = conversation.team_id
    conversation.team_id, conversation.team_since = team_id, moment if team_id else None
    if conversation.needs_person:
        conversation.next_due_at = clocks.first_answer_due(conversation, moment)
    conversation.save(update_fields=["team", "team_since", "next_due_at"])
    facts: dict[str, Any] = {"team": str(team_id) if team_id else None, "why": why}
    state = conversation.state
    return Change(
        stream_events.state_events(
            conversation, inbox_type="conversation_moved", left=left, left_team=left_team, **facts
        ),
        stream_events.fact_of(actor, "CONVERSATION_MOVED", conversation, old_state=state, **facts),
        wakes=(team_id, left_team if left else None),
    )


def move_to_team(
    *, actor: Actor, conversation_id: UUID, team_id: UUID | None, now: datetime | None = None
) -> Conversation:
    """Put a conversation into another team, or with None into none.

    It waits there if nobody of that team has it. Needs `conversations.assign_conversation`, or to lead the team it
    is in. Raises `Refused`, `NotFound`, `Invalid` for an unknown team, and `Conflict` ("closed"). Writes
    `CONVERSATION_MOVED`.
    """
    actor.require(REPLY)
    with transaction.atomic():
        rows = held_conversations(actor).select_for_update(of=("self",))
        conversation = get_seen(rows, conversation_id)
        changes.keep([move_locked(actor, conversation, team_id=team_id, moment=now or clock_now())])
    return conversation


def move_locked(actor: Actor, conversation: Conversation, *, team_id: UUID | None, moment: datetime) -> Change | None:
    """Do what `move_to_team` does with a locked conversation; None if it is in that team."""
    if not may_move(actor=actor, conversation=conversation):
        raise Refused("Only leads of the team can move it.")
    if conversation.state == CLOSED:
        raise Conflict("This conversation is closed.", code="closed", state=CLOSED)
    if team_id is not None and not Team.objects.filter(pk=team_id).exists():
        raise Invalid("This team doesn't exist.", fields={"team": ["Choose a team."]})
    if conversation.team_id == team_id:
        return None
    left = conversation.assigned_to_id
    lock_rooms(team_id if left else None)
    is_theirs = TeamMember.objects.filter(team_id=team_id, user_id=left).exists()
    if left is not None and not is_theirs:
        conversation.assigned_to = None
        conversation.save(update_fields=["assigned_to"])
    return _placed(actor, conversation, team_id, moment, why="by_hand", left=left)


def may_move(*, actor: Actor, conversation: Conversation) -> bool:
    """Return True if somebody may put a conversation into another team."""
    return actor.may(ASSIGN) or (conversation.team_id is not None and leads(actor, conversation.team_id))


def list_left_behind(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of conversations whose person is away for long or left."""
    with platform_scope():
        rows = Conversation.objects.filter(state=PERSON, team__isnull=False, assigned_to__isnull=False)
        rows = rows.filter(snoozed_until=None)
        return list(
            rows.filter(_person_is_gone(now or clock_now())).order_by("pk").values_list("tenant_id", "pk")[:200]
        )


def hand_back(*, actor: Actor, conversation_id: UUID, now: datetime | None = None) -> bool:
    """Let a conversation whose person is away for long or has left wait for another.

    Returns whether it does now. Safe to repeat. For the system. Raises `Refused`. Writes `CONVERSATION_HANDED_BACK`.
    """
    _require_system(actor)
    with transaction.atomic():
        rows = Conversation.objects.select_for_update(of=("self",)).filter(_person_is_gone(now or clock_now()))
        conversation = rows.filter(pk=conversation_id, state=PERSON, team__isnull=False, snoozed_until=None).first()
        if conversation is None or conversation.team_id is None:
            return False
        left = conversation.assigned_to_id
        conversation.assigned_to = None
        conversation.save(update_fields=["assigned_to"])
        facts = {"user": str(left), "team": str(conversation.team_id)}
        stream_events.append_state(
            conversation, inbox_type="conversation_needs_person", left=left, reason="person_away"
        )
        stream_events.record(actor, "CONVERSATION_HANDED_BACK", conversation, old_state=PERSON, **facts)
        wake_after_commit(conversation.team_id)
    return True


def lock_rooms(*team_ids: UUID | None) -> None:
    """Lock teams until the commit, in one order, so that nobody else fills their people's room meanwhile.

    Giving a person a conversation by hand does so too: what is given automatically counts it.
    """
    wanted = {team_id for team_id in team_ids if team_id is not None}
    if wanted:
        list(Team.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk").values_list("pk"))


def require_room(*, actor: Actor, conversation: Conversation, user_id: UUID, even_if_full: bool) -> None:
    """Raise `Conflict` ("full") if a person has no room in the team.

    `even_if_full` allows one more, for leads of the team and people who manage the desk.
    """
    if conversation.team_id is None:
        return
    lock_rooms(conversation.team_id)
    member = TeamMember.objects.filter(team_id=conversation.team_id, user_id=user_id).first()
    if member is None:
        return
    load = Team(pk=conversation.team_id).open_load_of(user_id)
    if load < member.capacity or (even_if_full and leads(actor, conversation.team_id)):
        return
    problem = f"This person has {load} of at most {member.capacity} conversations of the team."
    raise Conflict(problem, code="full", load=load, capacity=member.capacity)


def leads(actor: Actor, team_id: UUID) -> bool:
    """Return True if somebody leads a team or manages the desk."""
    if actor.may(MANAGE):
        return True
    return TeamMember.objects.filter(team_id=team_id, user_id=actor.user_id, is_lead=True).exists()


def _require_system(actor: Actor) -> None:
    if actor.kind != "system":
        raise Refused


def _waited_too_long(moment: datetime) -> Q:
    return Q(team_since__lte=_before(moment, F("team__fallback_minutes")))


def _person_is_gone(moment: datetime) -> Q:
    """Tell whether the person is no member any more, or was away or offline for longer than the team allows."""
    left = Membership.objects.filter(user_id=OuterRef("assigned_to_id"), tenant_id=OuterRef("tenant_id"))
    current = Availability.objects.filter(user_id=OuterRef("assigned_to_id"), until=None)
    away = current.exclude(state=Availability.State.ONLINE)
    is_away = Exists(away.filter(since__lte=_before(moment, OuterRef("team__away_minutes"))))
    return Q(Exists(left.filter(is_active=False))) | Q(is_away)


def _before(moment: datetime, minutes: F) -> Combinable:
    """Return the moment that lies so many minutes back, as an expression."""
    back = ExpressionWrapper(minutes * Value(timedelta(minutes=1)), output_field=DurationField())
    return ExpressionWrapper(Value(moment) - back, output_field=DateTimeField())
