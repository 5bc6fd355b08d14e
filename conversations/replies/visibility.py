"""Who may use and change canned replies and macros: those of oneself, of a team, and of everybody."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.versioning import check_version
from conversations.inbox import assignment
from conversations.models import Team, TeamMember
from conversations.replies.models import SharedTool
from core.actors import Actor
from core.db.locks import locked
from core.errors import Invalid, NotFound, Refused

Tool = TypeVar("Tool", bound=SharedTool)


@dataclass(frozen=True, slots=True)
class Sharing(Generic[Tool]):
    """A kind of tool, and what people are told about it; `plural` is its noun, such as "macros"."""

    model: type[Tool]
    plural: str
    missing: str
    cant: str


def usable(kind: Sharing[Tool], *, actor: Actor) -> QuerySet[Tool]:
    """Return what somebody may use: those of all, of their teams, and their own.

    Needs `conversations.reply_conversation`; raises `Refused`. One query.
    """
    actor.require(assignment.REPLY)
    teams = TeamMember.objects.filter(user_id=actor.user_id).values("team_id")
    mine = Q(owner_id=actor.user_id) if actor.user_id else Q(pk=None)
    tools: Any = kind.model._default_manager  # whose rows are not typed where the model isn't fixed
    found: QuerySet[Tool] = tools.filter(Q(owner=None, team=None) | Q(team__in=teams) | mine)
    return found


def require_change(kind: Sharing[Tool], *, actor: Actor, team_id: UUID | None, is_personal: bool) -> None:
    """Check that somebody may write one of this scope.

    Needs `conversations.reply_conversation`; for everybody's also `conversations.manage_desk`, and for a team's to lead
    it. Raises `Refused` and `Invalid`.
    """
    actor.require(assignment.REPLY)
    if is_personal:
        if team_id is not None:
            raise Invalid(kind.cant, fields={"team": ["A personal one has no team."]})
        actor.require_person(f"Only a person has personal {kind.plural}.")
        return
    if team_id is None:
        actor.require(assignment.MANAGE)
        return
    if not Team.objects.filter(pk=team_id).exists():
        raise Invalid(kind.cant, fields={"team": ["Choose a team."]})
    if not assignment.leads(actor, team_id):
        raise Refused(f"Only leads of the team can change its {kind.plural}.")


def lock_changeable(kind: Sharing[Tool], *, actor: Actor, row_id: UUID, seen_version: int | None = None) -> Tool:
    """Return a row that somebody may change, locked.

    Another person's personal one is not found. Raises `NotFound`, `Refused`, and `Conflict` for an older version.
    """
    actor.require(assignment.REPLY)
    row = locked(kind.model, row_id, kind.missing)
    if row.owner_id is not None and row.owner_id != actor.user_id:
        raise NotFound(kind.missing)
    require_change(kind, actor=actor, team_id=row.team_id, is_personal=row.owner_id is not None)
    check_version(actor, kind.model._meta.label_lower, row, seen_version)
    return row
