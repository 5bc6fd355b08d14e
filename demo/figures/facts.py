"""The demo's figures: half a year of them, counted before the first worker starts."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import User
from agents.models import Agent
from analytics.figures import rows
from analytics.figures.counts import spread
from analytics.figures.spans import HOUR_DAYS, day_of
from analytics.models import FigureDay
from conversations.models import ChannelAccount, TeamMember
from core import clock
from demo.cast import Organisation
from demo.figures.half_year import Desk, facts_of

DAYS: Final = 182
PER_DAY: Final = {"acme": 6, "globex": 2}
"""How many conversations begin on an ordinary day, by organisation."""


def ensure_figures(organisation: Organisation, people: dict[str, User]) -> None:
    """Count the half year before today, once. What the demo plays today is counted as it happens."""
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
    yesterday = day_of(clock.now(), zone) - timedelta(days=1)
    facts = facts_of(desk, yesterday - timedelta(days=DAYS - 1), yesterday, per_day=PER_DAY[organisation.slug])
    since = clock.now() - timedelta(days=HOUR_DAYS)
    hours, days = spread((fact for fact in facts if fact.at < clock.now()), zone, hours_since=since)
    with transaction.atomic():
        rows.add(hours, days)
