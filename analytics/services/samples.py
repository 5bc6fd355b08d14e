"""Sample what waits, how busy people are and how the installation keeps up, every five minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from accounts.models import Tenant
from analytics.event_types import FIGURES, SAMPLED
from analytics.models import GaugeSample
from conversations.models import WAITS_FOR_PERSON, Availability, Conversation, Team, TeamMember
from core.clock import now as clock_now
from core.events import streams
from core.models import StreamEvent
from core.observability import health
from core.reliability import circuit_breaker
from core.tenancy.scope import platform_scope, tenant_scope

SECONDS: Final = 300
KEPT: Final = timedelta(days=14)
MOST_REMOVED: Final = 2_000
BREAKERS: Final = "walker_breakers_open"


def sample_all(*, now: datetime | None = None) -> int:
    """Sample every tenant with teams, by the sweep, and return how many."""
    moment = now or clock_now()
    with platform_scope():  # ids only
        tenants = list(Team.objects.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())
    return sum(_sample(tenant_id, moment) for tenant_id in tenants)


def sample_gauges(*, now: datetime | None = None) -> int:
    """Keep what the gauges are now and forget old samples; return how many are kept.

    For the sweep. Two workers keep one sample of five minutes. A gauge that can't be read has none.
    """
    moment = now or clock_now()
    slot = datetime.fromtimestamp(moment.timestamp() // SECONDS * SECONDS, tz=UTC)
    # Breakers are known to the processes that make calls, and by tenant to all.
    read = {gauge.title: value for gauge, value in health.read_gauges() if value is not None and gauge.name != BREAKERS}
    with platform_scope():  # ids only
        tenants = list(Tenant.objects.filter(is_active=True).values_list("pk", flat=True))
    read[BREAKERS] = 0.0
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            read[BREAKERS] += circuit_breaker.count_open()
    samples = [GaugeSample(at=slot, name=name, value=value) for name, value in read.items()]
    GaugeSample.objects.bulk_create(samples, ignore_conflicts=True)
    old = GaugeSample.objects.filter(at__lt=moment - KEPT).order_by("at").values("pk")[:MOST_REMOVED]
    GaugeSample.objects.filter(pk__in=old).delete()
    return len(samples)


def _sample(tenant_id: UUID, moment: datetime) -> bool:
    """Append the sample of a tenant; False if these five minutes have one.

    The head of the stream is locked until the commit, so of two workers one sees the other's sample.
    """
    slot = int(moment.timestamp()) // SECONDS
    with tenant_scope(tenant_id), transaction.atomic():
        event = streams.append(FIGURES, SAMPLED, {"slot": slot, **_look()})
        before = StreamEvent.objects.filter(stream=FIGURES, seq=event.seq - 1, payload__slot__gte=slot)
        is_repeat = before.exists()
        transaction.set_rollback(is_repeat)
    return not is_repeat


def _look() -> dict[str, Any]:
    """Return what waits now, and the loads of the people who are available. Three queries."""
    waiting = Conversation.objects.filter(WAITS_FOR_PERSON).order_by().values_list("team_id").annotate(Count("pk"))
    counts: dict[UUID | None, int] = dict(waiting)
    taken = Conversation.objects.filter(state=Conversation.State.PERSON, assigned_to__isnull=False, snoozed_until=None)
    loads = {
        (team_id, user_id): count
        for team_id, user_id, count in taken.order_by().values_list("team_id", "assigned_to").annotate(Count("pk"))
    }
    there = Availability.objects.filter(user_id=OuterRef("user_id"), until=None, state=Availability.State.ONLINE)
    members = TeamMember.objects.filter(Exists(there)).order_by("team_id", "user_id")
    return {
        "waiting": sum(counts.values()),
        "teams": [{"team": str(team), "waiting": count} for team, count in counts.items() if team],
        "people": [
            {"team": str(team), "person": str(user), "open": loads.get((team, user), 0), "capacity": capacity}
            for team, user, capacity in members.values_list("team_id", "user_id", "capacity")
        ],
    }
