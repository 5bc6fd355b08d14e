"""Create, change and delete business calendars."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import ProtectedError

from accounts.versioning import lock_version, unique
from core import working_time
from core.actors import Actor
from core.errors import Conflict, Invalid
from hitl.models import ApprovalLevel, BusinessCalendar
from hitl.policy.versions import change_locked, refuse_used
from hitl.seals import rules

MANAGE: Final = "hitl.manage_workflow"
MISSING: Final = "This calendar doesn't exist."
IN_USE: Final = "This calendar is used by {}. Choose another calendar there first."
NAME_IN_USE: Final = "A calendar with this name already exists."
HOLIDAYS_MAX: Final = 400


def create_calendar(
    *, actor: Actor, name: str, zone: str, week: Mapping[str, Any], holidays: Sequence[Mapping[str, str]] = ()
) -> BusinessCalendar:
    """Create a calendar: a time zone, shifts for each weekday, and holidays.

    A holiday is {"day": ISO date, "name": …}. Who may: holders of `hitl.manage_workflow`. Raises Refused,
    Invalid, Conflict for a name in use.
    """
    actor.require(MANAGE)
    values = _checked(name, zone, week, holidays)
    with unique(actor, BusinessCalendar.objects.filter(name=values["name"]), NAME_IN_USE):
        rules.lock_intact(actor)
        calendar: BusinessCalendar = BusinessCalendar.objects.create(**values)
        _audit(actor, "CALENDAR_CREATED", calendar)
    return calendar


def revise_calendar(
    *,
    actor: Actor,
    calendar_id: UUID,
    name: str,
    zone: str,
    week: Mapping[str, Any],
    holidays: Sequence[Mapping[str, str]] = (),
    seen_version: int | None = None,
) -> BusinessCalendar:
    """Change a calendar for new requests; deadlines already set don't change.

    Who may: holders of `hitl.manage_workflow`. `seen_version` is the version the change is based on.
    Raises Refused, NotFound, Invalid, Conflict (also `stale_version`).
    """
    actor.require(MANAGE)
    values = _checked(name, zone, week, holidays)
    with unique(actor, BusinessCalendar.objects.filter(name=values["name"]), NAME_IN_USE):
        rules.lock_intact(actor)
        calendar = lock_version(actor, BusinessCalendar, calendar_id, seen_version, MISSING)
        change_locked(actor, calendar, None, **values)
        _audit(actor, "CALENDAR_REVISED", calendar)
    return calendar


def delete_calendar(*, actor: Actor, calendar_id: UUID, seen_version: int | None = None) -> None:
    """Delete a calendar that no workflow or team uses; open requests keep their copy.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, NotFound, Conflict that names the
    workflows, or (`stale_version`) who changed it.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        rules.lock_intact(actor)
        calendar = lock_version(actor, BusinessCalendar, calendar_id, seen_version, MISSING)
        refuse_used(actor, ApprovalLevel.objects.filter(calendar=calendar), IN_USE)
        try:
            BusinessCalendar.objects.filter(pk=calendar_id).delete()
        except ProtectedError as error:
            names = ", ".join(sorted(str(row) for row in error.protected_objects))
            raise Conflict(IN_USE.format(names), code="in_use") from error
        _audit(actor, "CALENDAR_DELETED", calendar)


def _checked(name: str, zone: str, week: Mapping[str, Any], holidays: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    problems: dict[str, list[str]] = {}
    if not name.strip():
        problems["name"] = ["Enter a name."]
    days = _holidays(holidays, problems)
    try:
        definition = {"zone": zone, "week": week, "holidays": [row["day"] for row in days]}
        if set(week) - set(working_time.DAYS):
            raise working_time.BrokenCalendar("unknown day")
        working_time.calendar_from(definition)
    except working_time.BrokenCalendar as error:
        field = "zone" if "zone" in str(error).lower() or "key" in str(error).lower() else "week"
        problems[field] = [f"{str(error)[:1].upper()}{str(error)[1:]}."]
    if problems:
        raise Invalid("The calendar has errors.", fields=problems)
    return {"name": name.strip()[:60], "zone": zone, "week": dict(week), "holidays": days}


def _holidays(rows: Sequence[Mapping[str, str]], problems: dict[str, list[str]]) -> list[dict[str, str]]:
    if len(rows) > HOLIDAYS_MAX:
        problems["holidays"] = [f"You can add up to {HOLIDAYS_MAX} holidays."]
        return []
    found: dict[str, str] = {}
    for row in rows:
        try:
            found[date.fromisoformat(row["day"]).isoformat()] = row.get("name", "").strip()[:60]
        except (KeyError, ValueError):
            problems["holidays"] = [f"“{row.get('day', '')}” is not a date such as 2026-12-25."]
    return [{"day": day, "name": name} for day, name in sorted(found.items())]


def _audit(actor: Actor, action: str, calendar: BusinessCalendar) -> None:
    rules.note(actor, action, calendar, version=calendar.version, zone=calendar.zone, holidays=len(calendar.holidays))
