"""The wall within an organisation: whose conversations a viewer sees.

Everything that shows or changes conversations, or what belongs to one, goes through here.
"""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.selectors import only_assigned
from conversations.inbox.models import Conversation
from conversations.inbox.teams.models import TeamMember
from core.actors import Actor
from core.db.rows import get_or_missing
from core.errors import NotFound, Refused

MISSING = "There is no such conversation."


def seen_by(viewer: Actor, place: str = "") -> Q:
    """Return the condition for what a viewer sees: all, or what is in their teams or assigned to them.

    `place` leads to the conversation from the rows that are narrowed, such as `conversation__`. No query.
    """
    if viewer.teams is None:
        return Q()
    return Q(**{f"{place}team_id__in": sorted(viewer.teams)}) | Q(**{f"{place}assigned_to_id": viewer.user_id})


def seen_conversations(viewer: Actor) -> QuerySet[Conversation]:
    """Return the conversations that a viewer sees; the caller checks the permission."""
    return Conversation.objects.filter(seen_by(viewer))


def get_seen(rows: QuerySet[Conversation], conversation_id: UUID) -> Conversation:
    """Return one of the conversations that a viewer sees. Raises `NotFound`. One query."""
    return get_or_missing(rows.filter(pk=conversation_id), MISSING)


def require_seen(viewer: Actor, conversation_id: UUID) -> None:
    """Raise `NotFound` for a conversation that the viewer doesn't see, as for one that isn't there. One query."""
    if not seen_conversations(viewer).filter(pk=conversation_id).exists():
        raise NotFound(MISSING)


def require_all_seen(viewer: Actor, contact_ids: Collection[UUID]) -> None:
    """Raise `Refused` if some conversation of these contacts is outside of the teams that the viewer is limited to."""
    if viewer.teams is None:
        return
    rows = Conversation.objects.filter(contact__in=contact_ids)
    if rows.exclude(pk__in=rows.filter(seen_by(viewer)).values("pk")).exists():
        problem = "They have conversations in teams that you aren't in. Ask somebody who sees all of them."
        raise Refused(problem, code="not_all_seen")


def places_of(conversation_ids: Collection[UUID]) -> dict[UUID, tuple[UUID | None, UUID | None]]:
    """Return team and assignee of conversations, by which sockets apply `seen_by` without asking again. One query."""
    rows = Conversation.objects.filter(pk__in=conversation_ids)
    return {pk: (team_id, user_id) for pk, team_id, user_id in rows.values_list("pk", "team_id", "assigned_to_id")}


def showing() -> QuerySet[TeamMember]:
    """Return the places in teams that show what is in the team: to all but people who see only what is assigned."""
    return TeamMember.objects.exclude(user_id__in=only_assigned().values("user_id"))


def teams_of_people(user_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return the ids of the teams that each of these people sees, for the wall. One query."""
    found: dict[UUID, set[UUID]] = {user_id: set() for user_id in user_ids}
    for user_id, team_id in showing().filter(user_id__in=user_ids).values_list("user_id", "team_id"):
        found[user_id].add(team_id)
    return {user_id: frozenset(teams) for user_id, teams in found.items()}


def teams_of(user_id: UUID) -> frozenset[UUID]:
    """Return the ids of a person's teams. One query."""
    return teams_of_people([user_id])[user_id]
