"""Which teams' figures somebody may see: marks, loads, and all that is counted by team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from conversations.models import TeamMember
from core.actors import Actor
from core.errors import Refused

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
    teams they lead, by an API key only if it has that scope. At most one query.
    """
    if viewer.may(VIEW_FIGURES):
        return FigureScope(None)
    if viewer.kind != "user" or viewer.user_id is None or not viewer.names(VIEW_FIGURES):
        return FigureScope(frozenset())
    led = TeamMember.objects.filter(user_id=viewer.user_id, is_lead=True)
    return FigureScope(frozenset(led.values_list("team_id", flat=True)))


def require_figures(*, viewer: Actor, team_id: Any = ...) -> FigureScope:
    """Return what `figure_scope` does, for somebody who may see any figures, or those of a team if it is given.

    Raises `Refused` for others.
    """
    scope = figure_scope(viewer=viewer)
    if not scope or (team_id is not ... and not scope.includes(team_id)):
        raise Refused("Figures are for admins and leads of teams.", permission=VIEW_FIGURES)
    return scope
