"""Exports that repeat: saved by people, run at a local time, mailed as a link."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts.selectors import roles_now
from accounts.services import actor_for_user
from accounts.versioning import check_version
from analytics.exports import jobs
from analytics.exports.jobs import Wanted
from analytics.exports.sources import SOURCES, checked_filters
from analytics.exports.writers import why_no_format
from analytics.models import ExportSchedule
from analytics.schedule import DAY, slot_of
from core import notices
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.clock import zones
from core.db.locks import locked
from core.errors import Invalid, NotFound, Refused
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope
from core.text.clean import clean_text

log = get_logger(__name__)
OBJECT: Final = "analytics.exportschedule"
MOST_RECIPIENTS: Final = 20
MISSING: Final = "This scheduled export doesn't exist."
BATCH: Final = 200
RUNNER: Final = system("scheduled-exports")
Every = ExportSchedule.Every


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """What people choose for a scheduled export."""

    name: str
    source: str
    every: str
    day: int
    at: time
    zone: str
    recipients: Sequence[UUID]
    format: str = "csv"
    filters: Mapping[str, Any] = field(default_factory=dict)
    is_on: bool = True


def create_schedule(*, actor: Actor, settings: ScheduleSettings, now: datetime | None = None) -> ExportSchedule:
    """Create a scheduled export; its files are always masked.

    Needs `analytics.export_data` and the source's permission; so does each recipient. Audit entry
    `EXPORT_SCHEDULE_CREATED`. Raises Refused, NotFound (source), Invalid with the fields.
    """
    values = _checked(actor, settings)
    with transaction.atomic():
        row = ExportSchedule(**(values | {"owner_id": actor.user_id}))
        row.next_run_at = next_run(row, now or clock_now()) if row.is_on else None
        row.save(force_insert=True)
        _record(actor, "EXPORT_SCHEDULE_CREATED", row)
    return row


def revise_schedule(
    *, actor: Actor, schedule_id: UUID, settings: ScheduleSettings, seen_version: int, now: datetime | None = None
) -> ExportSchedule:
    """Change one's own scheduled export, or switch it on or off.

    Who may, and what it raises, are as in `create_schedule`; besides NotFound, Refused for another person's, Conflict
    (`stale_version`). Audit entry `EXPORT_SCHEDULE_CHANGED`.
    """
    values = _checked(actor, settings)
    with transaction.atomic():
        row = _own(actor, schedule_id)
        check_version(actor, OBJECT, row, seen_version)
        for name, value in values.items():
            setattr(row, name, value)
        row.trouble, row.version = "", row.version + 1
        row.next_run_at = next_run(row, now or clock_now()) if row.is_on else None
        row.save()
        _record(actor, "EXPORT_SCHEDULE_CHANGED", row)
    return row


def delete_schedule(*, actor: Actor, schedule_id: UUID, seen_version: int | None = None) -> None:
    """Delete one's own scheduled export; files that it made stay until they expire.

    Needs `analytics.export_data`. Audit entry `EXPORT_SCHEDULE_DELETED`. Raises Refused, NotFound, Conflict
    (`stale_version`).
    """
    actor.require(jobs.USE)
    with transaction.atomic():
        row = _own(actor, schedule_id)
        check_version(actor, OBJECT, row, seen_version)
        schedule_key = row.pk
        row.delete()
        row.pk = schedule_key
        _record(actor, "EXPORT_SCHEDULE_DELETED", row)


def query_schedules(*, viewer: Actor) -> QuerySet[ExportSchedule]:
    """Return the organisation's scheduled exports, as a query. Needs `analytics.export_data`."""
    viewer.require(jobs.USE)
    return ExportSchedule.objects.all()


def _own(actor: Actor, schedule_id: UUID) -> ExportSchedule:
    row = locked(ExportSchedule, schedule_id, MISSING)
    if row.owner_id != actor.user_id:
        raise Refused("Only the person who made this scheduled export can change it.", code="not_yours")
    return row


