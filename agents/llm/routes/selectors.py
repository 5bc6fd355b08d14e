"""Read routes, budgets, calls of models, and what they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from accounts.selectors import tenant_zone
from agents.llm.routes.ledger import MANAGE, label_of
from agents.llm.routes.models import Budget, ModelCall, ModelRoute, Spend
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.tenancy.models import TenantModel

T = TypeVar("T", bound=TenantModel)
DIMENSIONS: Final = ("agent", "route", "channel", "day")
MOST_ROWS: Final = 400
NOT_WHOLE: Final = ~Q(outcome__in=[ModelCall.Outcome.ANSWERED, ModelCall.Outcome.RUNNING])


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What the calls of one agent, route, channel or day add up to, in one currency."""

    name: str
    calls: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    price: Decimal
    currency: str


def query_routes(*, viewer: Actor) -> QuerySet[ModelRoute]:
    """Return the routes that were not removed. Needs `agents.manage_routes`."""
    viewer.require(MANAGE)
    rows: QuerySet[ModelRoute] = ModelRoute.objects.filter(is_removed=False)
    return rows


def get_route(*, viewer: Actor, route_id: UUID) -> ModelRoute:
    """Return one route. Needs `agents.manage_routes`; raises `NotFound`."""
    return _one(query_routes(viewer=viewer), route_id)


def query_budgets(*, viewer: Actor) -> QuerySet[Budget]:
    """Return the budgets in use. Needs `agents.manage_routes`."""
    viewer.require(MANAGE)
    rows: QuerySet[Budget] = Budget.objects.filter(is_active=True)
    return rows


def get_budget(*, viewer: Actor, budget_id: UUID) -> Budget:
    """Return one budget. Needs `agents.manage_routes`; raises `NotFound`."""
    return _one(query_budgets(viewer=viewer), budget_id)


def query_calls(*, viewer: Actor) -> QuerySet[ModelCall]:
    """Return the calls of models. Needs `agents.manage_routes`."""
    viewer.require(MANAGE)
    rows: QuerySet[ModelCall] = ModelCall.objects.all()
    return rows


def used(budgets: Iterable[Budget], *, now: datetime | None = None) -> dict[UUID, Spend]:
    """Return what is spent of each budget in its current period, where anything is. At most two queries."""
    moment, wanted = now or clock_now(), Q()
    rows = list(budgets)
    if not rows:
        return {}
    zone = tenant_zone()
    for budget in rows:
        wanted |= Q(budget=budget, label=label_of(budget, moment, zone))
    return {spend.budget_id: spend for spend in Spend.objects.filter(wanted)}


def spent_percent(*, now: datetime | None = None) -> Decimal | None:
    """Return how much of its limit the fullest active budget has spent, in percent.

    None where a limit is nothing, so that there is nothing to divide by. For alerts. At most three queries.
    """
    budgets = list(Budget.objects.filter(is_active=True))
    if any(budget.amount == 0 for budget in budgets):
        return None
    spends = used(budgets, now=now)
    amounts = {budget.pk: budget.amount for budget in budgets}
    return max((100 * spend.settled / amounts[key] for key, spend in spends.items()), default=Decimal(0))


def add_up(*, viewer: Actor, by: str, since: datetime | None = None, until: datetime | None = None) -> list[UsageRow]:
    """Return what the calls of a period add up to, by agent, route, channel or day, the dearest first.

    Days are those of the organisation's zone. Needs `agents.manage_routes`.
    """
    return sum_up(query_calls(viewer=viewer), by=by, since=since, until=until)


def sum_up(
    calls: QuerySet[ModelCall], *, by: str, since: datetime | None = None, until: datetime | None = None
) -> list[UsageRow]:
    """Return what these calls add up to."""
    period = Q()
    if since is not None:
        period &= Q(created_at__gte=since)
    if until is not None:
        period &= Q(created_at__lt=until)
    names: dict[str, Any] = {
        "agent": F("agent__name"),
        "route": F("route_name"),
        "channel": F("channel"),
        "day": TruncDate("created_at", tzinfo=tenant_zone()) if by == "day" else F("created_at"),
    }
    rows = (
        calls.filter(period)
        .order_by()
        .values(key=names[by], in_currency=F("currency"))
        .annotate(
            calls=Count("id"),
            failed=Count("id", filter=NOT_WHOLE),
            inputs=Sum("input_tokens"),
            cached=Sum("cached_tokens"),
            outputs=Sum("output_tokens"),
            total=Sum("price"),
        )
    )
    found = [
        UsageRow(
            str(row["key"] or "None"),
            row["calls"],
            row["failed"],
            row["inputs"] or 0,
            row["cached"] or 0,
            row["outputs"] or 0,
            row["total"] or Decimal(0),
            row["in_currency"],
        )
        for row in rows[:MOST_ROWS]
    ]
    if by == "day":
        return sorted(found, key=lambda row: row.name, reverse=True)
    return sorted(found, key=lambda row: (-row.price, -row.calls, row.name))


def _one(rows: QuerySet[T], key: UUID) -> T:
    return get_or_missing(rows.filter(pk=key))
