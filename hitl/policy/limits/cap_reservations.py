"""Spending limits: reserve at the claim, and release what ended without an effect."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum

from accounts.selectors import tenant_zone
from core.audit import chain
from core.db.locks import advisory_lock
from core.models import AuditEntry
from hitl.domain.state_machine import State
from hitl.models import Approval, Cap, CapReservation
from hitl.seals.rules import RuleSeals, read_checked
from hitl.seals.tables import CAP

HOLD: Final = "caps"
LIMITS: Final = "limits"
"""The audit fact of a claim: the period in which each limit counts it. Claims of before this check have none."""
CLAIMED: Final = "APPROVAL_CLAIM"
RELEASED: Final = CapReservation.State.RELEASED
_SETTLED: Final[dict[str, CapReservation.State]] = {
    State.EXECUTING: CapReservation.State.RESERVED,
    State.UNKNOWN: CapReservation.State.RESERVED,
    State.EXECUTED: CapReservation.State.COMMITTED,
}
_COUNTS: Final = (CapReservation.State.RESERVED, CapReservation.State.COMMITTED)


def caps_of(approval: Approval, seals: RuleSeals) -> tuple[list[Cap], str]:
    """Return the limits that apply to an approval, in a fixed order, and what is wrong with any. Two queries."""
    covers = {(Cap.Scope.ALL, ""), (Cap.Scope.KIND, approval.kind), (Cap.Scope.AGENT, str(approval.agent_id))}

    def read() -> tuple[list[Cap], str]:
        # All of them: one that was changed or removed may have applied.
        caps = list(Cap.objects.filter(is_active=True).order_by("id"))
        return caps, seals.problem(CAP, caps) or (seals.zone_problem() if caps else "")

    caps, problem = read_checked(seals, read)
    return [cap for cap in caps if (cap.scope, cap.target) in covers], problem


def reserve(approval: Approval, moment: datetime, seals: RuleSeals) -> tuple[dict[str, str], str]:
    """Reserve the cost of a locked approval under its limits.

    Returns the period in which each limit counts it, for the audit log, and why it doesn't fit, or "". Holds a lock
    until the commit, so that two requests can't use the same remainder.
    """
    caps, problem = _room(approval, moment, seals)
    if problem:
        return {}, problem
    periods = {str(cap.pk): period_in(cap, moment, seals.zone) for cap in caps}
    for cap in caps:
        CapReservation.objects.update_or_create(
            cap=cap,
            approval=approval,
            revision=approval.revision,
            defaults={
                "period": periods[str(cap.pk)],
                "amount": need_of(approval),
                "state": CapReservation.State.RESERVED,
                "created_at": moment,
            },
        )
    return periods, ""


def shortfall(approval: Approval, moment: datetime) -> str:
    """Return why an approval doesn't fit under its limits now, or ""."""
    return _room(approval, moment, RuleSeals())[1]


def changed_reservations() -> Iterator[tuple[str, str]]:
    """Yield the requests whose use of a limit is not as the audit log has it since their claim, and the limit.

    Work goes on meanwhile: what looks changed is read again with its request locked.
    """
    claims = _claims()
    for approval in Approval.objects.filter(pk__in=claims).order_by("id").prefetch_related("reservations"):
        changed = _changed_limits(approval, claims[approval.pk])
        if changed:
            with transaction.atomic():
                locked = Approval.objects.select_for_update().get(pk=approval.pk)
                changed = _changed_limits(locked, _claims(object_id=locked.pk)[locked.pk])
        for cap_id in changed:
            yield approval.reference, f"what it uses of spending limit {cap_id} was changed"


def _claims(**about: UUID) -> dict[UUID, dict[int, dict[str, str]]]:
    """Return the period in each limit that the newest claim of each revision of requests counts in."""
    claims: dict[UUID, dict[int, dict[str, str]]] = defaultdict(dict)
    for entry in AuditEntry.objects.filter(action=CLAIMED, facts__has_key=LIMITS, **about).order_by("seq").iterator():
        if chain.is_genuine(entry):
            claims[entry.object_id][entry.facts["revision"]] = entry.facts[LIMITS]
    return claims


