"""Reserve the worst price of a call before it, settle what it cost after it, sweep what a crash left."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.urls import reverse

from accounts.selectors import tenant_zone
from agents.llm.ports import Usage
from agents.llm.routes.models import Budget, ModelCall, Spend
from core import notices, retention
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.reliability import lease, limits
from core.tenancy.scope import tenant_scope
from core.text.amounts import money_text

log = get_logger(__name__)
MANAGE: Final = "agents.manage_routes"
LEASE: Final = timedelta(minutes=3)
"""Longer than a worker lets any turn take: after it, nobody settles the call any more."""
NOTICED_PERCENT: Final = 80
Outcome = ModelCall.Outcome


class BudgetNotice(notices.NoticeKind):
    """Notices of budgets that are nearly or wholly spent."""

    label, icon = "Model budget", "coin"


notices.kinds.register("model_budget", BudgetNotice)


class Spent(Exception):
    """A call does not fit under a budget; `budget` is the first that has no room."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(str(budget.pk))
        self.budget = budget


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call ended, and what it used."""

    outcome: str
    usage: Usage = field(default_factory=Usage)
    price: Decimal | None = None
    is_estimated: bool = False
    milliseconds: int | None = None
    first_token_ms: int | None = None


def budgets_of(agent_id: UUID | None) -> list[Budget]:
    """Return the budgets that a call of an agent counts under, in a fixed order. One query."""
    covers = Q(scope=Budget.Scope.TENANT)
    if agent_id is not None:
        covers |= Q(scope=Budget.Scope.AGENT, agent_id=agent_id)
    return list(Budget.objects.filter(covers, is_active=True).order_by("id"))


def label_of(budget: Budget, moment: datetime, zone: ZoneInfo) -> str:
    """Return the day or month of a moment on the clocks of a zone."""
    day = moment.astimezone(zone).date().isoformat()
    return day if budget.period == Budget.Period.DAY else day[:7]


def open_call(call: ModelCall, budgets: Sequence[Budget], amount: Decimal, *, now: datetime | None = None) -> None:
    """Record a call before it is made, with its worst price reserved under each budget.

    Raises `Spent` if one of them has no room, or the organisation's tier; then nothing is reserved or recorded.
    """
    if amount and limits.is_reached("model_spend"):
        raise Spent(Budget(on_spent=Budget.OnSpent.PERSON))
    moment = now or clock_now()
    call.reserved, call.lease_until = amount, moment + LEASE
    if not budgets or not amount:
        call.save(force_insert=True)
        return
    rows = Spend.objects.filter(pk__in=[spend.pk for spend in _spends(budgets, moment)])
    with transaction.atomic():
        spends = list(rows.order_by("id").select_for_update())
        full = [spend for spend in spends if spend.limit - spend.reserved - spend.settled < amount]
        if len(spends) == len(budgets) and not full:
            rows.update(reserved=F("reserved") + amount)
            call.reserved_on = [spend.pk for spend in spends]
            call.save(force_insert=True)
            return
    _note_spent(full, moment)
    by_id = {budget.pk: budget for budget in budgets}
    raise Spent(by_id[full[0].budget_id] if full else budgets[0])  # one was removed meanwhile


def close_call(call_id: UUID, settlement: Settlement) -> bool:
    """Record how a call ended and turn its reservation into its price; False if somebody did before.

    A price beyond the reservation is impossible, as usage is cut to what was reserved for.
    """
    with transaction.atomic():
        rows = ModelCall.objects.select_for_update().filter(pk=call_id, outcome=Outcome.RUNNING)
        call = rows.first()
        if call is None:
            return False
        price = settlement.price
        if price is not None and call.reserved_on:
            price = min(price, call.reserved)
        ModelCall.objects.filter(pk=call_id).update(
            outcome=settlement.outcome,
            input_tokens=settlement.usage.input_tokens,
            cached_tokens=settlement.usage.cached_tokens,
            output_tokens=settlement.usage.output_tokens,
            price=price,
            is_estimated=settlement.is_estimated,
            milliseconds=settlement.milliseconds,
            first_token_ms=settlement.first_token_ms,
            reserved=0,
            lease_until=None,
        )
        if call.reserved_on:
            _settle(call.reserved_on, call.reserved, price or Decimal(0))
    return True


def sweep(*, now: datetime | None = None, limit: int = 200) -> int:
    """Settle calls whose process died at their worst price, flagged as lost; return how many.

    Enters the scopes itself.
    """
    running = Q(outcome=Outcome.RUNNING, lease_until__isnull=False)
    left = lease.list_free(ModelCall, running, "reserved", order="lease_until", limit=limit, now=now)
    done = 0
    for tenant_id, call_id, reserved in left:
        with tenant_scope(tenant_id):
            done += close_call(call_id, Settlement(Outcome.LOST, price=reserved, is_estimated=True))
    if done:
        log.warning("model_calls_lost", count=done)
    return done


def forget_old(*, now: datetime | None = None) -> int:
    """Delete calls older than `MODEL_CALLS_DAYS`; return how many. For the sweep."""
    before = (now or clock_now()) - timedelta(days=settings.MODEL_CALLS_DAYS)
    old = retention.made_before(before) & Q(created_at__lt=before) & ~Q(outcome=Outcome.RUNNING)
    return retention.remove(ModelCall, old)


def _spends(budgets: Sequence[Budget], moment: datetime) -> list[Spend]:
    """Return the rows of the current periods, made where they are missing: not where others are locked."""
    zone = tenant_zone()
    labels = {budget.pk: label_of(budget, moment, zone) for budget in budgets}
    wanted = Q()
    for budget_id, label in labels.items():
        wanted |= Q(budget_id=budget_id, label=label)
    found = list(Spend.objects.filter(wanted))
    if len(found) < len(budgets):
        missing = set(labels) - {spend.budget_id for spend in found}
        Spend.objects.bulk_create(
            [Spend(budget=each, label=labels[each.pk], limit=each.amount) for each in budgets if each.pk in missing],
            ignore_conflicts=True,
        )
        found = list(Spend.objects.filter(wanted))
    return found


# Not with the ORM: the rows are locked in one order in any plan, and it says which are news.
_SETTLE: Final = """
with held as materialized (select id from agents_spend where id = any(%(ids)s) order by id for update)
update agents_spend spend set reserved = spend.reserved - %(reserved)s, settled = spend.settled + %(price)s
from held where spend.id = held.id
returning spend.id, spend.settled * 100 >= spend."limit" * %(percent)s and spend.noticed_at is null
"""


def _settle(ids: Sequence[UUID], reserved: Decimal, price: Decimal) -> None:
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"ids": list(ids), "reserved": reserved, "price": price, "percent": NOTICED_PERCENT}
        cursor.execute(_SETTLE, values)
        nearly = [spend_id for spend_id, is_news in cursor.fetchall() if is_news]
    for spend in Spend.objects.filter(pk__in=nearly).select_related("budget").order_by("id"):
        Spend.objects.filter(pk=spend.pk).update(noticed_at=clock_now())
        _notify(spend, f"{NOTICED_PERCENT} % of a model budget is spent", "nearly", "warning")


def _note_spent(full: Sequence[Spend], moment: datetime) -> None:
    """Notify people once of each budget that has no room."""
    with transaction.atomic():
        for spend in full:
            if Spend.objects.filter(pk=spend.pk, spent_at=None).update(spent_at=moment):
                _notify(spend, "A model budget is spent", "spent", "alert")


def _notify(spend: Spend, title: str, what: str, level: notices.Level) -> None:
    notices.leave_for_permission(
        MANAGE,
        kind="model_budget",
        title=title,
        body=f"{money_text(spend.settled)} of {money_text(spend.limit, spend.budget.currency)} in {spend.label}. "
        "Raise the budget or wait for the next period.",
        link=reverse("admin:agents_budget_change", args=[spend.budget_id]),
        level=level,
        dedupe_key=f"model-budget:{spend.pk}:{what}",
    )