def _checked(actor: Actor, settings: ScheduleSettings) -> dict[str, Any]:
    actor.require(jobs.USE)
    actor.require_person("Only people can schedule exports.")
    kind = SOURCES.get(settings.source)
    kind.require(actor)
    wrong: dict[str, list[str]] = {}
    if not clean_text(settings.name, 60):
        wrong["name"] = ["Enter a name."]
    if say := why_no_format(settings.format):
        wrong["format"] = [say]
    if settings.every not in Every.values:
        wrong["every"] = ["Choose week or month."]
    if not 1 <= settings.day <= (7 if settings.every == Every.WEEK else 31):
        wrong["day"] = ["Choose 1 (Monday) to 7 for a week, 1 to 31 for a month."]
    if settings.zone not in zones():
        wrong["zone"] = ["Choose an IANA time zone such as Europe/Berlin."]
    wanted = list(dict.fromkeys(settings.recipients))
    needed = {jobs.USE, kind.permission}
    # A person who sees their own teams' conversations only would get those of others with the owner's file.
    able = [user_id for user_id, one in roles_now(wanted).items() if needed <= one.permissions and not one.own_only]
    if not wanted or len(wanted) > MOST_RECIPIENTS:
        wrong["recipients"] = [f"Choose 1 to {MOST_RECIPIENTS} people."]
    elif len(able) < len(wanted):
        wrong["recipients"] = ["Choose members who may export this list themselves, of all teams."]
    if wrong:
        raise Invalid("These settings can't be used.", fields=wrong)
    name, filters = clean_text(settings.name, 60), checked_filters(kind, settings.filters)
    local = settings.at.replace(second=0, microsecond=0, tzinfo=None)
    return {**asdict(settings), "name": name, "filters": filters, "recipients": wanted, "at": local}


def _record(actor: Actor, action: str, row: ExportSchedule, **facts: Any) -> None:
    state, said = "on" if row.is_on else "off", {"source": row.source, "format": row.format, "every": row.every}
    chain.note(actor, action, row, new_state=state, **said, recipients=len(row.recipients), **facts)


def run_due(*, now: datetime | None = None) -> int:
    """Request the exports of all schedules that are due; return how many. For the sweep, in no scope.

    Each run is claimed by a conditional update, so that several sweeps may run at once. What was missed while Walker
    didn't run is made up for once.
    """
    moment = now or clock_now()
    with platform_scope():
        due = ExportSchedule.objects.filter(next_run_at__lte=moment).order_by("next_run_at")
        found = list(due.values_list("tenant_id", "pk", "next_run_at")[:BATCH])
    return sum(_run(tenant_id, key, due_at, moment) for tenant_id, key, due_at in found)


def _run(tenant_id: UUID, schedule_id: UUID, due_at: datetime, moment: datetime) -> bool:
    with tenant_scope(tenant_id), transaction.atomic():
        unclaimed = ExportSchedule.objects.filter(pk=schedule_id, is_on=True, next_run_at=due_at)
        row = unclaimed.select_for_update(skip_locked=True, of=("self",)).select_related("owner").first()
        if row is None or not unclaimed.update(next_run_at=next_run(row, moment)):
            return False
        try:
            actor = actor_for_user(row.owner)
            since, until = span_before(row, due_at)
            wanted = Wanted(row.source, row.format, since, until, row.filters)
            jobs.request_export(actor=actor, wanted=wanted, schedule=row, now=moment)
        except (Refused, NotFound):
            _switch_off(row, "not_allowed", moment)
        except Invalid as problem:
            if problem.code == "no_rows":
                log.info("scheduled_export_empty", schedule=str(row.pk))
            else:
                _switch_off(row, problem.code, moment)
        else:
            return True
    return False


def _switch_off(row: ExportSchedule, code: str, moment: datetime) -> None:
    """Switch a schedule off that can't run, and say so to its owner."""
    ExportSchedule.objects.filter(pk=row.pk).update(is_on=False, next_run_at=None, trouble=code[:40])
    row.is_on = False
    notices.leave(
        people=[row.owner_id], kind=jobs.NOTICE, title="A scheduled export was switched off",
        link=reverse("admin:analytics_exportschedule_change", args=[row.pk]), level="warning",
        dedupe_key=f"export-schedule:{row.pk}:{moment.isoformat()}", now=moment,
    )  # fmt: skip
    _record(RUNNER, "EXPORT_SCHEDULE_STOPPED", row, reason=code)


def next_run(schedule: ExportSchedule, after: datetime) -> datetime:
    """Return the first moment after `after` at which the schedule runs."""
    zone = ZoneInfo(schedule.zone)
    day = after.astimezone(zone).date()
    while True:
        # The 31st is the last day of a shorter month.
        of_month = min(schedule.day, calendar.monthrange(day.year, day.month)[1])
        is_its_day = day.isoweekday() == schedule.day if schedule.every == Every.WEEK else day.day == of_month
        slot = slot_of(day, schedule.at, zone) if is_its_day else None
        if slot is not None and slot.moment > after:
            return slot.moment
        day += DAY


def span_before(schedule: ExportSchedule, due_at: datetime) -> tuple[datetime, datetime]:
    """Return the seven whole days, or the whole calendar month, before the day of a run."""
    zone = ZoneInfo(schedule.zone)
    day = due_at.astimezone(zone).date()
    if schedule.every == Every.WEEK:
        return _midnight(day - timedelta(days=7), zone), _midnight(day, zone)
    last = day.replace(day=1) - DAY
    return _midnight(last.replace(day=1), zone), _midnight(last + DAY, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
