"""Money limits at the claim: what does not fit waits, and what ended without an effect gives back its share."""

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
    """Return the limits an approval falls under, in a fixed order. One query."""
    covers = Q(scope=Cap.Scope.ALL) | Q(scope=Cap.Scope.KIND, target=approval.kind)
    if approval.agent_id is not None:
        covers |= Q(scope=Cap.Scope.AGENT, target=str(approval.agent_id))
    return list(Cap.objects.filter(covers, is_active=True).order_by("id"))


def reserve(approval: Approval, moment: datetime) -> str:
    """Keep what a locked approval needs free until it ends; return why it does not fit, or nothing.

    Runs under a lock until the commit, so that of two that fit alone but not together one waits.
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
                "settled_at": None,
            },
        )
    return ""


def shortfall(approval: Approval, moment: datetime) -> str:
    """Return why an approval does not fit under its limits now, or nothing."""
    return _room(approval, moment)[1]


def need_of(approval: Approval) -> Decimal:
    """Return what an approval takes; what saves money takes nothing."""
    return max(Decimal(0), approval.cost or Decimal(0))


def period_of(cap: Cap, moment: datetime) -> str:
    """Return the day or month of the tenant's zone that a moment counts in."""
    local = moment.astimezone(tenant_zone()).date().isoformat()
    return local if cap.window == Cap.Window.DAY else local[:7]


def used(cap: Cap, moment: datetime) -> Decimal:
    """Return what is reserved and spent of a limit in the period of a moment."""
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
            problem = problem or f"It does not fit under the limit of {cap} any more."
    return counted, problem


def _unknown_amount(approval: Approval, caps: Iterable[Cap]) -> str:
    """An amount nobody knows may be any amount, unless this kind of action has none."""
    if approval.cost is not None:
        return ""
    failed = any(factor.get("name") == "unassessable" for factor in approval.risk_factors)
    if failed or any(cap.scope == Cap.Scope.KIND for cap in caps):
        return "What it costs is not known, and there is a limit."
    return ""


def _in_currency(approval: Approval, caps: Iterable[Cap]) -> tuple[list[Cap], str]:
    """Return the limits in the approval's currency; one in another currency only cannot be compared."""
    groups: dict[tuple[str, str], list[Cap]] = defaultdict(list)
    for cap in caps:
        groups[cap.scope, cap.target].append(cap)
    fitting = [cap for cap in caps if cap.currency == approval.currency]
    if any(all(cap.currency != approval.currency for cap in group) for group in groups.values()):
        return fitting, f"There is no limit in {approval.currency or 'its currency'} that it could be held against."
    return fitting, ""
