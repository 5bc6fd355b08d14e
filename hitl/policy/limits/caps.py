"""Create, change and remove spending limits."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.versioning import unique
from core.actors import Actor
from core.db.locks import locked
from core.errors import Invalid
from core.text.amounts import parse_amount
from hitl.actions import registry
from hitl.models import Cap
from hitl.policy.versions import change_locked
from hitl.seals import rules

MANAGE: Final = "hitl.manage_workflow"
EXISTS: Final = "This limit already exists. Change its amount instead."


def create_cap(*, actor: Actor, scope: str, target: str = "", currency: str, amount: object, window: str) -> Cap:
    """Create a spending limit per day or month for everything, one kind or one agent.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, Invalid, Conflict if there is one already.
    """
    actor.require(MANAGE)
    values = checked(scope=scope, target=target, currency=currency, window=window)
    with unique(actor, Cap.objects.filter(**values, is_active=True), EXISTS):
        rules.lock_intact(actor)
        cap: Cap = Cap.objects.create(**values, amount=checked_amount(amount))
        _audit_cap(actor, "CAP_CREATED", cap)
    return cap


def revise_cap(*, actor: Actor, cap_id: UUID, amount: object, seen_version: int | None = None) -> Cap:
    """Change the amount of a spending limit; past spending still counts.

    Who may: holders of `hitl.manage_workflow`. `seen_version` is the version the change is based on.
    Raises Refused, NotFound, Invalid, Conflict (`stale_version`).
    """
    actor.require(MANAGE)
    return _change(actor, cap_id, seen_version, "CAP_REVISED", amount=checked_amount(amount))


def retire_cap(*, actor: Actor, cap_id: UUID, seen_version: int | None = None) -> Cap:
    """Remove a spending limit.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, NotFound, Conflict (`stale_version`, names who
    changed it).
    """
    actor.require(MANAGE)
    return _change(actor, cap_id, seen_version, "CAP_RETIRED", is_active=False)


def _change(actor: Actor, cap_id: UUID, seen: int | None, action: str, **values: Any) -> Cap:
    with transaction.atomic():
        rules.lock_intact(actor, *([] if "is_active" in values else [(Cap, cap_id)]))
        cap = locked(Cap, cap_id, "This limit doesn't exist.", is_active=True)
        change_locked(actor, cap, seen, **values)
        _audit_cap(actor, action, cap)
    return cap


def checked(*, scope: str, target: str, currency: str, window: str) -> dict[str, str]:
    """Return what a limit applies to, checked. Raises Invalid."""
    if scope not in Cap.Scope.values:
        say = "Choose everything, one action or one agent."
        raise Invalid("Choose what the limit applies to.", fields={"scope": [say]})
    if scope == Cap.Scope.KIND and not registry.is_known(target):
        raise Invalid("Choose an action.", fields={"target": ["This action doesn't exist."]})
    if scope == Cap.Scope.AGENT:
        try:
            target = str(UUID(target))
        except ValueError:
            raise Invalid("Choose an agent.", fields={"target": ["Enter the id of an agent."]}) from None
    target = "" if scope == Cap.Scope.ALL else target
    values = {"scope": scope, "target": target, "currency": currency.strip().upper(), "window": window}
    if not (len(values["currency"]) == 3 and values["currency"].isalpha()):
        raise Invalid("Enter a currency.", fields={"currency": ["Enter a three-letter code such as EUR."]})
    if window not in Cap.Window.values:
        raise Invalid("Choose a period.", fields={"window": ["Choose a day or a month."]})
    return values


def checked_amount(amount: object) -> Decimal:
    """Return the amount of a limit. Raises Invalid."""
    try:
        found = parse_amount(amount)
    except ValueError:
        found = Decimal(-1)
    if not 0 <= found < Decimal(10) ** 14 or found != round(found, 2):
        raise Invalid("Enter an amount.", fields={"amount": ["Enter an amount such as 5000 or 5000.00."]})
    return found


def _audit_cap(actor: Actor, action: str, cap: Cap) -> None:
    facts = {name: getattr(cap, name) for name in ("version", "scope", "target", "window", "currency")}
    state = "active" if cap.is_active else "retired"
    rules.note(actor, action, cap, new_state=state, amount=str(cap.amount), **facts)
