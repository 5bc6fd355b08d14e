"""Reading briefs and how people want them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from accounts.selectors import tenant_zone
from analytics.models import Brief, BriefPreference
from core.actors import Actor
from core.errors import NotFound, Refused

USE: Final = "analytics.use_brief"
VIEW: Final = "analytics.view_briefpreference"


def person_of(actor: Actor) -> UUID:
    """Return the person whose brief an actor may use: his own. Needs `analytics.use_brief`; raises Refused."""
    actor.require(USE)
    if actor.user_id is None:
        raise Refused("Only a person has a daily brief.")
    return actor.user_id


def own_preference(*, viewer: Actor) -> BriefPreference:
    """Return how the viewer wants his brief; what he has not saved yet is off, in the tenant's time zone."""
    user_id = person_of(viewer)
    found: BriefPreference | None = BriefPreference.objects.filter(user_id=user_id).first()
    return found or BriefPreference(user_id=user_id, zone=tenant_zone().key)


def query_preferences(*, viewer: Actor) -> QuerySet[BriefPreference]:
    """Return everybody's settings, with the person. Needs `analytics.view_briefpreference`."""
    viewer.require(VIEW)
    rows: QuerySet[BriefPreference] = BriefPreference.objects.select_related("user")
    return rows


def query_own_briefs(*, viewer: Actor) -> QuerySet[Brief]:
    """Return the viewer's own briefs without their content. Needs `analytics.use_brief`."""
    rows: QuerySet[Brief] = Brief.objects.filter(user_id=person_of(viewer)).defer("content")
    return rows


def get_own_brief(*, viewer: Actor, brief_id: UUID) -> Brief:
    """Return one of the viewer's own briefs, whole; anybody else's is `NotFound`."""
    found: Brief | None = Brief.objects.filter(user_id=person_of(viewer), pk=brief_id).first()
    if found is None:
        raise NotFound("There is no such brief.")
    return found


def newest_briefs(*, viewer: Actor, user_ids: list[UUID]) -> dict[UUID, Brief]:
    """Return each person's newest brief without its content. Needs `analytics.view_briefpreference`. One query."""
    viewer.require(VIEW)
    rows = Brief.objects.filter(user_id__in=user_ids).defer("content").order_by("user_id", "-id").distinct("user_id")
    return {row.user_id: row for row in rows}
