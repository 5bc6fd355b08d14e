"""Reading briefs and preferences."""

from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.selectors import Locale
from accounts.selectors import locale_of as locale_of_profile
from analytics.models import Brief, BriefPreference
from core.actors import Actor
from core.db.rows import get_row

USE: Final = "analytics.use_brief"
VIEW: Final = "analytics.view_briefpreference"


def person_of(actor: Actor) -> UUID:
    """Return the id of the person behind an actor. Needs `analytics.use_brief`; raises Refused."""
    actor.require(USE)
    return actor.require_person("Only people can have a daily brief.")


def own_preference(*, viewer: Actor) -> BriefPreference:
    """Return the viewer's preference; unless saved, it is off, with time zone and language of their profile."""
    user_id = person_of(viewer)
    preference: BriefPreference | None = BriefPreference.objects.filter(user_id=user_id).first()
    return preference or BriefPreference(user_id=user_id)


def locale_of(preference: BriefPreference) -> Locale:
    """Return time zone and language of a brief: its own, or those of the person's profile. At most one query."""
    if preference.zone and preference.language:
        return Locale(ZoneInfo(preference.zone), preference.language)
    profile = locale_of_profile(preference.user_id)
    zone = ZoneInfo(preference.zone) if preference.zone else profile.zone
    return Locale(zone, preference.language or profile.language)


def query_preferences(*, viewer: Actor) -> QuerySet[BriefPreference]:
    """Return everyone's preferences with the person. Needs `analytics.view_briefpreference`."""
    viewer.require(VIEW)
    return BriefPreference.objects.select_related("user")


def query_own_briefs(*, viewer: Actor) -> QuerySet[Brief]:
    """Return the viewer's own briefs without their content. Needs `analytics.use_brief`."""
    return Brief.objects.filter(user_id=person_of(viewer)).defer("content")


def get_own_brief(*, viewer: Actor, brief_id: UUID) -> Brief:
    """Return one of the viewer's own briefs with its content; raises `NotFound`."""
    return get_row(Brief, brief_id, "There is no such brief.", user_id=person_of(viewer))


def newest_briefs(*, viewer: Actor, user_ids: list[UUID]) -> dict[UUID, Brief]:
    """Return each person's newest brief without its content. Needs `analytics.view_briefpreference`. One query."""
    viewer.require(VIEW)
    rows = Brief.objects.filter(user_id__in=user_ids).defer("content").order_by("user_id", "-id").distinct("user_id")
    return {row.user_id: row for row in rows}