def _changed_limits(approval: Approval, claims: Mapping[int, Mapping[str, str]]) -> list[str]:
    rows, changed = {(row.revision, str(row.cap_id)): row for row in approval.reservations.all()}, []
    told = [(revision, *one) for revision, periods in claims.items() for one in periods.items()]
    for revision, cap_id, period in told:
        row, is_newest = rows.get((revision, cap_id)), revision == approval.revision
        state = _SETTLED.get(approval.state, RELEASED) if is_newest else RELEASED
        amount = need_of(approval) if is_newest or row is None else row.amount
        if row is None or (row.period, row.state, row.amount) != (period, state, amount):
            changed.append(cap_id)
    return changed


def need_of(approval: Approval) -> Decimal:
    """Return the amount that an approval uses, never negative."""
    return max(Decimal(0), approval.cost or Decimal(0))


def period_in(cap: Cap, moment: datetime, zone: ZoneInfo) -> str:
    """Return the day or month of a moment in a zone."""
    local = moment.astimezone(zone).date().isoformat()
    return local if cap.window == Cap.Window.DAY else local[:7]


def used(cap: Cap, moment: datetime, zone: ZoneInfo | None = None) -> Decimal:
    """Return what is reserved and spent under a limit in the period of a moment, in the tenant's zone."""
    period = period_in(cap, moment, zone or tenant_zone())
    rows = CapReservation.objects.filter(cap=cap, period=period, state__in=_COUNTS)
    return rows.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def _room(approval: Approval, moment: datetime, seals: RuleSeals) -> tuple[list[Cap], str]:
    caps, tampered = caps_of(approval, seals)
    if tampered and (approval.cost is None or need_of(approval) > 0):
        return [], f"Spending limits were changed outside the application: {tampered}."
    if not caps:
        return [], ""
    has_failed = any(factor.get("name") == "unassessable" for factor in approval.risk_factors)
    problem = unknown_amount(caps, approval.cost, has_failed=has_failed)
    if problem or need_of(approval) == 0:
        return [], problem
    advisory_lock("caps")
    return room(caps, need_of(approval), approval.currency, lambda cap: used(cap, moment, seals.zone))


def unknown_amount(caps: Iterable[Cap], cost: Decimal | None, *, has_failed: bool) -> str:
    """Return why limits can't be compared with a cost, or "".

    An unknown amount could be any amount, unless this kind of action never has a cost. `has_failed`: the cost could
    not be calculated.
    """
    if cost is None and (has_failed or any(cap.scope == Cap.Scope.KIND for cap in caps)):
        return "Its cost is unknown, and a spending limit applies."
    return ""


def room(caps: Iterable[Cap], need: Decimal, currency: str, used_of: Callable[[Cap], Decimal]) -> tuple[list[Cap], str]:
    """Return the limits that count an amount, and why it doesn't fit under them, or ""."""
    counted, problem = _in_currency(currency, caps)
    for cap in counted:
        if used_of(cap) + need > cap.amount:
            problem = problem or f"It exceeds the spending limit of {cap}."
    return counted, problem


def _in_currency(currency: str, caps: Iterable[Cap]) -> tuple[list[Cap], str]:
    """Return the limits in a currency.

    With the reason why the cost can't be compared, if all limits are in other currencies.
    """
    groups: dict[tuple[str, str], list[Cap]] = defaultdict(list)
    for cap in caps:
        groups[cap.scope, cap.target].append(cap)
    fitting = [cap for cap in caps if cap.currency == currency]
    if any(all(cap.currency != currency for cap in group) for group in groups.values()):
        return fitting, f"There is no spending limit in {currency or 'its currency'} to compare with."
    return fitting, ""
