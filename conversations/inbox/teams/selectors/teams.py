"""Teams, their people, and who is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Min, QuerySet

from accounts.selectors import names_of
from conversations.inbox.teams.selectors.figures import figure_scope
from conversations.models import WAITS_FOR_PERSON, Availability, Conversation, Team, TeamMember
from core.actors import Actor
from core.errors import NotFound

VIEW: Final = "conversations.view_conversation"
MISSING: Final = "This team doesn't exist."


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A person of a team: what they can have, have, and whether they are there."""

    user_id: UUID
    name: str
    capacity: int
    is_lead: bool
    open_count: int | None
    """None for viewers who aren't told."""
    state: str
    reason: str
    since: datetime | None


def query_teams(*, viewer: Actor) -> QuerySet[Team]:
    """Return teams, each with its number of `people`. Needs `conversations.view_conversation`."""
    viewer.require(VIEW)
    rows: QuerySet[Team] = Team.objects.select_related("calendar", "fallback").annotate(people=Count("members"))
    return rows


def get_team(*, viewer: Actor, team_id: UUID) -> Team:
    """Return one team. Needs `conversations.view_conversation`; raises `NotFound`."""
    found: Team | None = query_teams(viewer=viewer).filter(pk=team_id).first()
    if found is None:
        raise NotFound(MISSING)
    return found


def list_people(*, viewer: Actor, team_id: UUID) -> list[MemberRow]:
    """Return the people of a team by name, with what each has for the team itself and who may see its figures.

    Needs `conversations.view_conversation`. At most five queries for any number.
    """
    viewer.require(VIEW)
    members = list(TeamMember.objects.filter(team_id=team_id))
    user_ids = [member.user_id for member in members]
    has_loads = viewer.user_id in user_ids or figure_scope(viewer=viewer).includes(team_id)
    names, loads = names_of(user_ids), Team(pk=team_id).open_loads() if has_loads else {}
    now = {row.user_id: row for row in Availability.objects.filter(until=None, user_id__in=user_ids)}
    rows = []
    for member in members:
        current = now.get(member.user_id)
        rows.append(
            MemberRow(
                user_id=member.user_id,
                name=names.get(member.user_id, "Somebody who left"),
                capacity=member.capacity,
                is_lead=member.is_lead,
                open_count=loads.get(member.user_id, 0) if has_loads else None,
                state=current.state if current else Availability.State.OFFLINE.value,
                reason=current.reason if current else "",
                since=current.since if current else None,
            )
        )
    return sorted(rows, key=lambda row: (row.name, row.user_id))


def waiting_by_team(*, viewer: Actor) -> dict[UUID, tuple[int, datetime | None]]:
    """Return how many conversations wait in each team, and since when the oldest does. One query.

    Needs `conversations.view_conversation`.
    """
    viewer.require(VIEW)
    found = count_waiting()
    return found if viewer.teams is None else {team: found[team] for team in found.keys() & viewer.teams}


def count_waiting() -> dict[UUID, tuple[int, datetime | None]]:
    """Return what `waiting_by_team` does; the caller sends it to those who may see it."""
    waiting = Conversation.objects.filter(WAITS_FOR_PERSON, team__isnull=False)
    rows = waiting.order_by().values_list("team_id").annotate(Count("pk"), Min("escalated_at"))
    return {team_id: (count, oldest) for team_id, count, oldest in rows if team_id is not None}


def query_availability(*, viewer: Actor) -> QuerySet[Availability]:
    """Return the current availability of everybody in a team. Needs `conversations.view_conversation`."""
    viewer.require(VIEW)
    rows: QuerySet[Availability] = Availability.objects.filter(until=None)
    return rows.filter(user_id__in=TeamMember.objects.values("user_id"))


def members_of(*, team_id: UUID) -> QuerySet[TeamMember, UUID]:
    """Return the ids of the people of a team, for a filter; the caller's list says who may."""
    return TeamMember.objects.filter(team_id=team_id).values_list("user_id", flat=True)
