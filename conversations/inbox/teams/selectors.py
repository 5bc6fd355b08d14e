"""Read teams, who is there, and what their figures cover."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Count, Min, Model, Q, QuerySet

from accounts.selectors import names_of
from conversations.inbox.teams.models import OPEN_WORK
from conversations.inbox.teams.seen import seen_conversations, showing
from conversations.models import WAITS_FOR_PERSON, Availability, Conversation, Team, TeamMember
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Refused

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
    """Return teams, each with its targets and number of `people`. Needs `conversations.view_conversation`."""
    viewer.require(VIEW)
    rows: QuerySet[Team] = Team.objects.select_related("calendar", "fallback").prefetch_related("targets")
    return rows.annotate(people=Count("members"))


def get_team(*, viewer: Actor, team_id: UUID) -> Team:
    """Return one team. Needs `conversations.view_conversation`; raises `NotFound`."""
    return get_or_missing(query_teams(viewer=viewer).filter(pk=team_id), MISSING)


def list_people(*, viewer: Actor, team_id: UUID) -> list[MemberRow]:
    """Return a team's people by name. Needs `conversations.view_conversation`. At most five queries."""
    viewer.require(VIEW)
    members = list(TeamMember.objects.filter(team_id=team_id))
    user_ids = [member.user_id for member in members]
    sees_team = viewer.teams is None or team_id in viewer.teams
    has_loads = (viewer.user_id in user_ids and sees_team) or figure_scope(viewer=viewer).includes(team_id)
    loads = Team(pk=team_id).open_loads() if has_loads else {}
    people = _people(user_ids)
    rows = [
        MemberRow(
            user_id=member.user_id,
            capacity=member.capacity,
            is_lead=member.is_lead,
            open_count=loads.get(member.user_id, 0) if has_loads else None,
            **people[member.user_id]._asdict(),
        )
        for member in members
    ]
    return sorted(rows, key=lambda row: (row.name, row.user_id))


@dataclass(frozen=True, slots=True)
class Load:
    """What one person has open and late; without a person, the work that nobody has taken."""

    user_id: UUID | None
    name: str
    open_count: int
    late_count: int
    state: str
    reason: str


def list_loads(*, viewer: Actor) -> list[Load]:
    """Return what each person of the teams whose figures the viewer may see has open, the latest and most first.

    What nobody has taken comes first; snoozed conversations are no work. Empty for who may see no figures. At most
    five queries.
    """
    scope = figure_scope(viewer=viewer)
    if not scope or not viewer.may(VIEW):
        return []
    open_work = scope.narrow(seen_conversations(viewer).filter(**OPEN_WORK)).order_by()
    late = Count("pk", filter=Q(next_due_at__lte=clock_now()))
    work = open_work.values("assigned_to").annotate(open=Count("pk"), late=late)
    counted: dict[UUID | None, list[int]] = {
        user_id: found for user_id, *found in work.values_list("assigned_to", "open", "late")
    }
    people = {*scope.narrow(TeamMember.objects.all()).values_list("user_id", flat=True), *counted}
    if not people - {None}:
        return []
    rows = []
    for user_id, person in _people(people).items():
        open_count, late_count = counted.get(user_id, (0, 0))
        rows.append(Load(user_id, person.name, open_count, late_count, person.state, person.reason))
    return sorted(rows, key=lambda row: (row.user_id is not None, -row.late_count, -row.open_count, row.name))


class Person(NamedTuple):
    """Who somebody is, and whether they are there; without a name for the work that nobody has taken."""

    name: str
    state: str
    reason: str
    since: datetime | None


def _people(user_ids: Collection[UUID | None]) -> dict[UUID | None, Person]:
    names, now = names_of(user_ids), Availability.objects.filter(until=None, user_id__in=[*filter(None, user_ids)])
    said = {row.user_id: (row.state, row.reason, row.since) for row in now}
    away = (Availability.State.OFFLINE.value, "", None)
    return {
        user_id: Person(names.get(user_id, "Somebody who left") if user_id else "", *said.get(user_id, away))
        for user_id in user_ids
    }


def waiting_by_team(*, viewer: Actor) -> dict[UUID, tuple[int, datetime | None]]:
    """Return how many wait in each team, and since when. Needs `conversations.view_conversation`. One query."""
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
    return Availability.objects.filter(until=None).filter(user_id__in=TeamMember.objects.values("user_id"))


def members_of(*, team_id: UUID) -> QuerySet[TeamMember, UUID]:
    """Return the ids of the people of a team, for a filter; the caller's list says who may."""
    return TeamMember.objects.filter(team_id=team_id).values_list("user_id", flat=True)


VIEW_FIGURES: Final = "analytics.view_figures"
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class FigureScope:
    """The teams whose figures somebody may see: all and what has no team if `teams` is None, else these."""

    teams: frozenset[UUID] | None

    def __bool__(self) -> bool:
        """Return False if they may see none."""
        return self.teams is None or bool(self.teams)

    def includes(self, team_id: UUID | None) -> bool:
        """Return True for a team whose figures they may see; None is what has no team."""
        return self.teams is None or team_id in self.teams

    def narrow(self, rows: QuerySet[Row], field: str = "team_id") -> QuerySet[Row]:
        """Return the rows of these teams; `field` is the column with the team."""
        return rows if self.teams is None else rows.filter(**{f"{field}__in": sorted(self.teams)})


def figure_scope(*, viewer: Actor) -> FigureScope:
    """Return which teams' figures somebody may see: all, these, or none.

    All with `analytics.view_figures`, which compliance, admins and owners have. A lead of a team sees those of the
    teams they lead, by an API key only if it has that scope; not with a role that sees only what is assigned. At most
    one query.
    """
    if viewer.may(VIEW_FIGURES):
        return FigureScope(None)
    if viewer.kind != "user" or viewer.user_id is None or not viewer.names(VIEW_FIGURES):
        return FigureScope(frozenset())
    led = showing().filter(user_id=viewer.user_id, is_lead=True)
    return FigureScope(frozenset(led.values_list("team_id", flat=True)))


def require_figures(*, viewer: Actor, team_id: Any = ...) -> FigureScope:
    """Return the `figure_scope` of somebody who may see any figures, or a given team's. Raises `Refused`."""
    scope = figure_scope(viewer=viewer)
    if not scope or (team_id is not ... and not scope.includes(team_id)):
        raise Refused("Figures are for admins and leads of teams.", permission=VIEW_FIGURES)
    return scope
