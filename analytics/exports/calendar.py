"""When a scheduled export runs, and which days are in it: local dates, through daylight-saving changes."""

import calendar
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analytics.models import ExportSchedule
from analytics.schedule import DAY, slot_of

Every = ExportSchedule.Every


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
