"""Sample what waits and how busy people are, every five minutes."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from analytics.event_types import FIGURES, SAMPLED
from conversations.models import WAITS_FOR_PERSON, Availability, Conversation, Team, TeamMember
from core.clock import now as clock_now
from core.events import streams
from core.models import StreamEvent
from core.tenancy.scope import platform_scope, tenant_scope

SECONDS: Final = 300


def sample_all(*, now: datetime | None = None) -> int:
    """Sample every tenant with teams, by the sweep, and return how many."""
    moment = now or clock_now()
    with platform_scope():  # ids only
        tenants = list(Team.objects.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())
    return sum(_sample(tenant_id, moment) for tenant_id in tenants)


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
