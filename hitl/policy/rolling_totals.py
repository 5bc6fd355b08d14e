"""Add up requests and automatic approvals in a rolling window, so that many small ones count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Abs

from core import expressions
from core.db.locks import advisory_lock
from hitl.domain import matching
from hitl.domain.auto_rules import DAY_HOURS, AutoRule, Spent, within_windows
from hitl.domain.state_machine import State
from hitl.models import Approval

_NOT_WANTED: Final = (State.REJECTED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED)


@dataclass(frozen=True)
class Asked:
    """Who requests and when, whether a rule may decide, and whether sums need a lock."""

    agent_id: UUID | None
    requester_id: UUID | None
    moment: datetime
    may_decide: bool
    lock: bool


def fits(rule: AutoRule, subject: matching.Subject, asked: Asked) -> bool:
    """Return True if a rule may approve this too, after all that rules approved before.

    The lock is held until the commit, so that two requests can't use the same remainder.
    """
    if subject.cost is None:
        return False
    if asked.lock:
        advisory_lock(f"rules|{subject.kind}|{subject.currency}")
    scope = _scope(rule.per, asked)
    if scope is None:
        return False
    day = timedelta(hours=DAY_HOURS)
    return within_windows(
        rule,
        subject.cost,
        own=_approved_by_rules(subject, scope, asked.moment - timedelta(hours=rule.window_hours)),
        day=_approved_by_rules(subject, scope, asked.moment - day),
        kind_day=_approved_by_rules(subject, Q(), asked.moment - day),
    )


def _scope(per: str, asked: Asked) -> Q | None:
    """Return the condition of the approvals to add up; None if unknown, and then nothing fits."""
    if per == "kind":
        return Q()
    if per == "agent":
        return None if asked.agent_id is None else Q(agent_id=asked.agent_id)
    return None if asked.requester_id is None else Q(requester_id=asked.requester_id)


def _approved_by_rules(subject: matching.Subject, scope: Q, since: datetime) -> Spent:
    rows = Approval.objects.filter(
        scope,
        kind=subject.kind,
        currency=subject.currency,
        created_at__gt=since,
        decided_role="rule",
        decided_as="approved",
    )
    found = rows.aggregate(count=Count("pk"), amount=Sum(Abs("cost")))
    return Spent(found["count"], found["amount"] or Decimal(0))


def with_spent(subject: matching.Subject, conditions: Iterable[str], asked: Asked) -> matching.Subject:
    """Return the subject with what its requester requested in a day, if a condition uses it."""
    if subject.cost is None or not use_spent(conditions):
        return subject
    who = asked.requester_id or asked.agent_id
    if who is None:
        return subject
    if asked.lock:
        advisory_lock(f"asked|{who}|{subject.currency}")
    whose = Q(requester_id=who) if asked.requester_id else Q(agent_id=who)
    since = asked.moment - timedelta(hours=DAY_HOURS)
    rows = Approval.objects.filter(whose, currency=subject.currency, created_at__gt=since)
    total = rows.exclude(state__in=_NOT_WANTED).aggregate(amount=Sum(Abs("cost")))["amount"]
    return replace(subject, spent=abs(subject.cost) + (total or Decimal(0)))


def use_spent(conditions: Iterable[str]) -> bool:
    """Return True if a condition uses what the requester requested in a day."""
    return any(_asks_for_spent(condition) for condition in conditions)


def _asks_for_spent(condition: str) -> bool:
    if not condition:
        return False
    try:
        return "spent" in expressions.names_in(expressions.parse(condition))
    except expressions.BadExpression:
        return False
