"""The wall within an organisation: whose conversations a viewer sees.

Everything that shows or changes conversations, or what belongs to one, goes through here.
"""

from collections.abc import Callable, Collection
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.permissions import shares
from accounts.selectors import only_assigned
from conversations.inbox.models import Conversation
from conversations.inbox.teams.models import TeamMember
from core.actors import Actor
from core.db import replica
from core.db.rows import get_or_missing
from core.errors import NotFound, Refused

T = TypeVar("T")
MISSING = "There is no such conversation."
VIEW: Final = "conversations.view_conversation"
REPLY: Final = "conversations.reply_conversation"


def sees_all(viewer: Actor, *, need: str = VIEW) -> bool:
    """Return True for who sees every conversation, by the permission of their role alone. No query."""
    return (viewer.may(need) or viewer.kind != "user") and viewer.teams is None


def read_found(viewer: Actor, fetch: Callable[[], T]) -> T:
    """Return what a search reads, from the replica for who sees every conversation.

    For others it is on the primary: a share that was withdrawn, or another team, counts at once.
    """
    return replica.read(fetch) if sees_all(viewer) else fetch()


def held_by(viewer: Actor, place: str = "") -> Q:
    """Return the condition for what is a viewer's by their role: all, or what is in their teams or assigned to them.

    `place` leads to the conversation from the rows that are narrowed, such as `conversation__`. No query.
    """
    if viewer.teams is None:
        return Q()
    return Q(**{f"{place}team_id__in": sorted(viewer.teams)}) | Q(**{f"{place}assigned_to_id": viewer.user_id})


def seen_by(viewer: Actor, place: str = "", *, need: str = VIEW) -> Q:
    """Return the condition for what a viewer sees: what is theirs by their role, and what is shared with them.

    `need` is the permission with which the role sees; `place` is as for `held_by`. At most one query an actor.
    """
    if sees_all(viewer, need=need):
        return Q()
    may = viewer.may(need) or viewer.kind != "user"
    lent = REPLY if need == REPLY else VIEW
    shared = shares.shared(viewer, shares.CONVERSATION, lent, place=f"{place}pk")
    if may:
        return held_by(viewer, place) | shared
    # Who looks for rows without the permission and without anything shared was let in for another reason.
    return shared if viewer.has_share(shares.CONVERSATION, need) else held_by(viewer, place)


def answered_by(actor: Actor, place: str = "") -> Q:
    """Return the condition for what an actor may answer: by their role, or shared with them to act."""
    return seen_by(actor, place, need=REPLY)


def require_view(viewer: Actor) -> None:
    """Raise `Refused` for who can see no conversation: neither by their role nor a shared one."""
    shares.require(viewer, shares.CONVERSATION, VIEW)


def is_held(actor: Actor, conversation: Conversation) -> bool:
    """Return True if a person answers a conversation by their role, not because it is shared with them. No query."""
    mine = actor.teams is None or conversation.team_id in actor.teams or conversation.assigned_to_id == actor.user_id
    return mine and actor.may(REPLY)


def seen_conversations(viewer: Actor) -> QuerySet[Conversation]:
    """Return the conversations that a viewer sees; the caller checks the permission."""
    return Conversation.objects.filter(seen_by(viewer))


def held_conversations(actor: Actor) -> QuerySet[Conversation]:
    """Return the conversations that are an actor's by their role; the caller checks the permission."""
    return Conversation.objects.filter(held_by(actor))


def answered_conversations(actor: Actor) -> QuerySet[Conversation]:
    """Return the conversations that an actor may answer; the caller checks with `require_reply`."""
    return Conversation.objects.filter(answered_by(actor))


def may_reply(actor: Actor) -> bool:
    """Return True if an actor can answer some conversation: by their role, or a shared one."""
    return shares.may_some(actor, shares.CONVERSATION, REPLY)


def require_reply(actor: Actor) -> None:
    """Raise `Refused` for who can answer no conversation: neither by their role nor a shared one."""
    shares.require(actor, shares.CONVERSATION, REPLY)


def get_seen(rows: QuerySet[Conversation], conversation_id: UUID) -> Conversation:
    """Return one of the conversations that a viewer sees. Raises `NotFound`. One query."""
    return get_or_missing(rows.filter(pk=conversation_id), MISSING)


def require_seen(viewer: Actor, conversation_id: UUID) -> None:
    """Raise `NotFound` for a conversation that the viewer doesn't see, as for one that isn't there. One query."""
    if not seen_conversations(viewer).filter(pk=conversation_id).exists():
        raise NotFound(MISSING)


def refuse_shared(actor: Actor, conversation_id: UUID) -> None:
    """Raise `Refused` ("shared_only") for what an actor sees only because it is shared. At most two queries."""
    if actor.has_share(shares.CONVERSATION, VIEW) and seen_conversations(actor).filter(pk=conversation_id).exists():
        raise Refused("This conversation is only shared with you. Someone on its team can do this.", code="shared_only")


def require_all_seen(viewer: Actor, contact_ids: Collection[UUID]) -> None:
    """Raise `Refused` if some conversation of these contacts is outside of the teams that the viewer is limited to."""
    if viewer.teams is None:
        return
    rows = Conversation.objects.filter(contact__in=contact_ids)
    if rows.exclude(pk__in=rows.filter(held_by(viewer)).values("pk")).exists():
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
