"""The demo's figures: half a year of them, counted before the first worker starts.

The last 30 days are counted from events that are stored, older days are numbers alone.
"""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import User
from agents.models import Agent
from analytics.event_store import store
from analytics.figures import rows
from analytics.figures.counts import spread
from analytics.figures.events import facts_of as happened
from analytics.figures.spans import HOUR_DAYS, day_of
from analytics.models import FigureDay
from conversations.models import ChannelAccount, TeamMember
from core import clock
from demo.cast import Organisation
from demo.figures.half_year import Desk, facts_of
from demo.talks import month

DAYS: Final = 182
PER_DAY: Final = {"acme": 6, "globex": 2}
"""How many conversations begin on an ordinary day, by organisation."""


def ensure_figures(organisation: Organisation, people: dict[str, User]) -> None:
    """Count the half year before today, once. What the services played is counted by the workers."""
    if FigureDay.objects.exists():
        return
    zone = ZoneInfo(organisation.timezone)
    teams: dict[str, list[str]] = {}
    for team, person in TeamMember.objects.order_by("id").values_list("team_id", "user_id"):
        teams.setdefault(str(team), []).append(str(person))
    desk = Desk(
        zone=zone,
        teams=teams,
        approvers=[str(people[key].pk) for key in ("approver", "admin") if key in people],
        agents=[str(key) for key in Agent.objects.order_by("id").values_list("pk", flat=True)[:3]],
        channels=[str(key) for key in ChannelAccount.objects.order_by("id").values_list("pk", flat=True)[:4]],
        currency=organisation.currency,
    )
    per_day = PER_DAY[organisation.slug]
    last = day_of(clock.now(), zone) - timedelta(days=month.DAYS + 1)
    # Half a year before yesterday there was half as much as then, and as much as that a month before yesterday.
    grown = per_day / (1 + month.DAYS / 180)
    facts = facts_of(desk, last - timedelta(days=DAYS - month.DAYS - 1), last, per_day=grown)
    _, days = spread((fact for fact in facts if day_of(fact.at, zone) <= last), zone)
    told = month.tell_month(organisation, people, zone, per_day=per_day)
    since = clock.now() - timedelta(days=HOUR_DAYS)
    with transaction.atomic():
        rows.add({}, days)
        events = month.write(told)
        store.keep(events)
        rows.add(*spread(happened(events), zone, hours_since=since))
        month.record(told)
