"""Set up budgets of models: create, change, remove."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.versioning import check_version, conflict_with
from agents.llm.routes.ledger import MANAGE
from agents.llm.routes.models import Budget, ModelRoute, Spend
from agents.models import Agent
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Invalid, check_fields
from core.text.amounts import parse_amount

MISSING: Final = "There is no such budget."
HIGHEST: Final = Decimal(1_000_000)


def create_budget(
    *,
    actor: Actor,
    scope: str,
    agent_id: UUID | None = None,
    period: str,
    amount: object,
    currency: str,
    on_spent: str = Budget.OnSpent.PERSON,
) -> Budget:
    """Limit what models may cost per day or month, of all agents or one; calls from now on count.

    Needs `agents.manage_routes`; raises `Invalid` with the invalid fields, `Conflict` if there is one already.
    """
    actor.require(MANAGE)
    values = _checked(scope, agent_id, period, on_spent)
    values |= {"amount": checked_amount(amount), "currency": _checked_currency(currency)}
    try:
        with transaction.atomic():
            budget: Budget = Budget.objects.create(**values)
            _record(actor, "MODEL_BUDGET_CREATED", budget)
    except IntegrityError:
        kept = {name: values[name] for name in ("scope", "agent_id", "period")}
        same = Budget.objects.filter(**kept, is_active=True).first()
        say = "There is already such a budget. Change its amount instead."
        raise conflict_with(say, code="exists", actor=actor, object_type="agents.budget", row=same) from None
    return budget


def change_budget(
    *, actor: Actor, budget_id: UUID, amount: object, on_spent: str, seen_version: int | None = None
) -> Budget:
    """Change the amount of a budget and what happens once it is spent; what is spent stays spent.

    Needs `agents.manage_routes`; raises `NotFound`, `Invalid`, `Conflict` (`stale_version`).
    """
    actor.require(MANAGE)
    wanted = checked_amount(amount)
    if on_spent not in Budget.OnSpent.values:
        raise Invalid("Some fields are not valid.", fields={"on_spent": ["Choose one of the existing ways."]})
    with transaction.atomic():
        budget = locked(Budget, budget_id, MISSING, is_active=True)
        check_version(actor, "agents.budget", budget, seen_version)
        budget.amount, budget.on_spent = wanted, on_spent
        budget.version += 1
        budget.save(update_fields=["amount", "on_spent", "version"])
        # A lower amount leaves room for what is spent already: it is then simply spent.
        for spend in Spend.objects.select_for_update().filter(budget=budget).order_by("id"):
            spend.limit = max(wanted, spend.reserved + spend.settled)
            spend.noticed_at = spend.spent_at = None
            spend.save(update_fields=["limit", "noticed_at", "spent_at"])
        _record(actor, "MODEL_BUDGET_CHANGED", budget)
    return budget


def remove_budget(*, actor: Actor, budget_id: UUID, seen_version: int | None = None) -> Budget:
    """Remove a budget; calls are no longer limited by it.

    Needs `agents.manage_routes`; raises `NotFound`, `Conflict` (`stale_version`).
    """
    actor.require(MANAGE)
    with transaction.atomic():
        budget = locked(Budget, budget_id, MISSING, is_active=True)
        check_version(actor, "agents.budget", budget, seen_version)
        budget.is_active = False
        budget.version += 1
        budget.save(update_fields=["is_active", "version"])
        _record(actor, "MODEL_BUDGET_REMOVED", budget)
    return budget


def checked_amount(amount: object) -> Decimal:
    """Return the amount of a budget. Raises `Invalid`."""
    try:
        found = parse_amount(amount)
    except ValueError:
        found = Decimal(-1)
    if not 0 < found <= HIGHEST or found != round(found, 2):
        say = f"Enter an amount above 0 and up to {HIGHEST}, such as 20 or 20.00."
        raise Invalid("Some fields are not valid.", fields={"amount": [say]})
    return found


def _checked(scope: str, agent_id: UUID | None, period: str, on_spent: str) -> dict[str, Any]:
    problems = {
        "scope": "" if scope in Budget.Scope.values else "Choose all agents or one agent.",
        "period": "" if period in Budget.Period.values else "Choose a day or a month.",
        "on_spent": "" if on_spent in Budget.OnSpent.values else "Choose one of the existing ways.",
    }
    if scope == Budget.Scope.AGENT and (agent_id is None or not Agent.objects.filter(pk=agent_id).exists()):
        problems["agent"] = "Choose an agent."
    check_fields(problems)
    own = agent_id if scope == Budget.Scope.AGENT else None
    return {"scope": scope, "agent_id": own, "period": period, "on_spent": on_spent}


def _checked_currency(currency: str) -> str:
    """Return the currency of a budget: that of the paid routes and of the other budgets. Raises `Invalid`."""
    code = currency.strip().upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise Invalid("Some fields are not valid.", fields={"currency": ["Enter a three-letter code such as EUR."]})
    paid = ModelRoute.objects.filter(is_active=True, is_free=False).exclude(currency=code).first()
    if paid is not None:
        say = f"The route {paid.name} is paid in {paid.currency}. Enter the budget in {paid.currency}."
        raise Invalid("The currencies differ.", fields={"currency": [say]})
    return code


def _record(actor: Actor, action: str, budget: Budget) -> None:
    facts = {name: getattr(budget, name) for name in ("version", "scope", "period", "currency", "on_spent")}
    facts |= {"agent": str(budget.agent_id or ""), "amount": str(budget.amount)}
    state = "active" if budget.is_active else "removed"
    chain.record(actor, action, "agents.budget", budget.pk, new_state=state, facts=facts)
