"""Spending limits: reserve at the claim, and release what ended without an effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db.models import Q, Sum

from accounts.selectors import tenant_zone
from core.db.locks import advisory_lock
from hitl.models import Approval, Cap, CapReservation

HOLD: Final = "caps"
_COUNTS: Final = (CapReservation.State.RESERVED, CapReservation.State.COMMITTED)


def caps_of(approval: Approval) -> list[Cap]:
    """Return the limits that apply to an approval, in a fixed order. One query."""
    covers = Q(scope=Cap.Scope.ALL) | Q(scope=Cap.Scope.KIND, target=approval.kind)
    if approval.agent_id is not None:
        covers |= Q(scope=Cap.Scope.AGENT, target=str(approval.agent_id))
    return list(Cap.objects.filter(covers, is_active=True).order_by("id"))


def reserve(approval: Approval, moment: datetime) -> str:
    """Reserve the cost of a locked approval under its limits.

    Returns why it doesn't fit, or "". Holds a lock until the commit, so that two requests can't use the same
    remainder.
    """
    caps, problem = _room(approval, moment)
    if problem:
        return problem
    for cap in caps:
        CapReservation.objects.update_or_create(
            cap=cap,
            approval=approval,
            revision=approval.revision,
            defaults={
                "period": period_of(cap, moment),
                "amount": need_of(approval),
                "state": CapReservation.State.RESERVED,
                "created_at": moment,
            },
        )
    return ""


def shortfall(approval: Approval, moment: datetime) -> str:
    """Return why an approval doesn't fit under its limits now, or ""."""
    return _room(approval, moment)[1]


def need_of(approval: Approval) -> Decimal:
    """Return the amount that an approval uses, never negative."""
    return max(Decimal(0), approval.cost or Decimal(0))


def period_of(cap: Cap, moment: datetime) -> str:
    """Return the day or month of a moment in the tenant's zone."""
    local = moment.astimezone(tenant_zone()).date().isoformat()
    return local if cap.window == Cap.Window.DAY else local[:7]


def used(cap: Cap, moment: datetime) -> Decimal:
    """Return what is reserved and spent under a limit in the period of a moment."""
    rows = CapReservation.objects.filter(cap=cap, period=period_of(cap, moment), state__in=_COUNTS)
    return rows.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def _room(approval: Approval, moment: datetime) -> tuple[list[Cap], str]:
    caps = caps_of(approval)
    if not caps:
        return [], ""
    problem = _unknown_amount(approval, caps)
    if problem:
        return [], problem
    if need_of(approval) == 0:
        return [], ""
    advisory_lock("caps")
    counted, problem = _in_currency(approval, caps)
    for cap in counted:
        if used(cap, moment) + need_of(approval) > cap.amount:
            problem = problem or f"It exceeds the spending limit of {cap}."
    return counted, problem


def _unknown_amount(approval: Approval, caps: Iterable[Cap]) -> str:
    """An unknown amount could be any amount, unless this kind of action never has a cost."""
    if approval.cost is not None:
        return ""
    failed = any(factor.get("name") == "unassessable" for factor in approval.risk_factors)
    if failed or any(cap.scope == Cap.Scope.KIND for cap in caps):
        return "Its cost is unknown, and a spending limit applies."
    return ""


def _in_currency(approval: Approval, caps: Iterable[Cap]) -> tuple[list[Cap], str]:
    """Return the limits in the approval's currency.

    With the reason why the cost can't be compared, if all limits are in other currencies.
    """
    groups: dict[tuple[str, str], list[Cap]] = defaultdict(list)
    for cap in caps:
        groups[cap.scope, cap.target].append(cap)
    fitting = [cap for cap in caps if cap.currency == approval.currency]
    if any(all(cap.currency != approval.currency for cap in group) for group in groups.values()):
        return fitting, f"There is no spending limit in {approval.currency or 'its currency'} to compare with."
    return fitting, ""
